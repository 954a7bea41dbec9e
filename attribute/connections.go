package attribute

import (
	"errors"
	"io"
	"sync"

	"github.com/pcapwho/pcapwho/attribute/spill"
)

// Connections are the connections of a result, ordered by ID. They are kept as
// records, and beyond a budget in a temporary file.
type Connections struct {
	sorters []*spill.Sorter
	codecs  []*codec
	marker  *marker // nil = no packet has a mark
	n       int
}

// decode makes one the connection of a record, with its memory.
func (c *Connections) decode(record []byte, one *Connection) {
	decode(c.codecs, record, one)
	if len(one.labels) > 0 {
		for i := range one.quotes {
			q := &one.quotes[i]
			q.verdict = c.marker.quote(one, q)
		}
		c.marker.divide(one)
	}
}

// ConnectionsOf returns connections that were made by hand.
func ConnectionsOf(list []Connection) Connections {
	s, d := spill.NewSorter(finishedBudget), newCodec(0)
	for i := range list {
		s.Add(list[i].ID, d.append(nil, &list[i])) // stays in memory, and cannot fail
	}
	return Connections{sorters: []*spill.Sorter{s}, codecs: []*codec{&d}, n: len(list)}
}

// Len returns how many there are.
func (c *Connections) Len() int { return c.n }

// All calls f with every connection, valid during the call, in order, until one
// call fails. Other errors are those of the temporary file.
func (c *Connections) All(f func(*Connection) error) error {
	var b Block
	var one Connection
	for r := c.Read(); ; {
		if err := r.Next(&b); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for i := range b.Len() {
			b.Connection(i, &one)
			if err := f(&one); err != nil {
				return err
			}
		}
	}
}

// Read returns a reader of all connections. Several may be used one after the
// other, each by one goroutine.
func (c *Connections) Read() *BlockReader { return &BlockReader{c, c.records()} }

func (c *Connections) records() *spill.Reader { return spill.Merge(c.sorters...) }

// BlockReader reads connections in blocks, which may be decoded elsewhere.
type BlockReader struct {
	connections *Connections
	records     *spill.Reader
}

// BlockSize is how many connections a block has, except the last.
const BlockSize = 256

// Block is some connections in a row.
type Block struct {
	connections *Connections
	bytes       []byte
	ends        []int
}

// Next reads the next block into b, whose memory it uses again. At the end it
// returns io.EOF.
func (r *BlockReader) Next(b *Block) error {
	b.connections, b.bytes, b.ends = r.connections, b.bytes[:0], b.ends[:0]
	for len(b.ends) < BlockSize {
		err := r.records.Next(func(_ uint64, record []byte) {
			b.bytes = append(b.bytes, record...)
			b.ends = append(b.ends, len(b.bytes))
		})
		if err == io.EOF && len(b.ends) > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Len returns how many connections b has.
func (b *Block) Len() int { return len(b.ends) }

// Connection makes c connection i of b, with c's memory.
func (b *Block) Connection(i int, c *Connection) {
	begin := 0
	if i > 0 {
		begin = b.ends[i-1]
	}
	b.connections.decode(b.bytes[begin:b.ends[i]], c)
}

// Divide calls functions that newDo makes, one for each of so many goroutines,
// with every connection, in no order.
func (c *Connections) Divide(workers int, newDo func() func(*Connection)) error {
	var wait sync.WaitGroup
	var reading sync.Mutex
	var failed error
	r := c.Read()
	next := func(b *Block) error {
		reading.Lock()
		defer reading.Unlock()
		if failed == nil {
			failed = r.Next(b)
		}
		return failed
	}
	for range max(workers, 1) {
		do := newDo()
		wait.Go(func() {
			var b Block
			var one Connection
			for next(&b) == nil {
				for i := range b.Len() {
					b.Connection(i, &one)
					do(&one)
				}
			}
		})
	}
	wait.Wait()
	if errors.Is(failed, io.EOF) {
		return nil
	}
	return failed
}
