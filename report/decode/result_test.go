package decode

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
)

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inMemory is a file that is none.
type inMemory struct{ *strings.Reader }

func (inMemory) Close() error { return nil }

// count returns how many rows each table of a result has.
func count(text string) (rows []int, err error) {
	r, err := read("result.json", func() (io.ReadSeekCloser, error) { return inMemory{strings.NewReader(text)}, nil })
	if err != nil {
		return nil, err
	}
	for _, t := range r.Tables {
		n := 0
		if err := t.Each(func(*table.Batch) {}, func(b *table.Batch) error {
			n += b.Rows
			for i := range b.Columns {
				if len(b.Columns[i].Valid) != b.Rows {
					panic("a column has another length than its batch")
				}
			}
			return nil
		}); err != nil {
			return nil, err
		}
		rows = append(rows, n)
	}
	return rows, nil
}

// Columns of other versions, and what is wrong.
func TestOpen(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"capture": {"packets": 7, "later": [1]}, "later": {}}`, ``},
		{`{"connections": []}`, ``},
		{`{"processes": [{"pid": 1}, {"pid": 2, "name": ""}]}`, ``},
		{`{"processes": [{"pid": 1}, {"name": "x"}]}`, `table processes, row 2: pid: <nil> is no int64`},
		{`{"processes": [{"pid": 1.5}]}`, `pid: 1.5 is no int64`},
		{`{"processes": [{"pid": 99999999999999999999}]}`, `is no int64`},
		{`{"processes": [{"name": 1}]}`, `name: 1 is no string`},
		{`{"processes": [{"pid": 1}], "processes": [{"pid": 2}]}`, `table processes stands there twice`},
		{`{"processes": {}}`, `table processes is no array`},
		{`{"processes": [null]}`, `row 1: it is no object`},
		{`{"processes": [{"pid": 1}`, `unexpected EOF`},
		{`{"processes": [{"pid"`, `unexpected EOF`},
		{`{"schema_version": 99, "capture": {}}`, `schema_version is 99, and this version reads up to 1`},
		{`{}`, `it holds no table`},
		{``, `unexpected EOF`},
		{`[]`, `it is no object`},
	} {
		_, err := count(tt.text)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		}
	}
	if path := write(t, `{}`); !Is(path) || Is(write(t, "\n\r\r\n")) || Is(filepath.Dir(path)) || Is(path+"x") {
		t.Error("what may be a result is not told from what is none")
	}
}

// No file makes a reader panic, and what it has it has each time.
func FuzzOpen(f *testing.F) {
	f.Add(`{"capture": {"packets": 7, "first_ns": 5, "first_time": "x"}, "processes": [{"pid": 1, "in_command": true}, {"pid": null}]}`)
	f.Add(`{"connections": [{"client_candidates": [{"pid": 1, "start_ns": 2, "name": "x"}, 3], "connection_id": 1}, {}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		first, err := count(text)
		second, again := count(text)
		if !slices.Equal(first, second) || (err == nil) != (again == nil) {
			t.Errorf("%v %v, then %v %v", first, err, second, again)
		}
	})
}
