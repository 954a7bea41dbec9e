package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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
	var files []string
	for _, s := range table.All() {
		rows := 70_001                            // more than a batch
		if underRace && s.Name != "connections" { // it has lists too
			rows = 5_001
		}
		tab := seeded(s, rows)
		for extension, e := range map[string]func(io.Writer) Encoder{"parquet": parquetOf, "arrow": arrowOf} {
			path := filepath.Join(dir, s.Name+"."+extension)
			check(t, os.WriteFile(path, encoded(t, e, tab), 0o600))
			files = append(files, path)
			want[path] = sums(cellsOf(t, tab), s)
		}
	}
	for _, got := range read(t, folder, files) {
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
	if len(all) != len(files)+len(files)/2 { // Parquet is read by both
		t.Fatalf("%d answers for %d files", len(all), len(files))
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
			}
		}
		want.Columns[c.Name] = sum
	}
	return want
}
