package html

import (
	"cmp"
	"slices"
)

// activity is when the connections of a page had packets, in the order of their IDs:
// for each a flat list of four numbers a stretch: nanoseconds from the end of the one
// before (the first: from the connection's first packet) to its begin, from there to
// its end, bytes of the client, bytes of the server.
type activity [][]int64

// shown is a connection that the page may show.
type shown struct {
	id, first int64
	stretches []Stretch // at most as many as fullLimits says
}

// readActivity asks a source about connections, whose IDs ascend.
func readActivity(s *Source, all []shown) error {
	if s.Activity == nil {
		return nil
	}
	return s.Activity(func(id int64, stretches []Stretch) error {
		i, ok := slices.BinarySearchFunc(all, id, func(c shown, id int64) int { return cmp.Compare(c.id, id) })
		if ok {
			all[i].stretches = slices.Clone(join(slices.Clone(stretches), fullLimits().stretches))
		}
		return nil
	})
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

// listActivity returns the activity of some connections in at most so many stretches each, nil
// where the source tells none.
func listActivity(all []shown, stretches int) activity {
	a := make(activity, len(all))
	known := false
	for i, c := range all {
		at := c.first
		for _, s := range join(slices.Clone(c.stretches), stretches) {
			a[i] = append(a[i], s.Begin-at, s.End-s.Begin, s.Client, s.Server)
			at, known = s.End, true
		}
	}
	if !known {
		return nil
	}
	return a
}
