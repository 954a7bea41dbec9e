package attribute_test

import (
	"math"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// state is what is known of a key's latest instance.
type state struct {
	n     int
	last  int64
	flags [2]uint8
	isn   [2]int64
	ways  ways
}

func (s *state) closed() bool {
	return s.flags[0]&s.flags[1]&packet.FIN != 0 || (s.flags[0]|s.flags[1])&packet.RST != 0
}

// over tells whether the instance was silent for too long to have p.
func (s *state) over(p *packet.Packet) bool {
	limit := 2 * time.Minute
	if p.Tuple.Protocol == flow.TCP && !s.closed() {
		limit = 2 * time.Hour
	}
	return time.Duration(p.Time-s.last) > limit
}

func (o *oracle) instances() {
	states := map[connectionKey]*state{}
	count := 0
	for i := range o.packets {
		p := &o.packets[i]
		_, side := p.Tuple.Key(0)
		key := o.keyOf(p)
		s := states[key]
		fresh := s == nil || s.over(p)
		if !fresh && p.TCPFlags&packet.SYN != 0 && p.TCPFlags&packet.ACK == 0 {
			mine, other := s.isn[side], s.isn[1-side]
			switch {
			case mine >= 0:
				fresh = mine != int64(p.Seq)
			case other >= 0:
				fresh = s.flags[side]&packet.ACK != 0 || s.closed()
			default:
				fresh = true
			}
		}
		if fresh {
			s = &state{n: count, isn: [2]int64{-1, -1}}
			states[key] = s
			count++
		}
		o.whole = append(o.whole, s.n)
		if s.ways.duplicate(p, int(side), s) {
			o.inst = append(o.inst, duplicated)
			continue
		}
		s.ways.note(p, int(side))
		if p.TCPFlags&packet.SYN != 0 && s.isn[side] < 0 {
			s.isn[side] = int64(p.Seq)
		}
		s.flags[side] |= p.TCPFlags
		s.last = p.Time
		o.inst = append(o.inst, s.n)
	}
}

// ofInstance returns the packets of instance n.
func (o *oracle) ofInstance(n int) (ps []*packet.Packet) {
	for i := range o.packets {
		if o.inst[i] == n {
			ps = append(ps, &o.packets[i])
		}
	}
	return ps
}

// connectionKey is what packets of one connection have in common.
type connectionKey struct {
	flow.Key
	where
}

func (o *oracle) keyOf(p *packet.Packet) connectionKey {
	key, _ := p.Tuple.Key(0)
	return connectionKey{key, o.whereOf(p)}
}

// mayBe tells whether socket s is an end of packet i's connection, or may become one
// within a time.
func (o *oracle) mayBe(s *oracleSocket, i int, later int64) bool {
	ps := o.ofInstance(o.inst[i])
	if s.Protocol == flow.TCP {
		p, me := &o.packets[i], s.Local
		if me != p.Tuple.From() && me != p.Tuple.To() || s.Remote != p.Tuple.From() && s.Remote != p.Tuple.To() || !o.connectable(s, p, me) {
			if !o.ledTo(s, p, ps[0].Time, latest(ps)) {
				return false
			}
		}
		return o.belongs(s, o.inst[i], o.keyOf(&o.packets[i]), later)
	}
	return s.before < latest(ps)+later && ps[0].Time < s.after
}

// belongs tells whether TCP socket s is an end of instance n of its key, or may become
// one within a time.
func (o *oracle) belongs(s *oracleSocket, n int, key connectionKey, later int64) bool {
	var chain []int
	start, end := map[int]int64{}, map[int]int64{}
	for i := range o.packets {
		if o.inst[i] != duplicated && o.keyOf(&o.packets[i]) == key {
			m := o.inst[i]
			if _, ok := start[m]; !ok {
				chain = append(chain, m)
				start[m] = o.packets[i].Time
			}
			end[m] = o.packets[i].Time
		}
	}
	at := -1
	for c, m := range chain {
		if start[m] <= s.last[0] {
			at = c
		}
	}
	if at < 0 && (s.last[1] >= start[chain[0]] || !o.begun(chain[0])) {
		at = 0
	}
	if at < 0 || chain[at] != n || end[n]+later < s.before || start[n] > s.after {
		return false
	}
	return at+1 == len(chain) || start[chain[at+1]] > s.first[1]
}

// begun tells whether the beginning of an instance was seen.
func (o *oracle) begun(n int) bool {
	return slices.ContainsFunc(o.ofInstance(n), func(p *packet.Packet) bool { return p.TCPFlags&packet.SYN != 0 })
}

// listens tells whether some socket ever listened for me.
func (o *oracle) listens(i int, me flow.Endpoint) bool {
	last := latest(o.ofInstance(o.inst[i]))
	return o.local(me.Addr) && slices.ContainsFunc(o.sockets(), func(s *oracleSocket) bool {
		return s.Protocol == flow.TCP && !s.HasRemote && s.State == "listen" && o.boundBetween(s, &o.packets[i], me, last, last)
	})
}

// server tells whether one side of packet i is the one that did not open the
// connection.
func (o *oracle) server(i int, source bool) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return !source
	}
	me := p.Tuple.To()
	if source {
		me = p.Tuple.From()
	}
	ps := o.ofInstance(o.inst[i])
	opening := slices.IndexFunc(ps, func(p *packet.Packet) bool { return p.TCPFlags&packet.SYN != 0 })
	client, other := ps[max(opening, 0)].Tuple.From(), ps[max(opening, 0)].Tuple.To()
	switch {
	case opening < 0 && o.listens(i, client) && !o.listens(i, other), opening >= 0 && ps[opening].TCPFlags&packet.ACK != 0:
		client = other
	}
	return me != client
}

