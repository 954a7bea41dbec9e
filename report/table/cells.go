package table

import "fmt"

// Many rows at a time are appended column by column: one call a column, each with n
// cells, in the order of the schema. The rows are complete with the last column.

// Ints appends n cells to an Int64 or Int32 column, and to the Timestamp that follows it where
// there is one. What is not known is NULL.
func (b *Batch) Ints(name string, n int, cell func(i int) (v int64, known bool)) {
	nullable := b.column(name, Int64, Int32)
	v := &b.Columns[b.next]
	for i := range n {
		x, known := cell(i)
		if !known {
			x = 0
			mustBe(nullable, b, name)
		}
		v.Ints, v.Valid = append(v.Ints, x), append(v.Valid, known)
	}
	from := v
	if b.advance(n); b.next == 0 || b.Schema.Columns[b.next].Type != Timestamp {
		return
	}
	v = &b.Columns[b.next]
	begin := len(from.Ints) - n
	for _, x := range from.Ints[begin:] {
		v.Ints = append(v.Ints, micros(x))
	}
	v.Valid = append(v.Valid, from.Valid[begin:]...)
	b.advance(n)
}

// Texts appends n cells to a String column. Bytes that are not UTF-8 become U+FFFD. What is
// not known is NULL.
func (b *Batch) Texts(name string, n int, cell func(i int) (v string, known bool)) {
	nullable := b.column(name, String)
	v := &b.Columns[b.next]
	var last, checked string // most are as the one before
	for i := range n {
		x, known := cell(i)
		if !known {
			x = ""
			mustBe(nullable, b, name)
		}
		if x != last {
			last, checked = x, valid(x)
		}
		v.Strings, v.Valid = append(v.Strings, checked), append(v.Valid, known)
	}
	b.advance(n)
}

// Bools appends n cells to a Bool column. What is not known is NULL.
func (b *Batch) Bools(name string, n int, cell func(i int) (v, known bool)) {
	nullable := b.column(name, Bool)
	v := &b.Columns[b.next]
	for i := range n {
		x, known := cell(i)
		if !known {
			x = false
			mustBe(nullable, b, name)
		}
		v.Bools, v.Valid = append(v.Bools, x), append(v.Valid, known)
	}
	b.advance(n)
}

// column checks that the next column is the named one and of one of the types, and tells
// whether it may be NULL.
func (b *Batch) column(name string, types ...Type) (nullable bool) {
	c := &b.Schema.Columns[b.next]
	if c.Name != name || c.Type != types[0] && c.Type != types[len(types)-1] {
		panic(fmt.Sprintf("table %s: cells of %s of type %v appended where %s of type %v stands", b.Schema.Name, name, types[0], c.Name, c.Type))
	}
	return c.Nullable
}

func mustBe(nullable bool, b *Batch, name string) {
	if !nullable {
		panic(fmt.Sprintf("table %s: NULL appended to %s", b.Schema.Name, name))
	}
}

// advance goes on to the next column; n rows end with the last.
func (b *Batch) advance(n int) {
	if b.next++; b.next == len(b.Schema.Columns) {
		b.next = 0
		b.Rows += n
	}
}
