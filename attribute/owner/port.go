package owner

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

type portKey struct {
	namespace uint16
	protocol  flow.Protocol
	port      uint16
}

// port lists the sockets that are bound to a port and have no peer; of TCP
// those that listen.
type port struct {
	sockets []int32
	cuts    []int64

	// Of UDP, where several processes use the port at one time: those processes
	// by the local address, ascending, which may be none
	// that could be seen. The unspecified address of a family stands for all
	// that are not there.
	shared    map[flow.Addr][]int32
	connected []int32 // sockets with this local port and a peer; until Seal
}

// Bound appends to buf the sockets without a peer that take packets for side s of
// key k, whose number is n, between two times: bound to its address, or to all
// addresses of its family. Of TCP they listen.
func (t *Timeline) Bound(buf []int32, n int32, k *flow.Key, s flow.Side, first, last int64) []int32 {
	if t.view(n) == nil {
		return t.boundAt(buf, t.network.zone(k.Namespace).own, k.Protocol, k.Endpoint(s))
	}
	for _, p := range t.placesOf(n, k, s, first, last) {
		buf = t.boundAt(buf, p.namespace, k.Protocol, p.endpoint)
	}
	return buf
}

func (t *Timeline) boundAt(buf []int32, ns uint16, proto flow.Protocol, e flow.Endpoint) []int32 {
	p := t.port[portKey{ns, proto, e.Port}]
	if p == nil {
		return buf
	}
	for _, i := range p.sockets {
		if t.binding(i).takes(e.Addr) {
			buf = append(buf, i)
		}
	}
	return buf
}

// Shared tells whether several processes used the UDP port that side s of key k,
// whose number is n, had between two times, each by a socket of its own or by one that
// was inherited, or may have, being copies of the holder: a socket of theirs that
// could not be seen may have been there too. It returns the processes.
func (t *Timeline) Shared(n int32, k *flow.Key, s flow.Side, first, last int64) (who []int32, shared bool) {
	if t.view(n) == nil {
		return t.sharedAt(t.network.zone(k.Namespace).own, k.Endpoint(s))
	}
	for _, p := range t.placesOf(n, k, s, first, last) {
		if at, ok := t.sharedAt(p.namespace, p.endpoint); ok {
			who, shared = append(who, at...), true
		}
	}
	return who, shared
}

func (t *Timeline) sharedAt(ns uint16, e flow.Endpoint) (who []int32, shared bool) {
	p := t.port[portKey{ns, flow.UDP, e.Port}]
	if p == nil || p.shared == nil {
		return nil, false
	}
	if who, shared = p.shared[e.Addr]; !shared {
		who, shared = p.shared[unspecified(e.Addr)]
	}
	return who, shared
}

// OnDevice tells whether socket i certainly takes what comes from, and goes to,
// the host peer: it is bound to no interface, or to the one that such packets
// pass.
func (t *Timeline) OnDevice(i int32, peer flow.Addr) bool {
	b := t.binding(i)
	if b.device == 0 {
		return true
	}
	through := t.outer
	switch {
	case len(t.network.homes[peer]) > 0:
		through = unclear // a container's: by the interface that leads there
	case t.Locality(peer) == Local:
		through = t.loopback
	}
	return b.namespace == 0 && b.device == through
}

// unspecified returns the unspecified address of a's family.
func unspecified(a flow.Addr) flow.Addr {
	if a.Is4() {
		return flow.AddrFrom4(0)
	}
	return flow.Addr{}
}

// findShared looks for the addresses of a UDP port that several processes use
// at one time.
func (t *Timeline) findShared(p *port) {
	untold := func(i int32) bool { return !t.Socket(i).told }
	if !t.missed && !slices.ContainsFunc(p.sockets, untold) && !slices.ContainsFunc(p.connected, untold) {
		p.connected = nil // no socket can be missing
		return
	}
	if i := p.sockets[0]; len(p.sockets) == 1 && len(p.connected) == 0 && t.owner(i) >= 0 { // most ports
		if who := t.copied(i); who != nil {
			p.shared = map[flow.Addr][]int32{{}: who, flow.AddrFrom4(0): who}
		}
		return
	}
	byAddr := map[flow.Addr][]int32{}
	var everywhere []int32
	for _, i := range slices.Concat(p.sockets, p.connected) {
		if a := t.localAddr(i); a.IsUnspecified() {
			everywhere = append(everywhere, i)
		} else {
			byAddr[a] = append(byAddr[a], i)
		}
	}
	for _, a := range [...]flow.Addr{{}, flow.AddrFrom4(0)} {
		byAddr[a] = nil
	}
	for a, sockets := range byAddr {
		for _, i := range everywhere {
			if t.binding(i).takes(a) {
				sockets = append(sockets, i)
			}
		}
		if who, shared := t.sharers(sockets); shared {
			if p.shared == nil {
				p.shared = map[flow.Addr][]int32{}
			}
			p.shared[a] = who
		}
	}
	p.connected = nil
}

