package encode

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/encode/parquet"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestMain has properties tried less often, for rows are wide, and even less where
// everything is slow; the flag on the command line goes before.
func TestMain(m *testing.M) {
	checks := "30"
	if need.Slow {
		checks = "10"
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// drawn is a table of any rows that its schema allows.
func drawn(t *rapid.T, s *table.Schema) *table.Table {
	n := rapid.IntRange(0, 6).Draw(t, "rows")
	if s.Single {
		n = 1
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "=1+1", "-1", "@x", "\tx", "\r", "a,b", `"`, "a\r\nb", "\x1b[2J", "\u202e", "\xff\xfe"}))
	var rows [][]any
	for range n {
		var row []any
		for _, c := range s.Columns {
			switch {
			case c.Type == table.Timestamp: // follows its instant
			case c.Nullable && rapid.Bool().Draw(t, "null"):
				row = append(row, nil)
			case c.Type == table.Int32:
				row = append(row, int64(rapid.Int32().Draw(t, c.Name)))
			case c.Type == table.Int64 && strings.HasSuffix(c.Name, "_ns"):
				row = append(row, rapid.Int64Range(-62135596800e9/10, 1<<62).Draw(t, c.Name))
			case c.Type == table.Int64:
				row = append(row, rapid.Int64().Draw(t, c.Name))
			case c.Type == table.String:
				row = append(row, text.Draw(t, c.Name))
			case c.Type == table.Bool:
				row = append(row, rapid.Bool().Draw(t, c.Name))
			case c.Type == table.ProcessList:
				row = append(row, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) table.Process {
					return table.Process{PID: rapid.Int64().Draw(t, "pid"), Start: rapid.Int64().Draw(t, "start"), Name: text.Draw(t, "name")}
				}), 1, 3).Draw(t, c.Name))
			case c.Type == table.Histogram:
				row = append(row, rapid.SliceOfN(rapid.Custom(func(t *rapid.T) table.Bucket {
					return table.Bucket{Least: rapid.Int64().Draw(t, "least"), Below: rapid.Int64().Draw(t, "below"), Count: rapid.Int64().Draw(t, "count")}
				}), 1, 3).Draw(t, c.Name))
			}
		}
		rows = append(rows, row)
	}
	return tableOf(s, rows)
}

// tableOf returns a table of the given cells, without the companions.
func tableOf(s *table.Schema, rows [][]any) *table.Table {
	return table.Of(s, len(rows), func(b *table.Batch, i int) {
		k := 0
		for _, c := range s.Columns {
			if c.Type == table.Timestamp {
				continue
			}
			v := rows[i][k]
			k++
			switch c.Type {
			case table.String:
				if v == nil {
					b.TextIf(c.Name, "")
				} else {
					b.Text(c.Name, v.(string))
				}
			case table.Bool:
				if v == nil {
					b.Null(c.Name)
				} else {
					b.Bool(c.Name, v.(bool))
				}
			case table.ProcessList:
				list, _ := v.([]table.Process)
				b.List(c.Name, list)
			case table.Histogram:
				list, _ := v.([]table.Bucket)
				b.Histogram(c.Name, list)
			default:
				n, known := v.(int64)
				b.IntIf(c.Name, n, known)
			}
		}
	})
}

// Every format gives back every cell, read by a reader that is not ours.
func TestFormatsHoldTheSameCells(t *testing.T) {
	t.Parallel()
	for _, s := range table.All() {
		t.Run(s.Name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				tab := drawn(rt, s)
				want := cellsOf(t, tab)
				same(t, "json", want, fromJSON(t, s, encoded(t, NewJSON, tab)))
				same(t, "jsonl", want, fromJSONL(t, s, encoded(t, NewJSONL, tab)))
				same(t, "arrow", want, fromArrow(t, encoded(t, arrowOf, tab)))
				if doc := encoded(t, parquetOf, tab); decode.ReadsParquet() {
					same(t, "parquet", withoutLists(want), fromParquet(t, s, doc))
				}
				same(t, "csv", asCSV(want), fromCSV(t, s, encoded(t, NewCSV, tab)))
			})
		})
	}
}

func arrowOf(w io.Writer) Encoder   { return NewArrow(w, About{Tool: "test"}) }
func parquetOf(w io.Writer) Encoder { return NewParquet(w, About{Tool: "test"}, 2) }

func same(t *testing.T, format string, want, got cells) {
	t.Helper()
	if len(want) == 0 && len(got) == 0 || reflect.DeepEqual(want, got) { // which takes a tenth of the time
		return
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("%s gives other cells (-want +got):\n%s", format, d)
	}
}

