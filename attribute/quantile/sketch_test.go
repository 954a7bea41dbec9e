package quantile

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// summed returns the sketch of durations as one connection has them.
func summed(h *Histograms, durations []int64) (s Sketch) {
	var one Summary
	for _, d := range durations {
		one.Add(h, d)
	}
	q, _ := one.End(h, []byte("before"))
	again := Quantiles{Count: q.Count, Min: q.Min, Max: q.Max}
	if rest := ReadBuckets(append(AppendBuckets(nil, &q), 7), &again); len(rest) != 1 {
		panic(rest)
	}
	s.Add(&again)
	return s
}

// Sketches of parts, merged in any order, are that of the whole; they have every
// duration, and quantiles as exact as a histogram's.
func TestSketchesOfParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(1<<lowest, 1<<(lowest+octaves)-1), 1, 100).Draw(t, "durations")
		var h Histograms
		whole, merged := summed(&h, all), Sketch{}
		var parts []Sketch
		for rest := all; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "part")
			parts = append(parts, summed(&h, rest[:n]))
			rest = rest[n:]
		}
		for _, part := range rapid.Permutation(parts).Draw(t, "order") {
			merged.Merge(&part)
		}
		if !reflect.DeepEqual(whole, merged) || merged.Count() != int64(len(all)) || h.Len() != 0 {
			t.Fatalf("%+v merged, %+v of the whole, of %d durations", merged, whole, len(all))
		}
		for i, b := range merged.Buckets() {
			n := int64(0)
			for _, d := range all {
				if b.Least <= d && d < b.Below {
					n++
				}
			}
			if n != b.Count || i > 0 && b.Least < merged.Buckets()[i-1].Below {
				t.Fatalf("bucket %+v has %d", b, n)
			}
		}
		slices.Sort(all)
		percent := rapid.Int64Range(1, 100).Draw(t, "percent")
		want := all[(int64(len(all))*percent+99)/100-1]
		if got := merged.Quantile(percent); 9*max(got-want, want-got) > want+9 {
			t.Fatalf("quantile %d of %v is %d, want %d within a ninth", percent, all, got, want)
		}
	})
}

// A sketch of a full histogram has as many durations as were added.
func TestSketchOfFullBucket(t *testing.T) {
	var h Histograms
	durations := make([]int64, 1_000_000)
	for i := range durations {
		if durations[i] = 10_000; i%10 < 3 {
			durations[i] = 1_000_000
		}
	}
	s := summed(&h, durations)
	if low, high := s.Quantile(69), s.Quantile(71); s.Count() != int64(len(durations)) || low > 12_000 || high < 900_000 {
		t.Errorf("%d durations, quantiles 69 and 71 are %d and %d: %+v", s.Count(), low, high, s)
	}
	var none Sketch
	if none.Quantile(50) != Unknown || none.Count() != 0 {
		t.Errorf("an empty sketch has %d durations, and %d in the middle", none.Count(), none.Quantile(50))
	}
}
