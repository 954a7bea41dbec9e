package decode

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/table"
)

// writers are the formats of a dataset.
var writers = map[string]func(io.Writer) encode.Encoder{
	"parquet": func(w io.Writer) encode.Encoder { return encode.NewParquet(w, encode.About{}, 2) },
	"csv":     encode.NewCSV,
}

// part writes one file of a dataset.
func part(t testing.TB, dir, run, host, format string, tab *table.Table) (path string) {
	t.Helper()
	var out bytes.Buffer
	if err := encode.Write(writers[format](&out), []*table.Table{tab}); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, tab.Name, run, host, "part."+format)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// madeProcesses returns a table of so many rows, some cells of which are NULL.
func madeProcesses(n int) *table.Table {
	s := table.Processes()
	return table.Of(s, n, func(b *table.Batch, i int) {
		for k, c := range s.Columns {
			known := !c.Nullable || (i+k)%3 > 0
			switch c.Type {
			case table.String:
				b.TextIf(c.Name, map[bool]string{true: fmt.Sprintf("=%d, \"é\"\n'%s", i, c.Name)}[known])
			case table.Bool:
				b.Bool(c.Name, i%2 == 0)
			case table.Histogram:
				b.Histogram(c.Name, []table.Bucket{{Least: 1, Below: 2, Count: int64(i)}})
			default:
				b.IntIf(c.Name, int64(i)<<40-int64(k), known)
			}
		}
	})
}

func madeCapture(version int64) *table.Table {
	s := table.Capture()
	return table.Of(s, 1, func(b *table.Batch, _ int) {
		for _, c := range s.Columns {
			switch {
			case c.Name == "schema_version":
				b.Int(c.Name, version)
			case c.Type == table.String:
				b.TextIf(c.Name, "")
			case c.Type != table.Timestamp:
				b.IntIf(c.Name, 0, !c.Nullable)
			}
		}
	})
}

// rowsOf returns the rows of a table as text, of the columns that a part has.
func rowsOf(t testing.TB, tab *table.Table) (all []string) {
	t.Helper()
	names := plain(tab.Schema)
	err := tab.Each(func(*table.Batch) {}, func(b *table.Batch) error {
		for i := range b.Rows {
			var line strings.Builder
			for _, c := range names.Columns {
				v := &b.Columns[b.Schema.Index(c.Name)]
				switch {
				case !v.Valid[i]:
					line.WriteString("NULL ")
				case c.Type == table.String:
					fmt.Fprintf(&line, "%q ", v.Strings[i])
				case c.Type == table.Bool:
					fmt.Fprint(&line, v.Bools[i], " ")
				default:
					fmt.Fprint(&line, v.Ints[i], " ")
				}
			}
			all = append(all, line.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Each format is read as it was written, over batches and hosts.
func TestPartOpen(t *testing.T) {
	want := append(rowsOf(t, madeProcesses(2*maxRows+7)), rowsOf(t, madeProcesses(3))...)
	for format := range writers {
		if format == "parquet" && !ReadsParquet() {
			continue
		}
		dir := t.TempDir()
		part(t, dir, "run=1", "host=a", format, madeProcesses(2*maxRows+7))
		part(t, dir, "run=1", "host=b", format, madeProcesses(3))
		part(t, dir, "run=1", "host=b", format, madeCapture(table.Version))
		parts, err := Parts(dir)
		if err != nil || len(parts) != 1 {
			t.Fatalf("%s: %v, %v", format, parts, err)
		}
		r, err := parts[0].Open()
		if err != nil || len(r.Tables) != 2 {
			t.Fatalf("%s: %v, %v", format, r, err)
		}
		if d := cmp.Diff(want, rowsOf(t, r.Tables[1])); d != "" {
			t.Errorf("%s: %.2000s", format, d)
		}
	}
}

// What is wrong with a file names it; nothing of it makes the program panic.
func TestPartDamaged(t *testing.T) {
	for format := range writers {
		if format == "parquet" && !ReadsParquet() {
			continue
		}
		dir := t.TempDir()
		path := part(t, dir, "run=1", "host=a", format, madeProcesses(5))
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for n := 0; n < 8*len(whole); n += 1 + n/30 {
			broken := bytes.Clone(whole)
			broken[n/8] ^= 1 << (n % 8)
			if n%3 == 0 {
				broken = broken[:n/8]
			}
			if err := os.WriteFile(path, broken, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Part{dir, "run=1", "host=*"}.Open()
			if err == nil {
				err = r.Tables[0].Each(func(*table.Batch) {}, func(*table.Batch) error { return nil })
			}
			if err != nil {
				refused++
				if !strings.Contains(err.Error(), "part."+format+": ") {
					t.Fatalf("%s: %v", format, err)
				}
			}
		}
		if refused < 10 {
			t.Errorf("%s: of all changes %d were refused", format, refused)
		}
	}
	dir := t.TempDir()
	part(t, dir, "run=1", "host=a", "csv", madeCapture(table.Version+1))
	if _, err := (Part{dir, "run=1", "host=*"}).Open(); err == nil || !strings.Contains(err.Error(), "schema_version is 2") {
		t.Errorf("%v", err)
	}
}

func TestParts(t *testing.T) {
	dir := t.TempDir()
	for _, run := range []string{"run=a1", "run=a2", "run=b"} {
		part(t, dir, run, "host=x", "csv", madeProcesses(1))
		part(t, dir, run, "host=y", "csv", madeCapture(1))
	}
	for name, want := range map[string]string{
		"": "run=a1 run=a2 run=b", "run=a*": "run=a1 run=a2", "run=b/": "run=b", "run=b/host=x": "run=b", "processes/run=a1": "run=a1", "*/run=a?": "run=a1 run=a2",
		"processes/run=a2/host=x/part.csv": "run=a2", "run=c": "", "processes": "", "nowhere": "",
	} {
		parts, err := Parts(filepath.Join(dir, name))
		var got []string
		for _, p := range parts {
			got = append(got, p.Run)
			if p.Dir != dir {
				t.Errorf("%s: %s is no dataset", name, p.Dir)
			}
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
	if _, err := Parts(dir + "/run=["); err == nil {
		t.Error("a pattern that is none is refused")
	}
	if r, err := (Part{dir, "run=b", "host=x"}).Open(); err != nil || len(r.Tables) != 1 || r.Tables[0].Name != "processes" {
		t.Errorf("of one host: %v, %v", r, err)
	}
}
