package quantile

import "math/bits"

// Histogram counts durations in buckets that grow with them: four between a
// power of two and the next, from 1,024 ns to 137 s. What is told of a bucket is
// off by at most one ninth; of durations below 1,024 ns it is 512 ns.
//
// A bucket counts to 65,534. Then all are halved, and of the durations that
// follow only one in two counts, and so on; a fixed sequence draws which.
type Histogram struct {
	counts [buckets]uint16
	drawn  uint16 // of the sequence
	shift  uint8  // one of 2^shift durations counts
}

const (
	lowest  = 10 // bits of the longest duration below all octaves
	octaves = 27
	buckets = 1 + 4*octaves + 1
	full    = 1<<16 - 1
)

// bucket returns the bucket of d, which is not negative.
func bucket(d int64) int {
	n := bits.Len64(uint64(d))
	switch {
	case n <= lowest:
		return 0
	case n > lowest+octaves:
		return buckets - 1
	}
	return 1 + 4*(n-lowest-1) + int(d>>(n-3)&3)
}

// middle returns the duration that stands for bucket i: the harmonic mean of its
// limits, of which both are off by the same part.
func middle(i int) int64 {
	switch i {
	case 0:
		return 1 << (lowest - 1)
	case buckets - 1:
		return 1 << (lowest + octaves)
	}
	k := int64(4 + (i-1)%4)
	unit := int64(1) << ((i-1)/4 + lowest - 2) // the limits are k and k+1 of it
	return 2 * k * (k + 1) * unit / (2*k + 1)
}

// Add counts a duration, which is not negative.
func (h *Histogram) Add(d int64) { h.add(bucket(d)) }

// add counts a duration of bucket i.
func (h *Histogram) add(i int) {
	h.drawn = h.drawn*25173 + 13849 // every number once (Knuth, volume 2, section 3.2.1.2)
	if h.drawn>>(16-h.shift) != 0 {
		return
	}
	c := &h.counts[i]
	if *c++; *c < full {
		return
	}
	for k := range h.counts {
		h.counts[k] /= 2
	}
	h.shift = min(h.shift+1, 15)
}

// Quantile returns the duration that so many of a hundred do not exceed: the
// least that does for one of those that were added, give or take a ninth. It is
// 0 where none were.
func (h *Histogram) Quantile(percent int) int64 {
	total := 0
	for _, c := range h.counts {
		total += int(c)
	}
	rank := (total*percent + 99) / 100 // nearest rank
	for i, c := range h.counts {
		if rank -= int(c); rank <= 0 && c > 0 {
			return middle(i)
		}
	}
	return 0
}
