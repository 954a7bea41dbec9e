package encode

import (
	"io"
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
