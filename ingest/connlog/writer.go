package connlog

import (
	"io"
	"sync"
)

// writerBuffer is how many bytes the Writer gathers before it writes.
const writerBuffer = 64 << 10

// Writer writes events as lines. It buffers; every Write to the underlying
// writer holds whole lines only. After a failed write all calls return that
// error. It is safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	buf  []byte
	seq  uint64
	size int64
	err  error
}

// NewWriter returns a Writer that has written nothing.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write appends e with the next sequence number, which it stores in e.Seq:
// 1 for the first. An End whose Events is 0 gets the number of lines, its own
// included.
func (w *Writer) Write(e *Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	w.seq++
	e.Seq = w.seq
	if e.Kind == KindEnd && e.End.Events == 0 {
		e.End.Events = int64(w.seq)
	}
	w.buf = e.Append(w.buf)
	if len(w.buf) < writerBuffer {
		return nil
	}
	return w.flush()
}

// Flush writes what is buffered.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

// Size returns the bytes of all lines so far, written or buffered.
func (w *Writer) Size() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.size + int64(len(w.buf))
}

func (w *Writer) flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	n, err := w.w.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	w.size += int64(len(w.buf))
	w.buf = w.buf[:0]
	w.err = err
	return err
}
