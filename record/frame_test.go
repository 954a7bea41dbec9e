package record

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"unsafe"
)

// made is a frame as a block of the ring holds it.
type made struct {
	sec, nsec, wire uint32
	index           int32
	hardware        uint16
	kind            uint8
	status, tci     uint32
	tpid            uint16
	data            []byte
}

// block lays frames out as the kernel does.
func block(frames ...made) []byte {
	host := binary.NativeEndian
	b := make([]byte, blockHeader)
	host.PutUint32(b[12:], uint32(len(frames)))
	host.PutUint32(b[16:], blockHeader)
	for i, f := range frames {
		const mac = 82 // as with an Ethernet header, whose end is aligned
		h := make([]byte, (mac+len(f.data)+15)&^15)
		if i+1 < len(frames) {
			host.PutUint32(h, uint32(len(h)))
		}
		host.PutUint32(h[4:], f.sec)
		host.PutUint32(h[8:], f.nsec)
		host.PutUint32(h[12:], uint32(len(f.data)))
		host.PutUint32(h[16:], f.wire)
		host.PutUint32(h[20:], f.status)
		host.PutUint16(h[24:], mac)
		host.PutUint32(h[32:], f.tci)
		host.PutUint16(h[36:], f.tpid)
		host.PutUint32(h[52:], uint32(f.index))
		host.PutUint16(h[56:], f.hardware)
		h[58] = f.kind
		copy(h[mac:], f.data)
		b = append(b, h...)
	}
	host.PutUint32(b[20:], uint32(len(b)))
	return b
}

var twoFrames = []made{
	{sec: 1_700_000_000, nsec: 999_999_999, wire: 1500, index: 3, hardware: 1, kind: packetOutgoing, data: []byte("0123456789abcdef")},
	{sec: 4_294_967_295, wire: 5, index: 1, hardware: 772, status: vlanValid, tci: 0x6007, data: []byte("short")},
}

