package owner

import (
	"math"
	"slices"
)

// maxCopies is how many copies of a process are listed as candidates, the
// oldest ones.
const maxCopies = 32

// copies are a process and those that it forked, and they in turn, which never
// executed another program or with other arguments: servers make copies of
// themselves to serve their peers.
type copies struct {
	who      []int32 // ascending, the process itself among them; at most maxCopies and one
	from, to int64   // no copy lived before or after this
}

// findCopies finds the copies of every process that has any.
func (t *Timeline) findCopies() {
	t.copies = map[int32]*copies{}
	for i := len(t.Processes) - 1; i >= 0; i-- { // children began after their parents
		child := int32(i)
		parent, ok := t.Parent(child)
		if !ok || parent >= child || !sameProgram(&t.Processes[parent], &t.Processes[child]) {
			continue
		}
		c := t.copies[parent]
		if c == nil {
			c = &copies{from: math.MaxInt64, to: math.MinInt64}
			t.copies[parent] = c
		}
		c.from, c.to = min(c.from, t.Processes[child].ID.Start), max(c.to, t.ended(child))
		c.who = append(c.who, child)
		if d := t.copies[child]; d != nil {
			c.from, c.to = min(c.from, d.from), max(c.to, d.to)
			c.who = append(c.who, d.who...)
		}
		slices.Sort(c.who)
		if c.who = slices.Compact(c.who); len(c.who) > maxCopies {
			c.who = c.who[:maxCopies]
		}
	}
	for i, c := range t.copies {
		c.who = append([]int32{i}, c.who...)
	}
}

func sameProgram(a, b *Process) bool { return a.Exe == b.Exe && slices.Equal(a.Args, b.Args) }

// ended returns when a process was found to be gone.
func (t *Timeline) ended(i int32) int64 {
	if at, ok := t.exits[t.Processes[i].ID]; ok {
		return at
	}
	return math.MaxInt64
}

// copied returns the copies of a holder of socket i that may have lived while
// it was seen, and the holder.
func (t *Timeline) copied(i int32) []int32 {
	var who []int32
	s := t.Socket(i)
	for _, h := range t.Holds(nil, i) {
		for _, o := range h.Owners {
			c := t.copies[o]
			if c == nil || c.from > s.LastEnd || c.to < s.FirstBegin {
				continue
			}
			if who == nil {
				who = c.who // the list of many sockets, as a rule
			} else if !slices.Equal(who, c.who) {
				who = slices.Concat(who, c.who)
			}
		}
	}
	return who
}
