package report

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// BenchmarkLog loads a log until rules can ask, and tells how many times as long
// encoding/json takes to decode its lines: of a hundred thousand sockets, and, but with
// -short, of a million, of a tenth as many processes.
func BenchmarkLog(b *testing.B) {
	small, _ := traffic.Lookup("small")
	for _, c := range []struct {
		name string
		cfg  traffic.Config
	}{
		{"100000", traffic.Config{Kind: small, Scale: 0.17, Processes: 10_000}},
		{"1000000", traffic.Config{Kind: small, Scale: 1.7, Processes: 100_000}},
	} {
		b.Run(c.name, func(b *testing.B) {
			if testing.Short() && c.cfg.Scale > 1 {
				b.Skip("takes a minute")
			}
			path := b.TempDir() + "/log.conns.jsonl"
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			if _, err := traffic.Generate(io.Discard, f, c.cfg); err != nil {
				b.Fatal(err)
			}
			begin := time.Now()
			decodeLines(b, path)
			decoding := time.Since(begin)
			for b.Loop() {
				l, err := readLog(context.Background(), &Config{Logs: []string{path}}, nil, nil)
				if err != nil {
					b.Fatal(err)
				}
				l.timeline.Seal()
			}
			b.ReportMetric(float64(decoding)/(float64(b.Elapsed())/float64(b.N)), "times-as-fast")
		})
	}
}

// line is what most lines have.
type line struct {
	Event  string `json:"event"`
	Time   int64  `json:"time_ns"`
	Seq    uint64 `json:"seq"`
	Change string `json:"change"`
	ID     uint64 `json:"socket_id"`
	Local  string `json:"local"`
	Remote string `json:"remote"`
	State  string `json:"state"`
	Owners []struct {
		PID   int32 `json:"pid"`
		Start int64 `json:"start_ns"`
	} `json:"owners"`
}

// decodeLines has encoding/json decode every line.
func decodeLines(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			b.Fatal(err)
		}
	}
}
