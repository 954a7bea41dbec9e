package table

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxRows is the most rows a batch holds.
const MaxRows = 1 << 16

// Process is an element of a ProcessList cell.
type Process struct {
	PID   int64
	Start int64  // Unix nanoseconds; 0 = unknown
	Name  string // "" = unknown
}

// Values are the cells of one column. Valid tells for each row whether the
// cell is not NULL; of the others only the one that the column's type uses is
// filled, with a zero value where the cell is NULL.
type Values struct {
	Valid   []bool
	Ints    []int64     // Int64, Int32, and Timestamp in microseconds
	Strings []string    // valid UTF-8
	Bools   []bool      //
	Lists   [][]Process // valid UTF-8
	Buckets [][]Bucket
}

// Bucket is an element of a Histogram cell: how many durations there are from Least
// until before Below, nanoseconds.
type Bucket struct{ Least, Below, Count int64 }

// Batch is a number of rows of one table, held by column. Append a row by one
// call a column in the order of the schema; the row is complete with its last
// column. Each call names its column, and panics when the schema has another
// one or another type there: that is a programmer's error.
type Batch struct {
	Schema  *Schema
	Rows    int      // complete rows
	Columns []Values // in the order of Schema.Columns
	Encoded []byte   // what an encoder made of the rows ahead of their turn

	next int // column of the row being appended
}

// NewBatch returns an empty batch.
func NewBatch(s *Schema) *Batch {
	return &Batch{Schema: s, Columns: make([]Values, len(s.Columns))}
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Rows, b.next, b.Encoded = 0, 0, b.Encoded[:0]
	for i := range b.Columns {
		v := &b.Columns[i]
		clear(v.Strings)
		clear(v.Lists)
		clear(v.Buckets)
		*v = Values{v.Valid[:0], v.Ints[:0], v.Strings[:0], v.Bools[:0], v.Lists[:0], v.Buckets[:0]}
	}
}

// Int appends to an Int64 or Int32 column, and to the Timestamp that follows
// it where there is one.
func (b *Batch) Int(name string, v int64) {
	b.integer(name, v, true)
}

// IntIf appends v where known, else NULL.
func (b *Batch) IntIf(name string, v int64, known bool) {
	if !known {
		v = 0
	}
	b.integer(name, v, known)
}

// Text appends to a String column. Bytes that are not UTF-8 become U+FFFD.
func (b *Batch) Text(name, v string) {
	c := b.cell(name, true, String)
	c.Strings = append(c.Strings, valid(v))
}

// TextIf appends v where it is not empty, else NULL.
func (b *Batch) TextIf(name, v string) {
	c := b.cell(name, v != "", String)
	c.Strings = append(c.Strings, valid(v))
}

// Bool appends to a Bool column.
func (b *Batch) Bool(name string, v bool) {
	c := b.cell(name, true, Bool)
	c.Bools = append(c.Bools, v)
}

// Null appends NULL to a Bool column.
func (b *Batch) Null(name string) {
	c := b.cell(name, false, Bool)
	c.Bools = append(c.Bools, false)
}

// Nulls appends NULL to the columns from one to another, both included.
func (b *Batch) Nulls(first, last string) {
	if name := b.Schema.Columns[b.next].Name; name != first {
		panic(fmt.Sprintf("table %s: NULLs from %s on appended where %s stands", b.Schema.Name, first, name))
	}
	for done := false; !done; {
		c, v := &b.Schema.Columns[b.next], &b.Columns[b.next]
		if !c.Nullable {
			panic(fmt.Sprintf("table %s: NULL appended to %s", b.Schema.Name, c.Name))
		}
		v.Valid = append(v.Valid, false)
		switch c.Type {
		case String:
			v.Strings = append(v.Strings, "")
		case Bool:
			v.Bools = append(v.Bools, false)
		case ProcessList:
			v.Lists = append(v.Lists, nil)
		case Histogram:
			v.Buckets = append(v.Buckets, nil)
		default:
			v.Ints = append(v.Ints, 0)
		}
		done = c.Name == last
		if b.next++; b.next == len(b.Schema.Columns) {
			b.next, done = 0, true
			b.Rows++
		}
	}
}

// List appends to a ProcessList column, NULL where v is empty. v is kept until
// the next Reset.
func (b *Batch) List(name string, v []Process) {
	for i := range v {
		v[i].Name = valid(v[i].Name)
	}
	c := b.cell(name, len(v) > 0, ProcessList)
	c.Lists = append(c.Lists, v)
}

// Histogram appends to a Histogram column, NULL where v is empty. v is kept until the
// next Reset.
func (b *Batch) Histogram(name string, v []Bucket) {
	c := b.cell(name, len(v) > 0, Histogram)
	c.Buckets = append(c.Buckets, v)
}

func (b *Batch) integer(name string, v int64, known bool) {
	c := b.cell(name, known, Int64)
	c.Ints = append(c.Ints, v)
	if b.next > 0 && b.Schema.Columns[b.next].Type == Timestamp {
		c = b.cell(b.Schema.Columns[b.next].Name, known, Timestamp)
		c.Ints = append(c.Ints, micros(v))
	}
}

// cell checks that the next column is the named one and of the type, where Int32 is an
// Int64, and moves on to the one after it.
func (b *Batch) cell(name string, known bool, t Type) *Values {
	col := &b.Schema.Columns[b.next]
	ok := col.Name == name && (known || col.Nullable) && (col.Type == t || col.Type == Int32 && t == Int64)
	if !ok {
		panic(fmt.Sprintf("table %s: cell %s (known: %v) of type %v appended where %s (nullable: %v) of type %v stands",
			b.Schema.Name, name, known, t, col.Name, col.Nullable, col.Type))
	}
	c := &b.Columns[b.next]
	c.Valid = append(c.Valid, known)
	if b.next++; b.next == len(b.Schema.Columns) {
		b.next = 0
		b.Rows++
	}
	return c
}

// micros cuts nanoseconds to microseconds, towards the past.
func micros(ns int64) int64 {
	us := ns / 1000
	if ns%1000 < 0 {
		us--
	}
	return us
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
