package record

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

func TestWhole(t *testing.T) {
	var b bytes.Buffer
	w, err := pcapng.NewWriter(&b, pcapng.SectionHeader{OS: "x"})
	if err != nil {
		t.Fatal(err)
	}
	w.AddInterface(pcapng.InterfaceDescription{Name: "lo", LinkType: 1})
	ends := map[int]bool{0: true, int(w.Size()): true}
	for i := range 3 {
		w.WritePacket(&pcapng.EnhancedPacket{Data: make([]byte, 10+i), WireLength: 20})
		ends[int(w.Size())] = true
	}
	first := 0 // of the section header
	w.Flush()
	first = int(b.Bytes()[4])
	ends[first] = true
	last := 0
	for n := range b.Len() + 1 {
		if ends[n] {
			last = n
		}
		if got := wholeBlocks(b.Bytes()[:n]); got != last {
			t.Fatalf("%d bytes: whole blocks end at %d, want %d", n, got, last)
		}
	}
	for text, want := range map[string]int{"": 0, "x": 0, "x\n": 2, "x\ny": 2, "x\ny\n": 4} {
		if got := wholeLines([]byte(text)); got != want {
			t.Errorf("%q: whole lines end at %d, want %d", text, got, want)
		}
	}
	for name, b := range map[string][]byte{
		"length 0": make([]byte, 40), "length 8": {6, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0}, "length of 4 GiB": {6, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0},
	} {
		if got := wholeBlocks(b); got != 0 {
			t.Errorf("%s: %d whole bytes", name, got)
		}
	}
}

// broken is a file in memory whose k-th write fails after some bytes, and whose
// truncation may fail.
type broken struct {
	bytes.Buffer
	k, part      int
	writes       int
	noTruncation bool
}

var errBroken = errors.New("broken")

func (f *broken) Write(b []byte) (int, error) {
	if f.writes++; f.writes < f.k {
		return f.Buffer.Write(b)
	}
	f.Buffer.Write(b[:min(f.part, len(b))])
	return min(f.part, len(b)), errBroken
}

func (f *broken) Truncate(n int64) error {
	if f.noTruncation {
		return fs.ErrInvalid
	}
	f.Buffer.Truncate(int(n))
	return nil
}

func (f *broken) Sync() error  { return nil }
func (f *broken) Close() error { return nil }

// TestCaptureFails lets the k-th write of a capture fail after so many bytes:
// the file is whole up to there, and its packets are those that are counted.
func TestCaptureFails(t *testing.T) {
	for k := 1; k <= 6; k++ {
		for part := 0; part < 300; part += 11 {
			f := &broken{k: k, part: part}
			var told messages
			c, err := newCapture(nil, &output{file: f, whole: wholeBlocks}, &Config{Message: told.add}, "id", []connlog.Interface{{Index: 1, Name: "lo", LinkType: 1}, {Index: 2, Name: "x", LinkType: 1}})
			if k == 1 {
				if !errors.Is(err, errBroken) {
					t.Fatalf("the header cannot be written, and the error is %v", err)
				}
				continue
			}
			for i := range 10 {
				c.take(&frame{time: c.begin + int64(i) + 1, data: make([]byte, 20*i), wire: 2000, index: 1 + i%2, hardware: arphrdEther})
				if i%2 == 1 {
					c.flush()
				}
			}
			if !errors.Is(c.failed, errBroken) || f.writes != k {
				t.Fatalf("write %d: %v after %d writes", k, c.failed, f.writes)
			}
			if got := told.all(); got != "the capture ends here: writing stopped: broken" {
				t.Errorf("told %q", got)
			}
			packets, captured, received := int64(0), int64(0), [2]uint64{}
			r, err := pcapng.NewReader(bytes.NewReader(f.Bytes()), "x")
			if err != nil {
				t.Fatal(err)
			}
			var rec pcapng.Record
			for err = r.Next(&rec); err == nil; err = r.Next(&rec) {
				packets, captured = packets+1, captured+int64(len(rec.Data))
				received[rec.Interface]++
			}
			if err.Error() != "EOF" || packets != c.packets || captured != c.bytes || received != [2]uint64{c.ports[0].received, c.ports[1].received} {
				t.Fatalf("write %d after %d bytes: %d packets of %d bytes, %v; counted %d, %d, %+v", k, part, packets, captured, err, c.packets, c.bytes, c.ports)
			}
			if want := c.begin + int64(k-2)*2; c.safe != want || packets < int64(k-2)*2 {
				t.Errorf("write %d: safe up to %d, want %d, with %d packets", k, c.safe-c.begin, want-c.begin, packets)
			}
		}
	}
}

