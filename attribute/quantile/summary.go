package quantile

import "github.com/pcapwho/pcapwho/attribute/slab"

// Unknown is what is told of no durations.
const Unknown = -1

// Histograms keeps those of Summaries: of up to 16 durations their buckets, of more a
// Histogram. The zero value is ready; one goroutine uses it.
type Histograms struct {
	few  slab.Pool[few]
	many slab.Pool[Histogram]
}

// Len returns how many Summaries have one.
func (h *Histograms) Len() int { return h.few.Len() + h.many.Len() }

// Summary sums up durations. The zero value is ready. It has no pointers.
type Summary struct {
	count     uint32
	histogram int32 // in Histograms.few up to most durations, of more in many; 0 = none yet
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

// Add adds what o tells: q is then what a Summary tells of the durations of both. Its
// buckets are o's where it had none, else they have memory of their own.
func (q *Quantiles) Add(o *Quantiles) {
	switch {
	case o.Count == 0:
		return
	case q.Count == 0:
		*q = *o
		return
	}
	var s Sketch
	s.Add(q)
	s.Add(o)
	q.Count += o.Count
	q.Min, q.Max = min(q.Min, o.Min), max(q.Max, o.Max)
	q.Median, q.P95 = q.Min, q.Max
	if q.Count > 2 {
		q.Median, q.P95 = min(max(s.Quantile(50), q.Min), q.Max), min(max(s.Quantile(95), q.Min), q.Max)
		q.Buckets = s.appendBuckets(nil)
	}
}

// Add adds a duration, which is not negative. The first two are the least and the
// greatest; h gives a histogram for more.
func (s *Summary) Add(h *Histograms, d int64) {
	if s.count == 0 {
		s.min, s.max = d, d
	}
	switch {
	case s.count < 2:
	case s.count == 2:
		s.histogram = h.few.Take()
		copy(h.few.At(s.histogram)[:], []uint8{uint8(bucket(s.min)), uint8(bucket(s.max)), uint8(bucket(d))})
	case s.count < most:
		h.few.At(s.histogram)[s.count] = uint8(bucket(d))
	case s.count == most:
		some := s.histogram
		s.histogram = h.many.Take()
		for _, b := range h.few.At(some) {
			h.many.At(s.histogram).add(int(b))
		}
		h.few.Give(some)
		fallthrough
	default:
		h.many.At(s.histogram).add(bucket(d))
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
	if s.histogram == 0 {
		return q, memory
	}
	begin := len(memory)
	if s.count <= most {
		list := h.few.At(s.histogram).sorted(int(s.count))
		q.Median, q.P95 = quantile(list, 50), quantile(list, 95)
		memory = appendFew(memory, list)
		h.few.Give(s.histogram)
	} else {
		all := h.many.At(s.histogram)
		q.Median, q.P95 = all.Quantile(50), all.Quantile(95)
		memory = all.appendBuckets(memory, q.Count)
		h.many.Give(s.histogram)
	}
	q.Median, q.P95 = min(max(q.Median, s.min), s.max), min(max(q.P95, s.min), s.max)
	q.Buckets = memory[begin:len(memory):len(memory)]
	return q, memory
}
