package packet

import "math"

// maxDepth bounds how many headers there may be before one that is read, and how
// many extension headers one of IPv6 has.
const maxDepth = 16

// part is a frame from some header on. It is small enough for the compiler to
// keep in registers: with a word more, the link headers take twice the time.
type part struct {
	data  []byte // as far as it was captured
	bytes int32  // see wire
	depth int32  // headers before it
}

// whole returns all of a frame.
func whole(data []byte, wire uint32) part {
	return part{data, int32(min(wire, math.MaxInt32)), 0}
}

// wire returns how many bytes f had on the wire; where more were captured, what
// is beyond is padding, or the length lies.
func (f part) wire() int { return int(f.bytes) }

// behind returns what follows a header of n bytes; ok is false where that was
// not captured whole, and behind the last header that is followed.
func (f part) behind(n int) (rest part, ok bool) {
	if n > len(f.data) || f.depth >= maxDepth {
		return part{}, false
	}
	return part{f.data[n:], f.bytes - int32(n), f.depth + 1}, true
}

// first returns the first n bytes of f on the wire.
func (f part) first(n int) part {
	f.bytes = min(f.bytes, int32(max(n, 0)))
	return f.unpadded()
}

// unpadded returns f without what is beyond it on the wire.
func (f part) unpadded() part {
	f.data = f.data[:min(len(f.data), max(f.wire(), 0))]
	return f
}
