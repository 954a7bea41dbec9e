package owner

import (
	"encoding/binary"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Hold says that these processes, and no others that could be seen, held a
// socket at every moment from From to To. To = From-1 when it was seen once.
type Hold struct {
	From, To int64
	Owners   []int32 // indexes into Timeline.Processes, ascending; empty only if Partial; the timeline's
	Partial  bool    // processes that could not be seen may have held it too
	Slack    int64   // width of the widest sighting that From and To rest on, nanoseconds
	Opener   bool    // the kernel told that nobody used the socket before
}

// Owner returns the process that alone held the socket, if one did.
func (h *Hold) Owner() (int32, bool) {
	if len(h.Owners) != 1 || h.Partial {
		return 0, false
	}
	return h.Owners[0], true
}

// Holds appends the holds of socket i to buf: ordered by From; none without
// owners, unless it is Partial.
func (t *Timeline) Holds(buf []Hold, i int32) []Hold {
	s := t.Socket(i)
	if s.owners == changed {
		return append(buf, t.holds[i]...)
	}
	if s.owners == nobody && !s.partial {
		return buf
	}
	h := hold(s.first(), s.last(), t.sets[s.owners], s.partial)
	h.Opener = s.told
	return append(buf, h)
}

// first and last return the sightings of a sealed socket.
func (s *Socket) first() window { return window{s.FirstBegin, s.FirstEnd} }
func (s *Socket) last() window  { return window{s.LastBegin, s.LastEnd} }

// held returns what two sightings bound: To = From-1 where they are one.
func held(first, last window) (from, to int64) { return first.end, max(last.begin, first.end-1) }

// hold returns what is held from one sighting to another.
func hold(first, last window, owners []int32, partial bool) Hold {
	h := Hold{Owners: owners, Partial: partial, Slack: max(first.end-first.begin, last.end-last.begin)}
	h.From, h.To = held(first, last)
	return h
}

// change is one owner list and when it was found.
type change struct {
	at      int64 // sighted with these owners
	former  int64 // last sighted with those before
	owners  set
	partial bool
	prompt  bool // both are instants: see recording.sighted
}

// change notes that others hold socket i.
func (t *Timeline) change(i int32, c change) {
	s := t.Socket(i)
	if s.owners != changed {
		t.changes[i] = []change{{s.FirstBegin, s.FirstBegin, s.owners, s.partial, s.is&promptFirst != 0}}
		s.owners = changed
	}
	t.changes[i] = append(t.changes[i], c)
}

// sealHolds makes the holds of a socket whose owners changed and which was
// last seen at a time.
func (t *Timeline) sealHolds(i int32, s *Socket, last window) {
	if s.owners != changed {
		return
	}
	r, list := &t.recordings[s.recording], fromBeginning(s, t.changes[i])
	var holds []Hold
	for n, c := range list {
		if c.owners == nobody && !c.partial {
			continue
		}
		end := last
		if n+1 < len(list) {
			end = r.sighted(list[n+1].former, list[n+1].prompt)
		}
		h := hold(r.sighted(c.at, c.prompt), end, t.sets[c.owners], c.partial)
		h.Opener = s.told && n == 0
		holds = append(holds, h)
	}
	if s.uses && (s.connected || !t.binding(i).listening) {
		doubt(holds)
	}
	t.holds[i] = holds
}

// doubt makes those who used a socket later holders before, too: what arrived
// while one used it may have waited for the next. What was sent is in the same
// stretch of time, mostly.
func doubt(holds []Hold) {
	for n := len(holds) - 2; n >= 0; n-- {
		h, next := &holds[n], &holds[n+1]
		h.Partial = h.Partial || next.Partial
		if all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(h.Owners, next.Owners)))); slices.Equal(all, next.Owners) {
			h.Owners = next.Owners // of many, one list
		} else {
			h.Owners = all
		}
	}
}

// fromBeginning returns the changes of a socket such that its first user has it
// from its beginning, where it is told that nobody used it before: what came
// meanwhile waited for that one.
func fromBeginning(s *Socket, list []change) []change {
	first, next := list[0], list[1]
	if !s.unused || next.former > first.at && (first.owners != nobody || first.partial) {
		return list
	}
	next.at = first.at
	return append([]change{next}, list[2:]...)
}

// set names a list of owners: millions of sockets have few different ones. It
// is an index into Timeline.sets.
type set int32

const (
	changed set = -1 // not one list
	nobody  set = 0
)

// setOf returns the set of some processes.
func (t *Timeline) setOf(ids []connlog.ProcessID) set {
	switch len(ids) {
	case 0:
		return nobody
	case 1:
		p := t.processIndex(ids[0])
		for len(t.alone) <= int(p) {
			t.alone = append(t.alone, nobody)
		}
		if t.alone[p] == nobody {
			t.alone[p] = t.newSet([]int32{p})
		}
		return t.alone[p]
	}
	list, name := make([]int32, len(ids)), make([]byte, 0, 64)
	for n, id := range ids {
		list[n] = t.processIndex(id)
		name = binary.NativeEndian.AppendUint32(name, uint32(list[n]))
	}
	n, ok := t.several[string(name)]
	if !ok {
		n = t.newSet(list)
		t.several[string(name)] = n
	}
	return n
}

func (t *Timeline) newSet(list []int32) set {
	t.sets = append(t.sets, list)
	return set(len(t.sets) - 1)
}

// sortSets brings the sets to the processes' final order.
func (t *Timeline) sortSets(place []int32) {
	for n, list := range t.sets {
		for i, p := range list {
			list[i] = place[p]
		}
		slices.Sort(list)
		t.sets[n] = slices.Compact(list)
	}
}
