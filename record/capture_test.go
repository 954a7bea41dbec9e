package record

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// messages gathers what a recording tells a person.
type messages struct {
	sync.Mutex
	list []string
}

func (m *messages) add(_ MessageKind, text string) {
	m.Lock()
	defer m.Unlock()
	m.list = append(m.list, text)
}

func (m *messages) all() string {
	m.Lock()
	defer m.Unlock()
	return strings.Join(m.list, "\n")
}

// TestMeet captures frames of interfaces that the recording did not begin with:
// each gets its block once, and one whose frames cannot be recorded a message.
func TestMeet(t *testing.T) {
	f := &broken{k: 1 << 30}
	var told messages
	c, err := newCapture(nil, &output{file: f, whole: wholeBlocks}, &Config{Message: told.add}, "id", []connlog.Interface{{Index: 1, Name: "known", LinkType: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var met []string
	c.met = func(i connlog.Interface) { met = append(met, i.Name) }
	const gone = 1 << 30 // an index that no interface has any more
	for i, x := range []frame{
		{index: gone, hardware: arphrdEther}, {index: gone + 1, hardware: 778}, {index: 1, hardware: arphrdEther},
		{index: gone + 1, hardware: 778}, {index: gone, hardware: arphrdEther}, {index: gone + 2, hardware: 0xfffe},
	} {
		x.time, x.data, x.wire = c.begin+int64(i), []byte("frame"), 5
		c.take(&x)
	}
	c.writeStatistics(c.begin + 10)
	c.flush()
	if got, want := told.all(), `interface "ifindex-1073741825" is left out: frames of hardware type 778 cannot be recorded`; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
	r, err := pcapng.NewReader(bytes.NewReader(f.Bytes()), "x")
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint32
	var rec pcapng.Record
	for err = r.Next(&rec); err == nil; err = r.Next(&rec) {
		ids = append(ids, rec.Interface)
	}
	if len(ids) != 4 || ids[0] != 1 || ids[1] != 0 || ids[2] != 1 || ids[3] != 2 || c.packets != 4 {
		t.Errorf("packets of the interfaces %v, %d counted", ids, c.packets)
	}
	if want := []string{"ifindex-1073741824", "ifindex-1073741826"}; !slices.Equal(met, want) {
		t.Errorf("the log is told of %q, want %q", met, want)
	}
	for i, want := range []pcapng.Interface{
		{Name: "known", LinkType: 1, Received: pcapng.Counted(1)}, {Name: "ifindex-1073741824", LinkType: 1, Received: pcapng.Counted(2)},
		{Name: "ifindex-1073741826", LinkType: 101, Received: pcapng.Counted(1)},
	} {
		if got := r.Interfaces()[i]; got.Name != want.Name || got.LinkType != want.LinkType || got.Received != want.Received {
			t.Errorf("interface %d: %+v, want %+v", i, got, want)
		}
	}
	if n := strings.Count(f.String(), "dropped counts all interfaces together"); n != 1 {
		t.Errorf("%d comments about the dropped packets, want one", n)
	}
}

// TestTakeTagged cuts a frame to the snaplen behind its VLAN tag, and counts the
// tag in the wire length.
func TestTakeTagged(t *testing.T) {
	f := &broken{k: 1 << 30}
	c, err := newCapture(nil, &output{file: f, whole: wholeBlocks}, &Config{Snaplen: 18}, "id", []connlog.Interface{{Index: 1, Name: "x", LinkType: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c.take(&frame{time: c.begin, data: []byte("ddddddssssss\x08\x00payl"), wire: 100, index: 1, vlan: vlanTag{true, 0x8100, 5}})
	c.flush()
	r, err := pcapng.NewReader(bytes.NewReader(f.Bytes()), "x")
	if err != nil {
		t.Fatal(err)
	}
	var rec pcapng.Record
	if err := r.Next(&rec); err != nil || string(rec.Data) != "ddddddssssss\x81\x00\x00\x05\x08\x00" || rec.WireLength != 104 || c.bytes != 18 {
		t.Errorf("%q of %d bytes, %d counted, %v", rec.Data, rec.WireLength, c.bytes, err)
	}
}
