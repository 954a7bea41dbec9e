package attribute

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

func TestWindowsAt(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	for _, test := range []struct {
		w              *Windows
		t, from, until int64
	}{
		{nil, 5, least, most},
		{&Windows{}, 5, least, most},
		{&Windows{Bounds: []int64{10, 20}}, 9, least, 10},
		{&Windows{Bounds: []int64{10, 20}}, 10, 10, 20},
		{&Windows{Bounds: []int64{10, 20}}, 20, 20, most},
		{&Windows{Width: 4}, 7, 4, 8},
		{&Windows{Width: 4}, -1, -4, 0},
		{&Windows{Width: 4}, -4, -4, 0},
		{&Windows{Bounds: []int64{6, 13}, Width: 4}, 7, 6, 8},
		{&Windows{Bounds: []int64{6, 13}, Width: 4}, 12, 12, 13},
		{&Windows{Width: 1 << 62}, least, least, -1 << 62},
		{&Windows{Width: math.MaxInt64}, least, least, -math.MaxInt64},
		{&Windows{Width: 1 << 62}, most, 1 << 62, most},
	} {
		if from, until := test.w.At(test.t); from != test.from || until != test.until {
			t.Errorf("%+v at %d: from %d until %d, want %d and %d", test.w, test.t, from, until, test.from, test.until)
		}
	}
}

// TestWindowsDivide holds that the sums of every window are those of the packets
// in it, and that no span reaches out of one.
func TestWindowsDivide(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	rapid.Check(t, func(rt *rapid.T) {
		s := readScenario(t, rapid.SampledFrom(files).Draw(rt, "file"))
		s.windows = &Windows{Width: rapid.Int64Range(1e6, 50e6).Draw(rt, "width")}
		for n := range int64(rapid.IntRange(0, 3).Draw(rt, "bounds")) {
			s.windows.Bounds = append(s.windows.Bounds, 20e6*n+7e6)
		}
		type sum struct{ packets, bytes int64 }
		got, want := map[int64]sum{}, map[int64]sum{}
		add := func(sums map[int64]sum, window int64, c Counts) {
			n := sums[window]
			sums[window] = sum{n.packets + c.Packets, n.bytes + c.WireBytes}
		}
		for i := range s.packets {
			p := &s.packets[i]
			window, _ := s.windows.At(p.Time)
			add(want, window, Counts{Packets: 1, WireBytes: int64(p.WireLength)})
		}
		r := s.finish(allRules())
		for _, l := range r.Loose {
			add(got, l.Window, l.Counts)
		}
		r.Connections.All(func(c *Connection) error {
			for _, span := range c.Spans {
				window, until := s.windows.At(span.First)
				if span.Last >= until || span.From < window {
					rt.Errorf("a span of packets from %d to %d reaches out of the window from %d to %d", span.First, span.Last, window, until)
				}
				add(got, window, span.Sent[Client])
				add(got, window, span.Sent[Server])
			}
			return nil
		})
		for window := range want {
			if got[window] != want[window] {
				rt.Errorf("window %d: %+v, want %+v", window, got[window], want[window])
			}
		}
		if len(got) > len(want) {
			rt.Errorf("%d windows, want %d", len(got), len(want))
		}
	})
}

// TestWindowsOfPacketsWithoutTime holds that they are of the window around the
// epoch.
func TestWindowsOfPacketsWithoutTime(t *testing.T) {
	a := New(Config{Windows: &Windows{Width: 5}})
	a.Add([]packet.Packet{{Frame: 1, Class: packet.Undecoded, WireLength: 9}})
	r, err := a.Finish()
	if err != nil || len(r.Loose) != 1 || r.Loose[0].Window != 0 || r.Loose[0].Counts.WireBytes != 9 {
		t.Errorf("%+v, %v", r.Loose, err)
	}
}
