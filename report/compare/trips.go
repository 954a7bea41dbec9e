package compare

import (
	"maps"
	"slices"

	"github.com/pcapwho/pcapwho/report/table"
)

// trips adds up histograms of round trips: buckets by where they begin, nanoseconds.
type trips map[int64]table.Bucket

func (t trips) add(list []table.Bucket) {
	for _, b := range list {
		if b.Count <= 0 { // of a file that somebody else made
			continue
		}
		b.Count += t[b.Least].Count
		t[b.Least] = b
	}
}

// median returns the time in the middle, where times are spread evenly over their bucket:
// a change that leaves it in its bucket shows, too.
func (t trips) median() int64 {
	var before, total int64
	for _, b := range t {
		total += b.Count
	}
	for _, least := range slices.Sorted(maps.Keys(t)) {
		b := t[least]
		if before+b.Count < total-total/2 {
			before += b.Count
			continue
		}
		share := (float64(total)/2 - float64(before)) / float64(b.Count)
		return b.Least + int64(share*float64(b.Below-b.Least))
	}
	return 0
}
