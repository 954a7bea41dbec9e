package encode

import (
	"io"
	"runtime"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/report/table"
)

// BenchmarkConnections makes the rows of 20,000 connections from their records,
// and a document of them.
func BenchmarkConnections(b *testing.B) {
	const n = 20_000
	list := make([]attribute.Connection, n)
	for i := range list {
		t := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0xc6120000 + uint32(i%200)), SourcePort: uint16(i), DestinationPort: 443, Protocol: flow.TCP}
		first := int64(1_763_000_000_000_000_000) + int64(i)*1e6
		sent := [2]attribute.Counts{{Packets: 6, WireBytes: 495, PayloadBytes: 99, UniqueBytes: 99}, {Packets: 10, WireBytes: 1284, PayloadBytes: 624, UniqueBytes: 624}}
		verdict := [2]attribute.Verdict{{Reason: attribute.Exact, Process: int32(i % 50)}, {Reason: attribute.Remote, Process: attribute.NoProcess}}
		list[i] = attribute.Connection{ID: uint64(i + 1), IPVersion: 4, Endpoint: [2]flow.Endpoint{t.From(), t.To()}, Local: [2]bool{true, false}, First: first, Last: first + 3e8,
			Spans: []attribute.Span{{First: first, Last: first + 1e8, Sent: sent, Verdict: verdict}, {From: first + 1e8, First: first + 1e8, Last: first + 3e8, Sent: sent, Verdict: verdict}}}
		list[i].Key, _ = t.Key(0)
	}
	r := &attribute.Result{Connections: attribute.ConnectionsOf(list), KnowsLocal: true}
	for i := range int32(50) {
		r.Processes = append(r.Processes, attribute.Process{ID: connlog.ProcessID{PID: 1000 + i, Start: 1_762_999_082_000_000_000 + int64(i)}, Name: "client-53"})
	}
	for name, encoder := range map[string]func(io.Writer) Encoder{"json": NewJSON, "csv": NewCSV, "arrow": arrowOf, "parquet": parquetOf} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(encoder(io.Discard), []*table.Table{measure.Connections(r, nil, true, 1)}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}

// BenchmarkPackets encodes the table of packets, two million rows that are made already:
// nothing but the encoder takes time.
func BenchmarkPackets(b *testing.B) {
	const rounds, batches, size = 16, 64, 2048
	s := table.Packets()
	var all []*table.Batch
	for n := range batches {
		batch := table.NewBatch(s)
		for i := range size {
			packetRow(batch, int64(n*size+i))
		}
		all = append(all, batch)
	}
	tab := &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		for n := range rounds * batches {
			batch := all[n%batches]
			batch.Encoded = batch.Encoded[:0]
			prepare(batch)
			if err := yield(batch); err != nil {
				return err
			}
		}
		return nil
	}}
	for _, f := range []struct {
		name    string
		encoder func(io.Writer) Encoder
	}{{"json", NewJSON}, {"csv", NewCSV}, {"arrow", arrowOf}, {"parquet", func(w io.Writer) Encoder { return NewParquet(w, About{}, runtime.GOMAXPROCS(0)) }}} {
		b.Run(f.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Write(f.encoder(io.Discard), []*table.Table{tab}); err != nil {
					b.Fatal(err)
				}
			}
			rows := float64(b.N * rounds * batches * size)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/rows, "ns/row")
			b.ReportMetric(rows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}

// packetRow appends packet n, of one of 300 connections.
func packetRow(b *table.Batch, n int64) {
	connection := n * 7919 % 300
	client, server := "10.0.0.1", []string{"198.18.0.1", "198.18.0.2", "2001:db8::77"}[connection%3]
	b.Text("file", "run.pcapng")
	b.Int("frame_number", n+1)
	b.Int("time_ns", 1_763_000_000_000_000_000+n*12_345)
	b.Text("interface", "eth0")
	b.Int("captured_length", 66+n*31%1400)
	b.Int("wire_length", 66+n*31%1400)
	b.Int("ip_version", 4)
	b.Text("protocol", "tcp")
	b.Text("source_ip", client)
	b.Int("source_port", 40_000+connection)
	b.Text("destination_ip", server)
	b.Int("destination_port", 443)
	b.Int("tcp_flags", 16)
	b.Int("payload_length", n*31%1400)
	b.Int("connection_id", 1+connection*5)
	b.Int("source_pid", 1000+connection%9)
	b.Text("source_reason", "exact")
	b.IntIf("destination_pid", 0, false)
	b.Text("destination_reason", "remote")
	b.Bool("duplicate", false)
}