// TestLogFails is the same for the log.
func TestLogFails(t *testing.T) {
	for k := 1; k <= 6; k++ {
		for part := range 200 {
			f := &broken{k: k, part: part}
			var told messages
			r := &Recording{cfg: Config{Message: told.add}, logFile: &output{file: f, whole: wholeLines}}
			r.log = connlog.NewWriter(r.logFile)
			for range 5 {
				r.note(&connlog.Event{Kind: connlog.KindClock, Time: 1, Boot: 2, Clock: &connlog.Clock{}})
				r.logFailed(r.log.Flush())
			}
			text := f.String()
			if n := strings.Count(text, "\n"); n < min(k-1, 5) || n > min(k, 5) || text != "" && !strings.HasSuffix(text, "}\n") {
				t.Fatalf("write %d after %d bytes: %q", k, part, text)
			}
			if (r.failed != nil) != (k <= 5) || strings.Count(told.all(), "the connection log ends here: writing stopped: broken") != min(1, max(0, 6-k)) {
				t.Fatalf("write %d: %v, told %q", k, r.failed, told.all())
			}
		}
	}
}

// TestOutputFails writes nothing more after a failure, and tells that of
// truncation too.
func TestOutputFails(t *testing.T) {
	f := &broken{k: 2, part: 3, noTruncation: true}
	o := &output{file: f, whole: wholeLines}
	for i, want := range []int{4, 2, 0} {
		n, err := o.Write([]byte("a\nb\n"))
		if n != want || (err != nil) != (i > 0) {
			t.Errorf("write %d: %d bytes, %v, want %d", i+1, n, err, want)
		}
		if i > 0 && (!errors.Is(err, errBroken) || !errors.Is(err, fs.ErrInvalid)) {
			t.Errorf("write %d: %v", i+1, err)
		}
	}
	if f.writes != 2 || o.size != 6 {
		t.Errorf("%d writes, %d bytes", f.writes, o.size)
	}
}

func TestCreate(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "run")
	list := func() string {
		names, err := filepath.Glob(filepath.Join(folder, "*"))
		hidden, errHidden := filepath.Glob(filepath.Join(folder, ".*"))
		if err != nil || errHidden != nil {
			t.Fatal(err, errHidden)
		}
		texts := []string{}
		for _, n := range append(names, hidden...) {
			b, err := os.ReadFile(n)
			texts = append(texts, fmt.Sprintf("%s=%s%v", filepath.Base(n), b, err))
		}
		return strings.ReplaceAll(strings.Join(texts, " "), "<nil>", "")
	}
	for _, force := range []bool{false, true} {
		o, err := create(path, force, nil, wholeLines)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 && runtime.GOOS != "windows" {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		o.remove()
		if got := list(); got != "" {
			t.Errorf("removed, and left %q", got)
		}
	}
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := create(path, false, nil, wholeLines); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	for _, keep := range []bool{false, true} {
		o, err := create(path, true, nil, wholeLines)
		if err != nil {
			t.Fatal(err)
		}
		o.Write([]byte("new\n"))
		if want := "run=old"; !keep {
			if o.remove(); list() != want {
				t.Errorf("not kept: %q, want %q", list(), want)
			}
			continue
		}
		o.keep()
		o.file.Close()
		if got, want := list(), "run=new\n"; got != want {
			t.Errorf("kept: %q, want %q", got, want)
		}
	}
	if _, err := create(filepath.Join(folder, "none", "run"), true, nil, wholeLines); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestSame(t *testing.T) {
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	if err := errors.Join(os.WriteFile(at("a"), nil, 0o600), os.Link(at("a"), at("b")), os.Mkdir(at("sub"), 0o700)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{at("a"), at("a"), true}, {at("a"), at("sub/../a"), true}, {at("a"), at("b"), true}, {at("a"), at("c"), false},
		{at("new"), at("sub/../new"), true}, {at("new"), at("sub/new"), false}, {at("no/x"), at("no/y"), false},
	} {
		if got := same(c.a, c.b); got != c.want {
			t.Errorf("same(%q, %q) = %v", c.a, c.b, got)
		}
	}
}
