package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Owner is what a Verdict says, without its evidence.
type Owner struct {
	Process int32 // NoProcess where there is none
	Reason  Reason
}

// brief is what Owners keeps of a live connection: little, and no pointers.
type brief struct {
	id    uint64 // 0 = there is none
	whole bool   // marks or ICMP errors matter, or owners change often: finder.live has it
	first tenure // in which its owners are the same; valid iff not whole
}

// tenure is a part of a connection in which its owners are the same: as long as spans of the
// same owners follow each other.
type tenure struct {
	owner [2]Owner // by side of its key
	until int64    // the next begins, Unix nanoseconds; valid iff there is one
	next  int32    // 1 + index in tenures; 0 = it is the last
}

// maxTenures is how many are looked through one after the other.
const maxTenures = 8

// tenures are those behind the first of each connection.
type tenures struct {
	all  slab.List[tenure]
	free int32 // 1 + index of one that is free, which names the next; 0 = none
}

// add appends one behind s.
func (l *tenures) add(s *tenure, from int64, owner [2]Owner) *tenure {
	i := l.free - 1
	if i < 0 {
		i = l.all.Add()
	} else {
		l.free = l.all.At(i).next
	}
	s.until, s.next = from, i+1
	next := l.all.At(i)
	*next = tenure{owner: owner}
	return next
}

// release frees those behind the first, which has none then.
func (l *tenures) release(first *tenure) {
	if first.next == 0 {
		return
	}
	last := l.all.At(first.next - 1)
	for last.next != 0 {
		last = l.all.At(last.next - 1)
	}
	l.free, last.next, first.next = first.next, l.free, 0
}

// at returns the tenure of time t.
func (l *tenures) at(first *tenure, t int64) *tenure {
	s := first
	for s.next != 0 && t >= s.until {
		s = l.all.At(s.next - 1)
	}
	return s
}

// Owners tells of p as Find does, but no more than the ID of its connection, 0 where there
// is none, and who the sides were: it takes little memory for live connections. A pass
// is made with the one or the other.
func (r *Result) Owners(p *packet.Packet) (connection uint64, source, destination Owner, err error) {
	f := r.find
	i, side, q, ok := f.follow(p)
	if !ok {
		from, to := f.loose(p)
		return 0, from.Owner(), to.Owner(), nil
	}
	b, err := f.brief(i, q.Frame)
	if err != nil {
		return 0, source, destination, err
	}
	if b.whole {
		from, to := f.at(f.live[i], side, q)
		return b.id, from.Owner(), to.Owner(), nil
	}
	s := f.tenures.at(&b.first, q.Time)
	return b.id, s.owner[side], s.owner[side.Other()], nil
}

// Prepare asks for what Owners and Find need for the next packets; more than conn.Group of
// them do not help.
func (r *Result) Prepare(packets []packet.Packet) {
	var hashes [conn.Group]uint64
	n := min(len(packets), conn.Group)
	for i := range packets[:n] {
		hashes[i] = packets[i].Hash
	}
	var instances [conn.Group]int32
	r.find.follower.Seek(hashes[:n])
	r.find.follower.Prepare(hashes[:n], instances[:n])
}

// brief returns what is kept of instance i, one of whose packets has a frame number.
func (f *finder) brief(i int32, frame uint64) (*brief, error) {
	for f.briefs.Len() <= int(i) {
		f.briefs.Add()
	}
	b := f.briefs.At(i)
	if b.id != 0 {
		return b, nil
	}
	c, err := f.next(frame)
	if err != nil {
		return nil, err
	}
	b.id = c.ID
	if b.whole = len(c.parts) > 0 || len(c.quotes) > 0 || !f.tenures.take(&b.first, c); b.whole {
		f.live[i] = c
	} else {
		f.free = append(f.free, c)
	}
	return b, nil
}

// take makes tenures of c's spans, and tells whether there are few enough.
func (l *tenures) take(first *tenure, c *Connection) bool {
	*first = tenure{owner: c.owners(0)}
	last, n := first, 1
	for i := range c.Spans {
		owner := c.owners(i)
		if owner == last.owner {
			continue
		}
		if n++; n > maxTenures {
			l.release(first)
			return false
		}
		last = l.add(last, c.Spans[i].From, owner)
	}
	return true
}

// owners returns who the sides of c's key are in a span.
func (c *Connection) owners(span int) (owner [2]Owner) {
	for e, side := range c.sides() {
		owner[side] = c.Spans[span].Verdict[e].Owner()
	}
	return owner
}

// Owner returns v without its evidence.
func (v *Verdict) Owner() Owner { return Owner{v.Process, v.Reason} }
