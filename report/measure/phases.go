package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/report/table"
)

// Phase is a stretch of a benchmark that marks in the log bound.
type Phase struct {
	Name       string
	Begin, End int64 // half-open, Unix nanoseconds; the ends of time where no mark says
}

// ByPhase is what every process exchanged in each phase, and outside of all.
type ByPhase struct {
	Phases    Phases
	Breakdown *Breakdown // by index into Phases; len(Phases) is outside; nil = there are none
}

// Phases are in the order of their beginnings. They may overlap.
type Phases []Phase

// Bounds returns the moments at which phases begin and end, ascending.
func (p Phases) Bounds() (bounds []int64) {
	for _, q := range p {
		if q.Begin != math.MinInt64 {
			bounds = append(bounds, q.Begin)
		}
		if q.End != math.MaxInt64 {
			bounds = append(bounds, q.End)
		}
	}
	slices.Sort(bounds)
	return slices.Compact(bounds)
}

// Named returns those of a name.
func (p Phases) Named(name string) (found Phases) {
	for _, q := range p {
		if q.Name == name {
			found = append(found, q)
		}
	}
	return found
}

// Containing returns a function that tells which phases contain a time, by index,
// ascending; none contains 0, which is no time.
func (p Phases) Containing() func(t int64) []int64 {
	bounds := p.Bounds()
	parts := make([][]int64, 0, len(bounds)+1)
	var open []int64
	next := 0 // of the phases, which are in the order of their beginnings
	for i := range len(bounds) + 1 {
		at := int64(math.MinInt64)
		if i > 0 {
			at = bounds[i-1]
		}
		open = slices.DeleteFunc(open, func(n int64) bool { return p[n].End <= at })
		for ; next < len(p) && p[next].Begin <= at; next++ {
			if p[next].End > at {
				open = append(open, int64(next))
			}
		}
		parts = append(parts, slices.Clone(open))
	}
	return func(t int64) []int64 {
		if t == 0 {
			return nil
		}
		i, found := slices.BinarySearch(bounds, t)
		if found {
			i++
		}
		return parts[i]
	}
}

// breakdown returns sums by phase.
func (p Phases) breakdown() *Breakdown {
	containing, outside := p.Containing(), []int64{int64(len(p))}
	return newBreakdown(func(t int64) []int64 {
		if parts := containing(t); len(parts) > 0 {
			return parts
		}
		return outside
	})
}

// Sums returns what was sent in each phase, and last what was outside of all.
func (s *ByPhase) Sums() []attribute.Counts {
	sums := make([]attribute.Counts, len(s.Phases)+1)
	if s.Breakdown != nil {
		for k, t := range s.Breakdown.sums {
			sums[k.part].Add(t.Sent)
		}
	}
	return sums
}

// Table returns one row for every process, or reason why there is none, that
// has packets in a phase, and one for every phase that has none.
func (s *ByPhase) Table(processes Processes) *table.Table {
	var keys []partKey
	if s.Breakdown != nil {
		keys = s.Breakdown.sorted(processes)
	}
	with := make([]bool, len(s.Phases)+1)
	for _, k := range keys {
		with[k.part] = true
	}
	for n := range s.Phases {
		if !with[n] {
			keys = append(keys, partKey{int64(n), nobody})
		}
	}
	slices.SortStableFunc(keys, func(a, b partKey) int { return cmp.Compare(a.part, b.part) })
	return table.Of(table.Phases(), len(keys), func(b *table.Batch, i int) {
		k := keys[i]
		phase, inside := Phase{Begin: math.MinInt64, End: math.MaxInt64}, k.part < int64(len(s.Phases))
		if inside {
			phase = s.Phases[k.part]
		}
		b.IntIf("phase_id", k.part+1, inside)
		b.TextIf("phase", phase.Name)
		b.IntIf("begin_ns", phase.Begin, phase.Begin != math.MinInt64)
		b.IntIf("end_ns", phase.End, phase.End != math.MaxInt64)
		s.Breakdown.appendSum(b, processes, k)
		var times *Times
		if k.holder != nobody {
			times = s.Breakdown.sums[k].times
		}
		appendTotals(b, "", times, s.Breakdown.measured)
		appendTimes(b, "", times, s.Breakdown.measured)
	})
}

// How many phases are kept, and how many may be open at once: what takes memory is
// their product.
const (
	maxPhases = 100_000
	maxOpen   = 64
)

// Marker turns the marks of a log, in its order, into phases.
type Marker struct {
	LeftOut int // phases, as there were too many

	phases  Phases
	open    []openPhase // by index into phases
	instant int         // 1 + index of the phase that the next instant ends; 0 = none
}

type openPhase struct {
	phase int
	pid   int32
}

// Add takes the next mark, of time t.
func (m *Marker) Add(mark *connlog.Mark, t int64) {
	switch mark.Change {
	case connlog.MarkBegin:
		if len(m.open) >= maxOpen || len(m.phases) >= maxPhases {
			m.LeftOut++
			return
		}
		m.open = append(m.open, openPhase{m.begin(mark.Name, t), mark.PID})
	case connlog.MarkEnd:
		m.end(mark, t)
	case connlog.MarkInstant:
		if m.instant > 0 {
			m.phases[m.instant-1].End = t
			m.instant = 0
		}
		if len(m.phases) >= maxPhases {
			m.LeftOut++
			return
		}
		m.instant = m.begin(mark.Name, t) + 1
	}
}

func (m *Marker) begin(name string, t int64) int {
	m.phases = append(m.phases, Phase{name, t, math.MaxInt64})
	return len(m.phases) - 1
}

// end ends the latest open phase of the mark's name, of its own process where
// that has one; else that which an instant began. Without any, it began before the
// first mark.
func (m *Marker) end(mark *connlog.Mark, t int64) {
	at := -1
	for i, o := range m.open {
		if m.phases[o.phase].Name == mark.Name && (at < 0 || m.open[at].pid != mark.PID || o.pid == mark.PID) {
			at = i
		}
	}
	switch {
	case at >= 0:
	case m.instant > 0 && m.phases[m.instant-1].Name == mark.Name:
		m.phases[m.instant-1].End, m.instant = t, 0
		return
	case m.LeftOut > 0 || len(m.phases) >= maxPhases: // it may be of one that was left out
		return
	default:
		m.phases = append(m.phases, Phase{mark.Name, math.MinInt64, t})
		return
	}
	m.phases[m.open[at].phase].End = t
	m.open = slices.Delete(m.open, at, at+1)
}

// Phases returns the phases so far. One that ends before it begins, where the clock
// was set back, holds nothing.
func (m *Marker) Phases() Phases {
	phases := slices.Clone(m.phases)
	slices.SortStableFunc(phases, func(a, b Phase) int { return cmp.Compare(a.Begin, b.Begin) })
	return phases
}
