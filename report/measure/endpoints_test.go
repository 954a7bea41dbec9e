package measure

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// drawConnections draws connections of few hosts with each other.
func drawConnections(t *rapid.T) (all []attribute.Connection) {
	n := rapid.Int64Range(0, 9)
	for i := range rapid.IntRange(1, 40).Draw(t, "connections") {
		c := attribute.Connection{ID: uint64(i + 1), First: n.Draw(t, "first"), Last: 10 + n.Draw(t, "last")}
		five := flow.FiveTuple{Protocol: rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP}).Draw(t, "protocol"),
			Source: flow.AddrFrom4(uint32(rapid.IntRange(1, 3).Draw(t, "client"))), Destination: flow.AddrFrom4(uint32(rapid.IntRange(1, 9).Draw(t, "server"))),
			SourcePort: 40000, DestinationPort: uint16(rapid.IntRange(80, 82).Draw(t, "port"))}
		c.Key, _ = five.Key(0)
		c.Endpoint = [2]flow.Endpoint{five.From(), five.To()}
		c.Local = [2]bool{rapid.Bool().Draw(t, "local"), rapid.Bool().Draw(t, "local")}
		if rapid.Bool().Draw(t, "named") {
			c.Facts = content.Facts{Application: content.TLS, ServerName: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")}
		}
		for range rapid.IntRange(1, 2).Draw(t, "spans") {
			s := attribute.Span{}
			for e := range s.Sent {
				s.Sent[e] = attribute.Counts{Packets: n.Draw(t, "packets"), WireBytes: n.Draw(t, "wire"), PayloadBytes: n.Draw(t, "payload"), UniqueBytes: n.Draw(t, "unique")}
				s.Verdict[e].Process = rapid.Int32Range(-1, 2).Draw(t, "process")
			}
			c.Spans = append(c.Spans, s)
		}
		all = append(all, c)
	}
	return all
}

func indexes(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

// However connections are divided, and in whatever order they come, the endpoints are
// the same; their sum is that of the connections, and those with the lowest keys have
// rows of their own.
func TestEndpoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := drawConnections(t)
		r := &attribute.Result{KnowsLocal: rapid.Bool().Draw(t, "knows local")}
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		whole := newEndpoints(1 << 20)
		parts := []*Endpoints{newEndpoints(limit), newEndpoints(limit), newEndpoints(limit)}
		var want Traffic
		for i := range all {
			whole.connection(r, &all[i])
			sent := all[i].Sum()
			end := farEnd(r, &all[i])
			want.add(&Traffic{Connections: 1, Sent: sent[end], Received: sent[end.Other()]})
		}
		for _, i := range rapid.Permutation(indexes(len(all))).Draw(t, "order") {
			parts[rapid.IntRange(0, 2).Draw(t, "part")].connection(r, &all[i])
		}
		got := parts[0]
		got.merge(parts[1])
		got.merge(parts[2])
		got.shrink()
		var sum Traffic
		for _, n := range got.sums {
			sum.add(&n.Traffic)
		}
		if got.rest != nil {
			sum.add(&got.rest.Traffic)
		}
		if sum != want {
			t.Fatalf("the sum is %+v, want %+v", sum, want)
		}
		keys := slices.SortedFunc(maps.Keys(whole.sums), endpointKey.compare)
		for i, k := range keys {
			if own := got.sums[k] != nil; own != (i < limit) {
				t.Fatalf("endpoint %d of %d has a row: %v", i, len(keys), own)
			}
			if i < limit {
				if d := cmp.Diff(whole.sums[k], got.sums[k], cmp.AllowUnexported(endpoint{}), cmp.Comparer(slices.Equal[[]int32])); d != "" {
					t.Fatalf("endpoint %d:\n%s", i, d)
				}
			}
		}
	})
}
