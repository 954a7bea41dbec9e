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

// BenchmarkPackets writes the table of packets of a tenth of the recording small: the second
// pass, which reads the capture again, finds owners, makes rows and encodes them, and the
// whole of it, the first pass before.
func BenchmarkPackets(b *testing.B) {
	dir := b.TempDir()
	truth, err := traffic.Write(dir, traffic.Config{Kind: traffic.Kinds()[1], Seed: 1, Scale: 0.1})
	if err != nil {
		b.Fatal(err)
	}
	cfg := report.Config{Captures: []string{filepath.Join(dir, "small.pcapng")}, Tables: []string{"packets"}, NoMeasures: true}
	analyze := func() *report.Result {
		r, err := report.Analyze(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		return r
	}
	write := func(r *report.Result, f report.Format) {
		if err := r.Write(b.Context(), report.Output{Format: f, Stdout: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
	tell := func(b *testing.B) {
		b.ReportMetric(float64(int64(b.N)*truth.Packets)/b.Elapsed().Seconds()/1e6, "Mrows/s")
	}
	for _, f := range []report.Format{report.Parquet, report.Arrow, report.CSV, report.JSON} {
		b.Run(string(f)+"/second", func(b *testing.B) {
			r := analyze()
			defer r.Close()
			for b.Loop() {
				write(r, f)
			}
			tell(b)
		})
		b.Run(string(f)+"/whole", func(b *testing.B) {
			for b.Loop() {
				r := analyze()
				write(r, f)
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			tell(b)
		})
	}
}
