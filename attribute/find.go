package attribute

import (
	"sort"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// cached is how many connections a finder remembers the verdicts of: packets
// come from those that live at one time.
const cached = 1 << 12

// finder answers for single packets, on a second pass over the capture.
type finder struct {
	hearing hearing
	frags   fragments
	reused  map[flow.Key][]ref // instances of keys that have several, ordered by ID
	cache   []remembered       // by place in the order, around
}

type remembered struct {
	ref        ref
	known      bool
	connection Connection
	from       []int64 // where the intervals of its segments begin
	parts      []part  // what its spans are of, where they are divided by marks; else each is a segment's
}

// Rewind begins a second pass: the packets that Find is given come from the
// beginning again.
func (r *Result) Rewind() { r.find.frags = fragments{} }

// Find returns the connection of p, nil where there is none, and the verdict
// for each of its sides. Packets come in the order of the file; the connection
// is valid until the next call.
func (r *Result) Find(p *packet.Packet) (c *Connection, source, destination Verdict) {
	f := &r.find
	log := f.hearing.log
	q := f.frags.resolve(p)
	if q.Class == packet.Transport {
		key, side := q.Tuple.Key(log.Namespace(q.Interface))
		if i, ok := f.instance(key, q.Frame); ok {
			return f.span(i, side, q)
		}
	}
	loose := looseKeyOf(log, p)
	source, destination = f.hearing.verdicts(loose)
	if key, side, ok := quoted(log, p); ok {
		if i, ok := f.instance(key, p.Frame); ok {
			from, until := f.hearing.cut(key, p.Time)
			source = unowned(loose.source, looseWhy[loose.source])
			destination = f.hearing.quote(quoteKey{f.hearing.instance(i).ID, side, from, until, loose.source})
		}
	}
	return nil, source, destination
}

// span returns connection i and the verdicts for a packet of it that side sent.
func (f *finder) span(i ref, side flow.Side, p *packet.Packet) (c *Connection, source, destination Verdict) {
	m := f.recall(i)
	c = &m.connection
	n := sort.Search(len(m.from), func(n int) bool { return m.from[n] > p.Time }) - 1
	if len(m.parts) > 0 {
		n = f.hearing.findPart(m.parts, n, p, side)
	}
	if n < 0 {
		none := unowned(Unknown, "the packet was not there on the first pass")
		return c, none, none
	}
	sender := Client
	if c.Key.Endpoint(side) != c.Endpoint[Client] {
		sender = Server
	}
	return c, c.Spans[n].Verdict[sender], c.Spans[n].Verdict[sender.Other()]
}

// recall returns the verdicts of connection i, judged when they are not
// remembered.
func (f *finder) recall(i ref) *remembered {
	if f.cache == nil {
		f.cache = make([]remembered, cached)
	}
	m := &f.cache[(int(i.index)*len(f.hearing.followers)+int(i.follower))%cached]
	if m.known && m.ref == i {
		return m
	}
	m.ref, m.known, m.from = i, true, m.from[:0]
	f.hearing.connection(i, &m.connection)
	for _, s := range f.hearing.segments {
		m.from = append(m.from, s.From)
	}
	m.parts = append(m.parts[:0], f.hearing.parts...)
	return m
}

// instance returns the instance of key that the packet of a frame number
// belongs to: the latest that had begun.
func (f *finder) instance(key flow.Key, frame uint64) (ref, bool) {
	j := f.hearing.judge
	n := int32(ingest.Share(key.Hash(), len(j.followers)))
	latest, ok := j.followers[n].Latest(key)
	r := ref{n, latest}
	if !ok {
		return r, false
	}
	if in := j.instance(r); in.Alone() || in.ID <= frame {
		return r, in.ID <= frame
	}
	if f.reused == nil {
		f.index()
	}
	list := f.reused[key]
	at := sort.Search(len(list), func(i int) bool { return j.instance(list[i]).ID > frame }) - 1
	if at < 0 {
		return r, false
	}
	return list[at], true
}

// index lists the instances of keys that have several.
func (f *finder) index() {
	j := f.hearing.judge
	f.reused = map[flow.Key][]ref{}
	for _, r := range j.order {
		if in := j.instance(r); !in.Alone() {
			f.reused[in.Key] = append(f.reused[in.Key], r)
		}
	}
}
