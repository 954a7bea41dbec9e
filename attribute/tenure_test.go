package attribute

import (
	"testing"

	"pgregory.net/rapid"
)

// Whoever of many connections comes and goes, and however often their owners change, each
// that is there has its own tenures, and what is forgotten has none.
func TestTenures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all tenures
		live := map[int]*brief{}
		of := map[int]*Connection{}
		forget := func(n int) {
			all.release(&live[n].first)
			delete(live, n)
		}
		for n := range rapid.IntRange(1, 30).Draw(t, "connections") {
			c := &Connection{}
			for i := range rapid.IntRange(1, 2*maxTenures).Draw(t, "changes") {
				span := Span{From: int64(10 * i)}
				span.Verdict[Client].Process, span.Verdict[Server].Process = int32(1000*n+i), int32(n)
				c.Spans = append(c.Spans, span)
			}
			live[n], of[n] = &brief{}, c
			if few := all.take(&live[n].first, c); few != (len(c.Spans) <= maxTenures) {
				t.Fatalf("%d tenures: %t", len(c.Spans), few)
			} else if live[n].whole = !few; rapid.Bool().Draw(t, "forget") {
				forget(rapid.SampledFrom(sorted(live)).Draw(t, "which"))
			}
			for k, b := range live {
				for i := range of[k].Spans {
					if got := all.at(&b.first, int64(10*i+3)).owner; !b.whole && got != of[k].owners(i) {
						t.Fatalf("connection %d has %v in span %d, want %v", k, got, i, of[k].owners(i))
					}
				}
			}
		}
		for _, n := range sorted(live) {
			forget(n)
		}
		free := 0
		for i := all.free; i != 0 && free <= all.all.Len(); i = all.all.At(i - 1).next {
			free++
		}
		if free != all.all.Len() {
			t.Fatalf("%d of %d tenures are free, when no connection is left", free, all.all.Len())
		}
	})
}

func sorted(live map[int]*brief) (list []int) {
	for n := range 30 {
		if live[n] != nil {
			list = append(list, n)
		}
	}
	return list
}
