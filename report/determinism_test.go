package report

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/demo"
	"github.com/pcapwho/pcapwho/testdata/need"
)

var formats = []Format{Text, JSON, JSONL, CSV, Arrow, Parquet}

// outputs returns what an analysis with some workers writes: every table in every
// format.
func outputs(t *testing.T, captures []string, workers int) map[string][]byte {
	t.Helper()
	written := map[string][]byte{}
	r := analyze(t, Config{Captures: captures, Tables: all(), Tool: "pcapwho test", Workers: workers})
	for _, one := range slices.Clone(r.Tables) {
		r.Tables, r.cfg.Tables = []*table.Table{one}, []string{one.Name}
		for _, f := range formats {
			var out bytes.Buffer
			must(t, r.Write(context.Background(), Output{Format: f, Stdout: &out}))
			written[string(f)+" of "+one.Name] = out.Bytes()
		}
	}
	return written
}

// The same input gives the same bytes, in every format: run after run, with one
// worker and with two, in any time zone, and with the lines of the log in any order; but
// Arrow and Parquet have a digest of that file.
func TestDeterministic(t *testing.T) {
	zone := time.Local
	t.Cleanup(func() { time.Local = zone })
	dir := t.TempDir()
	must(t, demo.Unpack(dir))
	for _, path := range []string{mixture(t).end(), filepath.Join(dir, demo.Capture)} {
		var want map[string][]byte
		log := ingest.FindLog(path)
		written, err := os.ReadFile(log)
		must(t, err)
		runs := 20
		if need.Slow {
			runs = 8
		}
		if filepath.Dir(path) == dir { // much more of it
			runs = 6
		}
		for run := range runs {
			time.Local = time.FixedZone("", (run%5-2)*6*3600)
			shuffled := run%4 == 3
			if must(t, os.WriteFile(log, written, 0o600)); shuffled {
				shuffle(t, log, written, uint64(run))
			}
			got := outputs(t, []string{path}, 1+run%2)
			if want == nil {
				want = got
			}
			for name, b := range got {
				empty := strings.HasPrefix(name, "jsonl") && (strings.HasSuffix(name, "damage") || strings.HasSuffix(name, "phases"))
				if shuffled && (strings.HasPrefix(name, string(Arrow)) || strings.HasPrefix(name, string(Parquet))) {
					continue
				}
				if !bytes.Equal(b, want[name]) || len(b) == 0 && !empty {
					t.Errorf("%s, run %d: %s differs, or is empty: %d and %d bytes", filepath.Base(path), run, name, len(b), len(want[name]))
				}
			}
		}
	}
}

// shuffle writes a log with its lines in another order.
func shuffle(t *testing.T, path string, log []byte, seed uint64) {
	t.Helper()
	lines := bytes.SplitAfter(bytes.TrimSuffix(log, []byte("\n")), []byte("\n"))
	lines[len(lines)-1] = append(bytes.Clone(lines[len(lines)-1]), '\n')
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	must(t, os.WriteFile(path, bytes.Join(lines, nil), 0o600))
}
