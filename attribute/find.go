package attribute

import (
	"sort"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// finder answers for single packets, on a second pass over the capture.
type finder struct {
	judge *judge
	frags fragments
	byKey map[flow.Key][]int32 // instances of a key, ordered by ID
}

// Rewind begins a second pass: the packets that Find is given come from the
// beginning again.
func (r *Result) Rewind() { r.find.frags = fragments{} }

// Find returns the connection of p, nil where there is none, and the verdict
// for each of its sides. Packets come in the order of the file.
func (r *Result) Find(p *packet.Packet) (c *Connection, source, destination Verdict) {
	f := &r.find
	log := f.judge.log
	q := f.frags.resolve(p)
	if q.Class == packet.Transport {
		key, side := q.Tuple.Key(log.Namespace(q.Interface))
		if i, ok := f.instance(key, q.Frame); ok {
			return r.span(i, side, q.Time)
		}
	}
	src, dst := looseReasons(log, p)
	source, destination = unowned(src, looseWhy[src]), unowned(dst, looseWhy[dst])
	if key, side, ok := quoted(log, p); ok {
		if i, ok := f.instance(key, p.Frame); ok {
			from, until := f.judge.cut(key, p.Time)
			destination = f.judge.quote(quoteKey{f.judge.instances[i].ID, side, from, until, src})
		}
	}
	return nil, source, destination
}

// span returns connection i and the verdicts for a packet of time t that side sent.
func (r *Result) span(i int32, side flow.Side, t int64) (c *Connection, source, destination Verdict) {
	c = &r.Connections[i]
	in := &r.find.judge.instances[i]
	n := sort.Search(len(in.Segments), func(n int) bool { return in.Segments[n].From > t }) - 1
	if n < 0 {
		none := unowned(Unknown, "the packet was not there on the first pass")
		return c, none, none
	}
	sender := Client
	if in.Key.Endpoint(side) != c.Endpoint[Client] {
		sender = Server
	}
	return c, c.Spans[n].Verdict[sender], c.Spans[n].Verdict[sender.Other()]
}

// instance returns the instance of key that the packet of a frame number
// belongs to: the latest that had begun.
func (f *finder) instance(key flow.Key, frame uint64) (int32, bool) {
	if f.byKey == nil {
		f.byKey = make(map[flow.Key][]int32)
		for i := range f.judge.instances {
			k := f.judge.instances[i].Key
			f.byKey[k] = append(f.byKey[k], int32(i))
		}
	}
	list := f.byKey[key]
	n := sort.Search(len(list), func(n int) bool { return f.judge.instances[list[n]].ID > frame }) - 1
	if n < 0 {
		return 0, false
	}
	return list[n], true
}
