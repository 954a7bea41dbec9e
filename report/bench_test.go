package report_test

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// BenchmarkAnalyze analyzes a tenth of the recordings that testdata/benchmark
// does, from files to a JSON document with every connection.
func BenchmarkAnalyze(b *testing.B) {
	for _, kind := range traffic.Kinds() {
		b.Run(kind.Name, func(b *testing.B) {
			dir := b.TempDir()
			truth, err := traffic.Write(dir, traffic.Config{Kind: kind, Seed: 1, Scale: 0.1})
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(truth.WireBytes)
			b.ReportAllocs()
			for b.Loop() {
				r, err := report.Analyze(b.Context(), report.Config{Captures: []string{filepath.Join(dir, kind.Name+".pcapng")}})
				if err != nil {
					b.Fatal(err)
				}
				if err := r.Write(b.Context(), report.Output{Format: report.JSON, Stdout: io.Discard}); err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(int64(b.N)*truth.Packets), "ns/packet")
		})
	}
}
