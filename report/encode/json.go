package encode

import (
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/pcapwho/pcapwho/report/table"
)

// NewJSON returns an encoder of one JSON document: an object with the
// version of the tables and a key for each table, in docs/analysis.schema.json.
// It has one row a line.
func NewJSON(w io.Writer) Encoder { return &document{out: buffer{w: w}} }

type document struct {
	out    buffer
	schema *table.Schema // the open table, nil before the first
	rows   int           // of the open table
}

func (d *document) Begin(s *table.Schema) error {
	d.end()
	d.schema, d.rows = s, 0
	d.out.b = append(d.out.b, ",\n\""+s.Name+"\": "...)
	if !s.Single {
		d.out.b = append(d.out.b, '[')
	}
	return d.out.flush(false)
}

func (d *document) Batch(b *table.Batch) error {
	for i := range b.Rows {
		if d.rows++; d.rows > 1 {
			d.out.b = append(d.out.b, ',')
		}
		if !d.schema.Single {
			d.out.b = append(d.out.b, '\n')
		}
		d.out.b = append(appendCells(append(d.out.b, '{'), b, i), '}')
		if err := d.out.flush(false); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) Close() error {
	d.end()
	d.out.b = append(d.out.b, "\n}\n"...)
	return d.out.flush(true)
}

// end closes the open table, or opens the document.
func (d *document) end() {
	if d.schema == nil {
		d.out.b = append(d.out.b, "{\n\"schema_version\": "+strconv.Itoa(table.Version)...)
		return
	}
	if !d.schema.Single {
		if d.rows > 0 {
			d.out.b = append(d.out.b, '\n')
		}
		d.out.b = append(d.out.b, ']')
	}
}

// NewJSONL returns an encoder of one JSON object a row and line, whose first
// key, "table", names its table.
func NewJSONL(w io.Writer) Encoder { return &lines{out: buffer{w: w}} }

type lines struct{ out buffer }

func (l *lines) Begin(*table.Schema) error { return nil }

func (l *lines) Batch(b *table.Batch) error {
	for i := range b.Rows {
		l.out.b = append(l.out.b, `{"table": "`+b.Schema.Name+`", `...)
		l.out.b = append(appendCells(l.out.b, b, i), "}\n"...)
		if err := l.out.flush(false); err != nil {
			return err
		}
	}
	return nil
}

func (l *lines) Close() error { return l.out.flush(true) }

// appendCells appends the members of row i's object.
func appendCells(out []byte, b *table.Batch, i int) []byte {
	for k := range b.Columns {
		if k > 0 {
			out = append(out, ", "...)
		}
		out = append(out, '"')
		out = append(out, b.Schema.Columns[k].Name...)
		out = append(out, "\": "...)
		out = appendCell(out, b.Schema.Columns[k].Type, &b.Columns[k], i)
	}
	return out
}

func appendCell(out []byte, t table.Type, v *table.Values, i int) []byte {
	if !v.Valid[i] {
		return append(out, "null"...)
	}
	switch t {
	case table.String:
		return appendString(out, v.Strings[i])
	case table.Bool:
		return strconv.AppendBool(out, v.Bools[i])
	case table.Timestamp:
		return append(appendTime(append(out, '"'), v.Ints[i]), '"')
	case table.ProcessList:
		return appendProcesses(out, v.Lists[i])
	}
	return strconv.AppendInt(out, v.Ints[i], 10)
}

func appendProcesses(out []byte, list []table.Process) []byte {
	out = append(out, '[')
	for i, p := range list {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendInt(append(out, `{"pid": `...), p.PID, 10)
		out = append(out, `, "start_ns": `...)
		if p.Start != 0 {
			out = strconv.AppendInt(out, p.Start, 10)
		} else {
			out = append(out, "null"...)
		}
		out = append(out, `, "name": `...)
		if p.Name != "" {
			out = appendString(out, p.Name)
		} else {
			out = append(out, "null"...)
		}
		out = append(out, '}')
	}
	return append(out, ']')
}

// appendTime appends microseconds since the Unix epoch as RFC 3339, always
// with six decimals.
func appendTime(out []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(out, "2006-01-02T15:04:05.000000Z")
}

// appendString appends s, which is valid UTF-8, as a JSON string. Control
// characters are escaped, those of C1 and the line separators too, so that a
// document shown on a terminal is harmless.
func appendString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r < 0x10000 && steers(r):
			out = append(out, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}
