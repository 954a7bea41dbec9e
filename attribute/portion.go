package attribute

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
)

// Portion is what was measured of a connection in one of the windows between
// Windows.Bounds. What is told of a connection as a whole it does not have.
type Portion struct {
	From        int64 // where the window begins, Unix nanoseconds; as far in the past as there is
	First, Last int64 // packets, of those that are later than all before in the file; Last < First = none is
	Measures    tcp.Measures
	Turns       turn.Measures
}

// noPackets are First and Last of no packets.
var noPackets = Portion{First: 0, Last: -1}

// add adds what is later in the same file. It may share memory with o then.
func (p *Portion) add(o *Portion) {
	p.Measures.Add(&o.Measures)
	p.Turns.Add(&o.Turns)
	switch {
	case o.Last < o.First:
		return
	case p.Last < p.First:
		p.First = o.First
	default:
		p.Turns.Between(o.First - p.Last)
	}
	p.Last = o.Last
}

// cross takes connection n out of its window, and into that of time t.
func (m *measurer) cross(n int32, t int64) {
	var counted tcp.Measures
	if of := m.of[n]; of != 0 {
		counted = m.segments.Cut(of)
	}
	e := m.earlier[n]
	e.record = m.portion(e.record, n, t, &counted)
	if len(e.record) >= max(minFold, e.fold) {
		e.record = fold(e.record)
		e.fold = 2 * len(e.record)
	}
	m.earlier[n] = e
	m.window[n] = m.windows.number(t)
}

// earlier are the Portions of a connection that left a window.
type earlier struct {
	record []byte
	fold   int // as long it is folded again
}

var minFold = 64 << 10 // bytes, before a record of Portions is folded; tests fold more

// fold makes one Portion of all of a window, so that a clock that goes to and fro over a
// bound does not make more than there are windows. What was missing in one of them and
// comes later is then taken off in the order of windows, not of the file.
func fold(b []byte) (folded []byte) {
	list := portionsOf(b)
	tcp.SettleEarlier(measuresOf(list))
	list = byWindow(list)
	for i := range list {
		folded = list[i].append(folded)
	}
	return folded
}

// portionsOf returns those of a record.
func portionsOf(b []byte) (list []Portion) {
	for r := (record{b: b}); len(r.b) > 0; {
		list = append(list, Portion{})
		r.portion(&list[len(list)-1])
	}
	return list
}

func measuresOf(list []Portion) (parts []*tcp.Measures) {
	for i := range list {
		parts = append(parts, &list[i].Measures)
	}
	return parts
}

// byWindow orders portions, which are in the order of the file, by their windows, and makes
// one of those of each.
func byWindow(list []Portion) (windows []Portion) {
	order := make([]*Portion, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortStableFunc(order, func(a, b *Portion) int { return cmp.Compare(a.From, b.From) })
	for _, p := range order {
		if n := len(windows) - 1; n >= 0 && windows[n].From == p.From {
			windows[n].add(p)
		} else {
			windows = append(windows, *p)
		}
	}
	return windows
}

// portion appends what was measured of connection n in its window, and of segments was
// counted, to a record. What comes has time t.
func (m *measurer) portion(b []byte, n int32, t int64, counted *tcp.Measures) []byte {
	w := m.window[n]
	p := Portion{From: m.windows.from(w), Measures: tcp.Measures{Known: counted.Known}}
	p.Measures.Add(counted)
	p.Turns, p.First, p.Last = m.turns.Cut(n, t)
	if !m.windows.contains(w, p.First) {
		p.First, p.Last = noPackets.First, noPackets.Last
	}
	return p.append(b)
}

// join makes Portions of those of a record, which are in the order of the file, and makes
// Measures and Turns, which End gave, the sum of them.
func (c *Connection) join(b []byte) {
	list := portionsOf(b)
	tcp.Settle(measuresOf(list))
	c.Portions = append(c.Portions, byWindow(list)...)
	whole := c.Turns // has what is between the portions
	c.addUp()
	whole.Wait = c.Turns.Wait
	c.Turns = whole
}

// append appends a portion to a record, for read.
func (p *Portion) append(b []byte) []byte {
	b = appendTime(b, p.From, 0)
	b = binary.AppendVarint(binary.AppendVarint(b, p.First), p.Last-p.First)
	for side := range p.Measures.Sent {
		b = binary.AppendUvarint(b, uint64(p.Measures.Sent[side].Late))
	}
	return p.Turns.Append(p.Measures.Append(b))
}

// portion reads what append wrote, with whose memory p shares buckets.
func (r *record) portion(p *Portion) {
	*p = Portion{From: r.time(0), First: r.int()}
	p.Last = p.First + r.int()
	late := [2]int64{int64(r.uint()), int64(r.uint())}
	r.b = p.Turns.Read(p.Measures.Read(r.b))
	p.Measures.Sent[0].Late, p.Measures.Sent[1].Late = late[0], late[1]
}

// portion returns which of the Portions of c, of which there are some, a span is of.
func (c *Connection) portion(s *Span) int {
	i, _ := slices.BinarySearchFunc(c.Portions, s.First, func(p Portion, t int64) int {
		if p.From <= t {
			return -1
		}
		return 1
	})
	return i - 1
}

// Trim makes Portions, Measures and Turns those of the windows that c's spans are of, when
// all of some windows were taken out.
func (c *Connection) Trim() {
	if len(c.Portions) == 0 || len(c.Spans) == 0 {
		return
	}
	kept := make([]bool, len(c.Portions))
	for i := range c.Spans {
		kept[c.portion(&c.Spans[i])] = true
	}
	if !slices.Contains(kept, false) {
		return
	}
	i := -1
	c.Portions = slices.DeleteFunc(c.Portions, func(Portion) bool { i++; return !kept[i] })
	c.addUp()
	first, last := c.Spans[0].First, c.Spans[0].Last
	for i := range c.Spans {
		first, last = min(first, c.Spans[i].First), max(last, c.Spans[i].Last)
	}
	c.Turns.Idle = max(last-first-c.Turns.Busy, 0)
	for end, sent := range c.Sum() {
		if sent.Packets == 0 {
			c.Measures.Sent[end].WindowMax = tcp.Unknown
		}
	}
}

// addUp makes what adds up in Measures and Turns the sum of Portions.
func (c *Connection) addUp() {
	c.Measures.Forget()
	c.Turns.Forget()
	sum := noPackets
	sum.Measures, sum.Turns = c.Measures, c.Turns
	for i := range c.Portions {
		sum.add(&c.Portions[i])
	}
	c.Measures, c.Turns = sum.Measures, sum.Turns
}

// Divide calls f with a time in each window, and with what was measured in it. Where
// nothing divides c, that is all.
func (c *Connection) Divide(f func(int64, *tcp.Measures, *turn.Measures)) {
	if len(c.Portions) == 0 {
		f(c.Spans[0].First, &c.Measures, &c.Turns)
		return
	}
	for i := range c.Portions {
		p := &c.Portions[i]
		f(p.From, &p.Measures, &p.Turns)
	}
}
