package owner

import (
	"testing"

	"pgregory.net/rapid"
)

// A registry is a map, whatever comes and goes.
func TestRegistry(t *testing.T) {
	type name struct {
		a uint64
		b uint32
	}
	rapid.Check(t, func(t *rapid.T) {
		var r registry
		want := map[name]int32{}
		names := rapid.Custom(func(t *rapid.T) name {
			return name{rapid.Uint64Max(40).Draw(t, "a"), rapid.Uint32Max(3).Draw(t, "b")}
		})
		for n := range rapid.Int32Range(0, 300).Draw(t, "steps") {
			switch k := names.Draw(t, "name"); rapid.IntRange(0, 2).Draw(t, "step") {
			case 0, 1:
				r.put(k.a, k.b, n)
				want[k] = n
			default:
				r.delete(k.a, k.b)
				delete(want, k)
			}
		}
		place := make([]int32, 300)
		for i := range place {
			place[i] = int32(i) * 7
		}
		r.renumber(place)
		if r.used != len(want) {
			t.Fatalf("%d are used, want %d", r.used, len(want))
		}
		for a := range uint64(42) {
			for b := range uint32(5) {
				got, ok := r.get(a, b)
				if n, there := want[name{a, b}]; ok != there || ok && got != n*7 {
					t.Fatalf("%d, %d is %d (%v), want %d (%v)", a, b, got, ok, n*7, there)
				}
			}
		}
	})
}
