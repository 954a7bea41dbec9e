package view

import (
	"encoding/json"
	"iter"
)

// Buckets are bytes by bucket of time. In JSON, as in memory, they are a list of numbers:
// one above 0 is the bytes of a bucket, one below 0 stands for so many without any. There
// is nothing behind the last that has some.
type Buckets struct {
	runs []int64
	next int64 // the bucket behind the last
}

// All yields the numbers of the buckets that have bytes, from 0, and these.
func (b *Buckets) All() iter.Seq2[int64, int64] {
	return func(yield func(int64, int64) bool) {
		at := int64(0)
		for _, n := range b.runs {
			if n < 0 {
				at -= n
				continue
			}
			if !yield(at, n) {
				return
			}
			at++
		}
	}
}

// add adds bytes to bucket i, which is the last that has some or one behind it.
func (b *Buckets) add(i, bytes int64) {
	if bytes <= 0 {
		return
	}
	if i < b.next {
		b.runs[len(b.runs)-1] += bytes
		return
	}
	if i > b.next {
		b.runs = append(b.runs, b.next-i)
	}
	b.runs = append(b.runs, bytes)
	b.next = i + 1
}

// coarser returns the same with so many buckets in one.
func (b *Buckets) coarser(by int64) (c Buckets) {
	for i, n := range b.All() {
		c.add(i/by, n)
	}
	return c
}

// MarshalJSON returns them as a list.
func (b Buckets) MarshalJSON() ([]byte, error) { return json.Marshal(append([]int64{}, b.runs...)) }

// UnmarshalJSON reads them from a list.
func (b *Buckets) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &b.runs) }
