package attribute

import (
	"fmt"
	"io"
	"sort"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/attribute/spill"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// finder answers for single packets, on a second pass over the capture. It
// follows the packets as the first pass did; the verdicts of each connection
// that begins are the next record.
type finder struct {
	judge       *judge
	connections *Connections
	follower    *conn.Follower
	sweeps      sweeper
	frags       fragments
	records     *spill.Reader
	live        map[int32]*Connection // by instance; of Owners those that are not brief
	briefs      slab.List[brief]      // by instance, of Owners
	tenures     tenures               // of those
	free        []*Connection
	over        []int32
	duplicate   bool // the last packet was
}

func newFinder(j *judge, c *Connections) *finder {
	return &finder{judge: j, connections: c, follower: newFollower(j), sweeps: newSweeper(), live: map[int32]*Connection{}}
}

// Rewind begins a second pass: the packets that Find is given come from the
// beginning again.
func (r *Result) Rewind() { r.find = newFinder(r.find.judge, r.find.connections) }

// Duplicate tells whether the packet that Find was given last was seen on another
// interface before, and counts there.
func (r *Result) Duplicate() bool { return r.find.duplicate }

// Find returns the connection of p, nil where there is none, and the verdict
// for each of its sides. Packets come in the order of the file; the connection
// is valid until the next call. It fails if a temporary file does, or if the
// packets are others than those of the first pass.
func (r *Result) Find(p *packet.Packet) (c *Connection, source, destination Verdict, err error) {
	f := r.find
	i, side, q, ok := f.follow(p)
	if !ok {
		source, destination = f.loose(p)
		return nil, source, destination, nil
	}
	if c, err = f.connection(i, q.Frame); err != nil {
		return nil, source, destination, err
	}
	source, destination = f.at(c, side, q)
	return c, source, destination, nil
}

// follow returns the instance that p is of, its side, and p as it is followed: of a later
// fragment with the ports of the first; false where it is of none.
func (f *finder) follow(p *packet.Packet) (i int32, side flow.Side, q *packet.Packet, ok bool) {
	if clock, due := f.sweeps.due(p.Time); due {
		f.sweep(clock)
	}
	q = f.frags.resolve(p)
	f.duplicate = false
	if q.Class != packet.Transport {
		return 0, 0, q, false
	}
	key, side := q.Tuple.Key(f.judge.log.Namespace(q.Place, &q.Tuple))
	i, f.duplicate = f.follower.Add(q, &key, side)
	return i, side, q, true
}

// loose returns the verdicts for a packet of no connection.
func (f *finder) loose(p *packet.Packet) (source, destination Verdict) {
	loose := looseKeyOf(f.judge.log, p)
	source, destination = f.connections.marker.loose(loose)
	if !quotes(p) {
		return source, destination
	}
	if i, q, ok := quote(f.judge.log, f.follower, p, loose.source); ok && f.live[i] != nil {
		c := f.live[i]
		for n := range c.quotes {
			if v := &c.quotes[n]; v.side == q.side && v.from == q.from && v.source == q.source {
				source, destination = unowned(loose.source, looseWhy[loose.source]), v.verdict
			}
		}
	}
	return source, destination
}

// at returns the verdicts for a packet of c that side sent.
func (f *finder) at(c *Connection, side flow.Side, p *packet.Packet) (source, destination Verdict) {
	n := max(c.segment(p.Time), 0)
	if len(c.parts) > 0 {
		n = findPart(f.judge.log, c.parts, n, p, side)
	}
	if n < 0 {
		none := unowned(Unknown, "the packet was not there on the first pass")
		return none, none
	}
	sender := c.EndOf(side)
	return c.Spans[n].Verdict[sender], c.Spans[n].Verdict[sender.Other()]
}

// segment returns the index of the segment that has time t.
func (c *Connection) segment(t int64) int {
	if len(c.parts) == 0 {
		return sort.Search(len(c.Spans), func(n int) bool { return c.Spans[n].From > t }) - 1
	}
	n := sort.Search(len(c.parts), func(n int) bool { return c.Spans[n].From > t }) - 1
	return c.parts[max(n, 0)].segment
}

// connection returns the connection of instance i, one of whose packets has a
// frame number: it is the next record where that is the first.
func (f *finder) connection(i int32, frame uint64) (*Connection, error) {
	c := f.live[i]
	if c == nil {
		var err error
		if c, err = f.next(frame); err != nil {
			return nil, err
		}
		f.live[i] = c
	}
	return c, nil
}

// next returns the next record, whose connection begins with a frame.
func (f *finder) next(frame uint64) (*Connection, error) {
	if f.records == nil {
		f.records = spill.Merge(f.connections.sorters...)
	}
	c := &Connection{}
	if n := len(f.free); n > 0 {
		c, f.free = f.free[n-1], f.free[:n-1]
	}
	err := f.records.Next(func(_ uint64, record []byte) { f.connections.decode(record, c) })
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("the temporary file for finished connections: %w", err)
	}
	if err == io.EOF || c.ID != frame {
		return nil, fmt.Errorf("packet %d is not what it was on the first pass: the capture changed while it was read", frame)
	}
	return c, nil
}

// sweep forgets the connections that the first pass finished then.
func (f *finder) sweep(clock int64) {
	f.over = over(f.follower, f.judge.log, clock, f.over[:0])
	for _, i := range f.over {
		f.follower.Remove(i)
		if c := f.live[i]; c != nil {
			f.free = append(f.free, c)
			delete(f.live, i)
		}
		if int(i) < f.briefs.Len() {
			b := f.briefs.At(i)
			f.tenures.release(&b.first)
			*b = brief{}
		}
	}
}
