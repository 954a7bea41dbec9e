package attribute

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
)

// belongs tells whether a TCP socket of in's key was an end of it, and not of
// another instance of that key, so that a reused five-tuple never inherits an
// owner. It was of the instance that had begun when the socket was last seen,
// unless the next began within that sighting, or the instance was over before
// the socket existed, or began after it was gone. first is the time of in's
// first packet, last that of its last, or later.
//
// Where the times of the capture go backwards between two instances, it was
// none's.
func (h *hearing) belongs(s *owner.Socket, in *conn.Instance, first, last int64) bool {
	if h.follower.Confused(in) {
		return false
	}
	if next, ok := h.follower.Successor(in); ok && (next <= s.LastBegin || next <= s.FirstEnd) {
		return false // the next one's; or seen once, and the next began while it was looked at
	}
	if first > s.LastBegin && (in.Preceded() || s.LastEnd < first && in.Begun()) {
		return false // the one's before; else it was seen as this began, or this is older than the capture
	}
	return last >= s.Before && first <= s.After
}

// appendHolds appends the holds of the sockets, ordered by their beginning.
func appendHolds(buf []owner.Hold, log *owner.Timeline, sockets []int32) []owner.Hold {
	for _, s := range sockets {
		buf = log.Holds(buf, s)
	}
	if len(sockets) > 1 {
		slices.SortStableFunc(buf, func(a, b owner.Hold) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), slices.Compare(a.Owners, b.Owners))
		})
	}
	return buf
}