// together tells whether two packets are of one connection, and nothing
// changed between them that is known about it.
func (o *oracle) together(i, k int) bool {
	p, q := &o.packets[i], &o.packets[k]
	var changes []int64
	for _, w := range slices.Concat(o.losses(), o.twice()) {
		changes = append(changes, w[0], w[1]+1)
	}
	if p.Tuple.Protocol == flow.UDP {
		for _, x := range append(o.translations(p, p.Tuple.From()), o.translations(p, p.Tuple.To())...) {
			changes = append(changes, x.begin-second)
			if x.end != math.MaxInt64 {
				changes = append(changes, x.end-second+1, x.end+second+1)
			}
		}
	}
	for _, s := range o.sockets() {
		tuple, port := false, false
		for _, me := range []flow.Endpoint{p.Tuple.From(), p.Tuple.To()} {
			you := p.Tuple.To()
			if me == you {
				you = p.Tuple.From()
			}
			tuple = tuple || s.HasRemote && (s.Local == me && s.Remote == you && o.connectable(s, p, me) || o.translatedTo(s, p, me))
			own := s.Namespace == 0 && o.whereOf(p).peer == here
			port = port || !s.HasRemote && s.Local.Port == me.Port && (own || o.bindable(s, p, me))
			for _, x := range o.translations(p, me) {
				port = port || !s.HasRemote && x.elsewhere(me) && s.Local.Port == x.local.Port && o.lives(s.Namespace, x.local.Addr)
			}
		}
		if s.Protocol != p.Tuple.Protocol {
			continue
		}
		if s.Protocol == flow.UDP && (tuple || port) {
			changes = append(changes, s.before+1, s.after)
		}
		if tuple || s.Protocol == flow.UDP && port {
			for _, h := range s.holds {
				changes = append(changes, h[0], h[1]+1)
			}
		}
	}
	changed := slices.ContainsFunc(changes, func(c int64) bool { return min(p.Time, q.Time) < c && c <= max(p.Time, q.Time) })
	return o.inst[k] == o.inst[i] && !changed
}

// sent tells whether one side of packet i sent any packet while nothing changed
// that is known about its connection.
func (o *oracle) sent(i int, source bool, me flow.Endpoint) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return source
	}
	for k := range o.packets {
		if o.packets[k].Tuple.From() == me && o.together(i, k) {
			return true
		}
	}
	return false
}

// receives is like sent, of the packets that came.
func (o *oracle) receives(i int, source bool, me flow.Endpoint) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return !source
	}
	for k := range o.packets {
		if o.packets[k].Tuple.To() == me && o.together(i, k) {
			return true
		}
	}
	return false
}
