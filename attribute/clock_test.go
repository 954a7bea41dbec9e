package attribute

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Larger differences are never counted before smaller ones, and those that are
// counted together differ by 1/32 at most.
func TestLags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		a, b = min(a, b), max(a, b)
		if lagOf(a) > lagOf(b) || lagOf(a) < 0 || lagOf(b) >= len(clocks{}.lag) {
			t.Fatalf("%d is in place %d, %d in %d", a, lagOf(a), b, lagOf(b))
		}
		if lagOf(a) == lagOf(b) && a > math.MinInt64 && float64(b)-float64(a) > math.Abs(float64(a))/lagParts*2 {
			t.Fatalf("%d and %d are both in place %d", a, b, lagOf(a))
		}
	})
}

// The median counts, by how many shares ever it was found.
func TestClockOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "offset")
		var one clocks
		several := make([]clocks, 3)
		for i := range int64(100) {
			d := offset + i%5*1000
			if i%3 == 0 {
				d = rapid.Int64().Draw(t, "wild") // less than half
			}
			one.add(d)
			several[i%3].add(d)
		}
		several[0].merge(&several[1])
		several[0].merge(&several[2])
		got, ok := one.offset()
		if other, _ := several[0].offset(); !ok || got != other || math.Abs(float64(got-offset)) > 5000+math.Abs(float64(offset))/lagParts {
			t.Fatalf("offset %d, by several shares %d, %v, want %d", got, other, ok, offset)
		}
	})
	var few clocks
	few.add(1)
	if _, ok := few.offset(); ok {
		t.Error("one connection was enough")
	}
}

// What the kernel told of connections, and their packets, tell how far its clock was
// behind.
func TestCompareClocks(t *testing.T) {
	s := &scenario{log: owner.NewTimeline(), names: map[string]connlog.ProcessID{}, sockets: map[string]*connlog.Socket{}, marked: map[string]int32{}, again: map[int]bool{}}
	say := func(format string, args ...any) { s.line(0, strings.Fields(fmt.Sprintf(format, args...))) }
	say("local 10.0.0.1/24")
	for i := range 10 {
		say("s%d open %d - tcp 10.0.0.1:%d 10.0.0.9:80 by=connect web", i, 1000*i, 5000+i)
		say("packet %d.1 tcp 10.0.0.1:%d > 10.0.0.9:80 S seq=1 = - -", 1000*i+250, 5000+i)
	}
	if r := s.finish(allRules()); !r.KnowsClock || r.ClockOffset != 250_100_000 {
		t.Errorf("the clock was %d ns behind, %v; want 250.1 ms", r.ClockOffset, r.KnowsClock)
	}
}
