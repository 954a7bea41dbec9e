package encode

import (
	"bytes"
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
	cell   []byte
	escape bool
	open   bool
}

func (s *sheet) Begin(t *table.Schema) error {
	if s.open {
		return errOneTable
	}
	s.open = true
	for i := range t.Columns {
		s.comma(i)
		s.out.b = append(s.out.b, t.Columns[i].Name...)
	}
	s.out.b = append(s.out.b, "\n"...)
	return s.out.flush(false)
}

func (s *sheet) Batch(b *table.Batch) error {
	for i := range b.Rows {
		for k := range b.Columns {
			s.comma(k)
			s.value(b.Schema.Columns[k].Type, &b.Columns[k], i)
		}
		s.out.b = append(s.out.b, "\n"...)
		if err := s.out.flush(false); err != nil {
			return err
		}
	}
	return nil
}

func (s *sheet) Close() error { return s.out.flush(true) }

func (s *sheet) comma(column int) {
	if column > 0 {
		s.out.b = append(s.out.b, ',')
	}
}

func (s *sheet) value(t table.Type, v *table.Values, i int) {
	switch {
	case !v.Valid[i]:
	case t == table.String:
		text := v.Strings[i]
		if s.escape {
			text = Escape(text)
		}
		s.quoted([]byte(defuse(text)))
	case t == table.Timestamp:
		s.out.b = appendTime(s.out.b, v.Ints[i])
	case t == table.ProcessList:
		s.cell = appendProcesses(s.cell[:0], v.Lists[i])
		s.quoted(s.cell)
	default:
		s.out.b = appendCell(s.out.b, t, v, i)
	}
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
func (s *sheet) quoted(cell []byte) {
	if len(cell) > 0 && !bytes.ContainsAny(cell, "\",\r\n") {
		s.out.b = append(s.out.b, cell...)
		return
	}
	s.out.b = append(s.out.b, '"')
	s.out.b = append(s.out.b, bytes.ReplaceAll(cell, []byte{'"'}, []byte{'"', '"'})...)
	s.out.b = append(s.out.b, '"')
}
