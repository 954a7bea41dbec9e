package attribute

import (
	"encoding/binary"
	"io"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/spill"
)

// Resent is when segments of a result's TCP connections were sent again: as many as
// tcp.Sent.Retransmitted counts.
type Resent struct{ sorters []*spill.Sorter }

// Read returns a reader of all times.
func (r *Resent) Read() *ResentReader {
	reader := &ResentReader{records: spill.Merge(r.sorters...)}
	reader.next()
	return reader
}

// ResentReader reads the times of one connection after the other.
type ResentReader struct {
	records *spill.Reader
	id      uint64 // of the connection whose time is next
	at      int64
	err     error
}

// Of appends the times of the connection with an ID to list, Unix nanoseconds in the
// order of the file. IDs ascend from call to call. Errors are those of temporary files.
func (r *ResentReader) Of(id uint64, list []int64) ([]int64, error) {
	for r.err == nil && r.id <= id {
		if r.id == id {
			list = append(list, r.at)
		}
		r.next()
	}
	if r.err == io.EOF {
		return list, nil
	}
	return list, r.err
}

func (r *ResentReader) next() {
	r.err = r.records.Next(func(id uint64, record []byte) {
		r.id, r.at = id, int64(binary.LittleEndian.Uint64(record))
	})
}

// tellResent keeps that a segment of in was sent again, where that is asked for.
func (s *share) tellResent(in *conn.Instance, at int64) {
	if m := s.measured; m.resent != nil {
		m.record = binary.LittleEndian.AppendUint64(m.record[:0], uint64(at))
		s.keep(m.resent, in)
	}
}
