package record

import (
	"testing"
	"time"
)

// A source waits as long as its looks allow, and tells how far they were apart.
func TestPace(t *testing.T) {
	const ms = int64(time.Millisecond)
	var p pace
	for _, c := range []struct {
		cost int64
		want time.Duration
	}{{1 * ms, 20 * time.Millisecond}, {30 * ms, 210 * time.Millisecond}, {2000 * ms, time.Second}} {
		p = pace{cost: c.cost}
		if got := p.next(); got != c.want {
			t.Errorf("after looks of %d ms it waits for %v, want %v", c.cost/ms, got, c.want)
		}
	}
	p = pace{cost: 10 * ms}
	for _, at := range []int64{0, 50, 100, 250} {
		p.looked(at*ms, 10*time.Millisecond)
	}
	if p.mean() != 250*ms/3 || p.longest != 150*ms || p.cost != 10*ms {
		t.Errorf("mean %d, longest %d, cost %d", p.mean(), p.longest, p.cost)
	}
	for range 20 {
		p.looked(300*ms, 100*time.Millisecond)
	}
	if p.next() < 600*time.Millisecond {
		t.Errorf("looks that take 100 ms now, and it waits for %v", p.next())
	}
}
