package attribute

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// What the capture itself says of owners is held against what the rules found
// in the log: see "packet" in docs/attribution.md. The spans of a connection
// of which some packets have marks are divided by them:
//
//	packets        ·  m  ·  ·  m  ·  ·      (m: with a mark about this end)
//	spans of rest  └0┘   └─1──┘  └─2──┘     before the first, between, after the last
//	spans of marks    └────────┘            one for each label

// part is which packets of a segment a span of a divided connection is of.
type part struct {
	segment int
	marked  bool
	label   conn.Label // valid iff marked
	until   uint64     // else: the frame number that ends it; 0 = none
}

// witness is what the marks of a connection say about one of its ends.
type witness struct {
	who         []int32 // the processes that they name, ascending
	unsure      bool    // it may have been another
	voted       bool    // who is the winner of a vote between loose marks
	first, last place   // of the marks about this end; valid iff any
	any         bool
}

// place is where a packet lies between a connection's packets.
type place struct {
	segment int
	frame   uint64
}

func (p place) before(q place) bool {
	return p.segment < q.segment || p.segment == q.segment && p.frame < q.frame
}

// testimony is what the marks of a connection say.
type testimony struct {
	labels  []*conn.Labels // by segment; none is nil
	end     [2]witness
	unclear bool // they speak of both ends, which are of one host: none tells of which
}

// marker holds what a capture says of owners against what the log does, once
// all of both is known. nil is that of captures without marks.
type marker struct {
	log       *owner.Timeline // nil = none
	marks     marks           // whom the capture names
	processes []Process       // of the result
}

// hear gathers what the marks of a connection say, whose spans are segments.
func (m *marker) hear(c *Connection) *testimony {
	t := &testimony{labels: make([]*conn.Labels, len(c.Spans))}
	for n := range c.Spans {
		t.labels[n] = new(conn.Labels)
		if i := slices.IndexFunc(c.labels, func(l conn.Labels) bool { return l.From == c.Spans[n].From }); i >= 0 {
			t.labels[n] = &c.labels[i]
		}
		for end, side := range c.sides() {
			t.end[end].see(n, t.labels[n].Edge[side])
		}
	}
	if t.unclear = t.end[Client].any && t.end[Server].any; t.unclear {
		t.end = [2]witness{}
		return t
	}
	for end, side := range c.sides() {
		t.end[end].believe(m.marks, t.labels, side)
	}
	return t
}

// see notes where the marks about an end begin and end in segment n.
func (w *witness) see(n int, edges [2]conn.Edge) {
	if edges[0].Frame == 0 {
		return
	}
	if !w.any {
		w.any, w.first = true, place{n, edges[0].Frame}
	}
	w.last = place{n, edges[1].Frame}
}

// believe finds whom the marks about an end name. Loose ones count where there
// are no others, and only what the end's process caused itself.
func (w *witness) believe(m marks, labels []*conn.Labels, side flow.Side) {
	votes := map[int32]int64{}
	var all int64
	var runners []int32
	for _, l := range labels {
		for i := range l.List {
			e := &l.List[i]
			if e.About != conn.About(side) {
				continue
			}
			switch by := m.of(e.Mark); {
			case e.Mark == conn.ManyMarks:
				w.unsure = true
			case !by.loose:
				w.who = append(w.who, by.who...)
				w.unsure = w.unsure || len(by.who) > 1
			case e.Sender == side:
				runners = append(runners, by.who...)
				for _, p := range by.who {
					votes[p] += e.Acts
				}
				all += e.Acts
			}
		}
	}
	if len(w.who) == 0 {
		w.who, w.unsure, w.voted = runners, true, true
		if winner, ok := elected(votes, all); ok {
			w.who, w.unsure = []int32{winner}, false
		}
	}
	slices.Sort(w.who)
	w.who = slices.Compact(w.who)
}

// elected returns the one process that has the majority of all votes. A mark
// that does not tell two apart votes for both: then both may have it.
func elected(votes map[int32]int64, all int64) (winner int32, ok bool) {
	for p, n := range votes {
		if n < minVotes || 2*n <= all {
			continue
		}
		if ok {
			return 0, false
		}
		winner, ok = p, true
	}
	return winner, ok
}

// minVotes is how many packets must agree where each of them may be wrong.
const minVotes = 2

// divide divides the spans of c, each a segment's, by the marks of its packets.
func (m *marker) divide(c *Connection) {
	t, sides := m.hear(c), c.sides()
	whole := slices.Clone(c.Spans)
	c.Spans, c.parts = c.Spans[:0], c.parts[:0]
	for n, l := range t.labels {
		var previous uint64
		for _, e := range l.Unlabelled([2]Counts{whole[n].Sent[c.EndOf(flow.Low)], whole[n].Sent[c.EndOf(flow.High)]}) {
			from, to := place{n, previous}, place{n, e.Frame}
			if e.Frame == 0 {
				to.frame = math.MaxUint64
			}
			if e.Before[0].Packets+e.Before[1].Packets > 0 {
				s := whole[n]
				s.Sent = [2]Counts{e.Before[sides[Client]], e.Before[sides[Server]]}
				for end := range s.Verdict {
					s.Verdict[end] = m.rest(s.Verdict[end], &t.end[end], c, End(end), from, to)
				}
				c.Spans, c.parts = append(c.Spans, s), append(c.parts, part{segment: n, until: e.Frame})
			}
			previous = e.Frame
		}
		for i := range l.List {
			e := &l.List[i]
			s := whole[n]
			s.Sent = [2]Counts{}
			s.Sent[c.EndOf(e.Sender)] = e.Counts
			for end, side := range sides {
				first, last := t.extent(whole, n, e.Label)
				rest := m.rest(s.Verdict[end], &t.end[end], c, End(end), first, last)
				s.Verdict[end] = m.named(s.Verdict[end], rest, e.Label, side, t, &t.end[end])
			}
			c.Spans, c.parts = append(c.Spans, s), append(c.parts, part{segment: n, marked: true, label: e.Label})
		}
	}
}

