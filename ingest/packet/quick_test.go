package packet

import (
	"math/rand/v2"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Whatever quick takes it leaves as full does: real frames with any bytes
// changed, and cut anywhere.
func TestQuickIsFull(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	taken := 0
	for range 300_000 {
		frame := quickFrame(r)
		for range r.IntN(4) {
			frame[r.IntN(len(frame))] = byte(r.Uint32())
		}
		frame = frame[:r.IntN(len(frame)+1)]
		var got, want Packet
		got.WireLength = uint32(len(frame) + r.IntN(3)*r.IntN(2000))
		want.WireLength = got.WireLength
		got.Fragmented, got.FragmentMore, got.HasQuoted, got.Seq, got.Hash = true, true, true, 7, 7 // of the packet before
		if !quick(frame, &got) {
			continue
		}
		taken++
		if full(pcapng.LinkEthernet, frame, &want); got != want {
			t.Fatalf("%x:\n got %+v\nwant %+v", frame, got, want)
		}
	}
	if taken < 50_000 {
		t.Errorf("quick took %d frames", taken)
	}
}

func quickFrame(r *rand.Rand) []byte {
	frame := make([]byte, 12, 140)
	if r.IntN(4) == 0 {
		frame = append(frame, 0x81, 0, 0, 7)
	}
	transport := []byte{6, 17}[r.IntN(2)]
	if r.IntN(2) == 0 {
		frame = append(frame, 8, 0, 0x45, 0, 0, byte(40+r.IntN(80)), 0, 0, 0x40, 0, 64, transport, 0, 0, 10, 0, 0, 1, 10, 0, 0, byte(r.IntN(3)))
	} else {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(20+r.IntN(80)), transport, 64)
		frame = append(frame, make([]byte, 32)...)
	}
	ports := len(frame)
	frame = append(frame, make([]byte, 60)...)
	frame[ports+1], frame[ports+3], frame[ports+5], frame[ports+12] = 80, 90, byte(r.IntN(80)), byte(5+r.IntN(3))<<4
	return frame
}
