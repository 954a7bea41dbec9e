package attribute_test

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// Network namespaces of a timeline: the recorder's, and those of containers, of
// which the first two have the other ends of captured interfaces.
const (
	here     = 1
	inside   = 5
	beside   = 6
	behind   = 7
	loopback = 1 // places of interfaces in the capture: 0 is a wire
	ethernet = 2
)

// drawNetwork says which containers there are: which addresses they have, and how they
// are connected.
func drawNetwork(t *rapid.T, o *oracle) {
	for n, c := range []struct {
		namespace, peer uint64
		index           int
	}{{inside, here, 9}, {beside, here, 10}, {behind, beside, 3}} {
		for _, a := range []string{"10.1.0.2/24", "10.1.0.3/24"} {
			if rapid.IntRange(0, 2).Draw(t, "has an address") == 0 {
				continue
			}
			e := connlog.Address{Change: connlog.AddressAdd, Address: a, Interface: 2, Namespace: c.namespace}
			if rapid.IntRange(0, 5).Draw(t, "leads somewhere") > 0 {
				e.Peer, e.PeerIndex = c.peer, c.index
			}
			o.events = append(o.events, connlog.Event{Kind: connlog.KindAddress, Time: base - int64(4-n)*ms, Address: &e})
		}
	}
}

// drawNamespace has a socket be in a container, perhaps.
func drawNamespace(t *rapid.T, s *connlog.Socket) {
	if s.Local.Addr.String() != "10.0.0.1" && !s.Local.Addr.IsLoopback() && rapid.IntRange(0, 3).Draw(t, "in a container") > 0 {
		s.Namespace = rapid.SampledFrom([]uint64{inside, beside, behind}).Draw(t, "namespace")
	}
}

// where is the namespace in which a packet was captured, and the one at the other end
// of the interface; peer = here, where it is no other.
type where struct{ peer uint64 }

// addresses returns what the log tells of interfaces in containers.
func (o *oracle) addresses() (list []*connlog.Address) {
	for _, e := range o.events {
		if e.Kind == connlog.KindAddress {
			list = append(list, e.Address)
		}
	}
	return list
}

// reached returns the namespaces that interfaces connect, one after the other, to the
// recorder's.
func (o *oracle) reached() []uint64 {
	all := []uint64{here}
	for range 3 {
		for _, a := range o.addresses() {
			if slices.Contains(all, a.Peer) && !slices.Contains(all, a.Namespace) {
				all = append(all, a.Namespace)
			}
			if slices.Contains(all, a.Namespace) && a.Peer != 0 && !slices.Contains(all, a.Peer) {
				all = append(all, a.Peer)
			}
		}
	}
	return all
}

// homes returns the namespaces of containers that have an address, by all of the log.
func (o *oracle) homes(a flow.Addr) (list []uint64) {
	if list, ok := o.housed[a]; ok {
		return list
	}
	connected := o.reached()
	for _, x := range o.addresses() {
		if x.Address == a.String()+"/24" && slices.Contains(connected, x.Namespace) && !slices.Contains(list, x.Namespace) {
			list = append(list, x.Namespace)
		}
	}
	if o.housed == nil {
		o.housed = map[flow.Addr][]uint64{}
	}
	o.housed[a] = list
	return list
}

// own tells whether an address is the recorder's namespace's: it says so, or a socket
// there has it.
func (o *oracle) own(a flow.Addr) bool {
	return a.String() == "10.0.0.1" || a.IsLoopback() || slices.ContainsFunc(o.events, func(e connlog.Event) bool {
		return e.Kind == connlog.KindSocket && e.Socket.Namespace == 0 && e.Socket.Local.Addr == a && !a.IsUnspecified()
	})
}

// abroad tells whether a packet of packet i's connection came from me by an interface
// of the recorder's namespace that is not loopback, or went to it by one: no address of
// that namespace alone is at the other end of such.
func (o *oracle) abroad(i int, me flow.Endpoint) bool {
	for k := range o.packets {
		p := &o.packets[k]
		came := p.Direction == packet.Inbound && p.Tuple.From() == me
		went := p.Direction == packet.Outbound && p.Tuple.To() == me
		if o.whole[k] == o.whole[i] && p.Place != loopback && (came || went) {
			return o.own(me.Addr) && !me.Addr.IsLoopback() && len(o.homes(me.Addr)) == 0
		}
	}
	return false
}

func (o *oracle) local(a flow.Addr) bool { return o.own(a) || len(o.homes(a)) > 0 }

// whereOf tells where a packet was captured, as far as it matters: no address of it is
// that of two namespaces, mostly.
func (o *oracle) whereOf(p *packet.Packet) where {
	twice := func(a flow.Addr) bool { return len(o.homes(a))+b2i(o.own(a)) > 1 }
	if p.Place < ethernet || !twice(p.Tuple.Source) && !twice(p.Tuple.Destination) {
		return where{here}
	}
	for _, a := range o.addresses() {
		if a.Peer == here && a.PeerIndex == 9+int(p.Place)-ethernet {
			return where{a.Namespace}
		}
	}
	return where{here}
}

// simple tells whether a packet's connection can be of the recorder's namespace alone.
func (o *oracle) simple(p *packet.Packet) bool {
	return len(o.homes(p.Tuple.Source))+len(o.homes(p.Tuple.Destination)) == 0 && !o.translates(p)
}

// connectable tells whether a socket with a peer of another namespace than the
// recorder's, and this five-tuple, may be the end me of packet p.
func (o *oracle) connectable(s *oracleSocket, p *packet.Packet, me flow.Endpoint) bool {
	if s.Namespace == 0 {
		return true
	}
	if o.simple(p) || p.Tuple.Source.IsLoopback() || p.Tuple.Destination.IsLoopback() || !slices.Contains(o.reached(), s.Namespace) {
		return false
	}
	peer := o.whereOf(p).peer
	return s.Namespace == peer || !o.own(me.Addr) && !slices.Contains(o.homes(me.Addr), peer)
}

// bindable tells whether a socket without a peer that is bound to the end me of packet
// p may be it, by its namespace.
func (o *oracle) bindable(s *oracleSocket, p *packet.Packet, me flow.Endpoint) bool {
	homes, peer := o.homes(me.Addr), o.whereOf(p).peer
	switch {
	case s.Namespace == 0:
		return o.simple(p) || len(homes) == 0 || o.own(me.Addr)
	case o.simple(p) || !slices.Contains(homes, s.Namespace):
		return false
	}
	return s.Namespace == peer || !slices.Contains(homes, peer)
}

// apart tells whether the sockets are of several namespaces.
func apart(sockets []*oracleSocket) bool {
	return slices.ContainsFunc(sockets, func(s *oracleSocket) bool { return s.Namespace != sockets[0].Namespace })
}

// eachMayBe answers where sockets of several namespaces have the five-tuple of packet i.
func (o *oracle) eachMayBe(i int, exact []*oracleSocket) string {
	ps := o.ofInstance(o.inst[i])
	first, last := ps[0].Time, latest(ps)+second
	var who []int32
	for _, s := range exact {
		if len(s.holds) == 0 || s.before >= last && s.holds[0][0] > last {
			who = append(who, unseen)
			continue
		}
		for _, m := range s.moments(first, last) {
			who = append(who, s.holders(m)...)
		}
	}
	slices.Sort(who)
	return verdict("stream", slices.Compact(who))
}

const second = int64(1e9)

func latest(ps []*packet.Packet) int64 {
	last := ps[0].Time
	for _, p := range ps {
		last = max(last, p.Time)
	}
	return last
}
