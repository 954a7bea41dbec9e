package tcp

import (
	"math"

	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Follower keeps the live connections. The zero value is ready; one goroutine
// uses it.
type Follower struct {
	states     slab.Pool[state]
	troubles   slab.Pool[trouble]
	histograms quantile.Histograms
	buckets    []byte // of the connection that ended last
}

// Begin makes room for a connection, and returns the number by which Add and End
// know it. It is not 0.
func (f *Follower) Begin() int32 { return f.states.Take() }

// Prefetch asks for what Add needs of connection n.
func (f *Follower) Prefetch(n int32) { f.states.Prefetch(n) }

// Add adds to connection n a segment that a side sent. Segments have a TCP header
// and come in the order of the file; unique is how many bytes of the payload are
// in the capture for the first time. resent tells that the segment counts as Retransmitted.
func (f *Follower) Add(n int32, p *packet.Packet, side flow.Side, unique uint32) (resent bool) {
	c := f.states.At(n)
	h, other := &c.half[side], &c.half[side.Other()]
	c.last = max(c.last, p.Time)
	if p.TCPFlags&control != 0 {
		c.control(p, side)
	}
	is := h.is&(opened|greeted|shut) | seen
	if is&greeted == 0 && c.handshake.add(p, uint8(side)) {
		is |= greeted
	}
	if p.TCPFlags&packet.ACK != 0 {
		is |= acks
		f.acknowledge(other, p)
	}
	if p.Window == 0 || is&shut != 0 {
		is = f.window(h, p, is)
	}
	switch {
	case p.Payload > 1: // most are
	case h.probes(p, other):
		is |= probed
	case h.keepsAlive(p):
		is |= alive
		f.of(h).keepAlives++
	case h.repeats(p):
		f.repeated(p, h, other)
	}
	if p.Ack != h.acked {
		h.duplicates = 0
	}
	if h.ahead(p) {
		t := f.of(h)
		t.lost++
		t.lostBytes += int64(p.Seq - h.next)
	}
	end := p.Seq + p.Payload
	if p.TCPFlags&(packet.SYN|packet.FIN) != 0 {
		end++
	}
	if end != p.Seq && is&alive == 0 {
		if k := c.kind(p, h, other, end); k != fresh {
			f.count(h, p, k, end, unique)
			resent = k != outOfOrder
		}
	}
	if (h.is&seen == 0 || below(h.next, end)) && is&probed == 0 {
		h.next, h.nextTime = end, p.Time
		if end != p.Seq {
			h.start(p, end)
		}
	}
	h.acked, h.window, h.lastTime, h.is = p.Ack, p.Window, p.Time, is
	h.extend(p, other)
	return resent
}

// Continue adds to connection n a later fragment of the segment that side sent
// before: payload without a TCP header.
func (f *Follower) Continue(n int32, p *packet.Packet, side flow.Side) {
	c := f.states.At(n)
	c.last = max(c.last, p.Time)
	if h, end := &c.half[side], p.Seq+p.Payload; below(h.next, end) {
		h.next = end
	}
}

// of returns the trouble of a side.
func (f *Follower) of(h *half) *trouble {
	if h.trouble == 0 {
		h.trouble = f.troubles.Take()
	}
	return f.troubles.At(h.trouble)
}

// control is told of a segment with SYN, FIN or RST.
func (c *state) control(p *packet.Packet, side flow.Side) {
	h := &c.half[side]
	if p.TCPFlags&packet.SYN != 0 {
		if h.is&opened == 0 && c.end == FirstReset+uint8(side) { // it refused a SYN, and takes its repetition: its numbers begin here
			c.end, h.is = Open, h.is&^seen
		}
		shift, ok := p.TCPOptions.WindowScale()
		h.mss, h.scale = p.MSS, 0
		if ok {
			h.scale = shift + 1
		}
		if ok || !p.TCPOptions.Cut() {
			h.is |= opened
		}
	}
	if p.TCPFlags&packet.FIN != 0 {
		c.finished |= 1 << side
		if c.finished == 3 && c.end == Open {
			c.end = Finished
		}
	}
	if p.TCPFlags&packet.RST != 0 && c.end == Open {
		c.end = FirstReset + uint8(side)
	}
}

// window notes since when a side's window is closed, and for how long it was. It returns
// is as it is then.
func (f *Follower) window(h *half, p *packet.Packet, is uint8) uint8 {
	switch {
	case p.Window == 0 && p.TCPFlags&control == 0:
		t := f.of(h)
		t.zeroWindows++
		if t.closed == 0 {
			t.closed = p.Time
		}
		return is | shut
	case is&shut != 0:
		f.of(h).reopen(p.Time)
	}
	return is &^ shut
}

// reopen notes that the window is open at a time.
func (t *trouble) reopen(now int64) {
	if t.closed == 0 {
		return
	}
	if t.closedTime += max(now-t.closed, 0); t.closedTime < 0 {
		t.closedTime = math.MaxInt64 // of a clock that jumped by centuries
	}
	t.closed = 0
}

// repeated is told of a segment without payload that repeats the one before: it
// is a duplicate ACK, but where it answers a keep-alive or a probe.
func (f *Follower) repeated(p *packet.Packet, h, other *half) {
	if p.Window == 0 || other.is&alive != 0 {
		return
	}
	f.of(h).duplicateACKs++
	if h.duplicates < 1<<16-1 {
		h.duplicates++
	}
}

// count counts a segment that is not fresh.
func (f *Follower) count(h *half, p *packet.Packet, k kind, end, unique uint32) {
	t := f.of(h)
	switch k {
	case outOfOrder:
		t.outOfOrder++
		t.outOfOrderBytes += uint64(p.Payload)
	default:
		t.retransmitted++
		t.retransmittedBytes += uint64(p.Payload)
		switch k {
		case fast:
			t.fast++
		case spurious:
			t.spurious++
		}
	}
	if h.is&seen == 0 {
		return
	}
	h.again(p, end)
	if below(h.next, end) {
		unique -= min(unique, end-h.next) // what is behind all others was not missing
	}
	t.lostBytes -= int64(unique)
	t.lowest = min(t.lowest, t.lostBytes)
}

// extend notes how far h, which sent p, and its window are now.
func (h *half) extend(p *packet.Packet, other *half) {
	switch {
	case p.TCPFlags&packet.SYN != 0:
		h.windowMax = max(h.windowMax, uint32(p.Window)) // never scaled
	case h.is&other.is&opened != 0:
		window := uint32(p.Window)
		if h.scale != 0 && other.scale != 0 {
			window <<= h.scale - 1
		}
		h.windowMax = max(h.windowMax, window)
	}
	if p.Payload == 0 {
		return
	}
	if n := h.next - other.acked; other.is&acks != 0 && int32(n) > 0 {
		h.inFlightMax = max(h.inFlightMax, n)
	}
	h.wireSegments += h.cut(p, other)
}

// cut returns how many segments the payload of p takes on the wire: no more than
// one, but for super-packets.
func (h *half) cut(p *packet.Packet, other *half) uint64 {
	most := uint32(other.mss)
	if h.mss != 0 {
		most = min(most, uint32(h.mss))
	}
	if p.TCPOptions.Stamped() {
		most -= min(most, stampsLength)
	}
	if p.Payload <= most || most == 0 {
		return 1
	}
	return uint64((p.Payload-1)/most) + 1
}

// stampsLength is how many bytes of a segment the padded timestamps take.
const stampsLength = 12

// End ends connection n, whose number is free then, and returns its measures: what was
// counted since the last Cut, and what is told of it as a whole.
func (f *Follower) End(n int32) Measures {
	c := f.states.At(n)
	f.buckets = f.buckets[:0]
	m := Measures{Known: true, End: int64(c.end), InitialRTT: c.handshake.initialRTT()}
	for side := range c.half {
		f.end(c, uint8(side), &m.Sent[side])
	}
	f.states.Give(n)
	return m
}

func (f *Follower) end(c *state, side uint8, d *Direction) {
	h, other := &c.half[side], &c.half[1-side]
	if h.trouble != 0 {
		f.troubles.At(h.trouble).reopen(c.last)
	}
	f.counted(h, d)
	if !c.cut {
		d.LostBytes, d.Late = max(d.LostBytes-d.Late, 0), 0
	}
	d.Handshake, d.MSS, d.WindowScale = c.handshake.part(side), Unknown, int64(h.scale)-1
	if h.mss != 0 {
		d.MSS = int64(h.mss)
	}
	if h.is&other.is&opened == 0 {
		d.WindowMax = Unknown
	}
	if other.is&seen == 0 {
		d.InFlightMax = Unknown
	}
	if other.mss == 0 {
		d.WireSegments = Unknown
	}
	f.troubles.Give(h.trouble)
}

// counted gives d what was counted of h since the last Cut, its round trips for good.
func (f *Follower) counted(h *half, d *Direction) {
	d.WindowMax, d.InFlightMax, d.WireSegments = int64(h.windowMax), int64(h.inFlightMax), int64(h.wireSegments)
	d.RTT, f.buckets = h.trips.End(&f.histograms, f.buckets)
	if h.trouble == 0 {
		return
	}
	t := f.troubles.At(h.trouble)
	d.Retransmitted, d.RetransmittedBytes = int64(t.retransmitted), int64(t.retransmittedBytes)
	d.Fast, d.Spurious = int64(t.fast), int64(t.spurious)
	d.OutOfOrder, d.OutOfOrderBytes = int64(t.outOfOrder), int64(t.outOfOrderBytes)
	d.Lost, d.LostBytes, d.Late = int64(t.lost), t.lostBytes-t.lowest, -t.lowest
	d.DuplicateACKs, d.KeepAlives = int64(t.duplicateACKs), int64(t.keepAlives)
	d.ZeroWindows, d.ZeroWindowTime = int64(t.zeroWindows), t.closedTime
}
