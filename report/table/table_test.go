package table

import (
	"errors"
	"fmt"
	"testing"
)

// Any number of workers gives the rows in order, in batches of the same size,
// and an error of yield ends them all.
func TestParallelIsInOrder(t *testing.T) {
	s := &Schema{Name: "numbers", Columns: []Column{{"n", Int64, false, ""}}}
	for _, n := range []int{0, 1, parallelRows, parallelRows*5 + 7} {
		for _, workers := range []int{1, 2, 7} {
			want := int64(0)
			table := Parallel(s, n, workers, func() func(*Batch, int) {
				return func(b *Batch, i int) { b.Int("n", int64(i)) }
			})
			err := table.Each(func(b *Batch) error {
				if b.Rows == 0 || b.Rows != min(parallelRows, n-int(want)) {
					return fmt.Errorf("a batch of %d rows behind %d of %d", b.Rows, want, n)
				}
				for _, v := range b.Columns[0].Ints {
					if v != want {
						return fmt.Errorf("row %d stands at %d", v, want)
					}
					want++
				}
				return nil
			})
			if err != nil || want != int64(n) {
				t.Errorf("%d rows, %d workers: %d came, error %v", n, workers, want, err)
			}
			failed := errors.New("no more")
			if n > 0 {
				if err := table.Each(func(*Batch) error { return failed }); err != failed {
					t.Errorf("%d rows, %d workers: error %v, want that of yield", n, workers, err)
				}
			}
		}
	}
}
