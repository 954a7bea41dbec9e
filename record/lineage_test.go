package record

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// family makes a roster of processes, whose PIDs are their numbers. Each is
// "PID parent round", in which it was first seen.
func family(members ...[3]int) *roster {
	r := &roster{living: map[int32]*resident{}, lineage: lineage{}}
	for _, m := range members {
		p := &resident{first: uint64(m[2])}
		p.ID, p.Parent, p.UID = who(int32(m[0]))[0], who(int32(m[1]))[0], -1
		r.living[int32(m[0])] = p
		r.lineage[p.ID] = descent{p.Parent, p.first}
	}
	return r
}

func all(*sighting) bool { return false }

// TestPartial tells which sockets may have more holders than those seen. The
// socket is opened in or after the round since+1; all processes but the holder
// count.
func TestPartial(t *testing.T) {
	command := [][3]int{{10, 1, 1}, {20, 10, 2}, {30, 20, 3}, {31, 20, 3}, {40, 30, 6}}
	for name, c := range map[string]struct {
		members [][3]int
		holder  int32
		since   uint64
		change  func(r *roster)
		want    bool
	}{
		"alone":                                            {[][3]int{{10, 1, 1}}, 10, 0, nil, false},
		"strangers, both of the first process":             {[][3]int{{10, 1, 1}, {11, 1, 1}}, 10, 0, nil, false},
		"strangers, one of the kernel's":                   {[][3]int{{10, 2, 1}, {11, 2, 1}}, 10, 0, nil, false},
		"a snapshot, and any relative":                     {[][3]int{{10, 1, 1}, {11, 10, 1}, {12, 10, 1}}, 12, 0, nil, true},
		"a child that began later":                         {command, 30, 5, nil, true},
		"a child that began before":                        {command, 30, 6, nil, false},
		"a grandchild, by an older child":                  {[][3]int{{10, 1, 1}, {11, 10, 2}, {12, 11, 9}}, 10, 5, nil, false},
		"a grandchild, by a younger child":                 {[][3]int{{10, 1, 1}, {11, 10, 6}, {12, 11, 9}}, 10, 5, nil, true},
		"siblings that began before":                       {command, 31, 3, nil, false},
		"siblings that began after, as the holder did":     {command, 31, 2, nil, true},
		"a sibling after, the holder before":               {[][3]int{{10, 1, 1}, {11, 10, 2}, {12, 10, 9}}, 11, 5, nil, false},
		"the parent, of a holder that began after":         {[][3]int{{10, 1, 1}, {11, 10, 6}}, 11, 5, nil, true},
		"the parent, of a holder that began before":        {[][3]int{{10, 1, 1}, {11, 10, 5}}, 11, 5, nil, false},
		"a grandchild whose parent went":                   {[][3]int{{10, 1, 1}, {11, 10, 6}, {12, 11, 6}}, 10, 5, func(r *roster) { delete(r.living, 11) }, true},
		"the child went":                                   {[][3]int{{10, 1, 1}, {11, 10, 6}}, 10, 5, func(r *roster) { delete(r.living, 11) }, false},
		"a cousin":                                         {[][3]int{{10, 1, 1}, {11, 10, 6}, {12, 10, 6}, {21, 11, 6}, {22, 12, 7}}, 21, 5, func(r *roster) { delete(r.living, 10); delete(r.living, 11); delete(r.living, 12) }, true},
		"a cousin by an older uncle":                       {[][3]int{{10, 1, 1}, {11, 10, 6}, {12, 10, 5}, {21, 11, 6}, {22, 12, 7}}, 21, 5, func(r *roster) { delete(r.living, 10); delete(r.living, 11); delete(r.living, 12) }, false},
		"adopted before it was seen":                       {[][3]int{{10, 1, 1}, {11, 1, 6}}, 10, 5, func(r *roster) { r.living[11].adopted = true }, true},
		"adopted, of another control group":                {[][3]int{{10, 1, 1}, {11, 1, 6}}, 10, 5, func(r *roster) { r.living[11].adopted, r.living[11].Cgroup = true, "/b" }, false},
		"adopted, of another network namespace":            {[][3]int{{10, 1, 1}, {11, 1, 6}}, 10, 5, func(r *roster) { r.living[11].adopted, r.living[11].Namespace = true, 5 }, false},
		"adopted before the socket":                        {[][3]int{{10, 1, 1}, {11, 1, 5}}, 10, 5, func(r *roster) { r.living[11].adopted = true }, false},
		"an adopted holder":                                {[][3]int{{10, 1, 6}, {11, 1, 1}}, 10, 5, func(r *roster) { r.living[10].adopted = true }, true},
		"an adopted holder that began before":              {[][3]int{{10, 1, 5}, {11, 1, 1}}, 10, 5, func(r *roster) { r.living[10].adopted = true }, false},
		"a circle, as two clocks may make one of a family": {[][3]int{{10, 11, 1}, {11, 10, 1}, {12, 1, 1}}, 10, 0, func(r *roster) { delete(r.living, 11) }, false},
	} {
		r := family(c.members...)
		if c.change != nil {
			c.change(r)
		}
		s := []sighting{{ID: 1, Owners: who(c.holder)}, {ID: 2}}
		var b births
		b.partial(r, s, c.since, all, func(question, *resident) bool { return true })
		if s[0].Partial != c.want || s[1].Partial {
			t.Errorf("%s: partial %v, want %v; without an owner: %v", name, s[0].Partial, c.want, s[1].Partial)
		}
		none := []sighting{{ID: 1, Owners: who(c.holder)}}
		var nobody births
		if nobody.partial(r, none, c.since, all, func(question, *resident) bool { return false }); none[0].Partial {
			t.Errorf("%s: partial where nobody counts", name)
		}
	}
}

// TestPartialOverTime keeps the round in which a socket was first seen, and
// asks again when a process comes or goes.
func TestPartialOverTime(t *testing.T) {
	r := family([3]int{10, 1, 1})
	var b births
	look := func(since uint64, ids ...uint64) (marks []bool) {
		var list []sighting
		for _, id := range ids {
			list = append(list, sighting{ID: id, Owners: who(10)})
		}
		b.partial(r, list, since, all, func(question, *resident) bool { return true })
		for _, s := range list {
			marks = append(marks, s.Partial)
		}
		return marks
	}
	check := func(what string, got []bool, want ...bool) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("alone", look(5, 7), false)
	fork := family([3]int{11, 10, 9})
	r.living[11], r.lineage[who(11)[0]] = fork.living[11], fork.lineage[who(11)[0]]
	r.version++
	check("it forked after", look(9, 7, 8), true, false)
	check("the ids are used again", look(9, 8), false)
	check("and that one is new", look(9, 7, 8), false, false)
	delete(r.living, 11)
	r.version++
	check("the child went", look(10, 7), false)
}

// TestLineageIsBounded forgets the dead who are nobody's ancestors.
func TestLineageIsBounded(t *testing.T) {
	r := family([3]int{10, 1, 1}, [3]int{11, 10, 1}, [3]int{12, 11, 1})
	delete(r.living, 11)
	for i := range 5000 {
		r.lineage[connlog.ProcessID{PID: 99, Start: int64(i)}] = descent{who(10)[0], 1}
		r.lineage.prune(r.living)
	}
	if n := len(r.lineage); n > 1100 {
		t.Errorf("%d processes are remembered", n)
	}
	if _, ok := r.lineage.mayShare(who(10)[0], who(12)[0]); !ok {
		t.Error(fmt.Sprint("the dead parent of a living process is forgotten: ", len(r.lineage)))
	}
}
