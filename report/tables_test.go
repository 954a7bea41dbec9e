package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet"
	parquetfile "github.com/apache/arrow/go/v15/parquet/file"
)

// row is a row with integers and strings as text, as every format gives them.
type row map[string]string

// tables writes r in a format and reads back some columns of its tables.
func tables(t *testing.T, r *Result, f Format) map[string][]row {
	t.Helper()
	if f == JSON || f == JSONL {
		var out bytes.Buffer
		must(t, r.Write(context.Background(), Output{Format: f, Stdout: &out}))
		if f == JSON {
			return fromJSON(t, out.Bytes())
		}
		return fromJSONL(t, out.Bytes())
	}
	dir := filepath.Join(t.TempDir(), "out")
	must(t, r.Write(context.Background(), Output{Format: f, Path: dir}))
	read := map[string][]row{}
	for _, tab := range r.Tables {
		b, err := os.ReadFile(filepath.Join(dir, tab.Name+"."+string(f)))
		must(t, err)
		read[tab.Name] = map[Format]func(*testing.T, []byte) []row{CSV: fromCSV, Arrow: fromArrow, Parquet: fromParquet}[f](t, b)
	}
	return read
}

func fromJSON(t *testing.T, doc []byte) map[string][]row {
	t.Helper()
	var parsed map[string]any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	must(t, d.Decode(&parsed))
	read := map[string][]row{}
	for name, v := range parsed {
		switch v := v.(type) {
		case map[string]any:
			read[name] = []row{rowOf(v)}
		case []any:
			for _, o := range v {
				read[name] = append(read[name], rowOf(o.(map[string]any)))
			}
		}
	}
	return read
}

func fromJSONL(t *testing.T, doc []byte) map[string][]row {
	t.Helper()
	read := map[string][]row{}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	for {
		var o map[string]any
		err := d.Decode(&o)
		if err == io.EOF {
			return read
		}
		must(t, err)
		name := o["table"].(string)
		read[name] = append(read[name], rowOf(o))
	}
}

func rowOf(o map[string]any) row {
	r := row{}
	for k, v := range o {
		switch v := v.(type) {
		case json.Number:
			r[k] = v.String()
		case string:
			r[k] = v
		}
	}
	return r
}

func fromCSV(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(doc)).ReadAll()
	must(t, err)
	for _, cells := range records[1:] {
		r := row{}
		for k, c := range cells {
			r[records[0][k]] = c
		}
		rows = append(rows, r)
	}
	return rows
}

func fromArrow(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	in, err := ipc.NewFileReader(bytes.NewReader(doc))
	must(t, err)
	for i := range in.NumRecords() {
		record, err := in.Record(i)
		must(t, err)
		for n := range int(record.NumRows()) {
			r := row{}
			for k, c := range record.Columns() {
				switch c := c.(type) {
				case *array.Int64:
					if c.IsValid(n) {
						r[record.ColumnName(k)] = strconv.FormatInt(c.Value(n), 10)
					}
				case *array.String:
					r[record.ColumnName(k)] = strings.Clone(c.Value(n))
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// fromParquet reads the integers and strings of the first row group, all there is, but
// lists; and where arrow's own reader cannot, but what may be NULL.
func fromParquet(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	in, err := parquetfile.NewParquetReader(bytes.NewReader(doc))
	must(t, err)
	if in.NumRows() == 0 {
		return nil
	}
	n := in.NumRows()
	for range n {
		rows = append(rows, row{})
	}
	group := in.RowGroup(0)
	for k := range in.MetaData().Schema.NumColumns() {
		column, err := group.Column(k)
		must(t, err)
		d := column.Descriptor()
		if d.MaxRepetitionLevel() > 0 || d.MaxDefinitionLevel() > 0 && runtime.GOARCH != "amd64" {
			continue
		}
		there := make([]int16, n)
		put := func(value func(k int) string) {
			next := 0
			for i := range rows {
				if d.MaxDefinitionLevel() == 0 || there[i] > 0 {
					rows[i][d.Name()] = value(next)
					next++
				}
			}
		}
		switch column := column.(type) {
		case *parquetfile.Int64ColumnChunkReader:
			v := make([]int64, n)
			_, _, err = column.ReadBatch(n, v, there, nil)
			put(func(k int) string { return strconv.FormatInt(v[k], 10) })
		case *parquetfile.ByteArrayColumnChunkReader:
			v := make([]parquet.ByteArray, n)
			_, _, err = column.ReadBatch(n, v, there, nil)
			put(func(k int) string { return string(v[k]) })
		}
		must(t, err)
	}
	return rows
}

func sum(t *testing.T, rows []row, column string, keep func(row) bool) (n int64) {
	t.Helper()
	for _, r := range rows {
		if keep == nil || keep(r) {
			v, err := strconv.ParseInt(r[column], 10, 64)
			must(t, err)
			n += v
		}
	}
	return n
}
