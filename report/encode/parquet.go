package encode

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/compress"
	"github.com/apache/arrow/go/v15/parquet/metadata"
	"github.com/apache/arrow/go/v15/parquet/schema"
	"github.com/klauspost/compress/zstd"

	"github.com/pcapwho/pcapwho/report/table"
)

// rowGroup is the most rows of a row group: a whole number of batches.
const rowGroup = 8 * table.MaxRows

// pageRows is how many rows a page has at least, but the last of a group.
const pageRows = 1 << 15

// parquetMagic begins and ends a file.
const parquetMagic = "PAR1"

// NewParquet returns an encoder of one table as a Parquet file: zstd, integers
// DELTA_BINARY_PACKED, strings through dictionaries, row groups of 524,288
// rows. The file's key-value metadata tell about. So many pages are encoded side
// by side, while the next is filled: the file is the same for any number.
//
// The pages are made here, the schema and the footer by arrow, whose own pages took
// five times as long: it looks every text up by its hash, and makes a compressor of
// megabytes for each page.
func NewParquet(w io.Writer, about About, workers int) Encoder {
	return &parquetFile{out: buffer{w: w}, about: about, workers: max(workers, 1)}
}

type parquetFile struct {
	unprepared
	out     buffer
	about   About
	workers int

	footer *metadata.FileMetaDataBuilder
	kinds  []parquetKind // of the leaves: columns, and the fields of lists
	zstd   *zstd.Encoder

	rows         int                  // of the group that is filled
	dictionaries []*parquetDictionary // of it, by leaf; nil = the leaf has none
	page         *parquetPage         // that is filled; nil = none
	flight       []*parquetPage       // those that are encoded, in order; at most workers while a page is filled
	free         []*parquetPage

	group parquetGroup // whose pages come back
	begun int64        // bytes of the file before it
	count int16        // row groups that were written
}

func (p *parquetFile) Begin(s *table.Schema) (err error) {
	if p.footer != nil {
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
	p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(parquetLevel), zstd.WithEncoderConcurrency(p.workers), zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true))
	if err != nil {
		return err
	}
	leaves := schema.NewSchema(root)
	for i := range leaves.NumColumns() {
		p.kinds = append(p.kinds, newParquetKind(leaves.Column(i)))
	}
	p.footer = metadata.NewFileMetadataBuilder(leaves, p.properties(), kv)
	p.group.chunks = make([]parquetChunk, len(p.kinds))
	p.out.b = append(p.out.b, parquetMagic...)
	p.begun = int64(len(parquetMagic))
	return p.out.flush(false)
}

// properties are what the footer is made by.
func (p *parquetFile) properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy(p.about.Tool),
		parquet.WithRootRepetition(parquet.Repetitions.Required), // repeated, the default, is refused by some readers
		parquet.WithCompression(compress.Codecs.Zstd),
	}
	for i := range p.kinds {
		options = append(options, parquet.WithEncodingFor(p.kinds[i].path, p.kinds[i].encoding))
	}
	return parquet.NewWriterProperties(options...)
}

func (p *parquetFile) Batch(b *table.Batch) error {
	if p.page != nil {
		if last := p.rows+table.MaxRows > rowGroup; last || p.page.rows >= pageRows {
			p.send(last)
		}
	}
	if p.page == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	p.page.append(b, p.dictionaries)
	p.rows += b.Rows
	return p.out.flush(false)
}

// open makes a page to fill: a free one, or that which is first in flight.
func (p *parquetFile) open() error {
	if len(p.flight) > p.workers {
		if err := p.collect(); err != nil {
			return err
		}
	}
	if n := len(p.free); n > 0 {
		p.page, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.page = newParquetPage(p.kinds)
	}
	if p.dictionaries == nil {
		p.dictionaries = newParquetDictionaries(p.kinds)
	}
	return nil
}

// send has the page encoded that is filled, if there is one; last tells that it is the
// last of its group. Who encodes it waits for nobody, and so needs not be ended.
func (p *parquetFile) send(last bool) {
	page := p.page
	if page == nil {
		return
	}
	page.close(p.dictionaries)
	if last {
		page.dictionaries, p.dictionaries, p.rows = p.dictionaries, nil, 0
	}
	page.wait.Go(func() { page.encode(p.zstd) })
	p.flight, p.page = append(p.flight, page), nil
}

// collect adds the first page in flight to its group, and writes that behind its last one.
func (p *parquetFile) collect() error {
	page := p.flight[0]
	p.flight = append(p.flight[:0], p.flight[1:]...)
	page.wait.Wait()
	p.group.add(page)
	last := page.dictionaries
	page.reset()
	p.free = append(p.free, page)
	if last == nil {
		return nil
	}
	size, err := p.group.write(&p.out, p.begun, p.kinds, p.footer.AppendRowGroup(), p.count)
	p.begun += size
	p.count++
	p.group.reset()
	return err
}

func (p *parquetFile) Close() error {
	if p.footer == nil {
		return nil
	}
	for p.send(true); len(p.flight) > 0; {
		if err := p.collect(); err != nil {
			return err
		}
	}
	file, err := p.footer.Finish()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if _, err := file.WriteTo(&text, nil); err != nil {
		return err
	}
	p.out.b = append(p.out.b, text.Bytes()...)
	p.out.b = append(binary.LittleEndian.AppendUint32(p.out.b, uint32(text.Len())), parquetMagic...)
	return p.out.flush(true)
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
