package table

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// Any number of workers gives the rows in order and every batch prepared; an
// error of yield or of the reading ends them all.
func TestParallelIsInOrder(t *testing.T) {
	const size = 100
	s := &Schema{Name: "numbers", Columns: []Column{{"n", Int64, false, ""}}}
	broken := errors.New("broken")
	for _, n := range []int{0, 1, size, size*5 + 7, size * 50} {
		for _, workers := range []int{1, 2, 7} {
			for _, end := range []error{io.EOF, broken} {
				want := int64(0)
				table := Parallel(s, workers, func() func(*[2]int) error {
					at := 0
					return func(block *[2]int) error {
						if at == n {
							return end
						}
						*block = [2]int{at, min(at+size, n)}
						at = block[1]
						return nil
					}
				}, func() func(*Batch, *[2]int) {
					return func(b *Batch, block *[2]int) {
						for i := block[0]; i < block[1]; i++ {
							b.Int("n", int64(i))
						}
					}
				})
				prepare := func(b *Batch) { b.Encoded = append(b.Encoded, fmt.Sprint(b.Columns[0].Ints[0])...) }
				err := table.Each(prepare, func(b *Batch) error {
					if b.Rows != min(size, n-int(want)) || string(b.Encoded) != fmt.Sprint(want) {
						return fmt.Errorf("a batch of %d rows, prepared as %s, behind %d of %d", b.Rows, b.Encoded, want, n)
					}
					for _, v := range b.Columns[0].Ints {
						if v != want {
							return fmt.Errorf("row %d stands at %d", v, want)
						}
						want++
					}
					return nil
				})
				if err != nil && (end == io.EOF || err != broken) || end == broken && err == nil || want != int64(n) {
					t.Errorf("%d rows, %d workers, %v: %d came, error %v", n, workers, end, want, err)
				}
			}
			failed := errors.New("no more")
			table := Parallel(s, workers, func() func(*int) error { return func(*int) error { return nil } },
				func() func(*Batch, *int) { return func(b *Batch, _ *int) { b.Int("n", 1) } })
			if err := table.Each(func(*Batch) {}, func(*Batch) error { return failed }); err != failed {
				t.Errorf("%d workers: error %v, want that of yield", workers, err)
			}
		}
	}
}
