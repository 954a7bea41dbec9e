package tcp

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
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

// What a window is worth is known where the capture has the window scale of both SYNs, or
// that they have none.
func TestWindowScaleUnknown(t *testing.T) {
	whole, cut, none := optionsOf(t, 74), optionsOf(t, 60), packet.TCPOptions(0)
	for _, c := range []struct {
		syns [2]packet.TCPOptions
		want int64
	}{
		{[2]packet.TCPOptions{whole, whole}, 500 << 7},
		{[2]packet.TCPOptions{whole, none}, 500},
		{[2]packet.TCPOptions{whole, cut}, Unknown},
		{[2]packet.TCPOptions{cut, whole}, Unknown},
	} {
		var f Follower
		n := f.Begin()
		for i, p := range []packet.Packet{
			{TCPFlags: packet.SYN, Window: 100, TCPOptions: c.syns[0]},
			{TCPFlags: packet.SYN | packet.ACK, Window: 100, Ack: 1, TCPOptions: c.syns[1]},
			{TCPFlags: packet.ACK, Window: 500, Seq: 1, Ack: 1},
		} {
			f.Add(n, &p, flow.Side(i%2), 0)
		}
		if got := f.End(n).Sent[0].WindowMax; got != c.want {
			t.Errorf("%b: %d, want %d", c.syns, got, c.want)
		}
	}
}

// optionsOf returns the options of a SYN as Linux sends it, of which so many bytes were
// captured.
func optionsOf(t *testing.T, length int) packet.TCPOptions {
	t.Helper()
	frame := []byte{12: 8, 14: 0x45, 17: 60, 23: 6, 26: 10, 30: 10, 33: 1, 46: 10 << 4, 47: packet.SYN,
		54: 2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}
	p := packet.Packet{WireLength: uint32(len(frame))}
	packet.Decode(pcapng.LinkEthernet, frame[:length], &p)
	if p.Class != packet.Transport {
		t.Fatalf("%+v", p)
	}
	return p.TCPOptions
}
