package owner

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// However many connections a container has of which the log tells nothing, what is known
// of them is kept once; what is known of one alone is its own.
func TestViewsAreShared(t *testing.T) {
	l := NewTimeline()
	local := flow.Endpoint{Addr: flow.AddrFrom4(0xac110002), Port: 80} // 172.17.0.2
	remote := func(n int) flow.Endpoint {
		return flow.Endpoint{Addr: flow.AddrFrom4(uint32(0x08000000 + n>>14)), Port: uint16(n & 0x3fff)}
	}
	l.Add(&connlog.Event{Kind: connlog.KindHead, Time: 1, Head: &connlog.Head{Namespace: 1, Addresses: []string{"10.0.0.1/24"}, Interfaces: []connlog.Interface{{Index: 9}}}})
	l.Add(&connlog.Event{Kind: connlog.KindAddress, Time: 2, Address: &connlog.Address{Change: connlog.AddressAdd, Address: "172.17.0.2/16", Namespace: 5, Peer: 1, PeerIndex: 9}})
	l.Add(&connlog.Event{Kind: connlog.KindSocket, Time: 3, Socket: &connlog.Socket{Change: connlog.SocketOpen, ID: 1, Namespace: 5, Protocol: flow.TCP, Local: local, Remote: remote(7), HasRemote: true}})
	l.Seal()
	const connections = 100_000
	alone := 0
	for n := range connections {
		five := flow.FiveTuple{Source: remote(n).Addr, Destination: local.Addr, SourcePort: remote(n).Port, DestinationPort: local.Port, Protocol: flow.TCP}
		k, side := five.Key(0)
		number := l.Number(&k, k.Hash())
		if sockets := l.Connected(nil, number, side.Other()); (len(sockets) > 0) != (n == 7) {
			t.Fatalf("connection %d has sockets %v", n, sockets)
		}
		if number >= 0 {
			alone++
		}
		for _, p := range l.placesOf(number, &k, side.Other(), 4, 5) {
			if p.namespace != l.namespaceIndex(5) || p.endpoint != local {
				t.Fatalf("connection %d is bound in %+v", n, p)
			}
		}
	}
	if len(l.views.list) != 1 || alone != 1 || len(l.views.shared) != 1 || len(l.views.number) != 1 {
		t.Errorf("%d views of one connection, %d of many, %d numbers", len(l.views.list), len(l.views.shared), len(l.views.number))
	}
}
