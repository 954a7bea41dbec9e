package view

import "github.com/pcapwho/pcapwho/report/table"

// cell is one value of a table. Instants, integers and truth values are numbers.
type cell struct {
	text   string
	number int64
	valid  bool // not NULL
}

// reader gives the named columns of each row of a table.
type reader struct {
	names []string
	index []int // by name; -1 = the table has no such column
	batch *table.Batch
	row   int
}

func newReader(s *table.Schema, names []string) *reader {
	r := &reader{names: names}
	for _, n := range names {
		r.index = append(r.index, s.Index(n))
	}
	return r
}

// each calls f with every row of a table, nil = there is none.
func each(t *table.Table, names []string, f func(*reader) error) error {
	if t == nil {
		return nil
	}
	r := newReader(t.Schema, names)
	return t.Each(func(*table.Batch) {}, func(b *table.Batch) error {
		r.batch = b
		for r.row = range b.Rows {
			if err := f(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// cell returns the cell of the nth name, NULL where there is no such column.
func (r *reader) cell(n int) cell {
	i := r.index[n]
	if i < 0 {
		return cell{}
	}
	v := &r.batch.Columns[i]
	c := cell{valid: v.Valid[r.row]}
	if !c.valid {
		return c
	}
	switch r.batch.Schema.Columns[i].Type {
	case table.String:
		c.text = v.Strings[r.row]
	case table.Bool:
		if v.Bools[r.row] {
			c.number = 1
		}
	case table.ProcessList:
		c.number = int64(len(v.Lists[r.row]))
	case table.Histogram:
		c.number = int64(len(v.Buckets[r.row]))
	default:
		c.number = v.Ints[r.row]
	}
	return c
}

func (r *reader) number(n int) int64 { return r.cell(n).number }
func (r *reader) text(n int) string  { return r.cell(n).text }

// cells returns all of the row.
func (r *reader) cells() []cell {
	all := make([]cell, len(r.names))
	for i := range all {
		all[i] = r.cell(i)
	}
	return all
}
