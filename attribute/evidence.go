package attribute

import (
	"cmp"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// assign gives every TCP socket of the log to the one connection instance it
// was the end of, so that a reused five-tuple never inherits an owner. It
// returns, for each instance and side, indexes into Timeline.Sockets.
func assign(log *owner.Timeline, instances []conn.Instance) [][2][]int32 {
	assigned := make([][2][]int32, len(instances))
	latest := make([]bool, len(instances)) // the last of its key
	for i := range latest {
		latest[i] = true
		if p := instances[i].Previous; p >= 0 {
			latest[p] = false
		}
	}
	for i := range instances {
		if !latest[i] || instances[i].Key.Protocol != flow.TCP {
			continue
		}
		key := instances[i].Key
		low, high := log.Connected(key, flow.Low), log.Connected(key, flow.High)
		if len(low)+len(high) == 0 {
			continue
		}
		chain := chainOf(instances, int32(i))
		for side, sockets := range [2][]int32{low, high} {
			for _, s := range sockets {
				if n, ok := instanceOf(instances, chain, &log.Sockets[s]); ok {
					assigned[n][side] = append(assigned[n][side], s)
				}
			}
		}
	}
	return assigned
}

// chainOf returns all instances of the key of i, its latest, in their order.
func chainOf(instances []conn.Instance, i int32) []int32 {
	var chain []int32
	for ; i >= 0; i = instances[i].Previous {
		chain = append(chain, i)
	}
	slices.Reverse(chain)
	return chain
}

// instanceOf tells which instance of a key a socket belongs to: the one that
// had begun when the socket was last seen, unless another began within that
// sighting, or the instance was over before the socket existed.
//
// It gives no answer where the times of the capture go backwards between two
// instances.
func instanceOf(instances []conn.Instance, chain []int32, s *owner.Socket) (int32, bool) {
	start := func(n int) int64 { return instances[chain[n]].First }
	if !slices.IsSortedFunc(chain, func(a, b int32) int { return cmp.Compare(instances[a].First, instances[b].First) }) {
		return 0, false
	}
	n := sort.Search(len(chain), func(n int) bool { return start(n) > s.LastBegin }) - 1
	if n < 0 && (s.LastEnd >= start(0) || !instances[chain[0]].Begun) {
		n = 0 // seen within the window in which it began, or older than the capture
	}
	if n < 0 {
		return 0, false
	}
	if n+1 < len(chain) && start(n+1) <= s.FirstEnd {
		return 0, false // seen once, and the next instance began while it was looked at
	}
	if instances[chain[n]].Last < s.Before {
		return 0, false
	}
	return chain[n], true
}

// holdsOf returns the holds of the sockets, ordered by their beginning.
func holdsOf(log *owner.Timeline, sockets []int32) []owner.Hold {
	var holds []owner.Hold
	for _, s := range sockets {
		holds = append(holds, log.Sockets[s].Holds...)
	}
	slices.SortStableFunc(holds, func(a, b owner.Hold) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), slices.Compare(a.Owners, b.Owners))
	})
	return holds
}
