package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// BenchmarkAdd books packets of 10,000 live connections, every client socket
// of which is in the log.
func BenchmarkAdd(b *testing.B) {
	const connections = 10_000
	log := owner.NewTimeline()
	log.Add(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Interfaces: []connlog.Interface{{Addresses: []string{"10.0.0.1/8"}}}}})
	batch := make([]packet.Packet, connections)
	for i := range batch {
		t := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0xc0000000 + uint32(i)), SourcePort: uint16(i), DestinationPort: 443, Protocol: flow.TCP}
		batch[i] = packet.Packet{Frame: uint64(i + 1), Time: int64(i), Class: packet.Transport, Tuple: t, Hash: t.Hash(), TCPFlags: packet.ACK, Payload: 100, WireLength: 166, IPVersion: 4}
		log.Add(&connlog.Event{Kind: connlog.KindSocket, Time: 1, Socket: &connlog.Socket{Change: connlog.SocketSnapshot, ID: uint64(i), Protocol: flow.TCP,
			Local: t.From(), Remote: t.To(), HasRemote: true, Owners: []connlog.ProcessID{{PID: int32(i % 50), Start: 1}}}})
	}
	a := New(Config{Log: log})
	a.Add(batch)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for i := range batch {
			batch[i].Seq += 100
		}
		a.Add(batch)
		n += len(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/packet")
}
