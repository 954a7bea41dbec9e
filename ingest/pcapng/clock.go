package pcapng

import (
	"math"
	"math/bits"
)

// clock turns an interface's timestamps into Unix nanoseconds: if_tsresol and
// if_tsoffset of draft-ietf-opsawg-pcapng section 4.2. What does not fit into
// int64, before the year 1677 or after 2262, is 0: not known.
type clock struct {
	multiply uint64 // ticks × multiply = nanoseconds, where divide is 1
	divide   uint64
	binary   bool  // ticks are 2^-shift seconds
	shift    uint8 // 0 to 127
	offset   int64 // seconds
}

func newClock(resolution byte, offset int64) clock {
	c := clock{multiply: 1, divide: 1, offset: offset}
	exponent := resolution & 0x7f
	switch {
	case resolution&0x80 != 0:
		c.binary, c.shift = true, exponent
	case exponent <= 9:
		c.multiply = power10(9 - exponent)
	case exponent-9 <= 19:
		c.divide = power10(exponent - 9)
	default:
		c.multiply = 0 // a tick is less than 2^-64 ns: no timestamp reaches 1 ns
	}
	return c
}

func power10(n byte) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

func (c *clock) nanoseconds(ticks uint64) int64 {
	if c.binary {
		return c.add(c.fromBinary(ticks))
	}
	hi, lo := bits.Mul64(ticks, c.multiply)
	if hi != 0 {
		lo = math.MaxUint64
	}
	return c.add(lo / c.divide)
}

// fromBinary returns ticks × 10^9 / 2^shift.
func (c *clock) fromBinary(ticks uint64) uint64 {
	hi, lo := bits.Mul64(ticks, 1e9)
	switch {
	case c.shift >= 64:
		return hi >> (c.shift - 64)
	case hi>>c.shift != 0:
		return math.MaxUint64
	case c.shift == 0:
		return lo
	}
	return hi<<(64-c.shift) | lo>>c.shift
}

// add returns ns + offset, 0 where one of them or the sum does not fit.
func (c *clock) add(ns uint64) int64 {
	const second = 1_000_000_000
	if ns > math.MaxInt64 || c.offset > math.MaxInt64/second || c.offset < math.MinInt64/second {
		return 0
	}
	if sum := int64(ns) + c.offset*second; sum >= 0 || c.offset < 0 {
		return sum
	}
	return 0
}
