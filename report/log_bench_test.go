package report

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// BenchmarkLog loads a log of a million sockets and 100,000 processes, or of a twentieth of
// them with -short, until rules can ask, and tells how many times as long encoding/json
// takes to decode its lines.
func BenchmarkLog(b *testing.B) {
	small, _ := traffic.Lookup("small")
	cfg := traffic.Config{Kind: small, Seed: 1, Scale: 1.7, Processes: 100_000}
	if testing.Short() {
		cfg.Scale, cfg.Processes = cfg.Scale/20, cfg.Processes/20
	}
	dir := b.TempDir()
	if _, err := traffic.Write(dir, cfg); err != nil {
		b.Fatal(err)
	}
	path := dir + "/small.conns.jsonl"
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
	b.ReportMetric(float64(decoding)/(float64(b.Elapsed())/float64(b.N)), "×json")
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
