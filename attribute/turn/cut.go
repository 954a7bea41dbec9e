package turn

import (
	"math"

	"github.com/pcapwho/pcapwho/attribute/quantile"
)

// cut is what a connection had been when a part of it began, and its payload since.
type cut struct {
	first         int64 // packet of the part, or the last before that is later, Unix nanoseconds
	busy, waiting int64
	turns         uint32
	speaker       [2]speaker // of which first is not known
}

// Cut returns what was measured of connection n since it began, or the last Cut, and the
// times of the first and the last packet of that, and begins a part of which the first
// packet has time t. Where all of its packets were earlier than one before, first and
// last are that one's.
//
// A turn is the part's in which its request began, a wait that in which the response did.
// Time between parts is of neither: see Measures.Between. Idle, which is the rest of the time
// that parts take together, is 0, and FirstByte, which is told of the whole connection,
// Unknown. Wait.Buckets are valid until the next Cut or End.
func (f *Follower) Cut(n int32, t int64) (m Measures, first, last int64) {
	c := f.states.At(n)
	since := cut{first: c.first, speaker: c.speaker}
	if c.cut == 0 {
		c.cut = f.cuts.Take()
	} else {
		since = *f.cuts.At(c.cut)
	}
	m = Measures{Known: true, Requester: c.turn.Requester, Turns: int64(c.turn.Number - since.turns), Waiting: c.waiting - since.waiting,
		Busy: c.busy - since.busy, FirstByte: [2]int64{Unknown, Unknown}, Peak: [2]int64{since.speaker[0].peak, since.speaker[1].peak}}
	m.Wait, f.buckets = c.waits.End(&f.histograms, f.buckets[:0])
	c.waits = quantile.Summary{}
	next := cut{first: c.last, busy: c.busy, waiting: c.waiting, turns: c.turn.Number}
	if gap := t - c.last; gap > 0 {
		if next.first = t; gap <= int64(QuietTime) {
			next.busy += gap
		}
	}
	*f.cuts.At(c.cut) = next
	return m, since.first, c.last
}

// Forget leaves of m what is told of a connection as a whole: to that, Add adds parts.
func (m *Measures) Forget() {
	m.Turns, m.Waiting, m.Busy, m.Idle, m.Before, m.Peak = 0, 0, 0, 0, 0, [2]int64{}
	m.Wait = quantile.Quantiles{Min: Unknown, Median: Unknown, P95: Unknown, Max: Unknown}
}

// Add adds what was measured in another part of the connection, but for Idle. It may share
// memory with o then.
func (m *Measures) Add(o *Measures) {
	m.Turns, m.Busy = m.Turns+o.Turns, m.Busy+o.Busy
	if m.Waiting += o.Waiting; m.Waiting < 0 {
		m.Waiting = math.MaxInt64 // of a clock that jumped by centuries
	}
	m.Wait.Add(&o.Wait)
	for side := range m.Peak {
		m.Peak[side] = max(m.Peak[side], o.Peak[side])
	}
}

// Between adds the time from the last packet of one part to the first of the next, where
// that is busy.
func (m *Measures) Between(gap int64) {
	if gap > 0 && gap <= int64(QuietTime) {
		m.Busy += gap
	}
}
