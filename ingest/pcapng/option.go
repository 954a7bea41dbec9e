package pcapng

import (
	"encoding/binary"
	"iter"
)

// ByteOrder is the order of a section: binary.LittleEndian or
// binary.BigEndian.
type ByteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// options yields code and value of each option; a malformed rest is left out.
func options(b []byte, order binary.ByteOrder) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, n := order.Uint16(b), int(order.Uint16(b[2:]))
			if code == OptionEnd || 4+n > len(b) || !yield(code, b[4:4+n]) {
				return
			}
			b = b[min(len(b), 4+(n+3)&^3):]
		}
	}
}
