package encode

import (
	"io"

	"github.com/pcapwho/pcapwho/report/encode/parquet"
	"github.com/pcapwho/pcapwho/report/table"
)

// NewParquet returns an encoder of one table as a Parquet file, whose key-value metadata
// tell about. So many pages are encoded side by side, while the next is filled: the file
// is the same for any number.
func NewParquet(w io.Writer, about About, workers int) Encoder {
	return &parquetFile{w: w, about: about, workers: workers}
}

type parquetFile struct {
	unprepared
	w       io.Writer
	about   About
	workers int
	file    *parquet.Writer // nil = not begun
}

func (p *parquetFile) Begin(s *table.Schema) (err error) {
	if p.file != nil {
		return errOneTable
	}
	keys, values := p.about.pairs(s)
	p.file, err = parquet.NewWriter(p.w, s, parquet.Config{Tool: p.about.Tool, Keys: keys, Values: values, Workers: p.workers})
	return err
}

func (p *parquetFile) Batch(b *table.Batch) error { return p.file.Write(b) }

func (p *parquetFile) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
