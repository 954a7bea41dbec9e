package attribute

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Windows divide time: no Span and no Loose reaches from one window into the
// next, so that what is summed by them can be told by time, exactly. They change
// no verdict.
type Windows struct {
	// Bounds are moments at which a window ends and another begins, Unix
	// nanoseconds, ascending.
	Bounds []int64
	// Width is that of further windows, nanoseconds, which begin at its
	// multiples since the Unix epoch; 0 = there are none.
	Width int64
}

// At returns the window around time t, half-open. That of no windows is all of
// time.
func (w *Windows) At(t int64) (from, until int64) {
	from, until = math.MinInt64, math.MaxInt64
	if w == nil {
		return from, until
	}
	if w.Width > 0 {
		since := t % w.Width
		if since < 0 { // before the epoch
			since += w.Width
		}
		if t-since <= t {
			from = t - since
		}
		if t+(w.Width-since) > t {
			until = t + (w.Width - since)
		}
	}
	i, found := slices.BinarySearch(w.Bounds, t)
	if found {
		i++
	}
	if i > 0 {
		from = max(from, w.Bounds[i-1])
	}
	if i < len(w.Bounds) {
		until = min(until, w.Bounds[i])
	}
	return from, until
}

// number returns which of the windows between Bounds contains t: they count from 0.
func (w *Windows) number(t int64) int32 {
	i, found := slices.BinarySearch(w.Bounds, t)
	if found {
		i++
	}
	return int32(i)
}

// contains tells whether window n, as number counts, contains t.
func (w *Windows) contains(n int32, t int64) bool {
	return (n == 0 || w.Bounds[n-1] <= t) && (int(n) == len(w.Bounds) || t < w.Bounds[n])
}

// from returns where window n begins.
func (w *Windows) from(n int32) int64 {
	if n == 0 {
		return math.MinInt64
	}
	return w.Bounds[n-1]
}

// evidence is what cuts segments: what the log says, and the windows.
type evidence struct {
	log     *owner.Timeline // nil = none
	windows *Windows
}

// Number is owner.Timeline.Number.
func (e evidence) Number(k *flow.Key, h uint64) int32 {
	if e.log == nil {
		return -1
	}
	return e.log.Number(k, h)
}

// Cut is owner.Timeline.Cut, and cuts at the ends of windows, too.
func (e evidence) Cut(n int32, k *flow.Key, t int64) (from, until int64) {
	from, until = e.windows.At(t)
	if e.log == nil {
		return from, until
	}
	begin, end := e.log.Cut(n, k, t)
	return max(from, begin), min(until, end)
}
