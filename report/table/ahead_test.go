package table

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Every row comes once and in order, each batch prepared before; an error of either side
// ends the other, and comes out.
func TestAhead(t *testing.T) {
	const size = 10
	s := &Schema{Name: "numbers", Columns: []Column{{"n", Int64, false, ""}}}
	broken := errors.New("broken")
	for _, n := range []int{0, 1, size, 3*size + 1, 50 * size} {
		for _, end := range []error{nil, broken} {
			ended := false
			tab := Ahead(s, func(b *Batch, push func(*Batch) (*Batch, error)) (err error) {
				defer func() { ended = true }()
				for i := range n {
					if b.Int("n", int64(i)); b.Rows == size {
						if b, err = push(b); err != nil {
							return err
						}
					}
				}
				if b.Rows > 0 {
					if _, err := push(b); err != nil {
						return err
					}
				}
				return end
			})
			prepare := func(b *Batch) { b.Encoded = append(b.Encoded, byte(b.Rows)) }
			next := int64(0)
			err := tab.Each(prepare, func(b *Batch) error {
				if len(b.Encoded) != 1 || int(b.Encoded[0]) != b.Rows || b.Rows > size {
					t.Fatalf("a batch of %d rows is prepared as %v", b.Rows, b.Encoded)
				}
				for _, v := range b.Columns[0].Ints {
					if v != next {
						t.Fatalf("row %d stands at %d", v, next)
					}
					next++
				}
				return nil
			})
			if err != end || next != int64(n) || !ended {
				t.Errorf("%d rows: %d came, error %v, want %v", n, next, err, end)
			}
			failed, calls := errors.New("no more"), 0
			ended = false
			err = tab.Each(prepare, func(*Batch) error {
				if calls++; calls > 2 {
					return failed
				}
				return nil
			})
			if want := map[bool]error{true: failed, false: end}[n > 2*size]; err != want || !ended {
				t.Errorf("%d rows: error %v of the third batch, want %v; filling has ended: %v", n, err, want, ended)
			}
		}
	}
}

// However late fill pushes what nobody wants any more, it ends.
func TestAheadEnds(t *testing.T) {
	s := &Schema{Name: "numbers", Columns: []Column{{"n", Int64, false, ""}}}
	for range 200 { // push may choose otherwise
		synctest.Test(t, func(t *testing.T) {
			tab := Ahead(s, func(b *Batch, push func(*Batch) (*Batch, error)) (err error) {
				for err == nil {
					b.Int("n", 1)
					b, err = push(b)
					time.Sleep(time.Nanosecond) // the others wait, and nobody wants more
				}
				return err
			})
			failed := errors.New("no more")
			if err := tab.Each(func(*Batch) {}, func(*Batch) error { return failed }); err != failed {
				t.Errorf("error %v", err)
			}
		})
	}
}
