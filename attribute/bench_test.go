package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute/conn"
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

// BenchmarkJudge judges 10,000 connections to one listening process, each of
// which begins before its socket is seen.
func BenchmarkJudge(b *testing.B) {
	const connections = 10_000
	log := owner.NewTimeline()
	log.Add(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Addresses: []string{"10.0.0.1/8"}}})
	web := []connlog.ProcessID{{PID: 1, Start: 1}}
	server := flow.Endpoint{Addr: flow.AddrFrom4(0x0a000001), Port: 80}
	log.Add(&connlog.Event{Kind: connlog.KindSocket, Time: 1, Socket: &connlog.Socket{Change: connlog.SocketSnapshot, Protocol: flow.TCP,
		Local: flow.Endpoint{Port: 80}, State: "listen", Owners: web}})
	var batch []packet.Packet
	for i := range connections {
		client := flow.Endpoint{Addr: flow.AddrFrom4(0xc0000000 + uint32(i)), Port: 5000}
		t := flow.FiveTuple{Source: client.Addr, Destination: server.Addr, SourcePort: client.Port, DestinationPort: server.Port, Protocol: flow.TCP}
		p := packet.Packet{Frame: uint64(2*i + 1), Time: 10, Class: packet.Transport, Tuple: t, Hash: t.Hash(), TCPFlags: packet.SYN, WireLength: 66, IPVersion: 4}
		batch = append(batch, p)
		p.Frame, p.Time, p.TCPFlags, p.Payload = p.Frame+1, 120, packet.ACK, 100
		batch = append(batch, p)
		log.Add(&connlog.Event{Kind: connlog.KindSocket, Time: 110, Socket: &connlog.Socket{Change: connlog.SocketOpen, ID: uint64(i + 1), Protocol: flow.TCP,
			Local: server, Remote: client, HasRemote: true, Owners: web, Since: 1}})
	}
	for _, at := range []int64{1, 100, 200} {
		log.Add(&connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: at, End: at + 10}})
	}
	a := New(Config{Log: log})
	a.Add(batch)
	s := a.shares[0]
	b.ReportAllocs()
	for b.Loop() {
		s.follower.All(func(i int32, in *conn.Instance) {
			s.hearing.connection(i, in, &s.connection)
			if v := s.connection.Owner(Server); v.Process == NoProcess {
				b.Fatalf("connection %d: %+v", i, v)
			}
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*connections), "ns/connection")
}
