package decode

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/arrow/go/v15/arrow/memory"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"

	"github.com/pcapwho/pcapwho/report/table"
)

// maxBuffer is the most memory that a size in a file of Parquet may ask for at once. A page
// of what is written here has 32,768 to 98,303 values.
const maxBuffer = 256 << 20

// allocator panics instead of allocating more than maxBuffer.
type allocator struct{ memory.Allocator }

func newAllocator() memory.Allocator { return allocator{memory.DefaultAllocator} }

func checkSize(n int) {
	if n < 0 || n > maxBuffer {
		panic(fmt.Sprintf("%d bytes are asked for at once, and %d are allowed", n, maxBuffer))
	}
}

func (a allocator) Allocate(n int) []byte {
	checkSize(n)
	return a.Allocator.Allocate(n)
}

func (a allocator) Reallocate(n int, old []byte) []byte {
	checkSize(n)
	return a.Allocator.Reallocate(n, old)
}

// parquetRows reads a file of Parquet, all columns of a row group side by side.
type parquetRows struct {
	file    *file.Reader
	columns []table.Column
	leaves  []int // place of each column in the file; -1 = it has none
	groups  int   // that were opened
	readers []file.ColumnChunkReader
	left    int64 // rows of the open group

	levels [maxRows]int16
	known  [maxRows]bool
	ints   [maxRows]int64
	narrow [maxRows]int32
	bools  [maxRows]bool
	texts  [maxRows]parquet.ByteArray
}

// ReadsParquet tells whether the library reads Parquet on this kind of processor.
func ReadsParquet() bool {
	return slices.Contains([]string{"amd64", "arm64", "ppc64le", "s390x"}, runtime.GOARCH)
}

func openParquet(f *os.File, s *table.Schema) (reader, error) {
	if !ReadsParquet() {
		return nil, fmt.Errorf("files of Parquet are not read on %s: make the dataset with --format csv", runtime.GOARCH)
	}
	properties := parquet.NewReaderProperties(newAllocator())
	properties.BufferedStreamEnabled = true // else a column is read whole
	r, err := file.NewParquetReader(f, file.WithReadProps(properties))
	if err != nil {
		return nil, err
	}
	p := &parquetRows{file: r, columns: s.Columns}
	for _, c := range s.Columns {
		p.leaves = append(p.leaves, r.MetaData().Schema.ColumnIndexByName(c.Name))
	}
	return p, nil
}

func (p *parquetRows) close() error { return p.file.Close() }

func (p *parquetRows) next(columns []table.Values) (int, error) {
	for p.left == 0 {
		if p.groups == p.file.NumRowGroups() {
			return 0, nil
		}
		if err := p.openGroup(); err != nil {
			return 0, err
		}
	}
	n := int(min(p.left, maxRows))
	p.left -= int64(n)
	for i := range p.columns {
		if p.readers[i] == nil {
			fill(&columns[i], p.columns[i].Type, n)
		} else if err := p.column(p.readers[i], &p.columns[i], &columns[i], n); err != nil {
			return 0, fmt.Errorf("column %s: %w", p.columns[i].Name, err)
		}
	}
	return n, nil
}

func (p *parquetRows) openGroup() error {
	group := p.file.RowGroup(p.groups)
	p.groups++
	p.left, p.readers = group.NumRows(), make([]file.ColumnChunkReader, len(p.columns))
	for i, leaf := range p.leaves {
		if leaf < 0 {
			continue
		}
		var err error
		if p.readers[i], err = group.Column(leaf); err != nil {
			return err
		}
	}
	return nil
}

// column appends n cells.
func (p *parquetRows) column(from file.ColumnChunkReader, c *table.Column, to *table.Values, n int) error {
	if from.Descriptor().MaxRepetitionLevel() > 0 {
		return errors.New("it is a list")
	}
	for n > 0 {
		got, err := p.cells(from, c.Type, to, int64(n))
		if err == nil && got == 0 {
			err = errors.New("it has fewer cells than the file has rows")
		}
		if err != nil {
			return err
		}
		n -= got
	}
	return nil
}

// cells appends up to n cells and returns how many.
func (p *parquetRows) cells(from file.ColumnChunkReader, t table.Type, to *table.Values, n int64) (int, error) {
	var got int64
	var err error
	is := table.Int64
	switch r := from.(type) {
	case *file.Int64ColumnChunkReader:
		got, _, err = r.ReadBatch(n, p.ints[:], p.levels[:], nil)
		to.Ints = spread(to.Ints, p.ints[:], p.valid(from, got), func(v int64) int64 { return v })
	case *file.Int32ColumnChunkReader:
		got, _, err = r.ReadBatch(n, p.narrow[:], p.levels[:], nil)
		to.Ints = spread(to.Ints, p.narrow[:], p.valid(from, got), func(v int32) int64 { return int64(v) })
	case *file.BooleanColumnChunkReader:
		got, _, err = r.ReadBatch(n, p.bools[:], p.levels[:], nil)
		to.Bools, is = spread(to.Bools, p.bools[:], p.valid(from, got), func(v bool) bool { return v }), table.Bool
	case *file.ByteArrayColumnChunkReader:
		got, _, err = r.ReadBatch(n, p.texts[:], p.levels[:], nil)
		to.Strings, is = spread(to.Strings, p.texts[:], p.valid(from, got), func(v parquet.ByteArray) string { return text(string(v)) }), table.String
	}
	if t == table.Int32 {
		t = table.Int64
	}
	if err == nil && is != t {
		err = fmt.Errorf("it is no %v", t)
	}
	to.Valid = append(to.Valid, p.known[:got]...)
	return int(got), err
}

// valid tells which of the cells that were read are not NULL, until the next are read.
func (p *parquetRows) valid(from file.ColumnChunkReader, n int64) []bool {
	most := from.Descriptor().MaxDefinitionLevel()
	for i := range n {
		p.known[i] = most == 0 || p.levels[i] == most
	}
	return p.known[:n]
}

// spread appends values to where they are valid, and zero elsewhere.
func spread[T, V any](to []V, values []T, valid []bool, value func(T) V) []V {
	next := 0
	for _, ok := range valid {
		var v V
		if ok {
			v = value(values[next])
			next++
		}
		to = append(to, v)
	}
	return to
}

// text is a text as tables have it.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
