package owner

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// BenchmarkTimeline takes in the opening and the end of 50,000 sockets of 200
// processes, of which 1,000 are open at a time, and seals them.
func BenchmarkTimeline(b *testing.B) {
	const sockets, live = 50_000, 1000
	var events []connlog.Event
	for i := range sockets + live {
		at := int64(1_763_000_000_000_000_000) + int64(i)*1000
		if n := i - live; n >= 0 {
			events = append(events, connlog.Event{Kind: connlog.KindSocket, Time: at, Socket: &connlog.Socket{Change: connlog.SocketClose, ID: uint64(n)}})
		}
		if i < sockets {
			events = append(events, connlog.Event{Kind: connlog.KindSocket, Time: at, Socket: &connlog.Socket{Change: connlog.SocketOpen, ID: uint64(i), Protocol: flow.TCP,
				Local:  flow.Endpoint{Addr: flow.AddrFrom4(0x0a000001), Port: uint16(i)},
				Remote: flow.Endpoint{Addr: flow.AddrFrom4(0xc6120000 + uint32(i%200)), Port: 443}, HasRemote: true,
				Owners: []connlog.ProcessID{{PID: int32(i%200 + 1), Start: 1}}}})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		t := NewTimeline()
		for i := range events {
			t.Add(&events[i])
		}
		t.Seal()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
