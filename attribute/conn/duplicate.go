package conn

import (
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// copyTime is how long after a packet was seen on one device the same one is seen on
// another: less than a sender takes to send it again (RTO, at least 200 ms on Linux,
// TCP_RTO_MIN in include/net/tcp.h).
const copyTime = 50 * time.Millisecond

// duplicate tells whether p, which side s sent and another device than the leading one
// has, is the same packet that the leading one had: a bridge and its port, a
// tunnel and what carries it, a bond. What is new makes its device the leading one, so
// that packets which take several ways all count.
func (f *Follower) duplicate(i int32, in *Instance, p *packet.Packet, s flow.Side) bool {
	if in.Key.Protocol != flow.TCP {
		return in.duplicateDatagram(p, s)
	}
	if d := time.Duration(p.Time - in.Last); d > copyTime || d < -copyTime {
		return false
	}
	if p.Fragmented && p.FragmentOffset > 0 {
		return in.state&doubled != 0
	}
	end, syn := p.Seq+p.Payload, p.TCPFlags&packet.SYN != 0
	if syn {
		end++
	}
	switch {
	case p.TCPFlags&^in.Flags[s]&(packet.FIN|packet.RST) != 0: // the first
		return false
	case p.Payload == 0 && !syn: // as others before it
		return in.state&doubled != 0
	case in.state&holed != 0 && touchesHole(f.holes[i][s], p.Seq, end): // overtaken
	case in.state&(startedLow<<s) != 0 && int32(end-in.next[s]) <= 0: // bytes that were seen
		in.state |= doubled
		return true
	}
	return false
}

// touchesHole tells whether any of the sequence numbers [begin, end) is in a hole.
func touchesHole(holes []hole, begin, end uint32) bool {
	return slices.ContainsFunc(holes, func(h hole) bool { return int32(later(h.begin, begin)-earlier(h.end, end)) < 0 })
}

// A datagram has no sequence number. Instance.next and isn hold, by sender, what tells
// the last one of the leading device from others, and when that was.

func print(p *packet.Packet) uint32 { return uint32(p.Print)<<16 | p.Payload&0xffff }

// moment is a time in units of 2^16 ns.
func moment(t int64) uint32 { return uint32(t >> 16) }

func (in *Instance) noteDatagram(p *packet.Packet, s flow.Side) {
	in.next[s], in.isn[s] = print(p), moment(p.Time)
}

func (in *Instance) duplicateDatagram(p *packet.Packet, s flow.Side) bool {
	switch {
	case moment(p.Time)-in.isn[s] > moment(int64(copyTime)):
		return false
	case in.next[s] == print(p):
		in.state |= doubled
	}
	return in.state&doubled != 0
}
