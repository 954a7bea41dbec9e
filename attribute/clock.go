package attribute

import (
	"math"
	"math/bits"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// clocks compares the clock of the log with that of the capture: what lies between a
// process asking for a connection, which the kernel told, and the SYN. It is some
// microseconds. The result does not depend on the order of what is added.
type clocks struct {
	lag [2 * 64 * lagParts]lag // by sign, magnitude, and part of it
}

// lagParts divides a power of two: what is in one part differs by 3 % at most.
const lagParts = 32

// lag is how many differences there are of about one size, and the least of them.
type lag struct {
	n     int64
	least int64
}

// enoughLags is how many connections are needed to tell.
const enoughLags = 8

func (c *clocks) add(difference int64) {
	l := &c.lag[lagOf(difference)]
	if l.n == 0 || difference < l.least {
		l.least = difference
	}
	l.n++
}

// lagOf returns where a difference is counted. They are in ascending order.
func lagOf(d int64) int {
	const half = 64 * lagParts
	size := uint64(d)
	if d < 0 {
		size = -size
	}
	place := int(size)
	if size >= lagParts {
		e := bits.Len64(size) - bits.Len(lagParts-1) // at least 1
		place = e*lagParts + int(size>>(e-1))&(2*lagParts-1) - lagParts
	}
	if d < 0 {
		return half - 1 - min(place, half-1)
	}
	return half + min(place, half-1)
}

func (c *clocks) merge(o *clocks) {
	for i := range o.lag {
		l, m := &c.lag[i], &o.lag[i]
		if m.n > 0 && (l.n == 0 || m.least < l.least) {
			l.least = m.least
		}
		l.n += m.n
	}
}

// offset returns the median difference, in nanoseconds; ok is false where there are
// too few to tell.
func (c *clocks) offset() (ns int64, ok bool) {
	total := int64(0)
	for i := range c.lag {
		total += c.lag[i].n
	}
	if total < enoughLags {
		return 0, false
	}
	seen := int64(0)
	for i := range c.lag {
		if seen += c.lag[i].n; 2*seen >= total {
			return c.lag[i].least, true
		}
	}
	return math.MaxInt64, false // not reached
}

// compareClocks adds what an instance tells, whose first packet's time is given. Its
// SYN is that of the one socket that ever asked for such a connection.
func (s *share) compareClocks(in *conn.Instance, first int64) {
	log := s.hearing.log
	if in.Number < 0 || in.Key.Protocol != flow.TCP || !in.Begun() || in.Preceded() {
		return
	}
	s.asked = log.Connected(s.asked[:0], in.Number, in.Opener())
	if len(s.asked) == 1 && log.Socket(s.asked[0]).Asked() {
		s.clocks.add(first - log.Socket(s.asked[0]).FirstBegin)
	}
}
