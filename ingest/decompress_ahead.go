package ingest

import (
	"io"
	"sync/atomic"
)

// What is decompressed ahead of the reader: aheadBuffers pieces, one of them
// at the reader, one at the decompressor.
const (
	aheadBuffers = 4
	aheadSize    = 256 << 10
	aheadSmall   = 16 << 10 // where many files are read at once
)

// ahead decompresses in a goroutine of its own, so that a parser on another
// core costs no time.
type ahead struct {
	used atomic.Int64  // bytes of the compressed file
	full chan []byte   // pieces in order; closed at the end
	free chan []byte   // to be filled again
	stop chan struct{} // closed when nobody reads any more
	size int           // of a piece
	err  error         // what ended the decompression; set before full is closed

	piece, rest []byte // what is being read
	closed      bool
}

// readAhead begins to read from u, in pieces of a size.
func readAhead(u *unpacker, size int) *ahead {
	a := &ahead{size: size, full: make(chan []byte, aheadBuffers), free: make(chan []byte, aheadBuffers), stop: make(chan struct{})}
	for range aheadBuffers {
		a.free <- nil // made when it is needed: most captures are small
	}
	go a.run(u)
	return a
}

// run fills pieces until the end, or until nobody reads them.
func (a *ahead) run(u *unpacker) {
	defer close(a.full)
	defer u.close()
	for {
		var piece []byte
		select {
		case piece = <-a.free:
		case <-a.stop:
			return
		}
		if piece == nil {
			piece = make([]byte, a.size)
		}
		n, err := a.fill(piece[:a.size], u)
		a.used.Store(u.src.offset())
		if n > 0 {
			a.full <- piece[:n] // there is room for all pieces
		}
		if err != nil {
			a.err = err
			return
		}
	}
}

// fill reads until b is full or u ends, or nobody reads any more.
func (a *ahead) fill(b []byte, u *unpacker) (n int, err error) {
	for n < len(b) && err == nil {
		select {
		case <-a.stop:
			return n, io.ErrClosedPipe
		default:
		}
		var m int
		m, err = u.Read(b[n:])
		n += m
	}
	return n, err
}

// Read reads what was decompressed, and at its end what ended it.
func (a *ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.piece != nil {
			a.free <- a.piece
		}
		var more bool
		if a.piece, more = <-a.full; !more {
			return 0, a.err
		}
		a.rest = a.piece
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// close ends the goroutine, at the latest when its read of the file returns.
func (a *ahead) close() {
	if !a.closed {
		a.closed = true
		close(a.stop)
	}
}