func withoutLists(in cells) cells { return mapped(in, dropList) }

func dropList(v any) any {
	switch v.(type) {
	case []table.Process, []table.Bucket:
		return nil
	}
	return v
}

// asCSV is what the standard library's reader can tell: no empty text, and a
// line feed for CR LF.
func asCSV(in cells) cells {
	return mapped(in, func(v any) any {
		if v == "" {
			return nil
		}
		if s, ok := v.(string); ok {
			return strings.ReplaceAll(s, "\r\n", "\n")
		}
		return v
	})
}

func mapped(in cells, f func(any) any) cells {
	var out cells
	for _, row := range in {
		r := make([]any, len(row))
		for k, v := range row {
			r[k] = f(v)
		}
		out = append(out, r)
	}
	return out
}

// More rows than a row group, and a last batch that is not full.
func TestParquetRowGroups(t *testing.T) {
	needReader(t)
	t.Parallel()
	s := table.Coverage()
	const rows = parquet.GroupRows + table.MaxRows + 3
	var reasons [7]string
	for i := range reasons {
		reasons[i] = fmt.Sprint("reason ", i)
	}
	tab := table.Of(s, rows, func(b *table.Batch, i int) {
		b.Text("side", "source")
		b.Text("reason", reasons[i%7])
		b.Int("packets", int64(i))
		b.Int("wire_bytes", -int64(i)*1e12)
	})
	got := fromParquet(t, s, encoded(t, parquetOf, tab))
	if len(got) != rows {
		t.Fatalf("%d rows, want %d", len(got), rows)
	}
	for i, r := range got {
		if r[1] != reasons[i%7] || r[2] != int64(i) || r[3] != -int64(i)*1e12 {
			t.Fatalf("row %d is %v", i, r)
		}
	}
}

// Pages hold several batches: also of columns that have no value for a while, in
// a page, or in none.
func TestParquetPagesOfManyBatches(t *testing.T) {
	needReader(t)
	s := table.Connections()
	s.Columns = twoOfEach(s.Columns) // a hundred take minutes
	rare := 0                        // the number of a column that has no value in all of a page
	for k, c := range s.Columns {
		if c.Nullable && c.Type == table.Int64 {
			rare = k
		}
	}
	const rows = 2*parquet.PageRows + 5000
	row := func(i int) []any {
		cells := make([]any, 0, len(s.Columns))
		for k, c := range s.Columns {
			known := !c.Nullable || i > parquet.PageRows/2 && i%(k+2) == 0 && k != rare || i == parquet.PageRows+7
			switch {
			case c.Type == table.Timestamp:
			case !known || c.Type == table.ProcessList:
				cells = append(cells, nil)
			case c.Type == table.String:
				cells = append(cells, fmt.Sprint("text", i%100))
			default:
				cells = append(cells, int64(i)*int64(k))
			}
		}
		return cells
	}
	small := &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
		for begin, size := 0, 1; begin < rows; begin, size = begin+size, size%4999+998 {
			var some [][]any
			for i := begin; i < min(begin+size, rows); i++ {
				some = append(some, row(i))
			}
			if err := tableOf(s, some).Each(prepare, yield); err != nil {
				return err
			}
		}
		return nil
	}}
	same(t, "parquet", withoutLists(cellsOf(t, small)), fromParquet(t, s, encoded(t, parquetOf, small)))
}

// twoOfEach returns the first two columns of each type, that may be NULL and that may not.
func twoOfEach(columns []table.Column) (some []table.Column) {
	type kind struct {
		table.Type
		null, dated bool
	}
	seen := map[kind]int{}
	for n, c := range columns {
		if c.Type == table.Timestamp {
			continue // with the column before it
		}
		dated := n+1 < len(columns) && columns[n+1].Type == table.Timestamp
		k := kind{c.Type, c.Nullable, dated}
		if seen[k]++; seen[k] > 2 {
			continue
		}
		if some = append(some, c); dated {
			some = append(some, columns[n+1])
		}
	}
	return some
}

func TestOneTableAFile(t *testing.T) {
	for name, e := range map[string]Encoder{"csv": NewCSV(io.Discard), "arrow": arrowOf(io.Discard), "parquet": parquetOf(io.Discard)} {
		if err := e.Begin(table.Coverage()); err != nil {
			t.Fatal(err)
		}
		if err := e.Begin(table.Coverage()); !errors.Is(err, errOneTable) {
			t.Errorf("%s takes a second table: %v", name, err)
		}
	}
}

