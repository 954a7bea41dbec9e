package turn

import (
	"reflect"
	"testing"
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// What docs/architecture.md says of memory.
func TestSize(t *testing.T) {
	if n, c := unsafe.Sizeof(state{}), unsafe.Sizeof(cut{}); n > 200 || c > 96 {
		t.Errorf("a connection takes %d bytes, and %d where it is cut; want 200 and 96", n, c)
	}
}

// Packets of connections that come and go allocate nothing.
func TestAllocations(t *testing.T) {
	var f Follower
	run := func() {
		n := f.Begin()
		for i := range int64(100) {
			p := packet.Packet{Frame: uint64(i + 1), Time: i * i * 1e6}
			f.Add(n, &p, flow.Side(i/2%2), i)
		}
		if m, last, ok := f.End(n); m.Turns < 10 || m.Wait.Count < 10 || !ok || int64(last.Number) != m.Turns {
			t.Fatalf("%+v %+v", m, last)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations a connection", n)
	}
}

// FuzzFollower holds what is true of any packets: turns are numbered, do not overlap
// unless times go backwards, and have all payload; busy and idle time are all time;
// quantiles are in order; nothing is left behind; and measures come back from a record.
func FuzzFollower(f *testing.F) {
	f.Add([]byte("a few packets from both sides, whatever they are"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var f Follower
		n := f.Begin()
		var turns, payload, told, number, first, last, ran int64
		see := func(v Turn) {
			var again Turn
			if again.Read(v.Append(nil)); again != v {
				t.Fatalf("%+v is read as %+v", v, again)
			}
			turns++
			told += v.Request + v.Response
			if int64(v.Number) != number+1 || v.RequestFirst > v.RequestLast || v.Answered && v.ResponseFirst > v.ResponseLast || !v.Answered && v.Response != 0 || v.Request == 0 {
				t.Fatalf("turn %d: %+v", number+1, v)
			}
			number++
		}
		now := int64(1)
		for i := 0; i+4 <= len(data); i += 4 {
			now += int64(int8(data[i])) << (data[i+1] & 31)
			if i == 0 {
				first, last = now, now
			}
			p := packet.Packet{Frame: uint64(i + 1), Time: now}
			unique := int64(data[i+2])
			payload += unique
			before := last
			first, last = min(first, now), max(last, now)
			over := f.Add(n, &p, flow.Side(data[i+3]&1), unique)
			if over&TurnOver != 0 {
				see(*f.Turn())
			}
			if over&RunOver != 0 {
				var again Run
				r := f.Run()
				if again.Read(r.Append(nil)); again != r || r.From > r.To || r.To != before || now-r.To <= int64(QuietTime) {
					t.Fatalf("run %+v is read as %+v, before a packet of time %d", r, again, now)
				}
				ran += r.To - r.From
			}
		}
		m, v, ok := f.End(n)
		if ok {
			see(v)
		}
		if m.Before != ran {
			t.Fatalf("runs of %d ns were told before the last, it is behind %d", ran, m.Before)
		}
		if m.Turns != turns || told != payload || m.Busy+m.Idle != last-first {
			t.Fatalf("%d turns of %d bytes in %d ns, %d are told: %+v", turns, payload, last-first, told, m)
		}
		if w := m.Wait; w.Count > turns || w.Count > 0 && (w.Min > w.Median || w.Median > w.P95 || w.P95 > w.Max || w.Max > m.Waiting) {
			t.Fatalf("%+v", m)
		}
		if f.states.Len()+f.histograms.Len() != 0 {
			t.Fatal("something is left")
		}
		var again Measures
		if rest := again.Read(append(m.Append(nil), 7)); !reflect.DeepEqual(again, m) || len(rest) != 1 {
			t.Fatalf("%+v is read as %+v", m, again)
		}
	})
}
