package turn

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Append appends t to a record, for Read.
func (t *Turn) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, t.Frame)
	b = binary.AppendUvarint(b, uint64(t.Number))
	b = append(b, byte(t.Requester))
	b = binary.AppendVarint(b, t.RequestFirst)
	b = binary.AppendVarint(b, t.RequestLast-t.RequestFirst)
	b = binary.AppendVarint(b, t.Request)
	if !t.Answered {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.AppendVarint(b, t.ResponseFirst-t.RequestFirst)
	b = binary.AppendVarint(b, t.ResponseLast-t.RequestFirst)
	return binary.AppendVarint(b, t.Response)
}

// Read makes t what Append wrote.
func (t *Turn) Read(b []byte) {
	next := func() int64 {
		v, n := binary.Varint(b)
		b = b[n:]
		return v
	}
	take := func() uint64 {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return v
	}
	*t = Turn{Frame: take(), Number: uint32(take()), Requester: flow.Side(b[0])}
	b = b[1:]
	t.RequestFirst = next()
	t.RequestLast = t.RequestFirst + next()
	t.Request = next()
	if t.Answered, b = b[0] != 0, b[1:]; t.Answered {
		t.ResponseFirst = t.RequestFirst + next()
		t.ResponseLast = t.RequestFirst + next()
		t.Response = next()
	}
}
