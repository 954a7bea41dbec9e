package quantile

import (
	"encoding/binary"
	"slices"
)

// few are the buckets of some durations, one after the other: what most connections have
// takes a fraction of a Histogram, and says the same.
type few [most]uint8

// most is how many durations few holds.
const most = 16

// sorted returns the buckets of n durations, ascending. They are f's.
func (f *few) sorted(n int) []uint8 {
	list := f[:n]
	slices.Sort(list)
	return list
}

// quantile is Histogram.Quantile of sorted buckets.
func quantile(list []uint8, percent int) int64 {
	return middle(int(list[(len(list)*percent+99)/100-1]))
}

// appendFew is Histogram.appendBuckets of sorted buckets.
func appendFew(b []byte, list []uint8) []byte {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n] == list[0] {
			n++
		}
		b = binary.AppendUvarint(append(b, list[0]), uint64(n))
		list = list[n:]
	}
	return b
}
