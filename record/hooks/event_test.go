package hooks

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	b := make([]byte, execSize)
	host := binary.NativeEndian
	for at, v := range map[int]uint64{0: 1111, 8: 2222, 16: 3333, 24: 4444, 32: 5555} {
		host.PutUint64(b[at:], v)
	}
	host.PutUint32(b[40:], 66)
	host.PutUint32(b[44:], 77)
	host.PutUint32(b[48:], 0xfffffff0)
	host.PutUint32(b[52:], 9)
	host.PutUint16(b[56:], 80)
	host.PutUint16(b[58:], 5000)
	copy(b[60:], []byte{byte(Use), 10, 17, 1, 2, 3, Received})
	copy(b[72+10:], []byte{0xff, 0xff, 192, 0, 2, 1})
	copy(b[88:], []byte{0x20, 1, 0xd, 0xb8})
	want := Event{Kind: Use, Time: 1111, User: Identity{5555, 66, 77}, Netns: 0xfffffff0, Socket: Socket{
		Cookie: 2222, Former: 3333, Inode: 4444, V6: true, V6Only: true, Protocol: 17, Before: 2, State: 3, Direction: Received, Device: 9,
		Local: netip.MustParseAddrPort("192.0.2.1:80"), Remote: netip.MustParseAddrPort("[2001:db8::]:5000")}}
	var got Event
	if err := parse(b[:eventSize], &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	b[60] = byte(Exec)
	host.PutUint64(b[104:], 88)
	copy(b[120:], "a name of 16 byte")
	copy(b[136:], "/bin/x\x00rest")
	host.PutUint32(b[392:], 6)
	copy(b[argsAt:], "x\x00\x00-y\x00")
	if err := parse(b, &got); err != nil || got.Parent.Start != 88 || got.Path != "/bin/x" || !reflect.DeepEqual(got.Args, []string{"x", "", "-y"}) {
		t.Errorf("%+v, %v", got, err)
	}
	for kind, size := range map[Kind]int{Use: eventSize, Exit: eventSize, Fork: forkSize, Rename: forkSize, Exec: execSize} {
		b[60] = byte(kind)
		if err := parse(b[:size], &got); err != nil {
			t.Errorf("kind %d of %d bytes: %v", kind, size, err)
		}
		if err := parse(b[:size-1], &got); err == nil {
			t.Errorf("kind %d of %d bytes: no error", kind, size-1)
		}
	}
	b[60] = byte(Exec)
	host.PutUint32(b[392:], execSize-argsAt+1)
	if err := parse(b, &got); err == nil {
		t.Error("arguments beyond the event: no error")
	}
}
