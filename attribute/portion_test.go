package attribute

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// drawTraffic returns packets of three connections, two of TCP, in nearly the order of time.
func drawTraffic(t *rapid.T) (list []packet.Packet) {
	now, next := int64(1e12), map[flow.FiveTuple]uint32{}
	for i := range rapid.IntRange(1, 80).Draw(t, "packets") {
		now += rapid.SampledFrom([]int64{0, 1e6, 20e6, 90e6, 250e6, 1200e6, -1e6, -300e6}).Draw(t, "after")
		n := uint16(rapid.IntRange(0, 2).Draw(t, "connection"))
		tuple := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0x0a000002), SourcePort: 4000 + n, DestinationPort: 80, Protocol: flow.TCP}
		if n == 2 {
			tuple.Protocol = flow.UDP
		}
		if rapid.Bool().Draw(t, "reverse") {
			tuple = tuple.Reverse()
		}
		p := packet.Packet{Frame: uint64(i + 1), Time: now, Class: packet.Transport, Tuple: tuple, Hash: tuple.Hash(), IPVersion: 4, WireLength: 60,
			Payload: rapid.SampledFrom([]uint32{0, 10, 300}).Draw(t, "payload")}
		if n < 2 {
			p.TCPFlags, p.Window = rapid.SampledFrom([]uint8{packet.ACK, packet.ACK, packet.ACK, packet.SYN | packet.ACK, packet.FIN | packet.ACK}).Draw(t, "flags"), uint16(rapid.IntRange(0, 2).Draw(t, "window"))
			p.Seq = next[tuple] + rapid.SampledFrom([]uint32{0, 0, 0, 1<<32 - 10, 300}).Draw(t, "ahead")
			p.Ack = next[tuple.Reverse()]
			next[tuple] = max(next[tuple], p.Seq+p.Payload)
		}
		list = append(list, p)
	}
	return list
}

// measuredIn attributes packets in windows.
func measuredIn(t *rapid.T, list []packet.Packet, w *Windows) (all []Connection) {
	a := New(Config{Windows: w, Shares: 2})
	a.Add(slices.Clone(list))
	if t != nil {
		for _, s := range a.shares {
			if w == nil && s.measured.window != nil {
				t.Fatal("without windows there is memory for them")
			}
		}
	}
	r, err := a.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range a.shares {
		if s.measured != nil && len(s.measured.earlier) > 0 {
			t.Fatalf("share %d keeps portions", i)
		}
	}
	defer r.Close()
	r.Connections.All(func(c *Connection) error {
		d := c.clone()
		d.Measures, d.Turns, d.Portions = c.Measures, c.Turns, slices.Clone(c.Portions)
		var kept []byte // what shares memory with the record
		kept = d.Turns.Append(d.Measures.Append(kept))
		d.Turns.Read(d.Measures.Read(kept))
		all = append(all, d)
		return nil
	})
	return all
}

// In whatever windows: connections measure what they do without any; they have a portion
// for each window in which they have packets; and portions, and those of windows of these,
// add up.
func TestPortions(t *testing.T) {
	ignore := cmp.Options{cmpopts.EquateEmpty(), cmpopts.IgnoreFields(turn.Measures{}, "Before")}
	defer func(n int) { minFold = n }(minFold)
	rapid.Check(t, func(t *rapid.T) {
		minFold = rapid.SampledFrom([]int{0, 64 << 10}).Draw(t, "fold")
		list := drawTraffic(t)
		coarse, fine := &Windows{Width: rapid.SampledFrom([]int64{0, 30e6}).Draw(t, "width")}, &Windows{}
		for range rapid.IntRange(1, 6).Draw(t, "bounds") {
			b := rapid.SampledFrom(list).Draw(t, "near").Time + rapid.Int64Range(0, 2e6).Draw(t, "after")
			if fine.Bounds = append(fine.Bounds, b); rapid.Bool().Draw(t, "coarse") {
				coarse.Bounds = append(coarse.Bounds, b)
			}
		}
		for _, w := range []*Windows{fine, coarse} {
			slices.Sort(w.Bounds)
			w.Bounds = slices.Compact(w.Bounds)
		}
		want, got, finer := measuredIn(t, list, nil), measuredIn(t, list, coarse), measuredIn(t, list, fine)
		for i := range want {
			for _, c := range []*Connection{&got[i], &finer[i]} {
				if d := cmp.Diff(want[i].Measures, c.Measures, ignore); d != "" {
					t.Fatalf("connection %d (-without windows +with):\n%s", want[i].ID, d)
				}
				if d := cmp.Diff(want[i].Turns, c.Turns, cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("connection %d (-without windows +with):\n%s", want[i].ID, d)
				}
			}
			comparePortions(t, list, &got[i], coarse)
			comparePortions(t, list, &finer[i], fine)
			if minFold > 0 { // else lost bytes may be of other windows
				compareTrimmed(t, &got[i], &finer[i], coarse)
			}
		}
		if len(got) != len(want) || len(finer) != len(want) {
			t.Fatalf("%d and %d connections, want %d", len(got), len(finer), len(want))
		}
	})
}

