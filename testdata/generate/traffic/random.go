package traffic

import "math/rand/v2"

// random draws integers alone: floating-point numbers differ between machines.
type random struct{ source *rand.PCG }

// below returns a number in [0, n), n > 0.
func (r random) below(n int) int { return int(uint64(uint32(r.source.Uint64())) * uint64(n) >> 32) }

// between returns a number from limits[0] to limits[1].
func (r random) between(limits [2]int) int { return limits[0] + r.below(limits[1]-limits[0]+1) }

// chance is true in so many of a thousand cases.
func (r random) chance(share int) bool { return share > 0 && r.below(1000) < share }

// length returns a number from 1 on with that mean: with few, up to its
// double; otherwise most are small and some up to three times the mean.
func (r random) length(mean int, few bool) int {
	if few {
		return 1 + r.below(2*mean-1)
	}
	u := int64(r.below(1 << 10))
	return 1 + int(3*int64(mean-1)*u*u>>20)
}

// filler returns bytes to cut payloads from: one half of words, which
// compress as text does, one half of noise.
func filler(r random) []byte {
	const half = 1 << 16
	b := make([]byte, 0, 2*half)
	for len(b) < half {
		for range 2 + r.below(9) {
			b = append(b, "etaoinshrdlu"[r.below(12)])
		}
		b = append(b, ' ')
	}
	b = b[:half]
	for range half {
		b = append(b, byte(r.source.Uint64()>>56))
	}
	return b
}
