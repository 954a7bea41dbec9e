package conn

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := NewFollower(nil, false)
		want := map[flow.Key]int32{}
		for n := range rapid.IntRange(0, 3000).Draw(t, "operations") {
			tuple := flow.FiveTuple{Source: flow.AddrFrom4(uint32(n % 70)), SourcePort: uint16(n * 7), DestinationPort: 80, Protocol: flow.TCP}
			k, side := tuple.Key(uint16(n % 3))
			p := packet.Packet{Frame: uint64(n + 1), Tuple: tuple, Hash: tuple.Hash()}
			i := f.open(&p, &k, side)
			f.table.put(f, &k, p.Hash, i)
			want[k] = i
		}
		if f.table.used != len(want) {
			t.Fatalf("%d keys, want %d", f.table.used, len(want))
		}
		for k, v := range want {
			if got, ok := f.Latest(k); !ok || got != v {
				t.Fatalf("%v: got %d %v, want %d", k, got, ok, v)
			}
		}
		if _, ok := f.Latest(flow.Key{Protocol: flow.UDP}); ok {
			t.Fatal("a key that was never put is found")
		}
	})
}

// Where integers of 64 bits are aligned to 8 bytes, which 32-bit processors do
// not ask for, an instance is three lines and its sums are the second.
func TestInstanceFillsThreeLines(t *testing.T) {
	size, second := unsafe.Sizeof(Instance{}), unsafe.Offsetof(Instance{}.sent)
	if aligned := unsafe.Alignof(int64(0)) == 8; aligned && (size != 192 || second != 64) || size > 192 {
		t.Errorf("an instance takes %d bytes, want 192; the second line begins at %d, want 64", size, second)
	}
}
