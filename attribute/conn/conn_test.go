package conn

import (
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

const (
	syn    = packet.SYN
	ack    = packet.ACK
	synack = packet.SYN | packet.ACK
	fin    = packet.FIN | packet.ACK
	rst    = packet.RST
)

// segment is a packet between 10.0.0.1:4000 (side a) and 10.0.0.2:80.
type segment struct {
	at    time.Duration
	fromA bool
	flags uint8
	seq   uint32
	n     uint32
}

func follow(e Evidence, proto flow.Protocol, segments []segment) *Follower {
	f := NewFollower(e, false)
	a := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0x0a000002), SourcePort: 4000, DestinationPort: 80, Protocol: proto}
	for i, s := range segments {
		p := packet.Packet{Frame: uint64(i + 1), Time: int64(s.at), Tuple: a, Class: packet.Transport, IPVersion: 4,
			TCPFlags: s.flags, Seq: s.seq, Payload: s.n, WireLength: 54 + s.n}
		if !s.fromA {
			p.Tuple = a.Reverse()
		}
		k, side := p.Tuple.Key(0)
		p.Hash = p.Tuple.Hash()
		f.Add(&p, &k, side)
	}
	return f
}

func TestInstances(t *testing.T) {
	const s = time.Second
	open := []segment{{0, true, syn, 100, 0}, {1, false, synack, 900, 0}, {2, true, ack, 101, 10}}
	tests := []struct {
		name  string
		proto flow.Protocol
		then  []segment
		ids   []uint64
	}{
		{"one connection", flow.TCP, []segment{{s, true, fin, 111, 0}, {s, false, fin, 901, 0}}, []uint64{1}},
		{"SYN retransmitted", flow.TCP, []segment{{s, true, syn, 100, 0}}, []uint64{1}},
		{"port reused after FIN", flow.TCP, []segment{{s, true, fin, 111, 0}, {s, false, fin, 901, 0}, {2 * s, true, syn, 7000, 0}}, []uint64{1, 6}},
		{"port reused, end not seen", flow.TCP, []segment{{2 * s, true, syn, 7000, 0}}, []uint64{1, 4}},
		{"roles change", flow.TCP, []segment{{s, true, rst, 111, 0}, {2 * s, false, syn, 7000, 0}}, []uint64{1, 5}},
		{"late ACK after RST", flow.TCP, []segment{{s, true, rst, 111, 0}, {2 * s, false, ack, 901, 0}}, []uint64{1}},
		{"silent for long after close", flow.TCP, []segment{{s, true, rst, 111, 0}, {IdleClosed + 2*s, false, ack, 901, 0}}, []uint64{1, 5}},
		{"silent for an hour", flow.TCP, []segment{{time.Hour, true, ack, 111, 10}}, []uint64{1}},
		{"silent beyond the idle limit", flow.TCP, []segment{{IdleTCP + s, true, ack, 111, 10}}, []uint64{1, 4}},
		{"UDP within the idle limit", flow.UDP, []segment{{IdleUDP, true, 0, 0, 10}}, []uint64{1}},
		{"UDP beyond the idle limit", flow.UDP, []segment{{IdleUDP + s, true, 0, 0, 10}}, []uint64{1, 4}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := follow(nil, tt.proto, append(append([]segment(nil), open...), tt.then...))
			if got.Len() != len(tt.ids) {
				t.Fatalf("%d instances, want %d", got.Len(), len(tt.ids))
			}
			for i := range tt.ids {
				in := got.Instance(int32(i))
				_, succeeded := got.Successor(in)
				if in.ID != tt.ids[i] || in.Preceded() != (i > 0) || succeeded != (i+1 < len(tt.ids)) {
					t.Errorf("instance %d: id %d preceded %v succeeded %v, want id %d", i, in.ID, in.Preceded(), succeeded, tt.ids[i])
				}
			}
		})
	}
}

func TestOpener(t *testing.T) {
	a, b := flow.Low, flow.High // 10.0.0.1 compares below 10.0.0.2
	tests := []struct {
		name     string
		segments []segment
		opener   flow.Side
		begun    bool
	}{
		{"SYN first", []segment{{0, true, syn, 1, 0}}, a, true},
		{"SYN-ACK first", []segment{{0, true, synack, 1, 0}, {1, false, syn, 9, 0}}, b, true},
		{"mid-stream", []segment{{0, true, ack, 1, 5}}, a, false},
	}
	for _, tt := range tests {
		got := follow(nil, flow.TCP, tt.segments)
		if in := got.Instance(0); got.Len() != 1 || in.Opener() != tt.opener || in.Begun() != tt.begun {
			t.Errorf("%s: %d instances, opener %d begun %v, want 1, %d, %v", tt.name, got.Len(), in.Opener(), in.Begun(), tt.opener, tt.begun)
		}
	}
}

// everySecond is evidence that changes every second.
type everySecond struct{}

func (everySecond) Number(*flow.Key, uint64) int32 { return 0 }

func (everySecond) Cut(_ int32, _ *flow.Key, at int64) (from, until int64) {
	from = at - at%int64(time.Second)
	return from, from + int64(time.Second)
}

// TestSegments feeds packets out of order through a cutter with a boundary
// every second: each packet must land in the segment of its own time.
func TestSegments(t *testing.T) {
	const ms = time.Millisecond
	got := follow(everySecond{}, flow.UDP, []segment{{2500 * ms, true, 0, 0, 1}, {500 * ms, true, 0, 0, 2}, {2600 * ms, false, 0, 0, 4}, {700 * ms, true, 0, 0, 8}, {1100 * ms, true, 0, 0, 16}})
	want := []struct {
		from    time.Duration
		payload [2]int64
	}{{0, [2]int64{10, 0}}, {time.Second, [2]int64{16, 0}}, {2 * time.Second, [2]int64{1, 4}}}
	in := got.Instance(0)
	segments := got.Segments(in, nil)
	if got.Len() != 1 || len(segments) != len(want) {
		t.Fatalf("got %+v", segments)
	}
	var sum [2]Counts
	for i, s := range segments {
		sum[0].Add(s.Sent[0])
		sum[1].Add(s.Sent[1])
		sent := [2]int64{s.Sent[0].PayloadBytes, s.Sent[1].PayloadBytes}
		if s.From != int64(want[i].from) || sent != want[i].payload {
			t.Errorf("segment %d: from %d payload %v, want %d %v", i, s.From, sent, want[i].from, want[i].payload)
		}
	}
	if sum != got.Sent(in) {
		t.Errorf("sent %+v, the sum of the segments is %+v", got.Sent(in), sum)
	}
	if got.First(in) != int64(500*ms) || in.Last != int64(2600*ms) {
		t.Errorf("first %d last %d", got.First(in), in.Last)
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	f := NewFollower(nil, false)
	p := packet.Packet{Class: packet.Transport, Tuple: flow.FiveTuple{SourcePort: 1, DestinationPort: 2, Protocol: flow.TCP}, Payload: 10}
	k, side := p.Tuple.Key(0)
	f.Add(&p, &k, side)
	if n := testing.AllocsPerRun(1000, func() { p.Seq += 10; f.Add(&p, &k, side) }); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}
