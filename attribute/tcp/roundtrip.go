package tcp

import "github.com/pcapwho/pcapwho/ingest/packet"

// timer times one segment of a side at a time until it is acknowledged, as a
// sender without a queue of them would (RFC 6298 section 3).
type timer struct {
	at    int64  // when the segment was seen, Unix nanoseconds; 0 = none is timed
	end   uint32 // sequence number behind it
	stamp uint32 // TSval of it; valid iff stamped
}

// trips sums up what was timed.
type trips struct {
	count     uint32
	histogram int32 // in Follower.histograms; 0 = none yet
	min, max  int64 // valid iff count > 0
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
	f.book(&h.trips, d)
}

// book adds a round trip. The first two are the least and the greatest; a
// histogram has all as soon as there are more.
func (f *Follower) book(t *trips, d int64) {
	switch t.count {
	case 0:
		t.min, t.max = d, d
	case 1:
		t.min, t.max = min(t.min, d), max(t.max, d)
	default:
		if t.histogram == 0 {
			t.histogram = f.histograms.Take()
			h := f.histograms.At(t.histogram)
			h.Add(t.min)
			h.Add(t.max)
		}
		t.min, t.max = min(t.min, d), max(t.max, d)
		f.histograms.At(t.histogram).Add(d)
	}
	t.count++
}

// tell tells what was booked.
func (f *Follower) tell(t *trips, d *Direction) {
	d.RTTs, d.RTTMin, d.RTTMedian, d.RTTP95, d.RTTMax = int64(t.count), t.min, t.min, t.max, t.max
	if t.count == 0 {
		d.RTTMin, d.RTTMedian, d.RTTP95, d.RTTMax = Unknown, Unknown, Unknown, Unknown
	}
	if t.histogram != 0 {
		h := f.histograms.At(t.histogram)
		d.RTTMedian = min(max(h.Quantile(50), t.min), t.max)
		d.RTTP95 = min(max(h.Quantile(95), t.min), t.max)
	}
}
