package quantile

import "github.com/pcapwho/pcapwho/attribute/slab"

// Unknown is what is told of no durations.
const Unknown = -1

// Histograms keeps those of Summaries.
type Histograms = slab.Pool[Histogram]

// Summary sums up durations. The zero value is ready. It has no pointers.
type Summary struct {
	count     uint32
	histogram int32 // in Histograms; 0 = none yet
	min, max  int64 // valid iff count > 0
}

// Quantiles is what is told of durations, nanoseconds. All but Count are Unknown
// where there are none.
type Quantiles struct {
	Count, Min, Median, P95, Max int64

	// Buckets are those of the histogram, encoded, for a Sketch; empty of one or two
	// durations, which Min and Max tell. They share memory with who gave them.
	Buckets []byte
}

// Add adds a duration, which is not negative. The first two are the least and the
// greatest; h gives a histogram for more.
func (s *Summary) Add(h *Histograms, d int64) {
	if s.count == 0 {
		s.min, s.max = d, d
	}
	if s.count >= 2 {
		if s.histogram == 0 {
			s.histogram = h.Take()
			h.At(s.histogram).Add(s.min)
			h.At(s.histogram).Add(s.max)
		}
		h.At(s.histogram).Add(d)
	}
	s.min, s.max = min(s.min, d), max(s.max, d)
	if s.count++; s.count == 0 {
		s.count-- // four billion, and more
	}
}

// End tells what was added, and gives the histogram back, whose buckets it appends to
// memory, which it returns.
func (s *Summary) End(h *Histograms, memory []byte) (Quantiles, []byte) {
	if s.count == 0 {
		return Quantiles{Min: Unknown, Median: Unknown, P95: Unknown, Max: Unknown}, memory
	}
	q := Quantiles{Count: int64(s.count), Min: s.min, Median: s.min, P95: s.max, Max: s.max}
	if s.histogram != 0 {
		all := h.At(s.histogram)
		q.Median = min(max(all.Quantile(50), s.min), s.max)
		q.P95 = min(max(all.Quantile(95), s.min), s.max)
		begin := len(memory)
		memory = all.appendBuckets(memory, q.Count)
		q.Buckets = memory[begin:len(memory):len(memory)]
		h.Give(s.histogram)
	}
	return q, memory
}
