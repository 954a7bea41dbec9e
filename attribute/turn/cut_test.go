package turn

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// drawn is a packet of a connection.
type drawn struct {
	packet.Packet
	side   flow.Side
	unique int64
}

func drawPackets(t *rapid.T) (list []drawn) {
	now := int64(1e18)
	for i := range rapid.IntRange(1, 60).Draw(t, "packets") {
		now += rapid.SampledFrom([]int64{0, 1000, 30e6, 70e6, 200e6, 201e6, 1500e6}).Draw(t, "after")
		list = append(list, drawn{packet.Packet{Frame: uint64(i + 1), Time: now}, flow.Side(rapid.IntRange(0, 1).Draw(t, "side")), rapid.Int64Range(0, 5).Draw(t, "unique")})
	}
	return list
}

// whole returns the measures of packets that nothing cuts.
func whole(list []drawn) Measures {
	var f Follower
	n := f.Begin()
	for i := range list {
		f.Add(n, &list[i].Packet, list[i].side, list[i].unique)
	}
	m, _, _ := f.End(n)
	return m
}

// Wherever a connection is cut, its parts and the time between them add up to it, and each
// has the turns and waits that the whole has more with it, and the time and the payload
// that its own packets have.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawPackets(t)
		var f Follower
		n := f.Begin()
		var sum Measures
		begin, last := 0, int64(0)
		part := func(m Measures, first, until int64, end int) {
			before, after, own := Measures{}, whole(list[:end]), list[begin:end]
			if begin > 0 {
				before = whole(list[:begin])
				sum.Between(first - last)
			}
			var kept Measures // with memory of its own
			kept.Read(m.Append(nil))
			sum.Add(&kept)
			if first != own[0].Time || until != own[len(own)-1].Time {
				t.Fatalf("packets %d to %d are from %d to %d", begin, end, first, until)
			}
			if m.Turns != after.Turns-before.Turns || m.Wait.Count != after.Wait.Count-before.Wait.Count || m.Waiting != after.Waiting-before.Waiting {
				t.Fatalf("packets %d to %d: %+v, until them %+v, with them %+v", begin, end, m, before, after)
			}
			want := whole(own)
			if m.Busy != want.Busy || m.Peak != want.Peak {
				t.Fatalf("packets %d to %d: %+v, want times and payload of %+v", begin, end, m, want)
			}
			begin, last = end, until
		}
		for i := range list {
			if i > 0 && rapid.IntRange(0, 7).Draw(t, "cut") == 0 {
				m, first, until := f.Cut(n, list[i].Time)
				part(m, first, until, i)
			}
			f.Add(n, &list[i].Packet, list[i].side, list[i].unique)
		}
		m, first, until := f.Cut(n, 0)
		part(m, first, until, len(list))
		got, _, _ := f.End(n)
		if f.states.Len()+f.cuts.Len()+f.histograms.Len() != 0 {
			t.Fatal("something is left")
		}
		want := whole(list)
		if got.Wait = sum.Wait; got.Wait.Count == 0 {
			got.Wait = want.Wait
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("(-whole +cut):\n%s", d)
		}
		if sum.Turns != want.Turns || sum.Waiting != want.Waiting || sum.Wait.Count != want.Wait.Count || sum.Busy != want.Busy || sum.Peak[0] > want.Peak[0] || sum.Peak[1] > want.Peak[1] {
			t.Fatalf("parts add up to %+v, want %+v", sum, want)
		}
	})
}
