package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// told is what testdata/read.cjs prints for one reader and file.
type told struct {
	Reader, File string
	Rows         int
	Columns      map[string][2]int64 // cells that are not NULL, sum
}

// DuckDB and polars read our files and find every column, NULL and sum.
func TestReaders(t *testing.T) {
	folder := need.Env(t, "PCAPWHO_READERS", "a folder with the npm packages @duckdb/node-api and nodejs-polars")
	t.Parallel()
	dir := t.TempDir()
	want := map[string]told{}
	for _, s := range table.All() {
		rows := 70_001
		if need.Slow {
			rows = 5_001 // more than a batch
		}
		tab := seeded(s, rows)
		for extension, e := range map[string]func(io.Writer) Encoder{"parquet": parquetOf, "arrow": arrowOf} {
			path := filepath.Join(dir, s.Name+"."+extension)
			check(t, os.WriteFile(path, encoded(t, e, tab), 0o600))
			want[path] = sums(cellsOf(t, tab), s)
		}
	}
	expect(t, folder, want)
}

// A file of an older version, which lacks columns and has others elsewhere, and one of
// this version are one table to DuckDB and polars: with every column, NULL where the
// older file has none.
func TestVersionsTogether(t *testing.T) {
	folder := need.Env(t, "PCAPWHO_READERS", "a folder with the npm packages @duckdb/node-api and nodejs-polars")
	t.Parallel()
	dir := t.TempDir()
	want := map[string]told{}
	for _, s := range table.All() {
		older := *s
		older.Columns = nil
		lacks := 0
		for i := len(s.Columns) - 1; i >= 0; i-- {
			switch c := s.Columns[i]; {
			case c.Type == table.Timestamp: // goes where its instant goes
			case c.Nullable && i%2 == 0:
				lacks++
			case i+1 < len(s.Columns) && s.Columns[i+1].Type == table.Timestamp:
				older.Columns = append(older.Columns, c, s.Columns[i+1])
			default:
				older.Columns = append(older.Columns, c)
			}
		}
		if lacks == 0 && s.Name != "coverage" {
			t.Errorf("%s: the older version lacks nothing", s.Name)
		}
		var pair string
		sum := told{Columns: map[string][2]int64{}}
		for n, version := range []*table.Schema{&older, s} {
			tab := seeded(version, 300)
			path := filepath.Join(dir, fmt.Sprint(s.Name, n, ".parquet"))
			check(t, os.WriteFile(path, encoded(t, parquetOf, tab), 0o600))
			pair += "," + path
			one := sums(cellsOf(t, tab), version)
			sum.Rows += one.Rows
			for name, v := range one.Columns {
				both := sum.Columns[name]
				sum.Columns[name] = [2]int64{both[0] + v[0], both[1] + v[1]}
			}
		}
		want[pair[1:]] = sum
	}
	expect(t, folder, want)
}

// expect has the readers of a folder read files, several with commas between as one.
func expect(t *testing.T, folder string, want map[string]told) {
	t.Helper()
	for _, got := range read(t, folder, slices.Sorted(maps.Keys(want))) {
		w := want[got.File]
		if w.Rows != got.Rows || !cmp.Equal(w.Columns, got.Columns) {
			t.Errorf("%s reads %s otherwise (-want +got):\n%s", got.Reader, filepath.Base(got.File), cmp.Diff(w.Columns, got.Columns))
		}
	}
}

func read(t *testing.T, folder string, files []string) []told {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "node"), append([]string{"testdata/read.cjs"}, files...)...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(folder, "node_modules"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	var all []told
	for line := range bytes.Lines(out) {
		var one told
		check(t, json.Unmarshal(line, &one))
		all = append(all, one)
	}
	answers := len(files)
	for _, f := range files {
		if filepath.Ext(f) == ".parquet" { // by both
			answers++
		}
	}
	if len(all) != answers {
		t.Fatalf("%d answers for %d files, want %d", len(all), len(files), answers)
	}
	return all
}

// seeded is a table of n arbitrary rows, the same each time; in its first
// batch every nullable cell of some columns is NULL.
func seeded(s *table.Schema, n int) *table.Table {
	if s.Single {
		n = 1
	}
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([][]any, n)
	for i := range rows {
		for k, c := range s.Columns {
			null := c.Nullable && (r.IntN(4) == 0 || k%3 == 0 && i < table.MaxRows || k%7 == 0)
			switch {
			case c.Type == table.Timestamp:
			case null:
				rows[i] = append(rows[i], nil)
			case c.Type == table.Int32:
				rows[i] = append(rows[i], r.Int64N(256))
			case c.Type == table.String:
				rows[i] = append(rows[i], fmt.Sprint("ü", r.IntN(50), " ", c.Name))
			case c.Type == table.Bool:
				rows[i] = append(rows[i], r.IntN(2) == 0)
			case c.Type == table.ProcessList:
				list := make([]table.Process, 1+r.IntN(3))
				for j := range list {
					list[j] = table.Process{PID: r.Int64N(1 << 22), Start: r.Int64N(2) * 1_800_000_000_123_456_789, Name: []string{"", "nginx"}[r.IntN(2)]}
				}
				rows[i] = append(rows[i], list)
			case c.Type == table.Histogram:
				list := make([]table.Bucket, 1+r.IntN(3))
				for j := range list {
					list[j] = table.Bucket{Least: int64(j), Below: r.Int64N(1 << 40), Count: r.Int64N(1 << 50)}
				}
				rows[i] = append(rows[i], list)
			default:
				rows[i] = append(rows[i], 1_800_000_000_000_000_000+r.Int64N(1e15))
			}
		}
	}
	return tableOf(s, rows)
}

func sums(rows cells, s *table.Schema) told {
	const modulus = 1000003
	want := told{Rows: len(rows), Columns: map[string][2]int64{}}
	for k, c := range s.Columns {
		var sum [2]int64
		for _, row := range rows {
			if row[k] == nil {
				continue
			}
			sum[0]++
			switch v := row[k].(type) {
			case int64:
				sum[1] += v % modulus
			case string:
				sum[1] += int64(len(v))
			case bool:
				if v {
					sum[1]++
				}
			case []table.Process:
				for _, p := range v {
					sum[1] += p.PID % modulus
				}
			case []table.Bucket:
				for _, b := range v {
					sum[1] += (b.Least + 2*b.Below + 3*b.Count) % modulus
				}
			}
		}
		want.Columns[c.Name] = sum
	}
	return want
}
