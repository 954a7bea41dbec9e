package tcp

import "github.com/pcapwho/pcapwho/ingest/packet"

// timer times one segment of a side at a time until it is acknowledged, as a
// sender without a queue of them would (RFC 6298 section 3).
type timer struct {
	at    int64  // when the segment was seen, Unix nanoseconds; 0 = none is timed
	end   uint32 // sequence number behind it
	stamp uint32 // TSval of it; valid iff stamped
}

// start times a segment that brings new sequence numbers before end, unless
// another is timed.
func (h *half) start(p *packet.Packet, end uint32) {
	if h.timer.at == 0 {
		h.timer = timer{p.Time, end, p.Stamp}
	}
}

// again is told of a segment up to end that repeats others. What was timed is
// timed no more, because its acknowledgement may be of either (Karn's algorithm);
// but where the repetition has a timestamp of its own, which the acknowledgement
// will repeat (RFC 7323 section 4), that is timed instead.
func (h *half) again(p *packet.Packet, end uint32) {
	switch {
	case h.timer.at == 0 || !below(p.Seq, h.timer.end):
	case p.TCPOptions.Stamped() && end == h.timer.end && h.timer.stamp != p.Stamp:
		h.timer.at, h.timer.stamp = p.Time, p.Stamp
	default:
		h.timer.at = 0
	}
}

// acknowledge is told of the other side's segment that acknowledges what h sent.
func (f *Follower) acknowledge(h *half, p *packet.Packet) {
	if h.timer.at == 0 || below(p.Ack, h.timer.end) {
		return
	}
	d := p.Time - h.timer.at
	stale := p.TCPOptions.Stamped() && p.Echo != 0 && below(p.Echo, h.timer.stamp) // the answer to a segment before it
	h.timer.at = 0
	if d < 0 || stale {
		return
	}
	h.trips.Add(&f.histograms, d)
}
