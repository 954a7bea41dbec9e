package inspect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/demo"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// recording unpacks the recording that ships with the program.
func recording(t *testing.T) (dir, capture string) {
	t.Helper()
	dir = t.TempDir()
	if err := demo.Unpack(dir); err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Join(dir, demo.Capture)
}

func inspected(t *testing.T, path string) *Capture {
	t.Helper()
	c, err := File(context.Background(), path, Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRecording(t *testing.T) {
	dir, path := recording(t)
	c := inspected(t, path)
	l := c.Log
	if l == nil || l.Matches == nil || !*l.Matches || !l.Complete || l.Covers == nil || *l.Covers != 1 || l.Gaps != 0 || l.Sockets == 0 || l.Processes < 9 {
		t.Errorf("the log is %+v", l)
	}
	if !c.InOrder || c.Format != "pcapng" || len(c.Damage) != 0 || c.Dropped == nil || *c.Dropped != 0 || len(c.Interfaces) != 1 || c.Interfaces[0].Packets != c.Packets {
		t.Errorf("the capture is %+v", c)
	}
	var document map[string]any
	if text, err := json.Marshal(c); err != nil || json.Unmarshal(text, &document) != nil || document["packets"] != float64(c.Packets) {
		t.Errorf("JSON %s: %v", text, err)
	}
	// Cut, and with the log of another recording.
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(content[:len(content)-1000], []byte(c.RecordingID), []byte(strings.Repeat("0", 32)), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := inspected(t, path)
	if len(damaged.Damage) != 1 || damaged.Packets >= c.Packets || *damaged.Log.Matches {
		t.Errorf("damage %+v, %d packets, the log matches: %v", damaged.Damage, damaged.Packets, *damaged.Log.Matches)
	}
	var out bytes.Buffer
	if err := damaged.Text(&out); err != nil || !strings.Contains(out.String(), "damage          block ") || !strings.Contains(out.String(), "of another recording") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	if _, err := File(context.Background(), filepath.Join(dir, demo.Ledger), Config{}); err == nil {
		t.Error("a ledger passes for a capture")
	}
}

// capinfos says the same of third-party captures and of ours.
func TestCapinfos(t *testing.T) {
	capinfos := need.Tool(t, "capinfos")
	_, path := recording(t)
	paths := []string{path}
	if corpora := os.Getenv(need.Corpora); corpora != "" {
		more, err := filepath.Glob(filepath.Join(corpora, "arkime/tests/pcap/*s*.pcap"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%d captures, %v", len(more), err)
		}
		paths = append(paths, more[:min(len(more), 60)]...)
	}
	for _, path := range paths {
		out, err := exec.Command(capinfos, "-T", "-m", "-r", "-M", "-c", "-s", "-d", "-o", path).Output()
		if err != nil {
			continue // that capinfos reads it is another test's
		}
		c := inspected(t, path)
		order := map[bool]string{true: "True", false: "False"}[c.InOrder]
		if want := fmt.Sprintf("%s,%d,%d,%d,%s", path, c.Packets, *c.FileBytes, c.WireBytes, order); strings.ReplaceAll(strings.TrimSpace(string(out)), `"`, "") != want {
			t.Errorf("capinfos says %q, we %q", strings.TrimSpace(string(out)), want)
		}
	}
}

// A process is told once, though its threads differ, and by its PID alone where it
// has no name.
func TestNames(t *testing.T) {
	var b bytes.Buffer
	w, err := pcapng.NewWriter(&b, pcapng.SectionHeader{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcapng.InterfaceDescription{LinkType: pcapng.LinkEthernet}); err != nil {
		t.Fatal(err)
	}
	comment := func(text string) pcapng.Options { return pcapng.Options{pcapng.TextOption(pcapng.OptionComment, text)} }
	for _, options := range []pcapng.Options{
		comment("PID: 7\nCmd: /bin/curl\nArgs: curl a,ThreadId: 7\nThreadName: curl"),
		comment("PID: 7\nCmd: /bin/curl\nArgs: curl a,ThreadId: 9\nThreadName: resolve"),
		{{Code: pcapng.PacketProcess, Value: []byte{8, 0, 0, 0, 0, 0, 0, 0}}},
	} {
		if err := w.WriteBlock(&pcapng.PacketBlock{WireLength: 14, Data: make([]byte, 14), Options: options}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "names.pcapng")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := inspected(t, path).Text(&text); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("%-16s2 packets of curl[7]\n%16s1 packet of process 8\nlog", "names", "")
	if !strings.Contains(text.String(), want) {
		t.Errorf("want %q in\n%s", want, text.String())
	}
}
