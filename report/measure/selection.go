package measure

import (
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
	// Query is an expression that holds for them; nil = all.
	Query *Query
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
