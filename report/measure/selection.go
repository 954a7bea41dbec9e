package measure

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
)

// Selection says which packets count. nil = all.
type Selection struct {
	// Time tells whether packets of a time do; nil = all. Of one of the
	// attribution's windows all do, or none.
	Time func(t int64) bool
	// Owners are the processes, by index into Result.Processes, of which either
	// side's is one; nil = all.
	Owners []bool
}

// time tells whether packets of time t count.
func (s *Selection) time(t int64) bool { return s == nil || s.Time == nil || s.Time(t) }

// owned tells whether packets with two sides count.
func (s *Selection) owned(a, b *attribute.Verdict) bool {
	return s == nil || s.Owners == nil || s.owner(a) || s.owner(b)
}

func (s *Selection) owner(v *attribute.Verdict) bool {
	return v.Process != attribute.NoProcess && s.Owners[v.Process]
}

// Connection takes the spans out of c that do not count, and tells whether any
// are left. c then begins and ends with them.
func (s *Selection) Connection(c *attribute.Connection) bool {
	if s == nil {
		return true
	}
	n := len(c.Spans)
	c.Spans = slices.DeleteFunc(c.Spans, func(p attribute.Span) bool {
		return !s.time(p.First) || !s.owned(&p.Verdict[0], &p.Verdict[1])
	})
	if len(c.Spans) == 0 {
		return false
	}
	if len(c.Spans) < n {
		c.First, c.Last = c.Spans[0].First, c.Spans[0].Last
		for i := range c.Spans {
			c.First, c.Last = min(c.First, c.Spans[i].First), max(c.Last, c.Spans[i].Last)
		}
	}
	return true
}

// loose tells whether packets without a connection count.
func (s *Selection) loose(l *attribute.Loose) bool {
	return s.time(l.Window) && s.owned(&l.Source, &l.Destination)
}

// packet tells whether one packet of time t counts.
func (s *Selection) packet(t int64, source, destination *attribute.Verdict) bool {
	return s.time(t) && s.owned(source, destination)
}
