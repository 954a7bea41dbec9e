package encode

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/pcapwho/pcapwho/report/table"
)

// cells are the rows of a table as plain values: nil, int64, string, bool or
// []table.Process. What each format's own reader gives is compared by them.
type cells [][]any

// cellsOf reads a table directly.
func cellsOf(t testing.TB, tab *table.Table) cells {
	t.Helper()
	var all cells
	err := tab.Each(func(*table.Batch) {}, func(b *table.Batch) error {
		for i := range b.Rows {
			row := make([]any, len(b.Columns))
			for k := range b.Columns {
				if v := &b.Columns[k]; v.Valid[i] {
					switch b.Schema.Columns[k].Type {
					case table.String:
						row[k] = v.Strings[i]
					case table.Bool:
						row[k] = v.Bools[i]
					case table.ProcessList:
						row[k] = append([]table.Process{}, v.Lists[i]...)
					case table.Histogram:
						row[k] = append([]table.Bucket{}, v.Buckets[i]...)
					default:
						row[k] = v.Ints[i]
					}
				}
			}
			all = append(all, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func encoded(t testing.TB, e func(io.Writer) Encoder, tables ...*table.Table) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(e(&out), tables); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func fromJSON(t testing.TB, s *table.Schema, doc []byte) cells {
	t.Helper()
	var parsed map[string]json.RawMessage
	if err := json.Unmarshal(doc, &parsed); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	var rows []json.RawMessage
	if raw := parsed[s.Name]; s.Single {
		rows = []json.RawMessage{raw}
	} else if err := json.Unmarshal(raw, &rows); err != nil {
		t.Fatal(err)
	}
	var all cells
	for _, r := range rows {
		all = append(all, rowFromJSON(t, s, r, len(all) == 0))
	}
	return all
}

func fromJSONL(t testing.TB, s *table.Schema, doc []byte) cells {
	t.Helper()
	var all cells
	for line := range bytes.Lines(doc) {
		var head struct{ Table string }
		if err := json.Unmarshal(line, &head); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		if head.Table == s.Name {
			all = append(all, rowFromJSON(t, s, line, len(all) == 0))
		}
	}
	return all
}

// rowFromJSON reads a row: the first of a table has every column, others none that
// is NULL.
func rowFromJSON(t testing.TB, s *table.Schema, raw []byte, first bool) []any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	row := make([]any, len(s.Columns))
	for k, c := range s.Columns {
		v, there := object[c.Name]
		if !there && (first || !c.Nullable) || there && v == nil && !first {
			t.Fatalf("%s is not as it should be in %s", c.Name, raw)
		}
		row[k] = cellFromJSON(t, c.Type, v)
	}
	return row
}

func cellFromJSON(t testing.TB, typ table.Type, v any) any {
	t.Helper()
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return n
	case string:
		if typ == table.Timestamp {
			return timestamp(t, v)
		}
	case []any:
		if typ == table.Histogram {
			return bucketsFromJSON(t, v)
		}
		list := []table.Process{}
		for _, e := range v {
			o := e.(map[string]any)
			p := table.Process{PID: cellFromJSON(t, table.Int64, o["pid"]).(int64)}
			p.Start, _ = cellFromJSON(t, table.Int64, o["start_ns"]).(int64)
			p.Name, _ = o["name"].(string)
			list = append(list, p)
		}
		return list
	}
	return v
}

func bucketsFromJSON(t testing.TB, list []any) []table.Bucket {
	t.Helper()
	all := []table.Bucket{}
	for _, e := range list {
		n := func(name string) int64 { return cellFromJSON(t, table.Int64, e.(map[string]any)[name]).(int64) }
		all = append(all, table.Bucket{Least: n("least_ns"), Below: n("below_ns"), Count: n("count")})
	}
	return all
}

func timestamp(t testing.TB, s string) int64 {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}

// fromCSV undoes what CSV cannot hold apart as a reader does: NULL and the
// empty text are both nil.
func fromCSV(t testing.TB, s *table.Schema, doc []byte) cells {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(doc)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all cells
	for i, r := range records {
		row := make([]any, len(r))
		for k, text := range r {
			if i == 0 && text != s.Columns[k].Name {
				t.Fatalf("column %d is %q, want %q", k, text, s.Columns[k].Name)
			}
			row[k] = cellFromCSV(t, s.Columns[k].Type, text)
		}
		if i > 0 {
			all = append(all, row)
		}
	}
	return all
}

// formula is text that has an apostrophe before it because it is one.
var formula = regexp.MustCompile(`^'[' \t\r\n]*[=+@-]`)

func cellFromCSV(t testing.TB, typ table.Type, text string) any {
	if text == "" {
		return nil
	}
	switch typ {
	case table.String:
		if formula.MatchString(text) {
			return text[1:]
		}
		return text
	case table.Bool:
		return text == "true"
	case table.Timestamp:
		if strings.HasSuffix(text, "Z") {
			return timestamp(t, text)
		}
	case table.ProcessList, table.Histogram:
		var v any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&v) == nil {
			return cellFromJSON(t, typ, v)
		}
	default:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}

func fromArrow(t testing.TB, doc []byte) cells {
	t.Helper()
	r, err := ipc.NewFileReader(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all cells
	for i := range r.NumRecords() {
		record, err := r.Record(i)
		if err != nil {
			t.Fatal(err)
		}
		for row := range int(record.NumRows()) {
			all = append(all, make([]any, record.NumCols()))
			for k, column := range record.Columns() {
				all[len(all)-1][k] = cellFromArrow(column, row)
			}
		}
	}
	return all
}

func cellFromArrow(column any, i int) any {
	if a := column.(interface{ IsNull(int) bool }); a.IsNull(i) {
		return nil
	}
	switch a := column.(type) {
	case *array.Int64:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.String:
		return strings.Clone(a.Value(i))
	case *array.Boolean:
		return a.Value(i)
	case *array.Timestamp:
		return int64(a.Value(i))
	case *array.List:
		list := []table.Process{}
		from, to := a.ValueOffsets(i)
		s := a.ListValues().(*array.Struct)
		if _, ok := s.Field(2).(*array.Int64); ok {
			return bucketsFromArrow(s, int(from), int(to))
		}
		for k := int(from); k < int(to); k++ {
			p := table.Process{PID: cellFromArrow(s.Field(0), k).(int64)}
			p.Start, _ = cellFromArrow(s.Field(1), k).(int64)
			p.Name, _ = cellFromArrow(s.Field(2), k).(string)
			list = append(list, p)
		}
		return list
	}
	return "a type that no column has"
}

func bucketsFromArrow(s *array.Struct, from, to int) []table.Bucket {
	list := []table.Bucket{}
	for k := from; k < to; k++ {
		n := func(field int) int64 { return cellFromArrow(s.Field(field), k).(int64) }
		list = append(list, table.Bucket{Least: n(0), Below: n(1), Count: n(2)})
	}
	return list
}

// fromParquet reads every column but lists, whose cells it leaves nil: those
// are read by other programs in TestReaders.
func fromParquet(t testing.TB, s *table.Schema, doc []byte) cells {
	t.Helper()
	r, err := file.NewParquetReader(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all cells
	for g := range r.NumRowGroups() {
		group := r.RowGroup(g)
		first := len(all)
		for range group.NumRows() {
			all = append(all, make([]any, len(s.Columns)))
		}
		leaf := 0
		for k, c := range s.Columns {
			if c.Type == table.ProcessList || c.Type == table.Histogram {
				leaf += 3
				continue
			}
			column, err := group.Column(leaf)
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range columnFromParquet(t, column, int(group.NumRows())) {
				all[first+i][k] = v
			}
			leaf++
		}
	}
	return all
}

func columnFromParquet(t testing.TB, column file.ColumnChunkReader, rows int) []any {
	t.Helper()
	out := make([]any, 0, rows)
	definitions := make([]int16, rows)
	take := func(n int64, value func(i int) any) {
		next := 0
		for i := range n {
			if column.Descriptor().MaxDefinitionLevel() > 0 && definitions[i] == 0 {
				out = append(out, nil)
				continue
			}
			out = append(out, value(next))
			next++
		}
	}
	for len(out) < rows {
		before := len(out)
		switch c := column.(type) {
		case *file.Int64ColumnChunkReader:
			v := make([]int64, rows)
			n, _, err := c.ReadBatch(int64(rows-before), v, definitions, nil)
			check(t, err)
			take(n, func(i int) any { return v[i] })
		case *file.Int32ColumnChunkReader:
			v := make([]int32, rows)
			n, _, err := c.ReadBatch(int64(rows-before), v, definitions, nil)
			check(t, err)
			take(n, func(i int) any { return int64(v[i]) })
		case *file.BooleanColumnChunkReader:
			v := make([]bool, rows)
			n, _, err := c.ReadBatch(int64(rows-before), v, definitions, nil)
			check(t, err)
			take(n, func(i int) any { return v[i] })
		case *file.ByteArrayColumnChunkReader:
			v := make([]parquet.ByteArray, rows)
			n, _, err := c.ReadBatch(int64(rows-before), v, definitions, nil)
			check(t, err)
			take(n, func(i int) any { return string(v[i]) })
		}
		if len(out) == before {
			t.Fatalf("column %s ends after %d of %d rows", column.Descriptor().Name(), before, rows)
		}
	}
	return out
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
