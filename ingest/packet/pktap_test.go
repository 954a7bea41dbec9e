package packet

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// The frame behind a PKTAP header is decoded as it would be alone.
func TestPKTAP(t *testing.T) {
	frame := append(make([]byte, 12), 0x08, 0x00, 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 53, 1, 0, 0, 10, 0, 0, 'h', 'i')
	header := func(length, kind, link uint32, flags byte) []byte {
		h := make([]byte, 108)
		binary.LittleEndian.PutUint32(h, length)
		binary.LittleEndian.PutUint32(h[4:], kind)
		binary.LittleEndian.PutUint32(h[8:], link)
		h[36] = flags
		return h
	}
	for _, tt := range []struct {
		name      string
		header    []byte
		class     Class
		direction Direction
	}{
		{"out", header(108, 1, 1, 2), Transport, Outbound},
		{"in", header(108, 1, 1, 1), Transport, Inbound},
		{"both", header(108, 1, 1, 3), Transport, DirectionUnknown},
		{"no packet", header(108, 0, 1, 0), Link, DirectionUnknown},
		{"nested", header(108, 1, 258, 0), Undecoded, DirectionUnknown},
		{"too long", header(1080, 1, 1, 0), Undecoded, DirectionUnknown},
		{"too short", header(10, 1, 1, 0), Undecoded, DirectionUnknown},
		{"cut", make([]byte, 30)[:0], Undecoded, DirectionUnknown},
	} {
		data := append(tt.header, frame...)
		if tt.name == "cut" {
			data = data[:30]
		}
		got := Packet{WireLength: uint32(len(data))}
		Decode(pcapng.LinkPKTAP, data, &got)
		if got.Class != tt.class || got.Direction != tt.direction || got.WireLength != uint32(len(data)) {
			t.Errorf("%s: class %d, direction %d, wire length %d", tt.name, got.Class, got.Direction, got.WireLength)
		}
		if tt.class == Transport {
			want := Packet{WireLength: uint32(len(frame))}
			Decode(pcapng.LinkEthernet, frame, &want)
			want.WireLength, want.Direction = got.WireLength, got.Direction
			want.Body += uint32(len(tt.header))
			if d := cmp.Diff(want, got); d != "" || got.Payload != 2 {
				t.Errorf("%s: %s", tt.name, d)
			}
		}
	}
}
