package encode

import (
	"errors"
	"io"
	"math"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"

	"github.com/pcapwho/pcapwho/report/table"
)

// rowGroup is the most rows of a row group: a whole number of batches.
const rowGroup = 8 * table.MaxRows

// pageRows is how many rows a page has at least, but the last of a group: the
// compressor of each page takes megabytes.
const pageRows = table.MaxRows

// NewParquet returns an encoder of one table as a Parquet file: zstd, integers
// DELTA_BINARY_PACKED, strings through dictionaries, row groups of 524,288
// rows. The file's key-value metadata tell about.
func NewParquet(w io.Writer, about About) Encoder {
	return &parquetFile{out: buffer{w: w}, about: about}
}

type parquetFile struct {
	unprepared
	out   buffer
	about About
	file  *file.Writer
	group file.BufferedRowGroupWriter // nil when none is open
	rows  int                         // of the open group
	page  int                         // rows of its open pages
	cells parquetCells
}

func (p *parquetFile) Begin(s *table.Schema) error {
	if p.file != nil {
		return errOneTable
	}
	root, err := parquetSchema(s)
	if err != nil {
		return err
	}
	kv := metadata.NewKeyValueMetadata()
	keys, values := p.about.pairs(s)
	for i := range keys {
		if err := kv.Append(keys[i], values[i]); err != nil {
			return err
		}
	}
	p.file = file.NewParquetWriter(&p.out, root, file.WithWriteMetadata(kv), file.WithWriterProps(p.properties(s)))
	return p.out.flush(false)
}

func (p *parquetFile) properties(s *table.Schema) *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy(p.about.Tool),
		parquet.WithRootRepetition(parquet.Repetitions.Required), // repeated, the default, is refused by some readers
		parquet.WithCompression(compress.Codecs.Zstd),
		parquet.WithDictionaryDefault(true),
		parquet.WithStats(statistics),
		parquet.WithBatchSize(table.MaxRows),
		parquet.WithDataPageSize(math.MaxInt32), // endPages ends them
	}
	packed := func(path string) {
		options = append(options, parquet.WithDictionaryFor(path, false), parquet.WithEncodingFor(path, parquet.Encodings.DeltaBinaryPacked))
	}
	for _, c := range s.Columns {
		switch c.Type {
		case table.Int64, table.Int32, table.Timestamp:
			packed(c.Name)
		case table.ProcessList:
			packed(c.Name + ".list.element.pid")
			packed(c.Name + ".list.element.start_ns")
		case table.Histogram:
			packed(c.Name + ".list.element.least_ns")
			packed(c.Name + ".list.element.below_ns")
			packed(c.Name + ".list.element.count")
		case table.Bool:
			options = append(options, parquet.WithDictionaryFor(c.Name, false))
		}
	}
	return parquet.NewWriterProperties(options...)
}

func (p *parquetFile) Batch(b *table.Batch) error {
	if p.group == nil {
		p.group, p.rows = p.file.AppendBufferedRowGroup(), 0
	}
	leaf := 0
	for i := range b.Columns {
		n, err := p.cells.write(p.group, leaf, &b.Schema.Columns[i], &b.Columns[i])
		if err != nil {
			return err
		}
		leaf += n
	}
	p.rows, p.page = p.rows+b.Rows, p.page+b.Rows
	switch {
	case p.rows+table.MaxRows > rowGroup:
		return p.endGroup()
	case p.page >= pageRows:
		return p.endPages()
	}
	return p.out.flush(false)
}

// endPages ends the open page of every column.
func (p *parquetFile) endPages() error {
	if p.page == 0 {
		return nil
	}
	p.page = 0
	if err := p.cells.endPages(p.group); err != nil {
		return err
	}
	return p.out.flush(false)
}

func (p *parquetFile) endGroup() error {
	if p.group == nil {
		return nil
	}
	err := p.endPages()
	if err == nil {
		err = p.group.Close()
	}
	p.group = nil
	return errors.Join(err, p.out.flush(false))
}

func (p *parquetFile) Close() error {
	if p.file == nil {
		return nil
	}
	if err := p.endGroup(); err != nil {
		return err
	}
	return errors.Join(p.file.Close(), p.out.flush(true))
}

// parquetSchema translates a table's schema.
func parquetSchema(s *table.Schema) (*schema.GroupNode, error) {
	fields := make(schema.FieldList, len(s.Columns))
	for i, c := range s.Columns {
		var err error
		if fields[i], err = parquetColumn(c.Name, c.Type, c.Nullable); err != nil {
			return nil, err
		}
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, fields, -1)
}

func parquetColumn(name string, t table.Type, nullable bool) (schema.Node, error) {
	repetition := parquet.Repetitions.Required
	if nullable {
		repetition = parquet.Repetitions.Optional
	}
	leaf := func(l schema.LogicalType, p parquet.Type) (schema.Node, error) {
		return schema.NewPrimitiveNodeLogical(name, repetition, l, p, -1, -1)
	}
	switch t {
	case table.Int32:
		return leaf(schema.NewIntLogicalType(32, true), parquet.Types.Int32)
	case table.String:
		return leaf(schema.StringLogicalType{}, parquet.Types.ByteArray)
	case table.Bool:
		return leaf(schema.NoLogicalType{}, parquet.Types.Boolean)
	case table.Timestamp:
		return leaf(schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64)
	case table.ProcessList:
		return parquetList(name, repetition, table.Column{Name: "pid", Type: table.Int64}, table.Column{Name: "start_ns", Type: table.Int64, Nullable: true},
			table.Column{Name: "name", Type: table.String, Nullable: true})
	case table.Histogram:
		return parquetList(name, repetition, table.Column{Name: "least_ns", Type: table.Int64}, table.Column{Name: "below_ns", Type: table.Int64},
			table.Column{Name: "count", Type: table.Int64})
	}
	return leaf(schema.NewIntLogicalType(64, true), parquet.Types.Int64)
}

// parquetList is a list of structs.
func parquetList(name string, repetition parquet.Repetition, members ...table.Column) (schema.Node, error) {
	var fields schema.FieldList
	for _, c := range members {
		node, err := parquetColumn(c.Name, c.Type, c.Nullable)
		if err != nil {
			return nil, err
		}
		fields = append(fields, node)
	}
	element, err := schema.NewGroupNode("element", parquet.Repetitions.Required, fields, -1)
	if err != nil {
		return nil, err
	}
	return schema.ListOfWithName(name, element, repetition, -1)
}
