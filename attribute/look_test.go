package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// looked is a share that is given the packets of one connection.
type looked struct {
	share *share
	frame uint64
	seq   uint32
	p     packet.Packet
}

func newLooked(t testing.TB) *looked {
	t.Helper()
	a := New(Config{})
	t.Cleanup(func() { a.Close() })
	return &looked{share: a.shares[0], seq: 1000}
}

// say sends what the client says next.
func (l *looked) say(text string) { l.send([]byte(text)) }

func (l *looked) send(text []byte) {
	l.frame++
	five := flow.FiveTuple{Source: flow.AddrFrom4(1), Destination: flow.AddrFrom4(2), SourcePort: 40000, DestinationPort: 80, Protocol: flow.TCP}
	l.p = packet.Packet{Frame: l.frame, Time: 1e18, Class: packet.Transport, Tuple: five, Hash: five.Hash(), IPVersion: 4, TCPFlags: packet.ACK, Seq: l.seq,
		Payload: uint32(len(text)), Held: uint16(len(text))}
	l.seq += uint32(len(text))
	l.share.take(&l.p, text)
	l.share.looker.expire(l.share.follower, l.frame+1)
}

func (l *looked) facts() content.Facts {
	facts, _ := l.share.looker.finish(0)
	return facts
}

// A connection is looked at for a while of the capture, and what came of it is kept no
// longer.
func TestLookingEnds(t *testing.T) {
	for _, tt := range []struct {
		between uint64 // packets of others
		host    string
	}{{0, "a.example"}, {lookFrames - 2, "a.example"}, {lookFrames + 2, ""}} {
		l := newLooked(t)
		l.say("GET / HTTP/1.1\r\n")
		l.frame += tt.between
		l.say("Host: a.example\r\n\r\n")
		if n := len(l.share.looker.queue); tt.host == "" && n != 0 {
			t.Errorf("%d connections are still waited for", n)
		}
		if f := l.facts(); f.Host != tt.host || f.Application != content.HTTP || f.Method != "GET" && tt.host != "" {
			t.Errorf("after %d packets of others: %+v", tt.between, f)
		}
		if len(l.share.looker.known) != 0 || len(l.share.looker.free) != 1 {
			t.Error("what was known is still there")
		}
	}
}

// What says nothing known is looked at once, and then costs no allocation.
func TestLookingAllocates(t *testing.T) {
	for name, first := range map[string]string{"nothing known": "\x00\x01", "http": "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		l := newLooked(t)
		l.say(first)
		if in := l.share.follower.Instance(0); in.Unsettled(flow.Low) && in.Unsettled(flow.High) {
			t.Errorf("%s: the side is still looked at", name)
		}
		more := []byte("more")
		if n := testing.AllocsPerRun(1000, func() { l.send(more) }); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}
