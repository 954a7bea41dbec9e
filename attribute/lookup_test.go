package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// exchanged gives Names a message of DNS over UDP between a client's port and a resolver.
func exchanged(n *Names, frame uint64, at int64, client string, port uint16, answers bool, id byte, message []byte) {
	message = append([]byte{0, id}, message[2:]...)
	tuple := flow.FiveTuple{Source: addr(client), Destination: addr("192.0.2.53"), SourcePort: port, DestinationPort: 53, Protocol: flow.UDP}
	if answers {
		tuple = tuple.Reverse()
	} else {
		message[2] &^= 0x80
	}
	p := packet.Packet{Class: packet.Transport, Time: at, Held: uint16(len(message)), Payload: uint32(len(message)), Tuple: tuple}
	n.batch(&ingest.Batch{Packets: []packet.Packet{p}, Named: []uint32{0}, First: frame, Data: message})
}

// A connection waited for the answer that named its address last, from when that was
// asked for first, where it came at most a second before.
func TestLookup(t *testing.T) {
	log := owner.NewTimeline()
	log.Add(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Addresses: []string{"10.0.0.1/8", "2001:db8::1/64"}}})
	log.Seal()
	n := newNames(log)
	const ms = int64(1e6)
	one := answer(t, "one.example", "198.51.100.1", "198.51.100.2")
	exchanged(n, 1, 100*ms, "10.0.0.1", 4000, false, 7, one)
	exchanged(n, 2, 105*ms, "10.0.0.1", 4000, false, 7, one) // again
	exchanged(n, 3, 106*ms, "10.0.0.1", 4001, false, 7, one) // another socket, never answered
	exchanged(n, 4, 107*ms, "10.0.0.1", 4000, true, 8, one)  // nobody asked that
	exchanged(n, 5, 110*ms, "10.0.0.1", 4000, true, 7, one)
	exchanged(n, 6, 111*ms, "10.0.0.1", 4000, true, 7, one) // again
	exchanged(n, 20, 500*ms, "127.0.0.1", 4000, false, 7, one)
	exchanged(n, 21, 520*ms, "127.0.0.1", 4000, true, 7, answer(t, "one.example", "198.51.100.1"))
	exchanged(n, 30, 600*ms, "10.0.0.1", 4002, false, 7, one)
	exchanged(n, 31, 31_000*ms, "10.0.0.1", 4002, true, 7, answer(t, "late.example", "198.51.100.3"))

	type none struct{}
	for _, tt := range []struct {
		client, server string
		frame          uint64
		at             int64
		older          bool
		want           any
	}{
		{"10.0.0.1", "198.51.100.1", 5, 110, false, none{}},
		{"10.0.0.1", "198.51.100.1", 7, 112, false, [2]int64{100, 110}},
		{"10.0.0.1", "198.51.100.1", 7, 112, true, none{}},
		{"10.0.0.1", "198.51.100.2", 7, 112, false, [2]int64{100, 110}},
		{"2001:db8::1", "198.51.100.2", 7, 112, false, [2]int64{100, 110}},
		{"10.0.0.1", "198.51.100.9", 7, 112, false, none{}},
		{"203.0.113.9", "198.51.100.1", 7, 112, false, none{}},
		{"10.0.0.1", "198.51.100.1", 22, 530, false, [2]int64{500, 520}},
		{"10.0.0.1", "198.51.100.2", 22, 1110, false, [2]int64{100, 110}},
		{"10.0.0.1", "198.51.100.2", 22, 1111, false, none{}},
		{"10.0.0.1", "198.51.100.3", 32, 31_001, false, none{}},
	} {
		c := &Connection{ID: tt.frame, First: tt.at * ms, begun: !tt.older}
		c.Key.Protocol = flow.TCP
		c.Endpoint[Client].Addr, c.Endpoint[Server].Addr = addr(tt.client), addr(tt.server)
		var got any = none{}
		if asked, answered, ok := n.Lookup(c); ok {
			got = [2]int64{asked / ms, answered / ms}
		}
		if got != tt.want {
			t.Errorf("%s to %s in frame %d: %v, want %v", tt.client, tt.server, tt.frame, got, tt.want)
		}
	}
}

// Questions that nobody answers, and answers, are kept in bounded number.
func TestLookupsAreBounded(t *testing.T) {
	n := newNames(nil)
	message := answer(t, "one.example", "198.51.100.1")
	for i := range 3 * maxQuestions {
		exchanged(n, uint64(i), int64(i), "10.0.0.1", uint16(i), false, 7, message)
	}
	if len(n.lookups.waiting) != maxQuestions {
		t.Errorf("%d wait, want %d", len(n.lookups.waiting), maxQuestions)
	}
	n.lookups.count = maxLookups - 1
	for i := 3*maxQuestions - 2; i < 3*maxQuestions; i++ {
		exchanged(n, uint64(i), int64(i), "10.0.0.1", uint16(i), true, 7, message)
	}
	if got := len(n.lookups.byHost[naming{addr("10.0.0.1"), addr("198.51.100.1")}]); got != 1 {
		t.Errorf("%d answers are kept, want 1", got)
	}
}
