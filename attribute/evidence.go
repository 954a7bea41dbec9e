package attribute

import (
	"cmp"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// chain is all instances of one key, in their order.
type chain struct {
	refs  []ref
	in    []*conn.Instance
	first []int64 // times of their first packets
}

// assign gives every TCP socket of the log to the one connection instance it
// was the end of, so that a reused five-tuple never inherits an owner: here for
// keys that were reused; an instance that is alone needs no list.
func (j *judge) assign(n int32, f *conn.Follower) {
	for i := range int32(f.Len()) {
		in := f.Instance(i)
		if in.Key.Protocol != flow.TCP || in.Succeeded() || in.Previous < 0 {
			continue
		}
		low, high := j.log.Connected(in.Key, flow.Low), j.log.Connected(in.Key, flow.High)
		if len(low)+len(high) == 0 {
			continue
		}
		c := chainOf(n, f, i)
		for side, sockets := range [2][]int32{low, high} {
			for _, s := range sockets {
				if at, ok := c.instanceOf(&j.log.Sockets[s]); ok {
					r := c.refs[at]
					if j.assigned[r] == nil {
						j.assigned[r] = new([2][]int32)
					}
					j.assigned[r][side] = append(j.assigned[r][side], s)
				}
			}
		}
	}
}

// assignedTo returns those of a key's sockets of one side that belong to
// instance r.
func (h *hearing) assignedTo(r ref, in *conn.Instance, side flow.Side, sockets []int32) []int32 {
	if !in.Alone() {
		if a := h.assigned[r]; a != nil {
			return a[side]
		}
		return nil
	}
	c := &h.alone
	c.in, c.first = append(c.in[:0], in), append(c.first[:0], h.followers[r.follower].First(in))
	h.sockets = h.sockets[:0]
	for _, s := range sockets {
		if _, ok := c.instanceOf(&h.log.Sockets[s]); ok {
			h.sockets = append(h.sockets, s)
		}
	}
	return h.sockets
}

// chainOf returns the chain whose latest instance is i.
func chainOf(n int32, f *conn.Follower, i int32) (c chain) {
	for ; i >= 0; i = f.Instance(i).Previous {
		c.refs = append(c.refs, ref{n, i})
	}
	slices.Reverse(c.refs)
	for _, r := range c.refs {
		in := f.Instance(r.index)
		c.in, c.first = append(c.in, in), append(c.first, f.First(in))
	}
	return c
}

// instanceOf tells which instance of a key a socket belongs to: the one that
// had begun when the socket was last seen, unless another began within that
// sighting, or the instance was over before the socket existed, or began after
// it was gone.
//
// It gives no answer where the times of the capture go backwards between two
// instances.
func (c *chain) instanceOf(s *owner.Socket) (int, bool) {
	if !slices.IsSorted(c.first) {
		return 0, false
	}
	n := sort.Search(len(c.first), func(n int) bool { return c.first[n] > s.LastBegin }) - 1
	if n < 0 && (s.LastEnd >= c.first[0] || !c.in[0].Begun()) {
		n = 0 // seen within the window in which it began, or older than the capture
	}
	if n < 0 {
		return 0, false
	}
	if n+1 < len(c.first) && c.first[n+1] <= s.FirstEnd {
		return 0, false // seen once, and the next instance began while it was looked at
	}
	if c.in[n].Last < s.Before || c.first[n] > s.After {
		return 0, false
	}
	return n, true
}

// holdsOf returns the holds of the sockets, ordered by their beginning. They
// belong to the timeline.
func holdsOf(log *owner.Timeline, sockets []int32) []owner.Hold {
	if len(sockets) == 1 {
		return log.Sockets[sockets[0]].Holds
	}
	var holds []owner.Hold
	for _, s := range sockets {
		holds = append(holds, log.Sockets[s].Holds...)
	}
	slices.SortStableFunc(holds, func(a, b owner.Hold) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), slices.Compare(a.Owners, b.Owners))
	})
	return holds
}
