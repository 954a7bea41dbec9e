package conn

import (
	"testing"

	"pgregory.net/rapid"
)

// TestSequenceOracle compares Sequence with a set of every sequence number,
// over segments near each other, across the wrap of the 32-bit space.
func TestSequenceOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.SampledFrom([]uint32{0, 1, 1000, 1<<31 - 50, 1<<32 - 100}).Draw(t, "base")
		n := rapid.IntRange(1, 40).Draw(t, "segments")
		var s Sequence
		s.Add(base, 0, true)
		seen := map[uint32]bool{}
		for range n {
			seq := base + uint32(rapid.IntRange(0, 300).Draw(t, "offset"))
			length := uint32(rapid.IntRange(0, 40).Draw(t, "length"))
			var want uint32
			for i := range length {
				if !seen[seq+i] {
					seen[seq+i] = true
					want++
				}
			}
			if got := s.Add(seq, length, false); got != want {
				t.Fatalf("segment %d+%d: %d unique bytes, want %d (holes %v)", seq, length, got, want, s.holes)
			}
		}
	})
}

func TestSequenceWithoutBeginning(t *testing.T) {
	var s Sequence
	steps := []struct{ seq, n, want uint32 }{
		{5000, 100, 100}, {4900, 100, 100}, // reordered right at the start of the capture: new
		{4900, 100, 0}, {4950, 100, 0}, {5050, 100, 50},
	}
	for i, st := range steps {
		if got := s.Add(st.seq, st.n, false); got != st.want {
			t.Errorf("step %d: %d unique bytes, want %d", i, got, st.want)
		}
	}
}

func TestSequenceHolesAreBounded(t *testing.T) {
	var s Sequence
	s.Add(0, 0, true)
	for i := range uint32(1000) {
		s.Add(i*20+10, 10, false)
	}
	if len(s.holes) > maxHoles {
		t.Fatalf("%d holes, want at most %d", len(s.holes), maxHoles)
	}
	if got := s.Add(999*20, 10, false); got != 10 {
		t.Errorf("the newest hole was forgotten: %d unique bytes, want 10", got)
	}
	if got := s.Add(0, 10, false); got != 0 {
		t.Errorf("the oldest hole was kept: %d unique bytes, want 0", got)
	}
}
