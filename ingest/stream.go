package ingest

import (
	"context"
	"io"
	"math"
)

// batchSize is how many packets a batch holds that was not read as a piece.
const batchSize = 4096

// Stream hands on the packets of a capture in batches, in the order of the
// file. Large files are read and decoded by several goroutines:
//
//	       ┌ worker: read piece k, find its first packet, decode ┐
//	file ──┤ worker: read piece k+1, …                           ├─► Next: piece k begins where
//	       └ …                                                   ┘   k-1 ended? else decode it again
//
// What stands between packets (a section, an interface, damage) ends a piece's
// decoding; Next goes on from there with the file's Reader, alone.
type Stream struct {
	capture *Capture
	ctx     context.Context
	workers int
	pool    chan *Batch
	pieces  *pieces // of the current file; nil = it is read by its Reader
	first   uint64  // frame number of the next batch
	file    int     // of the batch that was read last, unless files are merged
}

// Stream returns all packets from the first on, read by so many workers and
// divided into so many shares. It takes the place of Read. Close it.
func (c *Capture) Stream(ctx context.Context, workers, shares int) *Stream {
	s := &Stream{capture: c, ctx: ctx, workers: max(workers, 1), first: c.frame + 1}
	n := 2*s.workers + 1
	s.pool = make(chan *Batch, n)
	for range n {
		s.pool <- newBatch(max(shares, 1), s.pool)
	}
	return s
}

// Next returns the next batch, never an empty one, held once. It returns io.EOF
// at the end; other errors are those of Capture.Read and of the context.
func (s *Stream) Next() (*Batch, error) {
	for {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		b, err := s.read()
		if err != nil {
			return nil, err
		}
		if b == nil {
			continue
		}
		if len(b.Packets) == 0 {
			b.Done()
			continue
		}
		if s.capture.merge == nil {
			s.capture.files[s.file].see(b.Earliest, b.Latest)
		}
		b.First = s.first
		s.first += uint64(len(b.Packets))
		s.capture.frame = s.first - 1
		return b, nil
	}
}

// read returns a batch, perhaps an empty one, or nil where a file has ended.
func (s *Stream) read() (*Batch, error) {
	c := s.capture
	if c.current != nil {
		s.file = c.current.file
	}
	switch {
	case s.pieces != nil:
		return s.nextPiece()
	case c.failed != nil:
		return nil, c.failed
	case c.merge != nil:
		return s.merged(), nil
	case c.current == nil:
		c.failed = c.advance()
		return nil, nil
	}
	b := <-s.pool
	b.empty()
	if c.current.divisible() {
		s.fill(b, 1) // then the layout of the packets is known
		if c.current != nil && c.failed == nil {
			s.pieces = s.divide()
		}
		return b, nil
	}
	s.fill(b, batchSize)
	return b, nil
}

// fill reads up to n packets of the current file, one after the other.
func (s *Stream) fill(b *Batch, n int) {
	c := s.capture
	for len(b.Packets) < n && len(b.Data) < maxData && c.current != nil && c.failed == nil {
		if err := c.current.reader.Next(&c.rec); err != nil {
			c.failed = c.stop(err)
			continue
		}
		c.decode(b.next(), b)
		b.book()
	}
}

// merged returns the next packets of files that are merged.
func (s *Stream) merged() *Batch {
	c, b := s.capture, <-s.pool
	b.empty()
	for len(b.Packets) < batchSize && len(b.Data) < maxData {
		p := b.next()
		if c.failed = c.merge.next(p, b); c.failed != nil {
			b.Packets = b.Packets[:len(b.Packets)-1]
			break
		}
		if p.Time != 0 {
			c.files[c.interfaces[p.Interface].File].see(p.Time, p.Time)
		}
		b.book()
	}
	return b
}

// nextPiece returns the next piece of the current file, and ends its reading
// behind the last.
func (s *Stream) nextPiece() (*Batch, error) {
	w, c := s.pieces, s.capture
	if w.at >= w.size {
		s.endPieces()
		return nil, nil
	}
	p := w.take(s.pool)
	if p.to <= w.at { // a block reached over all of it
		p.empty()
		return p.Batch, nil
	}
	if p.start != w.at || p.generation != w.generation {
		p.empty()
		w.read(p, w.at)
	}
	w.at = p.end
	w.blocks += p.blocks
	c.current.at = w.at
	if p.end >= p.to {
		w.few = 0
		return p.Batch, nil
	}
	r := c.current.reader
	r.Continue(io.NewSectionReader(c.current.f, w.at, math.MaxInt64-w.at), w.at, w.blocks)
	for c.current != nil && r.Offset() < p.to {
		if err := r.Next(&c.rec); err != nil {
			if err == io.EOF {
				w.at, w.blocks = r.Offset(), r.Blocks()
				s.endPieces()
				return p.Batch, nil
			}
			if c.failed = c.stop(err); c.failed != nil || c.current == nil {
				s.stopPieces()
				return p.Batch, nil
			}
			continue
		}
		c.decode(p.next(), p.Batch)
		p.book()
	}
	w.at, w.blocks = r.Offset(), r.Blocks()
	if !w.generation.layout.Holds(r) {
		w.generation = c.generation()
	}
	if w.vain(p) && c.current != nil {
		c.current.whole = true
		s.stopPieces()
	}
	return p.Batch, nil
}

// endPieces ends the current file, all of which was read.
func (s *Stream) endPieces() {
	c, w := s.capture, s.pieces
	s.stopPieces()
	c.current.reader.Continue(eof{}, w.at, w.blocks)
	c.failed = c.stop(io.EOF)
}

// stopPieces ends the workers of the current file.
func (s *Stream) stopPieces() {
	if s.pieces != nil {
		s.pieces.stop(s.pool)
		s.pieces = nil
	}
}

// Close ends the workers. It does not close the capture.
func (s *Stream) Close() { s.stopPieces() }

// eof is a source at its end.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
