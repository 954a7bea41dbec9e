package measure

import (
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// stream is a TCP stream as tshark 4.0 numbers them: an address and port
// pair, until a pure SYN whose sequence number is not the base that is stored
// for its direction begins the next one.
type stream struct {
	previous int64     // time of the latest frame
	base     [2]uint32 // by the sending side; valid iff known
	known    [2]bool
}

// delta books p, which is TCP, and returns the nanoseconds since the previous
// frame of its stream, 0 for the first.
func (n *NWB) delta(p *packet.Packet) int64 {
	key, side := p.Tuple.Key(0)
	s := n.streams[key]
	if s == nil || s.reused(p, side) {
		s = &stream{previous: p.Time}
		n.streams[key] = s
	}
	s.learn(p, side)
	delta := p.Time - s.previous
	s.previous = p.Time
	return delta
}

// reused tells whether p opens another stream on the same ports.
func (s *stream) reused(p *packet.Packet, side flow.Side) bool {
	return p.TCPFlags&(packet.SYN|packet.ACK) == packet.SYN && s.known[side] && p.Seq != s.base[side]
}

// learn stores the base sequence numbers that p gives: its own, one less
// where it has no SYN to count, and the peer's from what it acknowledges. The
// first packet decides, but a SYN-ACK always sets the base of its sender.
func (s *stream) learn(p *packet.Packet, side flow.Side) {
	const synAck = packet.SYN | packet.ACK
	if !s.known[side] || p.TCPFlags&synAck == synAck {
		s.known[side], s.base[side] = true, p.Seq
		if p.TCPFlags&packet.SYN == 0 {
			s.base[side]--
		}
	}
	if other := side.Other(); !s.known[other] && p.TCPFlags&packet.ACK != 0 {
		s.known[other], s.base[other] = true, p.Ack-1
	}
}
