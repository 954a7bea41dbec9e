package conn

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Segment is a stretch of an instance in which nothing that is known about
// its owners changes.
type Segment struct {
	From, Until int64     // half-open interval of time, as Evidence gave it
	First, Last int64     // earliest and latest packet in it
	Sent        [2]Counts // by flow.Side
}

// segments keeps the closed segments of all instances: those of one are a
// list, the latest first. References are an index and one, 0 refers to none.
type segments struct {
	all  slab.List[closedSegment]
	free int32 // list of those that are free
}

type closedSegment struct {
	Segment
	earlier int32 // in time
}

func (s *segments) at(n int32) *closedSegment {
	return s.all.At(n - 1)
}

// insert puts a segment into a list and returns the list.
func (s *segments) insert(list int32, g *Segment) int32 {
	place := &list
	for *place != 0 && s.at(*place).From > g.From {
		place = &s.at(*place).earlier
	}
	n := s.place()
	*s.at(n) = closedSegment{*g, *place}
	*place = n
	return list
}

// take takes the segment that begins at from out of a list, if it is there.
func (s *segments) take(list *int32, from int64) (g Segment, ok bool) {
	place := list
	for *place != 0 && s.at(*place).From > from {
		place = &s.at(*place).earlier
	}
	n := *place
	if n == 0 || s.at(n).From != from {
		return g, false
	}
	g, *place = s.at(n).Segment, s.at(n).earlier
	s.at(n).earlier, s.free = s.free, n
	return g, true
}

// place returns a free segment.
func (s *segments) place() int32 {
	if n := s.free; n != 0 {
		s.free = s.at(n).earlier
		return n
	}
	return s.all.Add() + 1
}

// release frees a list.
func (s *segments) release(list int32) {
	for n := list; n != 0; {
		c := s.at(n)
		n, c.earlier, s.free = c.earlier, s.free, n
	}
}

// turn makes the segment of time t the open one.
func (f *Follower) turn(in *Instance, t int64) {
	from, until := int64(math.MinInt64), int64(math.MaxInt64)
	if f.evidence != nil {
		from, until = f.evidence.Cut(in.Number, &in.Key, t)
	}
	if in.from <= in.until { // not the first
		g := in.segment()
		in.closed = f.segments.insert(in.closed, &g)
		if g, ok := f.segments.take(&in.closed, from); ok {
			in.from, in.until, in.first, in.last, in.sent = g.From, g.Until, g.First, g.Last, g.Sent
			return
		}
	}
	in.from, in.until, in.first, in.last, in.sent = from, until, t, t, [2]Counts{}
}

// segment returns the open segment.
func (in *Instance) segment() Segment {
	return Segment{From: in.from, Until: in.until, First: in.first, Last: in.last, Sent: in.sent}
}

// Prefetch asks for what Segments needs of an instance.
func (f *Follower) Prefetch(in *Instance) {
	if in.closed != 0 {
		f.segments.all.Prefetch(in.closed - 1)
	}
}

// Segments appends the segments of an instance to buf, in order of From.
func (f *Follower) Segments(in *Instance, buf []Segment) []Segment {
	begin := len(buf)
	open := true // still to be put in its place
	for n := in.closed; n != 0; n = f.segments.at(n).earlier {
		if g := f.segments.at(n); open && g.From < in.from {
			buf, open = append(buf, in.segment(), g.Segment), false
		} else {
			buf = append(buf, g.Segment)
		}
	}
	if open {
		buf = append(buf, in.segment())
	}
	slices.Reverse(buf[begin:])
	return buf
}

// First returns the earliest packet time of an instance, Unix nanoseconds.
func (f *Follower) First(in *Instance) int64 {
	first := in.first
	for n := in.closed; n != 0; n = f.segments.at(n).earlier {
		first = min(first, f.segments.at(n).First)
	}
	return first
}

// Sent returns what each side of an instance sent, over all segments.
func (f *Follower) Sent(in *Instance) (sent [2]Counts) {
	sent = in.sent
	for n := in.closed; n != 0; n = f.segments.at(n).earlier {
		g := f.segments.at(n)
		sent[flow.Low].Add(g.Sent[flow.Low])
		sent[flow.High].Add(g.Sent[flow.High])
	}
	return sent
}
