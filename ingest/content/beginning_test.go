package content

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// follow gives segments to a Beginning as the capture's reader does, and returns what
// they tell.
func follow(segments []segment) Facts {
	var b Beginning
	begun := false
	var settled [2]bool
	for _, s := range segments {
		if settled[s.side] || len(s.data) == 0 {
			continue
		}
		if !begun && s.offset == 0 && !Recognizable(s.data) {
			settled[s.side] = true
			continue
		}
		begun = true
		settled[s.side] = !b.Segment(s.side, s.offset, s.data)
	}
	b.End()
	return b.Facts
}

type segment struct {
	side, offset int
	data         []byte
}

// whole is what two sides send, each in one segment.
func whole(sent [2][]byte) []segment { return []segment{{0, 0, sent[0]}, {1, 0, sent[1]}} }

// cut divides it anywhere, sends some of it twice, and overtakes within each side; with
// mixed the sides take turns.
func cut(r *rand.Rand, sent [2][]byte, mixed bool) (all []segment) {
	var sides [2][]segment
	for side, data := range sent {
		most := 1 + r.IntN(len(data)+1)
		for at := 0; at < len(data); {
			n := min(1+r.IntN(most), len(data)-at)
			from := max(0, at-r.IntN(4)*r.IntN(2)) // perhaps overlapping
			sides[side] = append(sides[side], segment{side, from, data[from : at+n]})
			at += n
		}
		if len(sides[side]) > maxParts {
			sides[side] = []segment{{side, 0, data}}
		}
		r.Shuffle(len(sides[side]), func(i, k int) { sides[side][i], sides[side][k] = sides[side][k], sides[side][i] })
	}
	for len(sides[0])+len(sides[1]) > 0 {
		side := 0
		if mixed {
			side = r.IntN(2)
		}
		if len(sides[side]) == 0 {
			side = 1 - side
		}
		s := sides[side][0]
		all, sides[side] = append(all, s), sides[side][1:]
		if r.IntN(5) == 0 {
			all = append(all, s)
		}
	}
	return all
}

// However what they say is divided into segments, and in whatever order it comes, it
// tells the same.
func TestBeginnings(t *testing.T) {
	for _, tt := range samples(t) {
		if d := cmp.Diff(tt.want, follow(whole(tt.sent))); d != "" {
			t.Errorf("%s:\n%s", tt.name, d)
			continue
		}
		for seed := range uint64(300) {
			segments := cut(rand.New(rand.NewPCG(seed, 1)), tt.sent, true)
			if d := cmp.Diff(tt.want, follow(segments)); d != "" {
				t.Errorf("%s, seed %d:\n%s", tt.name, seed, d)
				break
			}
		}
	}
}

// What is cut off tells what is there whole, and never half a name.
func TestCutBeginnings(t *testing.T) {
	for _, tt := range samples(t) {
		for side := range tt.sent {
			for n := range len(tt.sent[side]) {
				sent := tt.sent
				sent[side] = sent[side][:n]
				got := follow(whole(sent))
				for _, pair := range [][2]string{{got.ServerName, tt.want.ServerName}, {got.OfferedALPN, tt.want.OfferedALPN}, {got.ALPN, tt.want.ALPN}, {got.Method, tt.want.Method}, {got.Host, tt.want.Host}} {
					if pair[0] != "" && pair[0] != pair[1] {
						t.Errorf("%s cut to %d bytes: %q, want %q", tt.name, n, pair[0], pair[1])
					}
				}
			}
		}
	}
}

// A probe of a byte before the first, and what is far ahead, change nothing.
func TestProbes(t *testing.T) {
	tt := samples(t)[0]
	segments := append([]segment{{0, -1, []byte("x")}, {0, 1 << 20, []byte("far")}, {0, maxHead - 2, []byte("reaches over the end")}}, whole(tt.sent)...)
	var b Beginning
	for _, s := range segments {
		b.Segment(s.side, s.offset, s.data)
	}
	b.End()
	if d := cmp.Diff(tt.want, b.Facts); d != "" {
		t.Error(d)
	}
}
