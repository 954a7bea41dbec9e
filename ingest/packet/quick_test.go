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
	before := packetsBefore()
	taken := 0
	for range 300_000 {
		frame := quickFrame(r)
		for range r.IntN(4) {
			frame[r.IntN(len(frame))] = byte(r.Uint32())
		}
		frame = frame[:r.IntN(len(frame)+1)]
		var want Packet
		got := before[r.IntN(len(before))]
		got.WireLength = uint32(len(frame) + r.IntN(3)*r.IntN(2000))
		want.WireLength = got.WireLength
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

// packetsBefore returns packets of all kinds, in whose memory the next is decoded.
func packetsBefore() []Packet {
	ip := func(fragment uint16, protocol byte, rest ...byte) []byte {
		frame := append(make([]byte, 12, 140), 8, 0, 0x45, 0, 0, byte(20+len(rest)), 0, 7, byte(fragment>>8), byte(fragment), 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
		return append(frame, rest...)
	}
	datagram := []byte{0, 53, 0, 99, 0, 12, 0, 7, 1, 2, 3, 4}
	segment := []byte{0, 80, 0, 90, 0, 0, 0, 7, 0, 0, 0, 7, 0x70, 0x10, 0, 7, 0, 0, 0, 0, 2, 4, 5, 180, 3, 3, 7, 0, 1, 2, 3, 4}
	unreachable := append([]byte{3, 1, 0, 0, 0, 0, 0, 0}, ip(0, 17, datagram...)[14:]...)
	list := []Packet{{}}
	for _, frame := range [][]byte{
		ip(0, 6, segment...), ip(0x2000, 6, segment...), ip(0x2002, 6, segment...), ip(0, 17, datagram...),
		ip(0, 1, unreachable...), ip(0, 1, 8, 0, 0, 0, 0, 7, 0, 7), {1, 2, 3},
	} {
		p := Packet{WireLength: uint32(len(frame))}
		full(pcapng.LinkEthernet, frame, &p)
		list = append(list, p)
	}
	return list
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