func TestEachFrame(t *testing.T) {
	var got []frame
	if lost := eachFrame(block(twoFrames...), func(f *frame) { got = append(got, *f) }); lost != 0 {
		t.Errorf("lost %d", lost)
	}
	want := []frame{
		{time: 1_700_000_000_999_999_999, data: []byte("0123456789abcdef"), wire: 1500, index: 3, hardware: 1, kind: packetOutgoing},
		{time: 4_294_967_295e9, data: []byte("short"), wire: 5, index: 1, hardware: 772, vlan: vlanTag{true, 0x8100, 0x6007}},
	}
	if !slices.EqualFunc(got, want, func(a, b frame) bool {
		same := bytes.Equal(a.data, b.data)
		a.data, b.data = nil, nil
		return same && a.time == b.time && a.wire == b.wire && a.index == b.index && a.hardware == b.hardware && a.kind == b.kind && a.vlan == b.vlan
	}) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestEachFrameDamaged breaks one field of a block of three frames: what cannot
// be delivered is counted.
func TestEachFrameDamaged(t *testing.T) {
	host := binary.NativeEndian
	first := blockHeader
	for name, c := range map[string]struct {
		damage    func(b []byte) []byte
		got, lost int64
	}{
		"none":                     {func(b []byte) []byte { return b }, 3, 0},
		"no block":                 {func(b []byte) []byte { return nil }, 0, 0},
		"a piece of a header":      {func(b []byte) []byte { return b[:blockHeader-1] }, 0, 0},
		"no frame":                 {func(b []byte) []byte { host.PutUint32(b[12:], 0); return b }, 0, 0},
		"no room for a frame":      {func(b []byte) []byte { return b[:blockHeader+frameHeader-1] }, 0, 3},
		"more frames than there":   {func(b []byte) []byte { host.PutUint32(b[12:], 5); return b }, 3, 2},
		"absurdly many":            {func(b []byte) []byte { host.PutUint32(b[12:], 1<<31); return b }, 3, packetCounts - 3},
		"first frame in header":    {func(b []byte) []byte { host.PutUint32(b[16:], 8); return b }, 0, 3},
		"first frame outside":      {func(b []byte) []byte { host.PutUint32(b[16:], 1<<31); return b }, 0, 3},
		"next frame outside":       {func(b []byte) []byte { host.PutUint32(b[first:], 1<<31); return b }, 1, 2},
		"no next frame":            {func(b []byte) []byte { host.PutUint32(b[first:], 0); return b }, 1, 2},
		"longer than a frame":      {func(b []byte) []byte { host.PutUint32(b[first+12:], maxFrame+1); return b }, 0, 3},
		"longer than the block":    {func(b []byte) []byte { host.PutUint32(b[first+12:], 4000); return b }, 0, 3},
		"data begins outside":      {func(b []byte) []byte { host.PutUint16(b[first+24:], 65535); return b }, 0, 3},
		"cut within the last data": {func(b []byte) []byte { return b[:len(b)-12] }, 2, 1},
	} {
		frames := []made{{data: make([]byte, 30)}, {data: make([]byte, 30)}, {data: make([]byte, 30)}}
		got := int64(0)
		lost := eachFrame(c.damage(block(frames...)), func(*frame) { got++ })
		if got != c.got || lost != c.lost {
			t.Errorf("%s: %d frames and %d lost, want %d and %d", name, got, lost, c.got, c.lost)
		}
	}
}

// FuzzEachFrame: whatever a block says, frames lie within it, their number is
// bounded, and each announced one is delivered or lost.
func FuzzEachFrame(f *testing.F) {
	f.Add(block(twoFrames...))
	f.Add(block(made{}))
	f.Add(block())
	loop := block(twoFrames...)
	binary.NativeEndian.PutUint32(loop[12:], 1<<31)
	binary.NativeEndian.PutUint32(loop[blockHeader:], 1)
	f.Add(loop)
	f.Fuzz(func(t *testing.T, b []byte) {
		announced := int64(0)
		if len(b) >= blockHeader {
			announced = int64(min(binary.NativeEndian.Uint32(b[12:]), packetCounts))
		}
		got := int64(0)
		var memory []byte
		lost := eachFrame(b, func(f *frame) {
			got++
			if len(f.data) > maxFrame || !liesIn(f.data, b) {
				t.Fatalf("frame of %d bytes is not in the block of %d", len(f.data), len(b))
			}
			data, m, longer := f.restoreTag(memory)
			memory = m
			if len(data) != len(f.data)+int(longer) || longer != 0 && !f.vlan.present {
				t.Fatalf("%d bytes, %d longer, of %d", len(data), longer, len(f.data))
			}
			if d := f.flags() & 3; d == 3 {
				t.Fatalf("direction %d", d)
			}
		})
		if got+lost != announced {
			t.Fatalf("%d frames and %d lost of %d", got, lost, announced)
		}
	})
}

// liesIn tells whether inner lies in the memory of outer.
func liesIn(inner, outer []byte) bool {
	if cap(inner) == 0 {
		return true
	}
	a, b := uintptr(unsafe.Pointer(unsafe.SliceData(inner))), uintptr(unsafe.Pointer(unsafe.SliceData(outer)))
	return a >= b && a+uintptr(cap(inner)) <= b+uintptr(len(outer))
}

func TestRestoreTag(t *testing.T) {
	const addresses = "ddddddssssss"
	for name, c := range map[string]struct {
		data   string
		tag    vlanTag
		want   string
		longer uint32
	}{
		"none":           {addresses + "\x08\x00payload", vlanTag{}, addresses + "\x08\x00payload", 0},
		"802.1Q":         {addresses + "\x08\x00payload", vlanTag{true, 0x8100, 0x6007}, addresses + "\x81\x00\x60\x07\x08\x00payload", 4},
		"802.1ad":        {addresses + "\x81\x00", vlanTag{true, 0x88a8, 1}, addresses + "\x88\xa8\x00\x01\x81\x00", 4},
		"addresses only": {addresses, vlanTag{true, 0x8100, 0}, addresses + "\x81\x00\x00\x00", 4},
		"cut before":     {addresses[:11], vlanTag{true, 0x8100, 0}, addresses[:11], 0},
	} {
		f := frame{data: []byte(c.data), vlan: c.tag}
		got, memory, longer := f.restoreTag(nil)
		if string(got) != c.want || longer != c.longer || string(f.data) != c.data {
			t.Errorf("%s: %q, %d longer, want %q, %d", name, got, longer, c.want, c.longer)
		}
		again, _, _ := f.restoreTag(memory)
		if string(again) != c.want || longer > 0 && &again[0] != &memory[0] {
			t.Errorf("%s: the memory is not used again: %q", name, again)
		}
	}
}

func TestReadTag(t *testing.T) {
	for name, c := range map[string]struct {
		status uint32
		want   vlanTag
	}{
		"none":          {vlanTPID, vlanTag{}},
		"old kernel":    {vlanValid, vlanTag{true, 0x8100, 0x0fff}},
		"with protocol": {vlanValid | vlanTPID | 1, vlanTag{true, 0x88a8, 0x0fff}},
	} {
		b := block(made{status: c.status, tci: 0x0fff, tpid: 0x88a8})
		if got := readTag(b[blockHeader:]); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
