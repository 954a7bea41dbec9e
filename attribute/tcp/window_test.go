package tcp

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
)

// A window is closed from the first segment that says so until the next that does not:
// what lies between is for how long.
func TestClosedWindow(t *testing.T) {
	for name, c := range map[string]struct {
		windows        []uint16 // of a segment each millisecond
		segments, time int64
	}{
		"open":              {[]uint16{500, 500}, 0, 0},
		"once":              {[]uint16{500, 0, 500, 500}, 1, 1e6},
		"for long":          {[]uint16{500, 0, 0, 0, 500, 500}, 3, 3e6},
		"twice":             {[]uint16{0, 500, 500, 0, 0, 500, 500}, 3, 3e6},
		"until the end":     {[]uint16{500, 0, 0}, 2, 1e6},
		"from the first on": {[]uint16{0, 0, 500}, 2, 2e6},
	} {
		var f Follower
		n := f.Begin()
		for i, window := range c.windows {
			f.Add(n, &packet.Packet{Time: 1e18 + int64(i)*1e6, TCPFlags: packet.ACK, Window: window, Seq: 1, Ack: 1}, 0, 0)
		}
		m := f.End(n)
		if got := &m.Sent[0]; got.ZeroWindows != c.segments || got.ZeroWindowTime != c.time {
			t.Errorf("%s: %d segments, %d ns, want %d and %d", name, got.ZeroWindows, got.ZeroWindowTime, c.segments, c.time)
		}
	}
}
