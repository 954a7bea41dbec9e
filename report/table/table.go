package table

// Table is a schema and its rows.
type Table struct {
	*Schema
	// Each pushes the rows to yield in batches of 1 to MaxRows rows, in the
	// order of Schema.Key, and ends with the first error of yield or of its
	// own. The batch is reused: it is valid until yield returns.
	Each func(yield func(*Batch) error) error
}

// Of returns a table of n rows; row must append row i to the batch.
func Of(s *Schema, n int, row func(b *Batch, i int)) *Table {
	return &Table{s, func(yield func(*Batch) error) error {
		b := NewBatch(s)
		for i := range n {
			row(b, i)
			if b.Rows == MaxRows || i == n-1 {
				if err := yield(b); err != nil {
					return err
				}
				b.Reset()
			}
		}
		return nil
	}}
}
