package quantile

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// Few durations, more and many say what a Histogram of all says.
func TestFewAndMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h Histograms
		var other, s Summary
		other.Add(&h, 5) // has a place of its own
		var all Histogram
		list := rapid.SliceOfN(rapid.Int64Range(0, 1<<rapid.IntRange(8, 40).Draw(t, "bits")), 3, 40).Draw(t, "durations")
		for _, d := range list {
			s.Add(&h, d)
			other.Add(&h, d)
			all.Add(d)
		}
		q, _ := s.End(&h, nil)
		within := func(v int64) int64 { return min(max(v, q.Min), q.Max) }
		if want := all.appendBuckets(nil, int64(len(list))); q.Median != within(all.Quantile(50)) || q.P95 != within(all.Quantile(95)) || !bytes.Equal(q.Buckets, want) {
			t.Fatalf("%v: %+v, want median %d, p95 %d, buckets %v", list, q, all.Quantile(50), all.Quantile(95), want)
		}
		if h.Len() != 1 {
			t.Fatalf("%d are kept", h.Len())
		}
	})
}
