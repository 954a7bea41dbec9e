package report

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// twice writes the demonstration's capture with each packet a second time, 10 µs
// later, on another interface.
func twice(t *testing.T, dir string) string {
	t.Helper()
	if err := demo.Unpack(dir); err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(filepath.Join(dir, demo.Capture))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	r, err := pcapng.NewReader(from, demo.Capture)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "twice.pcapng")
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	w, err := pcapng.NewWriter(to, pcapng.SectionHeader{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"port", "bridge"} {
		if _, err := w.AddInterface(pcapng.InterfaceDescription{Name: name, LinkType: pcapng.LinkEthernet}); err != nil {
			t.Fatal(err)
		}
	}
	var rec pcapng.Record
	for err = r.Next(&rec); err == nil; err = r.Next(&rec) {
		for n := range int64(2) {
			if err := w.WritePacket(&pcapng.EnhancedPacket{Interface: uint32(n), Time: rec.Time + n*10_000, Data: rec.Data, WireLength: rec.WireLength}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err != io.EOF {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// A capture of a bridge and its port says of every process what that of the port
// alone does; counted on all interfaces it says twice that.
func TestSeenOnTwoInterfaces(t *testing.T) {
	dir := t.TempDir()
	both := twice(t, dir)
	log := filepath.Join(dir, demo.Log)
	analyze := func(capture string, all bool) *Result {
		r, err := Analyze(context.Background(), Config{Captures: []string{capture}, Logs: []string{log}, AllInterfaces: all})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { r.Close() })
		return r
	}
	one, once, all := analyze(filepath.Join(dir, demo.Capture), false), analyze(both, false), analyze(both, true)
	if c := once.Capture; c.Totals.Packets != 2*one.Capture.Totals.Packets || c.Duplicates != one.Capture.Totals.Packets || !c.DuplicatesKnown || one.Capture.Duplicates != 0 {
		t.Errorf("%d of %d packets are duplicates, want half", c.Duplicates, c.Totals.Packets)
	}
	if all.Capture.DuplicatesKnown || all.Capture.Duplicates != 0 {
		t.Errorf("%d duplicates were not looked for", all.Capture.Duplicates)
	}
	for i, p := range one.Processes {
		a, b := once.Processes[i].Self, all.Processes[i].Self
		if a != p.Self || b.Sent.Packets != 2*p.Self.Sent.Packets || b.Received.WireBytes != 2*p.Self.Received.WireBytes {
			t.Errorf("%s: %+v alone, %+v once, %+v on all interfaces", p.Name, p.Self, a, b)
		}
	}
}
