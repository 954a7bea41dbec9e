package turn

import "encoding/binary"

// Run is a stretch of time in which a connection was busy: from one packet to another,
// with none further than QuietTime from the next. Unix nanoseconds.
type Run struct{ From, To int64 }

// Append appends r to a record, for Read.
func (r Run) Append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, r.From), uint64(r.To-r.From))
}

// Read makes r what Append wrote.
func (r *Run) Read(b []byte) {
	from, n := binary.Varint(b)
	length, _ := binary.Uvarint(b[n:])
	*r = Run{from, from + int64(length)}
}