// broken fails at the k-th write, counted from 0, and from then on.
type broken struct{ k, writes int }

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.writes++; b.writes > b.k {
		return 0, errBroken
	}
	return len(p), nil
}

// Whichever write fails, the error comes out, and nothing panics.
func TestWriteErrors(t *testing.T) {
	t.Parallel()
	rows, step := 70_000, 1
	if need.Slow {
		rows, step = 40_000, 5 // more rows than Parquet's first write
	}
	tab := table.Of(table.Coverage(), rows, func(b *table.Batch, i int) {
		b.Text("side", "source")
		b.Text("reason", fmt.Sprint(uint32(i)*2654435761))
		b.Int("packets", int64(i)*0x5851f42d4c957f2d)
		b.Int("wire_bytes", int64(i))
	})
	for name, encoder := range map[string]func(io.Writer) Encoder{"json": NewJSON, "jsonl": NewJSONL, "csv": NewCSV, "arrow": arrowOf, "parquet": parquetOf} {
		whole := &broken{k: 1 << 30}
		check(t, Write(encoder(whole), []*table.Table{tab}))
		if whole.writes < 2 {
			t.Errorf("%s: only %d writes", name, whole.writes)
		}
		for k := 0; k < whole.writes; k += step {
			if err := Write(encoder(&broken{k: k}), []*table.Table{tab}); !errors.Is(err, errBroken) {
				t.Errorf("%s, write %d of %d fails: error is %v", name, k, whole.writes, err)
			}
		}
	}
}

func TestCSVDefusesFormulas(t *testing.T) {
	rows := [][]any{{"=cmd|' /C calc'!A0", "+1", int64(-1), int64(2)}, {"", "a \"b\"", int64(0), int64(0)}, {"'a", "' =b", int64(0), int64(0)}, {"-bash", "\tc\r", int64(0), int64(0)}}
	want := "side,reason,packets,wire_bytes\n'=cmd|' /C calc'!A0,'+1,-1,2\n\"\",\"a \"\"b\"\"\",0,0\n'a,'' =b,0,0\n'-bash,\"\tc\r\",0,0\n"
	if got := string(encoded(t, NewCSV, tableOf(table.Coverage(), rows))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Cells that a terminal shows are text and nothing else.
func TestTerminalCSV(t *testing.T) {
	rows := [][]any{{"a\x1b[2J\r\n", "=\u202e,", int64(1), int64(2)}}
	want := "side,reason,packets,wire_bytes\na\\x1b[2J\\x0d\\x0a,\"'=\\u202e,\",1,2\n"
	if got := string(encoded(t, NewTerminalCSV, tableOf(table.Coverage(), rows))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain ü 漢": "plain ü 漢", `C:\x`: `C:\x`, "\x1b[2J": `\x1b[2J`, "a\nb\\": `a\x0ab\\`,
		"\u202egnp.exe": `\u202egnp.exe`, "\U000e0001": `\U000e0001`, "\u2028": `\u2028`, "\u200b": `\u200b`, "\u009b": `\x9b`,
		"\x9b2J": `\x9b2J`, "�": "�", "�\xff\\": `�\xff\\`, "\xe2\x80": `\xe2\x80`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 5, "abc  "}, {"abcdef", 4, "abc…"}, {"漢字", 4, "漢字"}, {"漢字漢", 4, "漢… "}, {"e\u0301x", 2, "e\u0301x"}, {"", 2, "  "}} {
		if got := fit(c.in, c.n); got != c.want || columns(got) != c.n {
			t.Errorf("fit(%q, %d) = %q in %d columns, want %q", c.in, c.n, got, columns(got), c.want)
		}
	}
}

func TestQuantities(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(-1234567): "-1,234,567", number(123): "123",
		size(999): "999 B", size(1000): "1.00 kB", size(999_499): "999 kB", size(999_500): "1.00 MB", size(12_345_678): "12.3 MB", size(1 << 62): "4.61 EB",
		percent(0, 9): "", percent(1, 100000): "<0.1 %", percent(99999, 100000): ">99.9 %", percent(3, 3): "100 %", percent(1, 3): "33.3 %",
		duration(0, 1_500_000_000): "1.500 s", duration(0, 3_723e9): "1h2m3s", duration(-1<<63, 1<<63-1): "2562047h47m16s",
		meter(1, 2, 4): "██", meter(1, 1000, 4): "▏", meter(0, 5, 4): "", meter(5, 5, 3): "███",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
