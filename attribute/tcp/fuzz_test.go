package tcp

import (
	"encoding/binary"
	"reflect"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// FuzzFollower holds what is true of any segments: no count exceeds the segments
// that it is a part of, no bytes the payload, quantiles are in order, times that
// are told are not negative, what ends leaves nothing behind, and measures come
// back from a record.
func FuzzFollower(f *testing.F) {
	f.Add([]byte("0 SYN, then more than one segment of any kind, from both sides"))
	f.Add(make([]byte, 400))
	f.Fuzz(func(t *testing.T, data []byte) {
		var f Follower
		n := f.Begin()
		var segments, payload, resent [2]int64
		now := int64(1)
		for ; len(data) >= 16; data = data[16:] {
			p, side := fuzzed(data, &now)
			segments[side]++
			payload[side] += int64(p.Payload)
			if p.Fragmented {
				f.Continue(n, &p, side)
			} else if f.Add(n, &p, side, min(uint32(data[1])<<4, p.Payload)) {
				resent[side]++
			}
		}
		m := f.End(n)
		for side := range m.Sent {
			check(t, &m.Sent[side], segments[side], payload[side])
			if m.Sent[side].Retransmitted != resent[side] {
				t.Fatalf("%d segments were told to be sent again, %d are counted", resent[side], m.Sent[side].Retransmitted)
			}
		}
		if f.states.Len()+f.troubles.Len()+f.histograms.Len() != 0 {
			t.Fatal("something is left")
		}
		var again Measures
		if again.Read(m.Append(nil)); !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v is read as %+v", m, again)
		}
	})
}

// fuzzed makes a segment of 16 bytes: small differences mostly, so that segments
// have to do with each other.
func fuzzed(b []byte, now *int64) (p packet.Packet, side flow.Side) {
	*now += int64(int8(b[0])) << (b[1] & 31)
	p = packet.Packet{Time: *now, TCPFlags: b[2], Window: uint16(b[3]), Payload: uint32(b[4]) << (b[5] & 15),
		Seq: uint32(int32(int8(b[6]))) << (b[5] >> 4), Ack: uint32(int32(int8(b[7]))) << (b[8] & 15),
		MSS: binary.LittleEndian.Uint16(b[9:]), TCPOptions: packet.TCPOptions(b[11]), Stamp: uint32(b[12]), Echo: uint32(b[13])}
	p.Fragmented = b[14]&7 == 7
	return p, flow.Side(b[15] & 1)
}

func check(t *testing.T, d *Direction, segments, payload int64) {
	t.Helper()
	for _, v := range d.Values() {
		if *v < Unknown {
			t.Fatalf("%+v", d)
		}
	}
	parts := d.Fast+d.Spurious > d.Retransmitted || d.Retransmitted+d.OutOfOrder+d.KeepAlives > segments || d.Lost > segments
	acks := d.DuplicateACKs+d.KeepAlives > segments || d.ZeroWindows > segments
	bytes := d.RetransmittedBytes+d.OutOfOrderBytes > payload || d.WireSegments > payload
	times := d.RTT.Count > 0 && (d.RTT.Min > d.RTT.Median || d.RTT.Median > d.RTT.P95 || d.RTT.P95 > d.RTT.Max)
	if parts || acks || bytes || times || (d.RTT.Count == 0) != (d.RTT.Max == Unknown) {
		t.Fatalf("%d segments, %d bytes: %+v", segments, payload, d)
	}
}
