package parquet

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// The encodings of Parquet that are written here, as its document Encodings.md has them.

// appendTexts appends PLAIN texts, each behind its length.
func appendTexts(b []byte, texts []string) []byte {
	for _, s := range texts {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	return b
}

// appendHybrid appends values of so many bits, at least 1, as runs of equal ones and as packed
// groups of eight (RLE).
func appendHybrid[T uint8 | uint32](b []byte, v []T, width uint) []byte {
	for len(v) > 0 {
		n := 1
		for n < len(v) && v[n] == v[0] {
			n++
		}
		if n >= 8 || n == len(v) {
			b = binary.AppendUvarint(b, uint64(n)<<1)
			for shift := uint(0); shift < width; shift += 8 {
				b = append(b, byte(uint32(v[0])>>shift))
			}
			v = v[n:]
			continue
		}
		for n = 8; n+8 <= len(v) && !equal8(v[n:]); n += 8 {
		}
		groups := n / 8
		b = binary.AppendUvarint(b, uint64(groups)<<1|1)
		if n > len(v) { // the last group is padded
			var group [8]T
			copy(group[:], v)
			b, v = appendPacked(b, group[:], width), nil
			continue
		}
		b, v = appendPacked(b, v[:n], width), v[n:]
	}
	return b
}

// equal8 tells whether the first eight are equal.
func equal8[T comparable](v []T) bool {
	for i := 1; i < 8; i++ {
		if v[i] != v[0] {
			return false
		}
	}
	return true
}

// appendPacked appends values of so many bits each, the first lowest; eight of them, or a
// multiple.
func appendPacked[T uint8 | uint32 | uint64](b []byte, v []T, width uint) []byte {
	var word uint64
	var used uint // bits of word
	for _, x := range v {
		word |= uint64(x) << used
		if used += width; used >= 64 {
			b = binary.LittleEndian.AppendUint64(b, word)
			used -= 64
			word = uint64(x) >> (width - used) // 0 where that is all of it
		}
	}
	for ; used > 0; used -= 8 {
		b = append(b, byte(word))
		word >>= 8
	}
	return b
}

// The sizes of DELTA_BINARY_PACKED: those that all readers know.
const deltaBlock, deltaMini = 128, 32

// appendDelta appends integers as differences to the one before, packed in blocks above the
// least of each (DELTA_BINARY_PACKED). Of narrow ones differences have 32 bits, too.
func appendDelta(b []byte, v []int64, narrow bool) []byte {
	b = binary.AppendUvarint(b, deltaBlock)
	b = binary.AppendUvarint(b, deltaBlock/deltaMini)
	b = binary.AppendUvarint(b, uint64(len(v)))
	if len(v) == 0 {
		return append(b, 0)
	}
	b = binary.AppendVarint(b, v[0])
	var block [deltaBlock]uint64
	for len(v) > 1 {
		n := min(deltaBlock, len(v)-1)
		least := int64(math.MaxInt64)
		for i, x := range v[1 : n+1] {
			d := x - v[i]
			if narrow {
				d = int64(int32(d))
			}
			block[i], least = uint64(d), min(least, d)
		}
		for i := range block[:n] {
			block[i] -= uint64(least)
		}
		clear(block[n:])
		b, v = appendBlock(binary.AppendVarint(b, least), &block, n), v[n:]
	}
	return b
}

// appendBlock appends n differences above their least, each part of a block with a width
// of its own.
func appendBlock(b []byte, block *[deltaBlock]uint64, n int) []byte {
	widths := len(b)
	b = append(b, make([]byte, deltaBlock/deltaMini)...)
	for from := 0; from < n; from += deltaMini {
		mini := block[from : from+deltaMini]
		var any uint64
		for _, x := range mini {
			any |= x
		}
		if width := bits.Len64(any); width > 0 {
			b[widths+from/deltaMini] = byte(width)
			b = appendPacked(b, mini, uint(width))
		}
	}
	return b
}
