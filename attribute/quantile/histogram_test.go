package quantile

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A quantile is off by a ninth at most, whatever was added.
func TestQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(1<<lowest, 1<<(lowest+octaves)-1), 1, 300).Draw(t, "durations")
		percent := rapid.IntRange(1, 100).Draw(t, "percent")
		var h Histogram
		for _, d := range all {
			h.Add(d)
		}
		slices.Sort(all)
		want := all[(len(all)*percent+99)/100-1]
		if got := h.Quantile(percent); 9*max(got-want, want-got) > want+9 {
			t.Fatalf("quantile %d of %v is %d, want %d within a ninth", percent, all, got, want)
		}
	})
}

// Any duration has a bucket.
func TestBuckets(t *testing.T) {
	last := 0
	for n := range 63 {
		for _, d := range []int64{1<<n - 1, 1 << n, 1<<n + 1<<n/3} {
			if b := bucket(d); b < last || b >= buckets {
				t.Fatalf("bucket %d of %d ns comes after %d", b, d, last)
			} else {
				last = b
			}
		}
	}
	if last != buckets-1 {
		t.Errorf("the longest is in bucket %d of %d", last, buckets)
	}
}

// A bucket that is full makes room, and the shares stay.
func TestFullBucket(t *testing.T) {
	var h Histogram
	for i := range 3_000_000 {
		d := int64(10_000)
		if i%10 < 3 {
			d = 1_000_000
		}
		h.Add(d)
	}
	low, high := h.Quantile(69), h.Quantile(71)
	if low > 12_000 || high < 900_000 || h.shift == 0 {
		t.Errorf("quantiles 69 and 71 are %d and %d, %d times halved", low, high, h.shift)
	}
}
