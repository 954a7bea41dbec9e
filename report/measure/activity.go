package measure

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/turn"
)

// activity is when one had packets: stretches in which none is further than
// turn.QuietTime from the next. It has the latest stretch alone, so that it takes no
// more memory for more of them.
type activity struct {
	latest turn.Run
	begun  bool
	busy   int64 // by add, nanoseconds
}

// near tells whether a and b are one stretch.
func near(a, b turn.Run) bool {
	switch {
	case b.From > a.To:
		return uint64(b.From-a.To) <= uint64(turn.QuietTime)
	case a.From > b.To:
		return uint64(a.From-b.To) <= uint64(turn.QuietTime)
	}
	return true
}

// join makes r, in any order of time, part of the latest stretch, or the latest: the
// one before is over then.
func (a *activity) join(r turn.Run) (over turn.Run, ok bool) {
	switch {
	case !a.begun:
		a.begun, a.latest = true, r
	case near(a.latest, r):
		a.latest = turn.Run{From: min(a.latest.From, r.From), To: max(a.latest.To, r.To)}
	default:
		over, ok, a.latest = a.latest, true, r
	}
	return over, ok
}

// add adds r to the sum, in the order of beginnings; more is false where all of it was
// in there.
func (a *activity) add(r turn.Run) (more bool) {
	switch {
	case !a.begun || !near(a.latest, r):
		a.busy += r.To - r.From
	case r.To <= a.latest.To:
		return false
	default:
		a.busy += r.To - a.latest.To
	}
	a.begun, a.latest = true, r
	return true
}

// activityKey tells whose activity it is.
type activityKey struct {
	of activityOf
	partKey
}

// activityOf is what an activity is of.
type activityOf uint8

const (
	ofProcess activityOf = iota // of whose partKey the part is 0
	ofBucket
	ofPhase
)

// active books a stretch in which c was busy, for whoever had its packets then: from
// the first to the last that is in the stretch, of each span.
func (f *folder) active(c *attribute.Connection, r turn.Run) {
	// Spans are in the order of From, and those that are equal share their time.
	i, _ := slices.BinarySearchFunc(c.Spans, r.From, func(s attribute.Span, t int64) int {
		if s.From <= t {
			return -1
		}
		return 1
	})
	for i--; i > 0 && c.Spans[i-1].From == c.Spans[i].From; i-- {
	}
	for i = max(i, 0); i < len(c.Spans) && c.Spans[i].From <= r.To; i++ {
		s := &c.Spans[i]
		part := turn.Run{From: max(r.From, s.First), To: min(r.To, s.Last)}
		if part.From > part.To {
			continue
		}
		for end := range s.Verdict {
			h := holderOf(&s.Verdict[end])
			if h.process != attribute.NoProcess {
				f.join(activityKey{ofProcess, partKey{0, h}}, &f.activity[h.process], part)
			}
			if f.timeseries != nil {
				f.timeseries.active(f, ofBucket, h, s.First, part)
			}
			if f.byPhase != nil {
				f.byPhase.active(f, ofPhase, h, s.First, part)
			}
		}
	}
}

// active books a stretch of a holder in the parts of time that a span's first packet is in.
func (s *Breakdown) active(f *folder, of activityOf, h holder, first int64, r turn.Run) {
	for _, part := range s.parts(first) {
		k := partKey{part, h}
		f.join(activityKey{of, k}, &s.sum(k).activity, r)
	}
}

func (f *folder) join(k activityKey, a *activity, r turn.Run) {
	if over, ok := a.join(r); ok {
		f.stretches.keep(k, over)
	}
}

// rest keeps the latest stretches, too: the last that f has.
func (f *folder) rest() {
	end := func(k activityKey, a *activity) {
		if a.begun {
			f.stretches.keep(k, a.latest)
		}
		*a = activity{}
	}
	for p := range f.activity {
		end(activityKey{ofProcess, partKey{0, holder{process: int32(p)}}}, &f.activity[p])
	}
	for of, b := range map[activityOf]*Breakdown{ofBucket: f.timeseries, ofPhase: f.byPhase} {
		if b == nil {
			continue
		}
		for k, sum := range b.sums {
			end(activityKey{of, k}, &sum.activity)
		}
	}
}

// busy adds up how long everybody was, from the stretches of all workers.
func (f *folder) busy(all []stretches) error {
	trees := make([]activity, len(f.activity))
	err := merge(all, func(k activityKey, r turn.Run) {
		switch k.of {
		case ofBucket:
			f.timeseries.sum(k.partKey).activity.add(r)
		case ofPhase:
			f.byPhase.sum(k.partKey).activity.add(r)
		case ofProcess:
			f.activity[k.process].add(r)
			for v := k.process; int(v) < len(trees) && trees[v].add(r); {
				v = f.tree.parent[v]
			}
		}
	})
	for p := range f.activity {
		f.self[p].Busy, f.sum[p].Busy = f.activity[p].busy, trees[p].busy
	}
	for _, b := range []*Breakdown{f.timeseries, f.byPhase} {
		if b != nil {
			for _, sum := range b.sums {
				sum.Busy = sum.activity.busy
			}
		}
	}
	return err
}
