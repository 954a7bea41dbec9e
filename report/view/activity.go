package view

import (
	"cmp"
	"slices"
)

// activity is when the connections of a page had packets, in the order of their IDs.
type activity struct {
	Unit int64 `json:"unit"` // of time, nanoseconds
	// Rows are three numbers a stretch: time from the end of the one before (the first:
	// from the connection's first packet) to its begin, from there to its end, and
	// how many sixteenths of its bytes the client sent.
	Rows [][]int64 `json:"rows"`
	// Resent is by connection, of those that have any, when segments were sent again:
	// time from the end of the one before to the first, from there to the last, and how
	// many they are. Several are one where there would be too many.
	Resent map[int][]int64 `json:"resent,omitempty"`
	// Phases are for each connection those in which it had packets, by index; nil where
	// the page has none.
	Phases [][]int `json:"phases"`
}

// shown is a connection that the page may show.
type shown struct {
	id, first int64
	stretches []Stretch // at most as many as fullLimits says
	resent    []Stretch // likewise; segments, not bytes
	phases    []int     // in which it had packets, ascending
}

// readActivity asks the source about the connections that may be shown.
func (m *Measured) readActivity() error {
	m.shown = m.connections.shown(MaxConnections)
	if m.source.Activity == nil {
		return nil
	}
	return m.source.Activity(func(id int64, stretches []Stretch, resent []int64) error {
		i, ok := slices.BinarySearchFunc(m.shown, id, func(c shown, id int64) int { return cmp.Compare(c.id, id) })
		if ok {
			m.shown[i].phases = m.phasesOf(stretches)
			m.shown[i].stretches = slices.Clone(join(slices.Clone(stretches), fullLimits().stretches))
			m.shown[i].resent = slices.Clone(join(moments(resent), fullLimits().stretches))
		}
		return nil
	})
}

// phasesOf returns the phases in which stretches begin: none goes on beyond its phase.
func (m *Measured) phasesOf(stretches []Stretch) (in []int) {
	for i := range m.phases[:min(len(m.phases), fullLimits().phases)] {
		p := &m.phases[i]
		if slices.ContainsFunc(stretches, func(s Stretch) bool {
			t := s.Begin - m.origin
			return (p.Begin == nil || *p.Begin <= t) && (p.End == nil || t < *p.End)
		}) {
			in = append(in, i)
		}
	}
	return in
}

// activity returns that of so many of the largest connections; nil where the source
// does not tell.
func (m *Measured) activity(l limits) *activity {
	if m.source.Activity == nil {
		return nil
	}
	a := &activity{Unit: 1, Resent: map[int][]int64{}}
	for m.capture["last_ns"]/a.Unit > 1e7 {
		a.Unit *= 10
	}
	for i, c := range m.among(m.connections.shown(l.connections)) {
		a.Rows = append(a.Rows, c.flat(c.stretches, l.stretches, a.Unit, func(s *Stretch) int64 { return 16 * s.Client / max(1, s.Client+s.Server) }))
		if len(c.resent) > 0 {
			a.Resent[i] = c.flat(c.resent, l.stretches, a.Unit, func(s *Stretch) int64 { return s.Client })
		}
		if len(m.phases) > 0 {
			in, _ := slices.BinarySearch(c.phases, l.phases)
			a.Phases = append(a.Phases, append([]int{}, c.phases[:in]...))
		}
	}
	return a
}

// flat returns three numbers for each of at most so many stretches: time from the end of
// the one before, how long it is, and what of says.
func (c *shown) flat(all []Stretch, most int, unit int64, of func(*Stretch) int64) []int64 {
	flat, at := []int64{}, int64(0)
	for _, s := range join(slices.Clone(all), most) {
		begin, end := (s.Begin-c.first)/unit, (s.End-c.first)/unit
		flat = append(flat, begin-at, end-begin, of(&s))
		at = end
	}
	return flat
}

// moments returns a stretch for each time, of one.
func moments(times []int64) (all []Stretch) {
	for _, t := range times {
		all = append(all, Stretch{Begin: t, End: t, Client: 1})
	}
	return all
}

// among returns what is known of some of the connections.
func (m *Measured) among(some []shown) []shown {
	at := 0
	for i := range some {
		for m.shown[at].id != some[i].id { // both ascend
			at++
		}
		some[i] = m.shown[at]
	}
	return some
}

// join joins neighbours until there are at most so many, those first that have the
// shortest silence between them.
func join(s []Stretch, most int) []Stretch {
	slices.SortStableFunc(s, func(a, b Stretch) int { return cmp.Compare(a.Begin, b.Begin) })
	s = joinWithin(s, 0, 1)
	if len(s) <= most {
		return s
	}
	var silence []int64
	for i := range len(s) - 1 {
		silence = append(silence, s[i+1].Begin-s[i].End)
	}
	slices.Sort(silence)
	return joinWithin(s, silence[len(s)-most-1], most)
}

// joinWithin joins neighbours with a silence of at most so many nanoseconds, as long as
// there are more than least.
func joinWithin(s []Stretch, silence int64, least int) []Stretch {
	if len(s) == 0 {
		return s
	}
	n, out := len(s), 0
	for i := 1; i < len(s); i++ {
		if last := &s[out]; n > least && s[i].Begin-last.End <= silence {
			last.End = max(last.End, s[i].End)
			last.Client += s[i].Client
			last.Server += s[i].Server
			n--
			continue
		}
		out++
		s[out] = s[i]
	}
	return s[:out+1]
}
