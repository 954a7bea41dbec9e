package table

import "errors"

// aheadBatches is how many batches Ahead has: one is filled, one encoded, and one waits.
const aheadBatches = 3

// errStopped is what push returns when nobody wants more.
var errStopped = errors.New("the rows are not wanted")

// Ahead returns a table whose rows fill makes, in a goroutine of its own: while a batch is
// encoded it fills the next. It gives a batch that is full, or the last one, to push, which
// returns an empty one; fill ends with an error of push.
func Ahead(s *Schema, fill func(b *Batch, push func(*Batch) (*Batch, error)) error) *Table {
	return &Table{s, func(prepare func(*Batch), yield func(*Batch) error) error {
		free, made, stop := make(chan *Batch, aheadBatches), make(chan *Batch, 1), make(chan struct{})
		for range aheadBatches - 1 {
			free <- NewBatch(s)
		}
		push := func(b *Batch) (*Batch, error) {
			select {
			case made <- b:
			case <-stop:
				return nil, errStopped
			}
			b = <-free // there is one: another waits, or is encoded and comes back
			b.Reset()
			return b, nil
		}
		var filled error
		go func() {
			defer close(made)
			filled = fill(NewBatch(s), push)
		}()
		for b := range made {
			prepare(b)
			if err := yield(b); err != nil {
				close(stop)
				free <- b
				for b := range made { // until fill has ended, which may push and wait for one
					free <- b
				}
				return err
			}
			free <- b
		}
		return filled
	}}
}
