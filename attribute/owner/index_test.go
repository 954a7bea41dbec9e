package owner

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

func TestIndexNumbersKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var x index
		want := map[flow.Key]int32{}
		for n := range rapid.IntRange(0, 3000).Draw(t, "operations") {
			k, _ := flow.FiveTuple{Source: flow.AddrFrom4(uint32(n % 70)), SourcePort: uint16(n * 7), DestinationPort: 80, Protocol: flow.TCP}.Key(uint16(n % 3))
			if _, known := want[k]; !known {
				if got := x.find(&k, k.Hash()); got != -1 {
					t.Fatalf("%v is found before it is put", k)
				}
				want[k] = int32(len(want))
			}
			if got := x.put(&k); got != want[k] {
				t.Fatalf("%v: number %d, want %d", k, got, want[k])
			}
		}
		for k, v := range want {
			if got := x.find(&k, k.Hash()); got != v {
				t.Fatalf("%v: number %d, want %d", k, got, v)
			}
		}
		hashes, numbers := []uint64{1}, make([]int32, 1)
		for k := range want {
			hashes[0] = k.Hash()
			if x.touch(hashes, numbers); numbers[0] != -1 && x.key(numbers[0]).Hash()>>32 != hashes[0]>>32 {
				t.Fatalf("%v: touched number %d, which has another hash", k, numbers[0])
			}
		}
		if x.touch(hashes, numbers); len(want) == 0 && numbers[0] != -1 {
			t.Fatalf("number %d is touched where nothing was put", numbers[0])
		}
		if x.len() != len(want) {
			t.Fatalf("%d keys, want %d", x.len(), len(want))
		}
	})
}
