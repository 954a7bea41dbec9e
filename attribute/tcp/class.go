package tcp

import (
	"time"

	"github.com/pcapwho/pcapwho/ingest/packet"
)

// The times by which Wireshark tells what a segment is that comes late.
const (
	// fastTime is how soon after a duplicate ACK what it asked for is sent.
	fastTime = 20 * time.Millisecond
	// reorderTime is how long a segment may be overtaken where the initial
	// round-trip time is not known.
	reorderTime = 3 * time.Millisecond
)

// below tells whether sequence number a comes before b (RFC 9293 section 3.4).
func below(a, b uint32) bool { return int32(a-b) < 0 }

// control are the flags of segments that open and end a connection.
const control = packet.SYN | packet.FIN | packet.RST

// late tells that h, which sent p, was further already.
func (h *half) late(p *packet.Packet) bool { return h.is&seen != 0 && below(p.Seq, h.next) }

// ahead tells that segments before p are missing.
func (h *half) ahead(p *packet.Packet) bool {
	return h.is&seen != 0 && below(h.next, p.Seq) && p.TCPFlags&packet.RST == 0
}

// probes tells that p is a byte to find out whether the window of other is open
// again.
func (h *half) probes(p *packet.Packet, other *half) bool {
	return p.Payload == 1 && h.is&seen != 0 && p.Seq == h.next && other.window == 0 && other.is&seen != 0
}

// keepsAlive tells that p is a keep-alive (RFC 9293 section 3.8.4): the byte
// before the next one, or nothing there.
func (h *half) keepsAlive(p *packet.Packet) bool {
	return p.Payload <= 1 && h.is&seen != 0 && p.Seq == h.next-1 && p.TCPFlags&control == 0
}

// repeats tells that p, without payload, says what the side's segment before it
// said: the same numbers, and the same window.
func (h *half) repeats(p *packet.Packet) bool {
	return p.Payload == 0 && h.is&acks != 0 && p.Seq == h.next && p.Ack == h.acked && p.Window == h.window && p.TCPFlags&control == 0
}

// kind is what a late segment is.
type kind uint8

const (
	fresh kind = iota
	retransmitted
	fast
	spurious
	outOfOrder
)

// kind tells what p is, which ends before end and has payload, SYN or FIN.
func (c *state) kind(p *packet.Packet, h, other *half, end uint32) kind {
	if p.Payload > 0 && other.is&acks != 0 && !below(other.acked, p.Seq+p.Payload) {
		return spurious
	}
	if !h.late(p) || p.Payload > 1 && p.Seq == h.next-1 { // what follows a probe of one byte that was refused
		return fresh
	}
	if other.duplicates >= 2 && other.acked == p.Seq && within(other.lastTime, p.Time, int64(fastTime)) {
		return fast
	}
	patience := int64(reorderTime)
	if rtt := c.handshake.initialRTT(); rtt > 0 {
		patience = rtt
	}
	if within(h.nextTime, p.Time, patience) && end != h.next {
		return outOfOrder
	}
	return retransmitted
}

// within tells that less than d passed from one time to another, which is not
// before it.
func within(from, to, d int64) bool { return uint64(to-from) < uint64(d) }
