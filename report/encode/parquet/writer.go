package parquet

import (
	"bufio"
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

// GroupRows is the most rows of a row group: a whole number of batches.
const GroupRows = 8 * table.MaxRows

// PageRows is how many rows a page has at least, but the last of a group.
const PageRows = 1 << 15

// magic begins and ends a file.
const magic = "PAR1"

// Config says how a file is made.
type Config struct {
	Tool         string   // what the file names as its maker
	Keys, Values []string // its key-value metadata
	Workers      int      // so many pages are encoded side by side, while the next is filled; 0 = 1
}

// Writer writes one table as one file. It is not safe for concurrent use.
type Writer struct {
	cfg Config
	out *bufio.Writer

	footer *metadata.FileMetaDataBuilder
	kinds  []kind // of the leaves: columns, and the fields of lists
	zstd   *zstd.Encoder

	rows         int           // of the group that is filled
	dictionaries []*dictionary // of it, by leaf; nil = the leaf has none
	page         *page         // that is filled; nil = none
	flight       []*page       // those that are encoded, in order; at most workers while a page is filled
	free         []*page

	group group // whose pages come back
	begun int64 // bytes of the file before it
	count int16 // row groups that were written
}

// NewWriter begins a file of a table of s. Its errors are those of w, which Write and
// Close have, too: nothing is written behind one.
func NewWriter(w io.Writer, s *table.Schema, cfg Config) (*Writer, error) {
	root, err := schemaOf(s)
	if err != nil {
		return nil, err
	}
	kv := metadata.NewKeyValueMetadata()
	for i := range cfg.Keys {
		if err := kv.Append(cfg.Keys[i], cfg.Values[i]); err != nil {
			return nil, err
		}
	}
	cfg.Workers = max(cfg.Workers, 1)
	p := &Writer{cfg: cfg, out: bufio.NewWriterSize(w, 1<<18)}
	p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(compression), zstd.WithEncoderConcurrency(cfg.Workers), zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, err
	}
	leaves := schema.NewSchema(root)
	for i := range leaves.NumColumns() {
		p.kinds = append(p.kinds, newKind(leaves.Column(i)))
	}
	p.footer = metadata.NewFileMetadataBuilder(leaves, p.properties(), kv)
	p.group.chunks = make([]chunk, len(p.kinds))
	p.begun = int64(len(magic))
	_, err = p.out.WriteString(magic)
	return p, err
}

// properties are what the footer is made by.
func (p *Writer) properties() *parquet.WriterProperties {
	options := []parquet.WriterProperty{
		parquet.WithCreatedBy(p.cfg.Tool),
		parquet.WithRootRepetition(parquet.Repetitions.Required), // repeated, the default, is refused by some readers
		parquet.WithCompression(compress.Codecs.Zstd),
	}
	for i := range p.kinds {
		options = append(options, parquet.WithEncodingFor(p.kinds[i].path, p.kinds[i].encoding))
	}
	return parquet.NewWriterProperties(options...)
}

// Write adds the rows of b, of whose memory it keeps texts alone.
func (p *Writer) Write(b *table.Batch) error {
	if p.page != nil {
		if last := p.rows+table.MaxRows > GroupRows; last || p.page.rows >= PageRows {
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
	return nil
}

// open makes a page to fill: a free one, or that which is first in flight.
func (p *Writer) open() error {
	if len(p.flight) > p.cfg.Workers {
		if err := p.collect(); err != nil {
			return err
		}
	}
	if n := len(p.free); n > 0 {
		p.page, p.free = p.free[n-1], p.free[:n-1]
	} else {
		p.page = newPage(p.kinds)
	}
	if p.dictionaries == nil {
		p.dictionaries = newDictionaries(p.kinds)
	}
	return nil
}

// send has the page encoded that is filled, if there is one; last tells that it is the
// last of its group. Who encodes it waits for nobody, and so needs not be ended.
func (p *Writer) send(last bool) {
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
func (p *Writer) collect() error {
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
	size, err := p.group.write(p.out, p.begun, p.kinds, p.footer.AppendRowGroup(), p.count)
	p.begun += size
	p.count++
	p.group.reset()
	return err
}

// Close ends the file. It does not close what that is written to.
func (p *Writer) Close() error {
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
	text.Write(binary.LittleEndian.AppendUint32(nil, uint32(text.Len())))
	text.WriteString(magic)
	if _, err := text.WriteTo(p.out); err != nil {
		return err
	}
	return p.out.Flush()
}
