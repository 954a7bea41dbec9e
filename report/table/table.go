package table

import (
	"sync"
	"sync/atomic"
)

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

// parallelRows is how many rows a batch of Parallel holds, with any number of
// workers: enough that handing it over costs nothing, few enough that several
// in flight take little memory.
const parallelRows = 8192

// Parallel is Of with rows that so many goroutines make ahead of yield, while
// that encodes; each gets a row function of its own.
func Parallel(s *Schema, n, workers int, newRow func() func(b *Batch, i int)) *Table {
	return &Table{s, func(yield func(*Batch) error) error {
		blocks := (n + parallelRows - 1) / parallelRows
		workers := min(workers, blocks)
		free := make(chan *Batch, workers+1)
		for range cap(free) {
			free <- NewBatch(s)
		}
		made := make([]chan *Batch, workers+1) // by block, around
		for i := range made {
			made[i] = make(chan *Batch, 1)
		}
		stop := make(chan struct{})
		var next atomic.Int64
		var wait sync.WaitGroup
		defer wait.Wait()
		defer close(stop)
		for range workers {
			wait.Go(func() {
				row := newRow()
				for {
					var b *Batch // before its block, so that the next in order always has one
					select {
					case b = <-free:
					case <-stop:
						return
					}
					block := int(next.Add(1) - 1)
					if block >= blocks {
						return
					}
					b.Reset()
					for i := block * parallelRows; i < min(n, (block+1)*parallelRows); i++ {
						row(b, i)
					}
					made[block%len(made)] <- b
				}
			})
		}
		for block := range blocks {
			b := <-made[block%len(made)]
			if err := yield(b); err != nil {
				return err
			}
			free <- b
		}
		return nil
	}}
}
