package owner

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// exchangeKey is a local UDP port and a peer; no peer = one that the process did
// not ask for.
type exchangeKey struct {
	namespace uint16
	port      uint16
	peer      flow.Endpoint
}

// exchange says that processes sent to the peer, or received from it, by a socket.
type exchange struct {
	socket   int32
	owners   set
	partial  bool
	received bool
}

// Exchange says that one of Owners, or with Partial another process, sent to a
// peer, or received from it.
type Exchange struct {
	Owners   []int32
	Partial  bool
	Received bool
}

func (t *Timeline) addExchange(i int32, namespace uint16, e *connlog.Socket) {
	if e.Protocol != flow.UDP {
		return
	}
	key := exchangeKey{namespace, e.Local.Port, e.Remote}
	x := exchange{i, t.setOf(e.Owners), e.Partial || len(e.Owners) == 0, e.Evidence == connlog.EvidenceReceive}
	if list := t.exchanges[key]; !slices.Contains(list, x) {
		t.exchanges[key] = append(list, x)
	}
}

// Exchanges returns who exchanged with the other end of key k, whose number is n,
// through the UDP sockets without a fixed peer that were, at a time, bound to side s
// of it. told says that the log has everybody who did between two times, which it has
// not where addresses are translated; stable that the kernel delivered what came
// meanwhile to one and the same of several sockets: none came or went.
func (t *Timeline) Exchanges(n int32, k *flow.Key, side flow.Side, first, at, last int64) (list []Exchange, told, stable bool) {
	if t.view(n) != nil {
		return nil, false, false
	}
	ns, me, peer := t.network.zone(k.Namespace).own, k.Endpoint(side), k.Endpoint(side.Other())
	p := t.port[portKey{ns, flow.UDP, me.Port}]
	r := slices.IndexFunc(t.recordings, func(r recording) bool { return r.tells && r.began <= first && last <= r.last })
	if p == nil || r < 0 || t.missed {
		return nil, false, false
	}
	fit, moved := 0, false
	for _, i := range p.sockets {
		s := t.Socket(i)
		if int(s.recording) != r {
			return nil, false, false
		}
		if t.binding(i).takes(me.Addr) && s.Before < last && first < s.After {
			fit++
			moved = moved || s.Before >= first || s.After <= last
		}
	}
	for _, key := range [...]exchangeKey{{ns, me.Port, peer}, {ns, me.Port, flow.Endpoint{}}} {
		for _, x := range t.exchanges[key] {
			if t.mayHave(x.socket, me.Addr, at) {
				list = append(list, Exchange{t.sets[x.owners], x.partial, x.received})
			}
		}
	}
	return list, true, fit < 2 || !moved
}

// mayHave tells whether a packet of an address may have been of UDP socket i at a
// time. One that is connected, and yet sent to another, may at any time.
func (t *Timeline) mayHave(i int32, a flow.Addr, at int64) bool {
	s := t.Socket(i)
	if s.connected {
		return t.localAddr(i) == a
	}
	if !t.binding(i).takes(a) {
		return false
	}
	return s.Existed(at) || slices.ContainsFunc(t.Holds(nil, i), func(h Hold) bool { return h.From <= at && at <= h.To })
}