// comparePortions holds that the portions of c are of the windows in which it has packets.
func comparePortions(t *rapid.T, list []packet.Packet, c *Connection, w *Windows) {
	var with []int64
	for i := range c.Spans {
		if from := w.from(w.number(c.Spans[i].First)); !slices.Contains(with, from) {
			with = append(with, from)
		}
	}
	var of []int64
	for _, p := range c.Portions {
		of = append(of, p.From)
	}
	if len(with) == 1 {
		with = nil
	}
	if !slices.Equal(of, with) {
		t.Fatalf("portions of windows %v, want %v", of, with)
	}
	busy := busyByWindow(list, c, w)
	for _, p := range c.Portions {
		if p.Turns.Busy != busy[p.From] {
			t.Fatalf("window from %d is busy for %d ns, want %d", p.From, p.Turns.Busy, busy[p.From])
		}
	}
	turns := int64(0)
	c.Divide(func(at int64, _ *tcp.Measures, m *turn.Measures) {
		turns += m.Turns
		if n := w.number(at); len(with) > 0 && !slices.Contains(with, w.from(n)) {
			t.Fatalf("%d is in no window of %v", at, with)
		}
	})
	if turns != c.Turns.Turns {
		t.Fatalf("divided into %d of %d turns", turns, c.Turns.Turns)
	}
}

// busyByWindow adds up the time between packets of c that are later than all before in the
// file, where both are of one window and close to each other.
func busyByWindow(list []packet.Packet, c *Connection, w *Windows) map[int64]int64 {
	busy, latest := map[int64]int64{}, int64(0)
	for i := range list {
		p := &list[i]
		if key, _ := p.Tuple.Key(c.Key.Namespace); key != c.Key {
			continue
		}
		n := w.number(p.Time)
		if gap := p.Time - latest; gap > 0 && gap <= int64(turn.QuietTime) && w.contains(n, latest) {
			busy[w.from(n)] += gap
		}
		latest = max(latest, p.Time)
	}
	return busy
}

// compareTrimmed holds that what counts of a window is the same where further bounds divide
// it, but for peaks, which they divide too.
func compareTrimmed(t *rapid.T, c, finer *Connection, w *Windows) {
	for _, portion := range c.Portions {
		n := w.number(max(portion.From, -1e18))
		outside := func(s Span) bool { return !w.contains(n, s.First) }
		a, b := *c, *finer
		a.Spans, a.Portions = slices.DeleteFunc(slices.Clone(c.Spans), outside), slices.Clone(c.Portions)
		b.Spans, b.Portions = slices.DeleteFunc(slices.Clone(finer.Spans), outside), slices.Clone(finer.Portions)
		a.Trim()
		b.Trim()
		if d := cmp.Diff(a.Measures, b.Measures, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("window from %d (-undivided +divided):\n%s", portion.From, d)
		}
		if d := cmp.Diff(a.Turns, b.Turns, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(turn.Measures{}, "Peak")); d != "" {
			t.Fatalf("window from %d (-undivided +divided):\n%s", portion.From, d)
		}
	}
}

// A clock that goes to and fro over a bound does not make more of a connection than its
// windows.
func TestPortionsAreFolded(t *testing.T) {
	tuple := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0x0a000002), SourcePort: 4000, DestinationPort: 53, Protocol: flow.UDP}
	a := New(Config{Windows: &Windows{Bounds: []int64{1e12}}})
	for i := range 200_000 {
		p := packet.Packet{Frame: uint64(i + 1), Time: 1e12 - 5 + int64(10*(i%2)), Class: packet.Transport, Tuple: tuple, Hash: tuple.Hash(), IPVersion: 4, WireLength: 60, Payload: 10}
		a.Add([]packet.Packet{p})
	}
	for _, e := range a.shares[0].measured.earlier {
		if len(e.record) > minFold+1<<10 {
			t.Errorf("%d bytes of portions", len(e.record))
		}
	}
	r, err := a.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.Connections.All(func(c *Connection) error {
		if len(c.Portions) != 2 || c.Turns.Busy != 10 || c.Turns.Turns != 1 {
			t.Errorf("%d portions, %+v", len(c.Portions), c.Turns)
		}
		return nil
	})
}
