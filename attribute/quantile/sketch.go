package quantile

import (
	"encoding/binary"
	"slices"
)

// Sketch adds up Quantiles: of many connections, and of many captures. Sketches of the
// same durations are the same, in whatever order they were added. The zero value is
// empty.
type Sketch struct{ filled []filled }

// filled is a bucket that is not empty.
type filled struct {
	bucket int32
	count  int64
}

// Bucket counts durations, nanoseconds, from Least until before Below.
type Bucket struct{ Least, Below, Count int64 }

// limits returns from where to where bucket i reaches.
func limits(i int) (least, below int64) {
	switch i {
	case 0:
		return 0, 1 << lowest
	case buckets - 1:
		return 1 << (lowest + octaves), 1 << (lowest + octaves + 1) // and all beyond
	}
	k, unit := int64(4+(i-1)%4), int64(1)<<((i-1)/4+lowest-2)
	return k * unit, (k + 1) * unit
}

// Buckets returns those that are not empty, ascending.
func (s *Sketch) Buckets() []Bucket {
	list := make([]Bucket, len(s.filled))
	for i, f := range s.filled {
		least, below := limits(int(f.bucket))
		list[i] = Bucket{least, below, f.count}
	}
	return list
}

// Count returns how many durations were added.
func (s *Sketch) Count() (n int64) {
	for i := range s.filled {
		n += s.filled[i].count
	}
	return n
}

// Add adds what q tells.
func (s *Sketch) Add(q *Quantiles) {
	switch {
	case len(q.Buckets) > 0:
		for b := q.Buckets; len(b) > 0; {
			count, n := binary.Uvarint(b[1:])
			s.add(int32(b[0]), int64(count))
			b = b[1+n:]
		}
	case q.Count > 0:
		s.add(int32(bucket(q.Min)), 1)
		if q.Count > 1 {
			s.add(int32(bucket(q.Max)), 1)
		}
	}
}

// Merge adds what o has.
func (s *Sketch) Merge(o *Sketch) {
	for _, f := range o.filled {
		s.add(f.bucket, f.count)
	}
}

func (s *Sketch) add(bucket int32, count int64) {
	low, high := 0, len(s.filled)
	for low < high {
		if mid := (low + high) / 2; s.filled[mid].bucket < bucket {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low < len(s.filled) && s.filled[low].bucket == bucket {
		s.filled[low].count += count
		return
	}
	s.filled = slices.Insert(s.filled, low, filled{bucket, count})
}

// Quantile returns the duration that so many of a hundred do not exceed, as that of a
// Histogram; Unknown where there are none.
func (s *Sketch) Quantile(percent int64) int64 {
	rank := s.Count()
	rank = rank/100*percent + (rank%100*percent+99)/100 // nearest rank
	for _, f := range s.filled {
		if rank -= f.count; rank <= 0 {
			return middle(int(f.bucket))
		}
	}
	return Unknown
}

// appendBuckets appends what is counted, as Histogram.appendBuckets.
func (s *Sketch) appendBuckets(b []byte) []byte {
	for _, f := range s.filled {
		b = binary.AppendUvarint(append(b, byte(f.bucket)), uint64(f.count))
	}
	return b
}

// appendBuckets appends what is counted, of so many durations: of each bucket that is
// not empty its number and count. Where not every duration was counted the fullest makes
// up for what is missing.
func (h *Histogram) appendBuckets(b []byte, total int64) []byte {
	fullest, rest := 0, total
	for i, c := range h.counts {
		if c > h.counts[fullest] {
			fullest = i
		}
		rest -= int64(c) << h.shift
	}
	for i, c := range h.counts {
		count := int64(c) << h.shift
		if i == fullest {
			count = max(count+rest, 1)
		}
		if count > 0 {
			b = binary.AppendUvarint(append(b, byte(i)), uint64(count))
		}
	}
	return b
}
