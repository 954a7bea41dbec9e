package tcp

import (
	"math"

	"github.com/pcapwho/pcapwho/attribute/quantile"
)

// Cut returns what was counted of connection n since it began, or the last Cut, and
// begins to count anew; what was seen of it stays known. What is told of a connection as
// a whole is End's. Buckets of RTT are valid until the next Cut or End.
//
// Each event is counted when it shows: a segment at itself, a time when it is over. Only
// bytes that come late are taken off where they were missing: see Settle.
func (f *Follower) Cut(n int32) Measures {
	c := f.states.At(n)
	f.buckets = f.buckets[:0]
	m := Measures{Known: true}
	for side := range c.half {
		h := &c.half[side]
		f.counted(h, &m.Sent[side])
		h.windowMax, h.inFlightMax, h.wireSegments, h.trips = 0, 0, 0, quantile.Summary{}
		if h.trouble != 0 {
			t := f.troubles.At(h.trouble)
			*t = trouble{closed: t.closed}
		}
	}
	c.cut = true
	return m
}

// counts lists what adds up over the parts of a connection, but LostBytes; most
// what is the greatest of all.
func (d *Direction) counts() []*int64 {
	return []*int64{&d.Retransmitted, &d.RetransmittedBytes, &d.Fast, &d.Spurious, &d.OutOfOrder, &d.OutOfOrderBytes,
		&d.Lost, &d.DuplicateACKs, &d.KeepAlives, &d.ZeroWindows, &d.ZeroWindowTime, &d.WireSegments}
}

func (d *Direction) most() []*int64 { return []*int64{&d.WindowMax, &d.InFlightMax} }

// Forget leaves of m what is told of a connection as a whole: to that, Add adds parts.
func (m *Measures) Forget() {
	for side := range m.Sent {
		d := &m.Sent[side]
		for _, v := range append(d.counts(), d.most()...) {
			*v = min(*v, 0) // Unknown stays
		}
		d.LostBytes, d.Late = 0, 0
		d.RTT = quantile.Quantiles{Min: Unknown, Median: Unknown, P95: Unknown, Max: Unknown}
	}
}

// Add adds what was counted in another part of the connection; what is Unknown in m stays
// so. m may share memory with o then.
func (m *Measures) Add(o *Measures) {
	for side := range m.Sent {
		d, e := &m.Sent[side], &o.Sent[side]
		counts, most := e.counts(), e.most()
		for i, v := range d.counts() {
			if n := *counts[i]; *v != Unknown && n != Unknown {
				*v = plus(*v, n)
			}
		}
		for i, v := range d.most() {
			if *v != Unknown {
				*v = max(*v, *most[i])
			}
		}
		d.LostBytes, d.Late = d.LostBytes+e.LostBytes, d.Late+e.Late
		d.RTT.Add(&e.RTT)
	}
}

// plus adds counts, of which a time may be that of a clock that jumped by centuries.
func plus(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// Settle takes bytes that came late from the LostBytes of the part in which they were
// missing, of what was missing last first. Parts are in the order of the file.
func Settle(parts []*Measures) {
	for side := range 2 {
		late := settleBack(parts, side)
		for _, m := range parts { // what came before anything was missing
			late -= m.Sent[side].settle(late)
		}
	}
}

// SettleEarlier does so for parts that others follow: of what came before anything was
// missing the first part, of which there is one, keeps how much it is.
func SettleEarlier(parts []*Measures) {
	for side := range 2 {
		parts[0].Sent[side].Late = settleBack(parts, side)
	}
}

// settleBack settles a side from the last part on, and returns how many bytes came late
// for none of them.
func settleBack(parts []*Measures, side int) (late int64) {
	for i := len(parts) - 1; i >= 0; i-- {
		d := &parts[i].Sent[side]
		late -= d.settle(late)
		late, d.Late = late+d.Late, 0
	}
	return late
}

// settle takes so many bytes from those that are missing, and returns how many it could.
func (d *Direction) settle(late int64) (taken int64) {
	taken = min(d.LostBytes, late)
	d.LostBytes -= taken
	return taken
}
