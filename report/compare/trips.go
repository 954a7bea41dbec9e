package compare

import (
	"cmp"
	"slices"
)

// trips are the round trips of one row of a table: how many, and their median, nanoseconds.
type trips struct{ count, median int64 }

// middle returns the median of all round trips, of each row of which its median is told:
// histograms tell more, but not every source has them. There is one at least.
func middle(list []trips) int64 {
	slices.SortFunc(list, func(a, b trips) int { return cmp.Compare(a.median, b.median) })
	var total, before int64
	for _, t := range list {
		total += t.count
	}
	for _, t := range list {
		if before += t.count; before >= total-total/2 {
			return t.median
		}
	}
	return list[len(list)-1].median
}
