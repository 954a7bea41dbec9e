package encode

import (
	"errors"
	"io"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"

	"github.com/pcapwho/pcapwho/report/table"
)

// NewArrow returns an encoder of one table as an Arrow IPC file, not
// compressed, so that readers may map it. The schema's metadata tell about.
// Strings are plain arrays: dictionaries are what some readers refuse.
func NewArrow(w io.Writer, about About) Encoder { return &arrowFile{w: w, about: about} }

type arrowFile struct {
	unprepared
	w       io.Writer
	about   About
	schema  *arrow.Schema
	file    *ipc.FileWriter
	columns []*arrowColumn
}

func (a *arrowFile) Begin(s *table.Schema) (err error) {
	if a.file != nil {
		return errOneTable
	}
	metadata := arrow.NewMetadata(a.about.pairs(s))
	fields := make([]arrow.Field, len(s.Columns))
	for i, c := range s.Columns {
		fields[i] = arrow.Field{Name: c.Name, Type: arrowType(c.Type), Nullable: c.Nullable}
	}
	for _, f := range fields {
		a.columns = append(a.columns, newArrowColumn(f.Type))
	}
	a.schema = arrow.NewSchema(fields, &metadata)
	a.file, err = ipc.NewFileWriter(&positioned{w: a.w}, ipc.WithSchema(a.schema))
	return err
}

func arrowType(t table.Type) arrow.DataType {
	switch t {
	case table.Int32:
		return arrow.PrimitiveTypes.Int32
	case table.String:
		return arrow.BinaryTypes.String
	case table.Bool:
		return arrow.FixedWidthTypes.Boolean
	case table.Timestamp:
		return arrow.FixedWidthTypes.Timestamp_us
	case table.ProcessList:
		return arrow.ListOfNonNullable(arrow.StructOf(
			arrow.Field{Name: "pid", Type: arrow.PrimitiveTypes.Int64},
			arrow.Field{Name: "start_ns", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
			arrow.Field{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true}))
	case table.Histogram:
		return arrow.ListOfNonNullable(arrow.StructOf(
			arrow.Field{Name: "least_ns", Type: arrow.PrimitiveTypes.Int64},
			arrow.Field{Name: "below_ns", Type: arrow.PrimitiveTypes.Int64},
			arrow.Field{Name: "count", Type: arrow.PrimitiveTypes.Int64}))
	}
	return arrow.PrimitiveTypes.Int64
}

func (a *arrowFile) Batch(b *table.Batch) error {
	arrays := make([]arrow.Array, 0, len(a.columns))
	defer func() {
		for _, one := range arrays {
			one.Release()
		}
	}()
	for i, c := range a.columns {
		one, err := c.array(&b.Columns[i])
		if err != nil {
			return err
		}
		arrays = append(arrays, one)
	}
	record := array.NewRecord(a.schema, arrays, int64(b.Rows))
	defer record.Release()
	return a.file.Write(record)
}

func appendArrowLists(to *array.ListBuilder, v *table.Values) {
	if len(v.Buckets) > 0 {
		appendHistograms(to, v)
	} else {
		appendLists(to, v)
	}
}

func appendHistograms(to *array.ListBuilder, v *table.Values) {
	element := to.ValueBuilder().(*array.StructBuilder)
	var fields [3]*array.Int64Builder
	for i := range fields {
		fields[i] = element.FieldBuilder(i).(*array.Int64Builder)
	}
	for i, list := range v.Buckets {
		to.Append(v.Valid[i])
		for _, b := range list {
			element.Append(true)
			for k, x := range []int64{b.Least, b.Below, b.Count} {
				fields[k].Append(x)
			}
		}
	}
}

func appendLists(to *array.ListBuilder, v *table.Values) {
	element := to.ValueBuilder().(*array.StructBuilder)
	pid := element.FieldBuilder(0).(*array.Int64Builder)
	start := element.FieldBuilder(1).(*array.Int64Builder)
	name := element.FieldBuilder(2).(*array.StringBuilder)
	for i, list := range v.Lists {
		to.Append(v.Valid[i])
		for _, p := range list {
			element.Append(true)
			pid.Append(p.PID)
			start.AppendValues([]int64{p.Start}, []bool{p.Start != 0})
			name.AppendValues([]string{p.Name}, []bool{p.Name != ""})
		}
	}
}

func (a *arrowFile) Close() error {
	if a.file == nil {
		return nil
	}
	for _, c := range a.columns {
		c.release()
	}
	return a.file.Close()
}

// positioned is a writer that knows how much was written, all that the IPC
// writer asks of a seeker; so it can write to a pipe.
type positioned struct {
	w   io.Writer
	pos int64
}

func (p *positioned) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	p.pos += int64(n)
	return n, err
}

// Seek tells the position; it cannot change it.
func (p *positioned) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.ErrUnsupported
	}
	return p.pos, nil
}
