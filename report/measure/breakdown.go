package measure

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/report/table"
)

// holder is a process, or the reason why there is none.
type holder struct {
	process int32 // index into Result.Processes; attribute.NoProcess = none
	reason  attribute.Reason
}

// nobody is the holder of what nobody exchanged.
var nobody = holder{process: attribute.NoProcess, reason: attribute.NumReasons}

func holderOf(v *attribute.Verdict) holder {
	if v.Process != attribute.NoProcess {
		return holder{process: v.Process}
	}
	return holder{attribute.NoProcess, v.Reason}
}

// compare orders processes as the table of processes does, and what has none
// behind them, by reason. place is that of each process.
func (h holder) compare(g holder, place []int32) int {
	switch none := h.process == attribute.NoProcess; {
	case none != (g.process == attribute.NoProcess):
		if none {
			return 1
		}
		return -1
	case none:
		return cmp.Compare(h.reason, g.reason)
	}
	return cmp.Compare(place[h.process], place[g.process])
}

// partKey tells the sums of a Breakdown apart.
type partKey struct {
	part int64 // of time
	holder
}

// partSum is what a holder exchanged in a part of time.
type partSum struct {
	Traffic
	activity activity
	times    *Times // of phases alone; nil = there are none
}

// Breakdown is what every process exchanged in each of several parts of time, and
// what has no process, by reason: for each part the sum of what was sent is its
// packets, and so is that of what was received.
type Breakdown struct {
	sums  map[partKey]*partSum
	parts func(window int64) []int64 // that a window, of which a time is given, belongs to

	measured bool // activity is known

	seen map[partKey]bool // memory of connection: whose connection it was
}

func newBreakdown(parts func(int64) []int64) *Breakdown {
	return &Breakdown{sums: map[partKey]*partSum{}, parts: parts, seen: map[partKey]bool{}}
}

func (s *Breakdown) sum(k partKey) *partSum {
	t := s.sums[k]
	if t == nil {
		t = &partSum{}
		s.sums[k] = t
	}
	return t
}

// exchange books what was sent from one end to another.
func (s *Breakdown) exchange(part int64, from, to *attribute.Verdict, n attribute.Counts) {
	if n != (attribute.Counts{}) {
		s.sum(partKey{part, holderOf(from)}).Sent.Add(n)
		s.sum(partKey{part, holderOf(to)}).Received.Add(n)
	}
}

func (s *Breakdown) connection(c *attribute.Connection) {
	clear(s.seen)
	for i := range c.Spans {
		span := &c.Spans[i]
		client, server := &span.Verdict[attribute.Client], &span.Verdict[attribute.Server]
		for _, part := range s.parts(span.First) {
			s.exchange(part, client, server, span.Sent[attribute.Client])
			s.exchange(part, server, client, span.Sent[attribute.Server])
			s.seen[partKey{part, holderOf(client)}] = true
			s.seen[partKey{part, holderOf(server)}] = true
		}
	}
	for k := range s.seen {
		s.sum(k).Connections++
	}
}

func (s *Breakdown) loose(l *attribute.Loose) {
	for _, part := range s.parts(l.Window) {
		s.exchange(part, &l.Source, &l.Destination, l.Counts)
	}
}

func (s *Breakdown) merge(t *Breakdown) {
	for k, sum := range t.sums {
		mine := s.sum(k)
		mine.add(&sum.Traffic)
		mine.times = mine.times.merge(sum.times)
	}
}

// sorted returns the keys in the order of the tables.
func (s *Breakdown) sorted(processes Processes) []partKey {
	place := processes.places()
	return slices.SortedFunc(maps.Keys(s.sums), func(a, b partKey) int {
		return cmp.Or(cmp.Compare(a.part, b.part), a.compare(b.holder, place))
	})
}

// timesOf books what was measured of c, by windows, for whoever is at its ends.
func (s *Breakdown) timesOf(c *attribute.Connection, ends [2]holder) {
	c.Divide(func(at int64, m *tcp.Measures, turns *turn.Measures) {
		if !hasTimes(m, turns) {
			return
		}
		for end, h := range ends {
			for _, part := range s.parts(at) {
				sum := s.sum(partKey{part, h})
				sum.times = sum.times.add(m, turns, attribute.End(end), false)
			}
		}
	})
}

// appendSum appends whose sum it is, and the sum.
func (s *Breakdown) appendSum(b *table.Batch, processes Processes, k partKey) {
	h, sum := k.holder, &partSum{}
	var id, start int64
	name, reason := "", ""
	if h != nobody {
		sum = s.sums[k]
	}
	switch {
	case h == nobody:
	case h.process == attribute.NoProcess:
		reason = h.reason.String()
	default:
		p := &processes[h.process]
		id, start, name = int64(p.ID.PID), p.ID.Start, p.Name
	}
	b.IntIf("pid", id, h.process != attribute.NoProcess)
	b.IntIf("start_ns", start, start != 0)
	b.TextIf("name", name)
	b.TextIf("reason", reason)
	appendTraffic(b, "", &sum.Traffic)
	b.IntIf("busy_ns", sum.Busy, s.measured)
}
