package spill

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"io"
	"os"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/slab"
)

// chunkSize is how much memory is taken at a time, in bytes: more where much is held
// already, maxChunk at most.
const chunkSize, maxChunk = 256 << 10, 4 << 20

// Sorter takes records in any order. It is not safe for concurrent use.
type Sorter struct {
	budget int
	chunks [][]byte // records: number, length, and what they are
	inside int      // how many these are
	places []place  // of them, in order, once that is asked for
	held   int      // bytes of chunks that are full, and of places
	n      int

	file *os.File // nil = nothing was spilled
	size int64
	runs []extent
}

// place is where a record lies in memory: number of the chunk, and in the lower half offset.
type place struct{ id, at uint64 }

func (p place) compare(o place) int {
	if p.id != o.id {
		return cmp.Compare(p.id, o.id)
	}
	return cmp.Compare(p.at, o.at)
}

const idSize, placeSize = 8, 16 // bytes

// extent is a sorted run in the file, in bytes.
type extent struct{ offset, length int64 }

// NewSorter returns an empty Sorter that holds about budget bytes in memory.
func NewSorter(budget int) *Sorter { return &Sorter{budget: budget} }

// Len returns how many records were added.
func (s *Sorter) Len() int { return s.n }

// Add adds a record under its number. Those of one number come in the order in which
// they were added, where one Sorter has them all. It keeps nothing of record. Its
// errors are those of the temporary file.
func (s *Sorter) Add(id uint64, record []byte) error {
	need := idSize + len(record) + binary.MaxVarintLen32
	last := len(s.chunks) - 1
	if last < 0 || cap(s.chunks[last])-len(s.chunks[last]) < need {
		if s.held > s.budget {
			if err := s.spill(); err != nil {
				return err
			}
		}
		size := max(chunkSize, need, min(s.held/4, maxChunk))
		s.chunks = append(s.chunks, slab.Make[byte](size)[:0])
		s.held += size
		last = len(s.chunks) - 1
	}
	c := binary.NativeEndian.AppendUint64(s.chunks[last], id)
	s.chunks[last] = append(binary.AppendUvarint(c, uint64(len(record))), record...)
	s.held += placeSize
	s.inside++
	s.n++
	return nil
}

// record returns a record in memory.
func (s *Sorter) record(p place) []byte {
	b := s.chunks[p.at>>32][uint32(p.at)+idSize:]
	n, k := binary.Uvarint(b)
	return b[k : k+int(n)]
}

// sort orders what is in memory.
func (s *Sorter) sort() {
	if len(s.places) == s.inside {
		return
	}
	s.places = slab.Make[place](s.inside)[:0]
	for n, c := range s.chunks {
		for offset := 0; offset < len(c); {
			p := place{binary.NativeEndian.Uint64(c[offset:]), uint64(n)<<32 | uint64(offset)}
			length, k := binary.Uvarint(c[offset+idSize:])
			offset += idSize + k + int(length)
			s.places = append(s.places, p)
		}
	}
	slices.SortFunc(s.places, place.compare)
}

// spill writes what is in memory to the file, as one run.
func (s *Sorter) spill() (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "pcapwho-*.spill"); err != nil {
			return err
		}
		os.Remove(s.file.Name()) // where a file that is open can have no name, it is gone whatever happens
	}
	s.sort()
	w := bufio.NewWriterSize(s.file, chunkSize)
	run := extent{offset: s.size}
	var head []byte
	for _, p := range s.places {
		r := s.record(p)
		head = binary.AppendUvarint(binary.AppendUvarint(head[:0], p.id), uint64(len(r)))
		w.Write(head) // the first error is Flush's too
		w.Write(r)
		run.length += int64(len(head) + len(r))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	s.size += run.length
	s.runs = append(s.runs, run)
	s.chunks, s.inside, s.places, s.held = nil, 0, nil, 0
	return nil
}

// Close removes the temporary file. Readers must not be used afterwards.
func (s *Sorter) Close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	os.Remove(s.file.Name())
	s.file = nil
	return err
}

// memory reads what a Sorter holds in memory.
type memory struct {
	s *Sorter
	i int
}

func (m *memory) next() (uint64, []byte, error) {
	if m.i == len(m.s.places) {
		return 0, nil, io.EOF
	}
	p := m.s.places[m.i]
	m.i++
	return p.id, m.s.record(p), nil
}

// run reads a run of the file.
type run struct {
	r   *bufio.Reader
	buf []byte
}

func (r *run) next() (id uint64, record []byte, err error) {
	if id, err = binary.ReadUvarint(r.r); err != nil {
		return 0, nil, err // io.EOF at the end of the run
	}
	n, err := binary.ReadUvarint(r.r)
	if err == nil {
		r.buf = slices.Grow(r.buf[:0], int(n))[:n]
		_, err = io.ReadFull(r.r, r.buf)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // within a record: the file was cut
	}
	return id, r.buf, err
}