// sharers tells whether two of the sockets were seen at one time in the hands
// of different processes, or one in those of several that run one program, or
// of one that has copies, and returns the owners of all.
func (t *Timeline) sharers(sockets []int32) (who []int32, shared bool) {
	slices.SortFunc(sockets, func(a, b int32) int { return cmp.Compare(t.Socket(a).FirstBegin, t.Socket(b).FirstBegin) })
	// Of those that began before: the one that was seen last, and of those of
	// others than its owner the one that was.
	const nobody = -2
	last, next := int64(0), int64(0)
	owner, other := int32(nobody), int32(nobody)
	for _, i := range sockets {
		s := t.Socket(i)
		if c := t.copied(i); !s.connected && c != nil {
			who, shared = append(who, c...), true
		}
		shared = shared || t.inherited(i)
		o := t.owner(i)
		if owner != nobody && last >= s.FirstBegin && (owner != o || o < 0) || other != nobody && next >= s.FirstBegin && (other != o || o < 0) {
			shared = true
		}
		switch {
		case owner == nobody || owner == o:
			last, owner = max(last, s.LastEnd), o
		case s.LastEnd > last:
			last, owner, next, other = s.LastEnd, o, last, owner
		case other == nobody || s.LastEnd > next:
			next, other = s.LastEnd, o
		}
		for _, h := range t.Holds(nil, i) {
			who = append(who, h.Owners...)
		}
	}
	slices.Sort(who)
	return slices.Compact(who), shared
}

// owner returns the process that alone held socket i all its life, -1 where
// none did.
func (t *Timeline) owner(i int32) int32 {
	o := int32(-1)
	for n, h := range t.Holds(nil, i) {
		who, ok := h.Owner()
		if !ok || n > 0 && who != o {
			return -1
		}
		o = who
	}
	return o
}

// inherited tells whether several processes that run one program held socket i
// at one time. A process that is about to execute another program holds what
// its parent does, too.
func (t *Timeline) inherited(i int32) bool {
	return slices.ContainsFunc(t.Holds(nil, i), func(h Hold) bool {
		for n, a := range h.Owners {
			for _, b := range h.Owners[:n] {
				if t.Processes[a].Exe == t.Processes[b].Exe {
					return true
				}
			}
		}
		return false
	})
}

// sealPorts files the sockets without a peer under their ports.
func (t *Timeline) sealPorts() {
	for _, i := range t.bound {
		b := t.binding(i)
		if b.protocol == flow.TCP && !b.listening {
			continue // bound, and nobody can connect to it
		}
		key := portKey{b.namespace, b.protocol, b.local.Port}
		p := t.port[key]
		if p == nil {
			p = &port{}
			t.port[key] = p
		}
		p.sockets = append(p.sockets, i)
	}
	t.sealPortless()
	t.fileConnected()
	for k, p := range t.port {
		p.cuts = t.cutsOf(p.cuts, p.sockets)
		if k.protocol != flow.TCP {
			t.findShared(p)
		}
	}
}

// fileConnected files connected UDP sockets under their ports, where sockets
// without a peer are bound.
func (t *Timeline) fileConnected() {
	for i := range int32(t.sockets.Len()) {
		s := t.Socket(i)
		if !s.connected || s.protocol != flow.UDP {
			continue
		}
		k := t.keys.key(s.place)
		if p := t.port[portKey{k.Namespace, flow.UDP, k.Endpoint(s.side).Port}]; p != nil {
			p.connected = append(p.connected, i)
		}
	}
}

// binding returns what socket i, which has no peer, is bound to.
func (t *Timeline) binding(i int32) *binding { return &t.bindings[t.Socket(i).place] }

// localAddr returns the local address of socket i.
func (t *Timeline) localAddr(i int32) flow.Addr {
	if s := t.Socket(i); s.connected {
		return t.keys.key(s.place).Endpoint(s.side).Addr
	}
	return t.binding(i).local.Addr
}
