package ingest

import (
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// A file is read in pieces: large enough that a read costs little more than
// the copy, small enough that those on their way stay in the cache, with their
// packets. What is read beyond a piece is for its last packet; where that is
// longer, it is read by itself.
const (
	pieceSize  = 256 << 10
	pieceSlack = 8 << 10
	pieceTail  = pcapng.MaxCaptured + 64<<10
)

// pieces is the reading of one file in pieces.
type pieces struct {
	file       *os.File
	size       int64       // of the file when it was opened
	origin     int64       // where the first piece begins
	at         int64       // where the next packet begins, by all pieces so far
	blocks     uint64      // that lie before it
	generation *generation // how the packets there are decoded
	few        int         // pieces in a row in which nearly nothing could be decoded
	index      int         // of the piece that Next returns next

	ready   []chan *piece // by index, around; nil = Next reads by itself
	counter atomic.Int64  // index of the piece that a worker reads next
	quit    chan struct{}
	workers sync.WaitGroup
}

// generation is how the packets of a stretch of a file are decoded.
type generation struct {
	layout *pcapng.Layout
	links  []uint16 // link types by interface of the file
	device []uint16 // and their devices
	base   uint32   // index of the file's first interface
}

// piece is a range of a file and the packets that begin in it.
type piece struct {
	*Batch
	from, to   int64
	start, end int64  // the packets lie between; start is -1 where none was found
	blocks     uint64 // how many they are
	generation *generation
}

// divisible tells whether the file can be read in pieces, and is worth it.
func (s *source) divisible() bool {
	if s.in.compression != "" || s.whole {
		return false
	}
	info, err := s.f.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size()-s.reader.Offset() > 2*pieceSize
}

// generation returns how the packets are decoded that the current file's
// reader reads next.
func (c *Capture) generation() *generation {
	s := c.current
	c.describe()
	g := &generation{layout: s.reader.Layout(), base: uint32(s.base)}
	for _, i := range c.interfaces[s.base:] {
		g.links, g.device = append(g.links, i.LinkType), append(g.device, i.Device)
	}
	return g
}

// divide begins to read the rest of the current file in pieces.
func (s *Stream) divide() *pieces {
	c := s.capture
	r := c.current.reader
	w := &pieces{file: c.current.f, size: c.files[c.current.file].Size, origin: r.Offset(), at: r.Offset(), blocks: r.Blocks(),
		generation: c.generation()}
	if s.workers == 1 {
		return w
	}
	w.quit = make(chan struct{})
	w.ready = make([]chan *piece, cap(s.pool))
	for i := range w.ready {
		w.ready[i] = make(chan *piece, 1)
	}
	for range s.workers {
		g := w.generation
		w.workers.Go(func() { w.work(s.pool, g) })
	}
	return w
}

// work reads one piece after the other, as long as there are batches. A piece
// gets its index after its batch, so that the next one in order always has one.
func (w *pieces) work(pool chan *Batch, g *generation) {
	for {
		var b *Batch
		select {
		case b = <-pool:
		case <-w.quit:
			return
		}
		k := w.counter.Add(1) - 1
		p := w.piece(b, k, g)
		if p.from >= w.size {
			pool <- b
			return
		}
		w.read(p, -1)
		w.ready[k%int64(len(w.ready))] <- p
	}
}

// piece returns piece k, not yet read.
func (w *pieces) piece(b *Batch, k int64, g *generation) *piece {
	b.empty()
	from := w.origin + k*pieceSize
	return &piece{Batch: b, from: from, to: min(from+pieceSize, w.size), generation: g}
}

// take returns the next piece in order, as a worker left it.
func (w *pieces) take(pool chan *Batch) *piece {
	k := w.index
	w.index++
	if w.ready == nil {
		p := w.piece(<-pool, int64(k), nil) // Next reads it
		return p
	}
	return <-w.ready[k%len(w.ready)]
}

// read decodes the packets of p from start on, or from the first that can be
// found where start is -1. It stops before what is no plain packet.
func (w *pieces) read(p *piece, start int64) {
	if p.generation == nil || start >= 0 {
		p.generation = w.generation
	}
	g, at := p.generation, start
	if start < 0 {
		at = p.from
	}
	o, n := 0, int(p.to-at)+pieceSlack
	b := w.bytes(p.Data[:0], n, at)
	more := len(b) == n // behind b
	defer func() { p.Data = b }()
	if start < 0 && p.from != w.origin {
		if o = g.layout.Find(b, at); o < 0 {
			p.start, p.end = -1, -1
			return
		}
	}
	p.start, p.blocks = at+int64(o), 0
	var rec pcapng.Record
	for at+int64(o) < p.to {
		n := g.layout.Packet(b[o:], &rec)
		if n == 0 && more { // perhaps it is only not all there
			more = false
			b = w.bytes(b, int(p.to-at)+pieceTail, at)
			n = g.layout.Packet(b[o:], &rec)
		}
		if n == 0 {
			break
		}
		header := g.layout.Header()
		p.blocks++
		q := p.next()
		q.Interface, q.Device, q.Place, q.Mark = g.base+rec.Interface, g.device[rec.Interface], placeOf(rec.Interface), 0
		decode(&rec, g.links[rec.Interface], q)
		q.Body += uint32(o + header)
		p.book()
		o += n
	}
	p.end = at + int64(o)
}

// maxVain is how many pieces in a row are decoded in vain before the rest of a
// file is left to its Reader: those of captures in which packets name their
// process.
const maxVain = 4

// vain tells that it is time to, after a piece that the Reader had to end.
func (w *pieces) vain(p *piece) bool {
	const nearlyNothing = 16
	if w.few++; p.blocks >= nearlyNothing {
		w.few = 0
	}
	return w.few > maxVain
}

// bytes reads on until b has the n bytes that the file has at an offset; what cannot
// be read is left to the Reader, which tells why.
func (w *pieces) bytes(b []byte, n int, at int64) []byte {
	old := len(b)
	b = slices.Grow(b, n-old)
	k, _ := w.file.ReadAt(b[old:n], at+int64(old))
	return b[:old+k]
}

// stop ends the workers and gives their batches back.
func (w *pieces) stop(pool chan *Batch) {
	if w.ready == nil {
		return
	}
	close(w.quit)
	w.workers.Wait()
	for _, r := range w.ready {
		select {
		case p := <-r:
			pool <- p.Batch
		default:
		}
	}
}
