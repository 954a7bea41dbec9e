package encode

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pcapwho/pcapwho/report/table"
)

// NewJSON returns an encoder of one JSON document: an object with the
// version of the tables and a key for each table, in docs/analysis.schema.json.
// It has one row a line. The first row of a table has every column; further ones
// leave out what is NULL.
func NewJSON(w io.Writer) Encoder { return &document{out: buffer{w: w}} }

// NewNamedJSON is NewJSON with the name of the capture that the document is
// about as its first key, "file": for several documents in a row.
func NewNamedJSON(w io.Writer, file string) Encoder {
	return &document{out: buffer{w: w}, file: file}
}

type document struct {
	out    buffer
	file   string        // "" = it does not say
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

// Prepare encodes the rows, each with a comma before it.
func (d *document) Prepare(b *table.Batch) { b.Encoded = d.rowsOf(b, false) }

// rowsOf encodes the rows of b into its memory.
func (d *document) rowsOf(b *table.Batch, first bool) []byte {
	before := ",\n{"
	if b.Schema.Single {
		before = ",{"
	}
	return appendRows(b.Encoded[:0], b, before, "}", first)
}

func (d *document) Batch(b *table.Batch) error {
	first := d.rows == 0
	d.rows += b.Rows
	if first {
		b.Encoded = d.rowsOf(b, true)
		return d.out.hand(b.Encoded[1:])
	}
	return d.out.hand(b.Encoded)
}

func (d *document) Close() error {
	d.end()
	d.out.b = append(d.out.b, "\n}\n"...)
	return d.out.flush(true)
}

// end closes the open table, or opens the document.
func (d *document) end() {
	if d.schema == nil {
		d.out.b = append(d.out.b, "{\n"...)
		if d.file != "" {
			d.out.b = append(appendString(append(d.out.b, "\"file\": "...), strings.ToValidUTF8(d.file, "\ufffd")), ",\n"...)
		}
		d.out.b = append(d.out.b, "\"schema_version\": "+strconv.Itoa(table.Version)...)
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
// key, "table", names its table. NULL is as in NewJSON.
func NewJSONL(w io.Writer) Encoder { return &lines{out: buffer{w: w}} }

// NewNamedJSONL is NewJSONL with the name of the capture in each line, as its
// key "file" behind "table".
func NewNamedJSONL(w io.Writer, file string) Encoder {
	name := appendString([]byte(`"file": `), strings.ToValidUTF8(file, "\ufffd"))
	return &lines{out: buffer{w: w}, file: string(name) + ", "}
}

type lines struct {
	out   buffer
	file  string // what each line says of its capture
	begun bool   // the open table has rows
}

func (l *lines) Begin(*table.Schema) error {
	l.begun = false
	return nil
}

func (l *lines) Prepare(b *table.Batch) { b.Encoded = l.rowsOf(b, false) }

// rowsOf encodes the rows of b into its memory.
func (l *lines) rowsOf(b *table.Batch, first bool) []byte {
	return appendRows(b.Encoded[:0], b, `{"table": "`+b.Schema.Name+`", `+l.file, "}\n", first)
}

func (l *lines) Batch(b *table.Batch) error {
	if !l.begun {
		l.begun = true
		b.Encoded = l.rowsOf(b, true)
	}
	return l.out.hand(b.Encoded)
}

func (l *lines) Close() error { return l.out.flush(true) }

// After how many rows memory is made for the others, and how much at most, bytes.
const sample, mostGrown = 64, 16 << 20

// appendRows appends the rows of b as objects, with text before and after each. What
// is NULL is left out, but of the first row of a table: so that it names all columns.
func appendRows(out []byte, b *table.Batch, before, after string, first bool) []byte {
	list := members(b, first)
	var w clock
	begin := len(out)
	for i := range b.Rows {
		if i == sample { // the others are as long, likely
			out = slices.Grow(out, min((len(out)-begin)/sample*(b.Rows-i)/8*9, mostGrown))
		}
		out = append(out, before...)
		comma := len(", ") // of the name that comes first
		for k := range list {
			m := &list[k]
			if m.Valid[i] {
				out = appendCell(append(out, m.name[comma:]...), &w, m.of, m.Values, i)
			} else if first && i == 0 {
				out = append(append(out, m.name[comma:]...), "null"...)
			} else {
				continue
			}
			comma = 0
		}
		out = append(out, after...)
	}
	return out
}

// member is a column, as it stands in objects.
type member struct {
	name string // with what stands before and after it
	of   table.Type
	*table.Values
}

// members returns the columns of b, all or those that are not NULL in every row.
func members(b *table.Batch, all bool) []member {
	list := make([]member, 0, len(b.Columns))
	for k := range b.Columns {
		if v, c := &b.Columns[k], &b.Schema.Columns[k]; all || slices.Contains(v.Valid, true) {
			list = append(list, member{`, "` + c.Name + `": `, c.Type, v})
		}
	}
	return list
}

// appendCell appends the cell of row i, which is not NULL.
func appendCell(out []byte, w *clock, t table.Type, v *table.Values, i int) []byte {
	switch t {
	case table.String:
		return appendString(out, v.Strings[i])
	case table.Bool:
		return strconv.AppendBool(out, v.Bools[i])
	case table.Timestamp:
		return append(w.append(append(out, '"'), v.Ints[i]), '"')
	case table.ProcessList:
		return appendProcesses(out, v.Lists[i])
	case table.Histogram:
		return appendBuckets(out, v.Buckets[i])
	}
	if n := v.Ints[i]; 0 <= n && n <= 9 { // as most counts
		return append(out, '0'+byte(n))
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

func appendBuckets(out []byte, list []table.Bucket) []byte {
	out = append(out, '[')
	for i, b := range list {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = strconv.AppendInt(append(out, `{"least_ns": `...), b.Least, 10)
		out = strconv.AppendInt(append(out, `, "below_ns": `...), b.Below, 10)
		out = append(strconv.AppendInt(append(out, `, "count": `...), b.Count, 10), '}')
	}
	return append(out, ']')
}

// clock writes times. It remembers the text of the latest second: times of one
// table are near to each other.
type clock struct {
	second int64
	text   []byte // of second, up to its seconds; nil = none yet
}

// append appends microseconds since the Unix epoch as RFC 3339, always with six
// decimals.
func (w *clock) append(out []byte, us int64) []byte {
	second, fraction := us/1e6, us%1e6
	if fraction < 0 {
		second, fraction = second-1, fraction+1e6
	}
	if w.text == nil || second != w.second {
		w.second, w.text = second, time.Unix(second, 0).UTC().AppendFormat(w.text[:0], "2006-01-02T15:04:05.")
	}
	out = append(out, w.text...)
	out = append(out, "000000Z"...)
	for i := len(out) - 2; fraction > 0; i-- {
		out[i] = byte('0' + fraction%10)
		fraction /= 10
	}
	return out
}

// appendString appends s, which is valid UTF-8, as a JSON string. Control
// characters are escaped, those of C1 and the line separators too, so that a
// document shown on a terminal is harmless.
func appendString(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	if plain(s) {
		return append(append(out, s...), '"')
	}
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

// plain tells that nothing in s needs an escape.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