// extent returns where the first and the last packet of a label lie, in segment n
// and those that windows alone divide from it.
func (t *testimony) extent(spans []Span, n int, l conn.Label) (first, last place) {
	for spans[n].continued {
		n--
	}
	for i := n; i < len(spans) && (i == n || spans[i].continued); i++ {
		for k := range t.labels[i].List {
			if e := &t.labels[i].List[k]; e.Label == l {
				if first.frame == 0 {
					first = place{i, e.First}
				}
				last = place{i, e.Last}
			}
		}
	}
	return first, last
}

// rest answers for packets of an end without a mark about it, which lie between
// two places; v is what the log says. They are as those with marks: for TCP from
// the first on, and at the client's end before it too, for others only between
// two of them.
func (m *marker) rest(v Verdict, w *witness, c *Connection, end End, from, to place) Verdict {
	if len(w.who) == 0 || m.log != nil && m.log.Lossy(c.First, c.Last) {
		return v
	}
	before, after := from.before(w.first), w.last.before(to)
	unsure := w.unsure
	if c.Key.Protocol == flow.TCP {
		unsure = unsure || before && (end == Server || !c.begun || m.processes[w.who[0]].ID.Start > c.First)
	} else if before || after {
		return v
	}
	return confront(v, w.who, unsure, Stream)
}

// named answers for packets with a mark; v is what the log says, rest what is
// known of packets without a mark about this end.
func (m *marker) named(v, rest Verdict, l conn.Label, side flow.Side, t *testimony, w *witness) Verdict {
	by := m.marks.of(l.Mark)
	switch {
	case t.unclear || l.About == conn.AboutEither:
		if rest.Reason == Unknown && len(by.who) > 0 && !by.loose {
			return several(by.who, "the capture names the process of one of the two ends, and not of which")
		}
	case l.About != conn.About(side):
	case by.loose:
		if w.voted && !w.unsure && l.Sender == side && slices.Equal(by.who, w.who) {
			return confront(v, by.who, false, Marked)
		}
	case l.Mark == conn.ManyMarks:
		if len(w.who) > 0 {
			return confront(v, w.who, true, Marked)
		}
	case len(by.who) > 0:
		return confront(v, by.who, len(by.who) > 1, Marked)
	}
	return rest
}

// confront holds what the log says, v, against whom the capture names: where
// they contradict each other nobody is named alone. unsure: it may be another.
func confront(v Verdict, who []int32, unsure bool, r Reason) Verdict {
	one := len(who) == 1 && !unsure
	switch {
	case v.Process != NoProcess && len(who) == 1 && who[0] == v.Process:
		return v
	case v.Process != NoProcess:
		return several(append([]int32{v.Process}, who...), "the log names one process, the capture another")
	case one && (v.Reason == Unknown || v.Reason == Ambiguous && slices.Contains(v.Candidates, who[0])):
		return Verdict{Reason: r, Process: who[0], Why: whyMarked[r]}
	case v.Reason == Unknown:
		return several(who, "the capture names processes, and does not tell which it was")
	case v.Reason == Ambiguous:
		return several(slices.Concat(who, v.Candidates), "the log and the capture name several processes")
	case v.Reason == Group:
		group := several(slices.Concat(who, v.Candidates), v.Why)
		group.Reason = Group
		return group
	}
	return several(who, "the capture names a process, where by the log none of this host is expected")
}

// whyMarked words the reasons that rest on marks.
var whyMarked = [NumReasons]string{
	Marked: "the capture itself names it for these packets",
	Stream: "the capture itself names it for other packets of this connection",
}

func several(who []int32, why string) Verdict {
	who = slices.Clone(who)
	slices.Sort(who)
	return Verdict{Reason: Ambiguous, Process: NoProcess, Candidates: slices.Compact(who), Why: why}
}

// findPart returns the index of the part of segment n in which a packet that a
// side sent lies.
func findPart(log *owner.Timeline, parts []part, n int, p *packet.Packet, sender flow.Side) int {
	label := conn.Label{Mark: p.Mark, Sender: sender}
	if p.Mark != 0 {
		label.About = about(log, p, sender)
	}
	many := label
	many.Mark = conn.ManyMarks
	at := -1
	for i, part := range parts {
		switch {
		case part.segment != n:
		case p.Mark != 0 && part.marked && part.label == label:
			return i
		case p.Mark != 0 && part.marked && part.label == many:
			at = i
		case p.Mark == 0 && !part.marked && (p.Frame < part.until || part.until == 0):
			return i
		}
	}
	return at
}

// quoted answers for an end of a connection with marks that an ICMP error is
// for; v is what the log says.
func (m *marker) quoted(v Verdict, c *Connection, side flow.Side) Verdict {
	t := m.hear(c)
	end := c.EndOf(side)
	return m.rest(v, &t.end[end], c, end, place{-1, 0}, place{len(t.labels), 0})
}
