package attribute_test

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/packet"
)

func (o *oracle) stream(i int, source bool, exact, bound []*oracleSocket) (string, bool) {
	const never = math.MinInt64
	t := o.packets[i].Time
	before, after := int64(never), int64(math.MaxInt64)
	var near []int32
	for _, s := range exact {
		for _, h := range s.holds {
			if h[1] < t && h[1] > before {
				before = h[1]
			}
			if h[0] > t && h[0] < after {
				after = h[0]
			}
		}
	}
	gather := func(at int64, edge int) {
		for _, s := range exact {
			for i, h := range s.holds {
				if h[edge] == at && (edge == 1) == (at < t) {
					near = append(near, s.owners[i]...)
				}
			}
		}
	}
	from, to := t, t
	if before != never {
		gather(before, 1)
		from = before
	}
	if after != math.MaxInt64 {
		gather(after, 0)
		to = after
	}
	slices.Sort(near)
	near = slices.Compact(near)
	switch {
	case len(near) == 0:
		return "", false
	case within(o.losses(), from, to):
		return "unknown []", true
	}
	doubt := false
	for _, s := range exact {
		for i, h := range s.holds {
			doubt = doubt || h[0] == after && !s.opener[i]
		}
	}
	if before == never && len(near) == 1 && near[0] != unseen && doubt {
		near = o.openers(i, source, near, after, bound)
	}
	if len(near) == 1 && near[0] != unseen && (o.server(i, source) || !o.begun(o.inst[i])) && o.glimpsed(i, near[0], exact, bound) {
		near = append([]int32{unseen}, near...)
	}
	return verdict("stream", near), true
}

// glimpsed tells whether a socket was seen once, in the hands of a process that may
// have listened.
func (o *oracle) glimpsed(i int, who int32, exact, bound []*oracleSocket) bool {
	var seen []int64
	for _, s := range exact {
		for n, h := range s.holds {
			if s.opener[n] || h[0] <= h[1] {
				return false
			}
			seen = append(seen, h[0])
		}
	}
	return len(seen) == 1 && slices.Contains(accepted(bound, o.ofInstance(o.inst[i])[0].Time, seen[0]), who)
}

// openers adds to who held a connection's socket when it was first seen, at
// time seen, those that may have had it before.
func (o *oracle) openers(i int, source bool, who []int32, seen int64, bound []*oracleSocket) []int32 {
	first := o.ofInstance(o.inst[i])[0].Time
	if w := who[0]; process(w).Start > first {
		who = append(who, parents[w], unseen)
	}
	if o.server(i, source) || !o.begun(o.inst[i]) {
		who = append(who, accepted(bound, first, seen)...)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// accepted returns who may have accepted, up to time until, a connection that
// began at first.
func accepted(bound []*oracleSocket, first, until int64) (who []int32) {
	for _, b := range bound {
		if b.existed(first) {
			for _, m := range b.moments(first, max(first, until)) {
				who = append(who, b.holders(m)...)
			}
		}
	}
	return who
}

func (o *oracle) listen(i int, source bool, exact, bound []*oracleSocket) string {
	ps := o.ofInstance(o.inst[i])
	me := o.packets[i].Tuple.To()
	if source {
		me = o.packets[i].Tuple.From()
	}
	data, rst, refused := false, false, true
	for _, p := range ps {
		data = data || p.Payload > 0
		if p.Tuple.From() == me && p.Tuple.From() != p.Tuple.To() {
			rst = rst || p.TCPFlags&packet.RST != 0
			refused = refused && p.TCPFlags&(packet.SYN|packet.FIN|packet.PSH) == 0
		}
	}
	if !o.server(i, source) {
		return "unknown []"
	}
	owned := slices.ContainsFunc(exact, func(s *oracleSocket) bool { return len(s.holds) > 0 })
	sure, there := false, false
	for _, b := range bound {
		sure = sure || len(heldAt([]*oracleSocket{b}, ps[0].Time)) > 0 && o.device(b, ps[0], me)
		there = there || b.existed(ps[0].Time)
	}
	if !owned && sure {
		who := accepted(bound, ps[0].Time, ps[0].Time)
		if data || len(exact) > 0 || o.abroad(i, me) {
			who = append(who, unseen)
		}
		slices.Sort(who)
		return verdict("listener", slices.Compact(who))
	}
	if rst && refused && !there && o.begun(o.inst[i]) {
		return "kernel []"
	}
	return "unknown []"
}
