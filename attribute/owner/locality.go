package owner

import (
	"net/netip"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Locality tells whose an address is.
type Locality uint8

const (
	Anyone  Locality = iota // not known: there is no list of local addresses
	Local                   // the recording host's
	Remote                  // another host's
	Several                 // multicast or broadcast
)

// Locality tells whose address a is, by the recording's own list.
func (t *Timeline) Locality(a flow.Addr) Locality {
	switch {
	case a.IsMulticast() || a.IsBroadcast() || t != nil && t.broadcast[a]:
		return Several
	case !t.KnowsLocal():
		return Anyone
	case t.local[a] || a.IsLoopback() || len(t.network.homes[a]) > 0:
		return Local
	}
	return Remote
}

// LeadsOut tells whether the interface that has this place in its file leads out of the
// recorder's namespace: what has an address there neither comes in by it nor is sent to
// by it.
func (t *Timeline) LeadsOut(place uint16) bool {
	return t != nil && int(place) < len(t.network.out) && t.network.out[place]
}

// Alone tells whether of all namespaces the recorder's is the only one that has address
// a, which may be seen outside of it.
func (t *Timeline) Alone(a flow.Addr) bool {
	return t.local[a] && !a.IsLoopback() && len(t.network.homes[a]) == 0
}

// KnowsLocal tells whether there is a list of local addresses.
func (t *Timeline) KnowsLocal() bool { return t != nil && t.head }

// Namespace returns the namespace index, as in flow.Key, of a packet that was captured
// on the interface that has this place in its file: every file of a recording lists all
// interfaces, in the order of the log. Where the interface leads to another namespace, and several
// have one of the packet's addresses, it is one for both: then the same
// five-tuple elsewhere is another connection.
func (t *Timeline) Namespace(place uint16, five *flow.FiveTuple) uint16 {
	if t == nil || int(place) >= len(t.interfaces) {
		return 0
	}
	if n := t.interfaces[place]; n < zoned || t.network.several[five.Source] || t.network.several[five.Destination] {
		return n
	}
	return t.network.zone(t.interfaces[place]).own
}

func (t *Timeline) addHead(h *connlog.Head) {
	t.head, t.network.place = true, 0
	if h.Namespace != 0 {
		t.namespace[h.Namespace] = 0
	}
	for _, a := range h.Addresses {
		t.addAddress(a, 0)
	}
	for _, i := range h.Interfaces {
		t.addInterface(&i)
	}
}

// addInterface takes a captured interface.
func (t *Timeline) addInterface(i *connlog.Interface) {
	ns := t.namespaceIndex(i.Namespace)
	t.network.captured = append(t.network.captured, capturing{device{ns, i.Index}, t.network.place, ns == 0 && !i.Loopback})
	t.network.place++
	for _, a := range i.Addresses {
		t.addAddress(a, ns)
	}
	only := &t.outer
	if i.Loopback {
		only = &t.loopback
	}
	switch {
	case ns != 0: // packets of one host's own addresses may pass between namespaces
		t.loopback, t.outer = unclear, unclear
	case *only == 0:
		*only = i.Index
	case *only != i.Index:
		*only = unclear
	}
}

// unclear stands for an interface that is not the only one of its kind.
const unclear = -1

// takeAddress takes an address that came or went, and where its interface leads to.
func (t *Timeline) takeAddress(a *connlog.Address) {
	ns := t.namespaceIndex(a.Namespace)
	t.addAddress(a.Address, ns)
	if a.Peer == 0 {
		return
	}
	peer := t.namespaceIndex(a.Peer)
	t.network.join(ns, peer)
	t.network.behind[device{ns, a.Interface}] = peer
	t.network.behind[device{peer, a.PeerIndex}] = ns
}

// addAddress takes an interface address in CIDR notation; one that is none
// is ignored.
func (t *Timeline) addAddress(cidr string, ns uint16) {
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		return
	}
	addr := flow.AddrFrom(p.Addr())
	if ns == 0 {
		t.local[addr] = true
	} else {
		t.network.settle(addr, ns)
	}
	if p.Addr().Is4() && p.Bits() < 31 { // RFC 3021: /31 has no broadcast address
		t.broadcast[flow.AddrFrom4(uint32(addr.Lo)|(1<<(32-p.Bits())-1))] = true
	}
}

// addLocal takes the local address of a socket.
func (t *Timeline) addLocal(a flow.Addr) {
	if a != t.latest && !a.IsUnspecified() { // most sockets have one of few
		t.local[a], t.latest = true, a
	}
}

func (t *Timeline) namespaceIndex(inode uint64) uint16 {
	if inode == 0 {
		return 0
	}
	n, ok := t.namespace[inode]
	if !ok {
		n = uint16(min(len(t.namespace), zoned-1))
		t.namespace[inode] = n
	}
	return n
}
