package encode

import (
	"errors"
	"io"
	"strings"

	"github.com/pcapwho/pcapwho/report/table"
)

// errOneTable is the error of a second Begin where a file holds one table.
var errOneTable = errors.New("this format holds one table a file")

// NewCSV returns an encoder of one table as CSV with a header line: RFC 4180,
// but lines end in LF, as all tools read and no cell needs. NULL is an empty
// cell, empty text is "". Text that a spreadsheet might take for a formula has
// an apostrophe before it: see defuse.
func NewCSV(w io.Writer) Encoder { return &sheet{out: buffer{w: w}} }

// NewTerminalCSV returns an encoder as NewCSV does whose text cells are
// escaped, so that a terminal shows them and obeys none.
func NewTerminalCSV(w io.Writer) Encoder { return &sheet{out: buffer{w: w}, escape: true} }

type sheet struct {
	out    buffer
	escape bool
	open   bool
}

func (s *sheet) Begin(t *table.Schema) error {
	if s.open {
		return errOneTable
	}
	s.open = true
	for i := range t.Columns {
		s.out.b = append(comma(s.out.b, i), t.Columns[i].Name...)
	}
	s.out.b = append(s.out.b, "\n"...)
	return s.out.flush(false)
}

func (s *sheet) Prepare(b *table.Batch) {
	var w clock
	for i := range b.Rows {
		for k := range b.Columns {
			b.Encoded = s.value(comma(b.Encoded, k), &w, b.Schema.Columns[k].Type, &b.Columns[k], i)
		}
		b.Encoded = append(b.Encoded, "\n"...)
	}
}

func (s *sheet) Batch(b *table.Batch) error { return s.out.hand(b.Encoded) }

func (s *sheet) Close() error { return s.out.flush(true) }

func comma(out []byte, column int) []byte {
	if column > 0 {
		out = append(out, ',')
	}
	return out
}

// value appends a cell.
func (s *sheet) value(out []byte, w *clock, t table.Type, v *table.Values, i int) []byte {
	switch {
	case !v.Valid[i]:
		return out
	case t == table.String:
		text := v.Strings[i]
		if s.escape {
			text = Escape(text)
		}
		return quoted(out, defuse(text))
	case t == table.Timestamp:
		return w.append(out, v.Ints[i])
	case t == table.ProcessList:
		return quoted(out, string(appendProcesses(nil, v.Lists[i])))
	case t == table.Histogram:
		return quoted(out, string(appendBuckets(nil, v.Buckets[i])))
	}
	return appendCell(out, w, t, v, i)
}

// defuse keeps a spreadsheet from taking text for a formula: an apostrophe is
// put before text that begins with = + - or @, spaces and apostrophes before
// it not counted. (Process names and arguments are anybody's to choose.) To
// undo it, take the first apostrophe off text that begins with one and is such.
func defuse(s string) string {
	if inner := strings.TrimLeft(s, "' \t\r\n"); inner != "" && strings.IndexByte("=+-@", inner[0]) >= 0 {
		return "'" + s
	}
	return s
}

// quoted appends a text cell, in quotes where it needs them; an empty one
// does, to differ from NULL.
func quoted(out []byte, cell string) []byte {
	if cell != "" && !strings.ContainsAny(cell, "\",\r\n") {
		return append(out, cell...)
	}
	out = append(out, '"')
	out = append(out, strings.ReplaceAll(cell, `"`, `""`)...)
	return append(out, '"')
}
