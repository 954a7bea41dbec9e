package encode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"

	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/encode/parquet"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// needReader skips where arrow reads no Parquet: it panics.
func needReader(t *testing.T) {
	if !decode.ReadsParquet() {
		t.Skip("arrow reads no Parquet on this processor")
	}
}

// many is a table of rows whose texts soon fill a dictionary, in two row groups.
func many() *table.Table {
	const rows = parquet.GroupRows + 2*parquet.PageRows + 3
	return table.Of(table.Coverage(), rows, func(b *table.Batch, i int) {
		b.Text("side", []string{"source", "destination", ""}[i%3])
		b.Text("reason", strings.Repeat(fmt.Sprint("reason ", i*7919%100_000), 3))
		b.Int("packets", int64(i))
		b.Int("wire_bytes", -int64(i%1000)*1e12)
	})
}

// However many pages are encoded side by side, the file is the same, and has every cell.
func TestParquetSideBySide(t *testing.T) {
	needReader(t)
	t.Parallel()
	tab := many()
	want := encoded(t, parquetOf, tab)
	for _, workers := range []int{0, 1, 7} {
		if got := encoded(t, func(w io.Writer) Encoder { return NewParquet(w, About{Tool: "test"}, workers) }, tab); !bytes.Equal(got, want) {
			t.Errorf("%d workers: another file", workers)
		}
	}
	if !need.Slow {
		same(t, "parquet", cellsOf(t, tab), fromParquet(t, tab.Schema, want))
	}
	r, err := file.NewParquetReader(bytes.NewReader(want))
	check(t, err)
	reason, err := r.MetaData().RowGroup(0).ColumnChunk(1)
	check(t, err)
	if !slices.Contains(reason.Encodings(), 0) || len(reason.EncodingStats()) > 0 {
		t.Errorf("all texts are said to be in the dictionary: %v", reason.Encodings())
	}
}

// Rows end anywhere: also with a page, and with a group.
func TestParquetEnds(t *testing.T) {
	needReader(t)
	t.Parallel()
	for _, n := range []int{0, 1, 7, 8, 129, parquet.PageRows, 2 * parquet.PageRows, parquet.GroupRows} {
		s := &table.Schema{Name: "numbers", Columns: []table.Column{{Name: "n", Type: table.Int64}, {Name: "even", Type: table.String, Nullable: true}}}
		batch := table.NewBatch(s)
		tab := &table.Table{Schema: s, Each: func(prepare func(*table.Batch), yield func(*table.Batch) error) error {
			for i := range n {
				batch.Int("n", int64(i))
				batch.TextIf("even", []string{"even", ""}[i%2])
				if batch.Rows == 1<<11 || i == n-1 {
					check(t, yield(batch))
					batch.Reset()
				}
			}
			return nil
		}}
		same(t, "parquet", cellsOf(t, tab), fromParquet(t, s, encoded(t, parquetOf, tab)))
	}
}

// Integers of every width come back, also those whose differences overflow.
func TestParquetIntegers(t *testing.T) {
	needReader(t)
	t.Parallel()
	s := &table.Schema{Name: "numbers", Columns: []table.Column{{Name: "wide", Type: table.Int64}, {Name: "narrow", Type: table.Int32}}}
	r := rand.New(rand.NewPCG(1, 2))
	var rows [][]any
	for width := range 65 {
		for range 300 {
			rows = append(rows, []any{int64(r.Uint64() >> (64 - width)), int64(int32(r.Uint32() >> max(0, 32-width)))})
		}
	}
	for _, v := range []int64{math.MinInt64, math.MaxInt64, 0, math.MinInt64, -1, math.MaxInt64} {
		rows = append(rows, []any{v, int64(int32(v >> 32))})
	}
	tab := tableOf(s, rows)
	same(t, "parquet", rows, fromParquet(t, s, encoded(t, parquetOf, tab)))
}

// The footer tells the least and the greatest value of each column, and how many are NULL.
func TestParquetStatistics(t *testing.T) {
	needReader(t)
	t.Parallel()
	s := table.Connections()
	tab := seeded(s, 1001)
	rows := cellsOf(t, tab)
	r, err := file.NewParquetReader(bytes.NewReader(encoded(t, parquetOf, tab)))
	check(t, err)
	group := r.MetaData().RowGroup(0)
	for k := range s.Columns {
		leaf := r.MetaData().Schema.ColumnIndexByName(s.Columns[k].Name)
		if leaf < 0 { // a list
			continue
		}
		chunk, err := group.ColumnChunk(leaf)
		check(t, err)
		got, err := chunk.Statistics()
		check(t, err)
		nulls, values := int64(0), []any{}
		for _, row := range rows {
			if row[k] == nil {
				nulls++
			} else {
				values = append(values, row[k])
			}
		}
		least, most := span(values)
		if gotLeast, gotMost := spanOf(got); got.NullCount() != nulls || gotLeast != least || gotMost != most {
			t.Errorf("%s: %v to %v with %d NULL, want %v to %v with %d", s.Columns[k].Name, gotLeast, gotMost, got.NullCount(), least, most, nulls)
		}
	}
}

// span returns the least and the greatest of values, nil where there are none.
func span(values []any) (least, most any) {
	for _, v := range values {
		if least == nil || less(v, least) {
			least = v
		}
		if most == nil || less(most, v) {
			most = v
		}
	}
	return least, most
}

func less(a, b any) bool {
	switch a := a.(type) {
	case string:
		return a < b.(string)
	case bool:
		return !a && b.(bool)
	}
	return a.(int64) < b.(int64)
}

func spanOf(s metadata.TypedStatistics) (least, most any) {
	if !s.HasMinMax() {
		return nil, nil
	}
	switch s := s.(type) {
	case *metadata.Int64Statistics:
		return s.Min(), s.Max()
	case *metadata.Int32Statistics:
		return int64(s.Min()), int64(s.Max())
	case *metadata.BooleanStatistics:
		return s.Min(), s.Max()
	case *metadata.ByteArrayStatistics:
		return string(s.Min()), string(s.Max())
	}
	return "of a type that no column has", nil
}

// When a write fails, the pages in flight end by themselves.
func TestParquetFailsAlone(t *testing.T) {
	t.Parallel()
	s := &table.Schema{Name: "numbers", Columns: []table.Column{{Name: "n", Type: table.Int64}}}
	batch := table.NewBatch(s)
	r := rand.New(rand.NewPCG(1, 2))
	batch.Ints("n", table.MaxRows, func(int) (int64, bool) { return int64(r.Uint64()), true })
	for k := range 3 {
		synctest.Test(t, func(t *testing.T) { // which waits for all goroutines
			e := NewParquet(&broken{k: k}, About{}, 3)
			check(t, e.Begin(s))
			var err error
			for n := 0; err == nil && n < 40; n++ {
				err = e.Batch(batch)
			}
			if !errors.Is(err, errBroken) {
				t.Errorf("write %d fails: error %v", k, err)
			}
		})
	}
}
