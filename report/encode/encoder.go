package encode

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/pcapwho/pcapwho/report/table"
)

// Encoder writes tables. Begin starts one, Batch adds its rows, and Close ends
// the last one and the document; it does not close the writer below. Each batch
// is prepared before: that may be done for several at a time, and ahead of their
// order. After an error the output is worthless.
type Encoder interface {
	Begin(s *table.Schema) error
	Prepare(b *table.Batch)
	Batch(b *table.Batch) error
	Close() error
}

// unprepared is embedded by encoders that do nothing ahead.
type unprepared struct{}

func (unprepared) Prepare(*table.Batch) {}

// About is what an output says about how it was made.
type About struct {
	Tool   string  // "pcapwho" and its version
	Inputs []Input // in the order given
}

// Input identifies an input file.
type Input struct {
	Name   string `json:"name"`             // without its folder
	Length int64  `json:"length"`           // bytes
	SHA256 string `json:"sha256,omitempty"` // of its first and last 64 KiB, hexadecimal; "" for a pipe
}

// pairs returns the key-value metadata of a table's file.
func (a About) pairs(s *table.Schema) (keys, values []string) {
	inputs, _ := json.Marshal(a.Inputs) // cannot fail: strings and integers
	return []string{"pcapwho.table", "pcapwho.schema_version", "pcapwho.tool", "pcapwho.inputs"},
		[]string{s.Name, strconv.Itoa(table.Version), a.Tool, string(inputs)}
}

// Write writes tables by e, and closes it.
func Write(e Encoder, tables []*table.Table) error {
	for _, t := range tables {
		if err := e.Begin(t.Schema); err != nil {
			return err
		}
		if err := t.Each(e.Prepare, e.Batch); err != nil {
			return err
		}
	}
	return e.Close()
}

// buffer collects output and hands it on in large pieces. The first error
// stays.
type buffer struct {
	w   io.Writer
	b   []byte
	err error
}

const bufferSize = 1 << 18

// flush hands on what is there when it is enough, or in any case.
func (b *buffer) flush(all bool) error {
	if b.err == nil && (all || len(b.b) >= bufferSize) {
		_, b.err = b.w.Write(b.b)
		b.b = b.b[:0]
	}
	return b.err
}

// hand hands on p, behind what is there.
func (b *buffer) hand(p []byte) error {
	if b.flush(true) == nil {
		_, b.err = b.w.Write(p)
	}
	return b.err
}

// Write collects p and never fails: the Parquet writer panics when its output
// does. flush tells the error.
func (b *buffer) Write(p []byte) (int, error) {
	if b.err == nil {
		b.b = append(b.b, p...)
		b.flush(false)
	}
	return len(p), nil
}
