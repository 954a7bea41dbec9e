package table

import (
	"io"
	"sync"
)

// Table is a schema and its rows.
type Table struct {
	*Schema
	// Each pushes the rows to yield in batches of 1 to MaxRows rows, in the
	// order of Schema.Key, each after prepare has had it, and ends with the first
	// error of yield or of its own. prepare may be called by several goroutines
	// at a time, for batches ahead. A batch is reused: it is valid until yield
	// returns.
	Each func(prepare func(*Batch), yield func(*Batch) error) error
}

// batchRows is how many rows a batch of Of has at most: what an encoder makes of them is
// some megabytes, which are not copied for long while they grow.
const batchRows = 1 << 11

// Of returns a table of n rows; row must append row i to the batch.
func Of(s *Schema, n int, row func(b *Batch, i int)) *Table {
	return &Table{s, func(prepare func(*Batch), yield func(*Batch) error) error {
		b := NewBatch(s)
		for i := range n {
			row(b, i)
			if b.Rows == batchRows || i == n-1 {
				prepare(b)
				if err := yield(b); err != nil {
					return err
				}
				b.Reset()
			}
		}
		return nil
	}}
}

// Parallel returns a table whose batches so many goroutines make and prepare
// ahead of yield: each reads the next block, one at a time, and makes its rows
// by a function of its own. A read returns io.EOF behind the last block; a block
// gives up to MaxRows rows.
func Parallel[B any](s *Schema, workers int, open func() (read func(*B) error), newRows func() func(*Batch, *B)) *Table {
	return &Table{s, func(prepare func(*Batch), yield func(*Batch) error) error {
		p := newPool[B](workers, open())
		defer p.close()
		for range workers {
			rows := newRows()
			p.wait.Go(func() { p.work(newPlace(s), rows, prepare) })
		}
		return p.each(yield)
	}}
}

// Divide returns what Of does, of which so many goroutines make batches: row is called by
// several at a time.
func Divide(s *Schema, n, workers int, row func(b *Batch, i int)) *Table {
	type part struct{ first, end int }
	return Parallel(s, workers, func() func(*part) error {
		next := 0
		return func(p *part) error {
			if next == n {
				return io.EOF
			}
			*p = part{next, min(next+batchRows, n)}
			next = p.end
			return nil
		}
	}, func() func(*Batch, *part) {
		return func(b *Batch, p *part) {
			for i := p.first; i < p.end; i++ {
				row(b, i)
			}
		}
	})
}

// place is where the batches of one worker wait for their next rows: they stay with it,
// for their memory is in its core's cache.
type place chan *Batch

// perWorker is how many batches a worker has: one that it makes, and one that is yielded.
const perWorker = 2

func newPlace(s *Schema) place {
	p := make(place, perWorker)
	for range perWorker {
		p <- NewBatch(s)
	}
	return p
}

// made is a batch, and where it goes back to.
type made struct {
	*Batch
	from place
}

// pool is what the workers of Parallel share.
type pool[B any] struct {
	made []chan made // by number of the block, around
	stop chan struct{}
	wait sync.WaitGroup

	reading sync.Mutex
	read    func(*B) error
	blocks  int   // that were read
	ended   error // of read
}

func newPool[B any](workers int, read func(*B) error) *pool[B] {
	p := &pool[B]{made: make([]chan made, workers*perWorker), stop: make(chan struct{}), read: read}
	for i := range p.made {
		p.made[i] = make(chan made, 1)
	}
	return p
}

// next reads the next block and returns its number; at the end it tells all
// who wait for one.
func (p *pool[B]) next(block *B) (n int, ok bool) {
	p.reading.Lock()
	defer p.reading.Unlock()
	if p.ended == nil {
		if p.ended = p.read(block); p.ended != nil {
			close(p.made[p.blocks%len(p.made)])
		}
	}
	if p.ended != nil {
		return 0, false
	}
	p.blocks++
	return p.blocks - 1, true
}

// work makes batches until there are no more blocks.
func (p *pool[B]) work(free place, rows func(*Batch, *B), prepare func(*Batch)) {
	var block B
	for {
		var b *Batch // before its block, so that the next in order always has one
		select {
		case b = <-free:
		case <-p.stop:
			return
		}
		n, ok := p.next(&block)
		if !ok {
			return
		}
		b.Reset()
		rows(b, &block)
		if b.Rows > 0 {
			prepare(b)
		}
		p.made[n%len(p.made)] <- made{b, free}
	}
}

// each yields the batches in order.
func (p *pool[B]) each(yield func(*Batch) error) error {
	for n := 0; ; n++ {
		b, ok := <-p.made[n%len(p.made)]
		if !ok {
			break
		}
		if b.Rows > 0 {
			if err := yield(b.Batch); err != nil {
				return err
			}
		}
		b.from <- b.Batch
	}
	if p.ended == io.EOF {
		return nil
	}
	return p.ended
}

// close ends the workers.
func (p *pool[B]) close() {
	close(p.stop)
	p.wait.Wait()
}
