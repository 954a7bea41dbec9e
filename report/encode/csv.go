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

// NewCSV returns an encoder of one table as CSV (RFC 4180: lines end in CR LF)
// with a header line.
func NewCSV(w io.Writer) Encoder { return &sheet{out: buffer{w: w}} }

type sheet struct {
	out  buffer
	cell []byte
	open bool
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
	s.out.b = append(s.out.b, "\r\n"...)
	return s.out.flush(false)
}

func (s *sheet) Batch(b *table.Batch) error {
	for i := range b.Rows {
		for k := range b.Columns {
			s.comma(k)
			s.value(b.Schema.Columns[k].Type, &b.Columns[k], i)
		}
		s.out.b = append(s.out.b, "\r\n"...)
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
		s.quoted([]byte(defuse(v.Strings[i])))
	case t == table.Timestamp:
		s.out.b = appendTime(s.out.b, v.Ints[i])
	case t == table.ProcessList:
		s.cell = appendProcesses(s.cell[:0], v.Lists[i])
		s.quoted(s.cell)
	default:
		s.out.b = appendCell(s.out.b, t, v, i)
	}
}

// defuse keeps a spreadsheet from taking text for a formula. A text that has
// the apostrophe already gets another, so that taking one off gives it back.
func defuse(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r'", s[0]) >= 0 {
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
