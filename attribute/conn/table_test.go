package conn

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"pgregory.net/rapid"
)

func TestTableIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table Table
		want := map[flow.Key]int32{}
		for n := range rapid.IntRange(0, 3000).Draw(t, "operations") {
			k, _ := flow.FiveTuple{
				Source: flow.AddrFrom4(uint32(n % 70)), SourcePort: uint16(n * 7), DestinationPort: 80, Protocol: flow.TCP,
			}.Key(uint32(n % 3))
			table.Put(k, int32(n))
			want[k] = int32(n)
		}
		if table.Len() != len(want) {
			t.Fatalf("%d keys, want %d", table.Len(), len(want))
		}
		for k, v := range want {
			if got, ok := table.Get(k); !ok || got != v {
				t.Fatalf("%v: got %d %v, want %d", k, got, ok, v)
			}
		}
		if _, ok := table.Get(flow.Key{Protocol: flow.UDP}); ok {
			t.Fatal("found a key that was never put")
		}
	})
}
