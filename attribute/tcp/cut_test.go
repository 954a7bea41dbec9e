package tcp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// drawn is a segment, and how much of its payload is new.
type drawn struct {
	packet.Packet
	side   flow.Side
	unique uint32
}

func (f *Follower) take(n int32, d *drawn) {
	if d.Fragmented {
		f.Continue(n, &d.Packet, d.side)
	} else {
		f.Add(n, &d.Packet, d.side, d.unique)
	}
}

// drawSegments returns segments that have to do with each other: sequence numbers go on
// mostly, are repeated or skipped, and are acknowledged.
func drawSegments(t *rapid.T) (list []drawn) {
	now, next := int64(1e18), [2]uint32{}
	for range rapid.IntRange(1, 60).Draw(t, "segments") {
		now += rapid.SampledFrom([]int64{0, 1000, 2e6, 30e6, -1e6}).Draw(t, "after")
		side := flow.Side(rapid.IntRange(0, 1).Draw(t, "side"))
		p := packet.Packet{Time: now, TCPFlags: rapid.SampledFrom([]uint8{packet.ACK, packet.ACK, packet.ACK, packet.SYN, packet.SYN | packet.ACK, packet.FIN | packet.ACK, packet.RST}).Draw(t, "flags"),
			Window: rapid.SampledFrom([]uint16{0, 500, 500, 60000}).Draw(t, "window"), Payload: rapid.SampledFrom([]uint32{0, 1, 100, 100, 3000}).Draw(t, "payload"),
			Seq: next[side] + rapid.SampledFrom([]uint32{0, 0, 0, 1<<32 - 100, 1<<32 - 1, 200}).Draw(t, "ahead"),
			Ack: next[side.Other()] - rapid.SampledFrom([]uint32{0, 0, 100}).Draw(t, "behind"), MSS: rapid.SampledFrom([]uint16{0, 1400}).Draw(t, "mss")}
		p.Fragmented = rapid.IntRange(0, 20).Draw(t, "fragment") == 0
		end := p.Seq + p.Payload
		if below(next[side], end) {
			next[side] = end
		}
		list = append(list, drawn{p, side, rapid.Uint32Range(0, p.Payload).Draw(t, "unique")})
	}
	return list
}

// whole returns the measures of segments that nothing cuts.
func whole(list []drawn) Measures {
	var f Follower
	n := f.Begin()
	for i := range list {
		f.take(n, &list[i])
	}
	return f.End(n)
}

// copied returns m with memory of its own.
func copied(m *Measures) *Measures {
	var c Measures
	c.Read(m.Append(nil))
	for side := range m.Sent {
		c.Sent[side].Late = m.Sent[side].Late
	}
	return &c
}

// Wherever a connection is cut, its parts add up to it, and each has what happened in it:
// what the measures of all segments up to its end have more than those before it.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawSegments(t)
		var f Follower
		n := f.Begin()
		var parts []*Measures
		var ends []int
		for i := range list {
			if rapid.IntRange(0, 7).Draw(t, "cut") == 0 {
				m := f.Cut(n)
				parts, ends = append(parts, copied(&m)), append(ends, i)
			}
			f.take(n, &list[i])
		}
		m := f.End(n)
		parts, ends = append(parts, copied(&m)), append(ends, len(list))
		if f.states.Len()+f.troubles.Len()+f.histograms.Len() != 0 {
			t.Fatal("something is left")
		}
		if len(parts) > 1 {
			Settle(parts)
		}
		m = *copied(&m)
		m.Forget()
		for _, p := range parts {
			m.Add(p)
		}
		want := whole(list)
		if d := cmp.Diff(want, m, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("(-whole +sum of %d parts):\n%s", len(parts), d)
		}
		begin := 0
		for i, p := range parts {
			before, after := whole(list[:begin]), whole(list[:ends[i]])
			for side := range p.Sent {
				d, a, b := &p.Sent[side], &before.Sent[side], &after.Sent[side]
				if d.LostBytes < 0 || d.Retransmitted != b.Retransmitted-a.Retransmitted || d.RetransmittedBytes != b.RetransmittedBytes-a.RetransmittedBytes ||
					d.Fast != b.Fast-a.Fast || d.Spurious != b.Spurious-a.Spurious || d.OutOfOrder != b.OutOfOrder-a.OutOfOrder || d.OutOfOrderBytes != b.OutOfOrderBytes-a.OutOfOrderBytes ||
					d.Lost != b.Lost-a.Lost || d.DuplicateACKs != b.DuplicateACKs-a.DuplicateACKs || d.KeepAlives != b.KeepAlives-a.KeepAlives ||
					d.ZeroWindows != b.ZeroWindows-a.ZeroWindows || d.RTT.Count != b.RTT.Count-a.RTT.Count {
					t.Fatalf("part %d, side %d: %+v, until it %+v, with it %+v", i, side, d, a, b)
				}
			}
			begin = ends[i]
		}
	})
}

// Bytes that were missing in one part and come in another are not lost in either; what
// came before anything was missing is taken where something is.
func TestSettle(t *testing.T) {
	for _, test := range []struct{ late, lost, want []int64 }{
		{[]int64{0}, []int64{5}, []int64{5}},
		{[]int64{5}, []int64{0}, []int64{0}},
		{[]int64{5}, []int64{7}, []int64{2}},
		{[]int64{0, 0, 30}, []int64{100, 0, 0}, []int64{70, 0, 0}},
		{[]int64{0, 10, 30}, []int64{100, 20, 7}, []int64{80, 0, 7}},
		{[]int64{30, 0, 0}, []int64{0, 100, 20}, []int64{0, 70, 20}},
		{[]int64{0, 30, 0, 0}, []int64{10, 0, 15, 20}, []int64{0, 0, 0, 15}},
	} {
		var parts []*Measures
		for i, n := range test.lost {
			m := &Measures{}
			m.Sent[1].LostBytes, m.Sent[1].Late = n, test.late[i]
			parts = append(parts, m)
		}
		Settle(parts)
		var got []int64
		for _, m := range parts {
			got = append(got, m.Sent[1].LostBytes)
		}
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%v, late %v (-want +got):\n%s", test.lost, test.late, d)
		}
	}
}
