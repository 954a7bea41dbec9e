package spill

import (
	"bufio"
	"io"
)

// Reader reads the records of Sorters in the order of their numbers.
type Reader struct {
	heap []source // the one with the least number first
	err  error    // of the first step
}

// source is one sorted run and its next record.
type source struct {
	run interface {
		next() (uint64, []byte, error)
	}
	id     uint64
	record []byte
	place  int // among the runs: those of a Sorter in the order of time
}

// before tells whether s's next record comes before that of t.
func (s *source) before(t *source) bool { return s.id < t.id || s.id == t.id && s.place < t.place }

// The buffers of all runs of a Reader together, and of one at most and at
// least, in bytes.
const (
	readBuffers            = 16 << 20
	maxReadBuf, minReadBuf = 256 << 10, 4 << 10
)

// Merge returns a reader of everything that was added to the sorters, which
// take no more after that. They may be merged several times.
func Merge(sorters ...*Sorter) *Reader {
	runs := 0
	for _, s := range sorters {
		runs += len(s.runs)
	}
	buffer := min(max(readBuffers/max(runs, 1), minReadBuf), maxReadBuf)
	r := &Reader{}
	for _, s := range sorters {
		for _, e := range s.runs {
			r.add(source{run: &run{r: bufio.NewReaderSize(io.NewSectionReader(s.file, e.offset, e.length), buffer)}, place: len(r.heap)})
		}
		s.sort()
		r.add(source{run: &memory{s: s}, place: len(r.heap)})
	}
	return r
}

// add puts a source into the heap, unless it is at its end.
func (r *Reader) add(s source) {
	switch ok, err := s.step(); {
	case err != nil:
		r.err = err
	case ok:
		r.heap = append(r.heap, s)
		for i := len(r.heap) - 1; i > 0 && r.heap[i].before(&r.heap[(i-1)/2]); i = (i - 1) / 2 {
			r.heap[i], r.heap[(i-1)/2] = r.heap[(i-1)/2], r.heap[i]
		}
	}
}

// step makes s's next record the current one.
func (s *source) step() (ok bool, err error) {
	s.id, s.record, err = s.run.next()
	if err == io.EOF {
		return false, nil
	}
	return err == nil, err
}

// Next calls use with the next record, which is valid until it returns. At the
// end Next returns io.EOF; other errors are those of the temporary file.
func (r *Reader) Next(use func(id uint64, record []byte)) error {
	if r.err != nil {
		return r.err
	}
	if len(r.heap) == 0 {
		return io.EOF
	}
	least := &r.heap[0]
	use(least.id, least.record)
	ok, err := least.step()
	if err != nil {
		r.err = err
	}
	if !ok {
		last := len(r.heap) - 1
		r.heap[0] = r.heap[last]
		r.heap = r.heap[:last]
	}
	r.sink()
	return nil
}

// sink restores the order of the heap after its first source changed.
func (r *Reader) sink() {
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(r.heap); child++ {
			if r.heap[child].before(&r.heap[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		r.heap[i], r.heap[least] = r.heap[least], r.heap[i]
		i = least
	}
}
