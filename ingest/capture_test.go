package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Files of all formats are one recording: frames count on, interfaces are
// those of each file and section, and the second reading is as the first.
func TestSeveralFiles(t *testing.T) {
	paths := []string{save(t, "a.pcapng", ng(t, 1000, 5)), save(t, "b.pcap", classic(t, 1005, 3)), save(t, "c.pcapng", sections(t, 1008, 2))}
	c := open(t, paths...)
	var first []packet.Packet
	for _, size := range []int{1, 4, 1024} {
		all, err := drain(c, size)
		if err != io.EOF || len(c.Damage()) > 0 || len(all) != 12 {
			t.Fatalf("%d packets, %v, damage %v", len(all), err, c.Damage())
		}
		if n, err := c.Read(make([]packet.Packet, 1)); n != 0 || err != io.EOF {
			t.Errorf("behind the end: %d, %v", n, err)
		}
		for i, p := range all {
			if p.Frame != uint64(i+1) || p.Class != packet.Transport || p.Tuple.SourcePort != uint16(1000+i) || p.WireLength != 1500 {
				t.Errorf("packet %d is %+v", i, p)
			}
		}
		if first != nil && !slices.Equal(first, all) {
			t.Errorf("read again, in batches of %d: %s", size, cmp.Diff(first, all))
		}
		first = all
		var interfaces []uint32
		for _, p := range all {
			interfaces = append(interfaces, p.Interface)
		}
		if want := []uint32{0, 1, 0, 1, 0, 2, 2, 2, 3, 3, 4, 4}; !slices.Equal(interfaces, want) {
			t.Errorf("interfaces are %v, want %v", interfaces, want)
		}
		want := []Interface{
			{File: 0, Name: "lo", LinkType: 1, Snaplen: 96, Received: 5, HasReceived: true, HasDropped: true},
			{File: 0, Name: "eth\ufffd", LinkType: 1, Snaplen: 96, Received: 5, HasReceived: true, Dropped: 1, HasDropped: true, Device: 1},
			{File: 1, LinkType: 1, Snaplen: 65535, Device: 2},
			{File: 2, LinkType: 1, Device: 2}, // without a name, and the first of its file as well
			{File: 2, LinkType: 101, Device: 3},
		}
		if d := cmp.Diff(want, c.Interfaces()); d != "" {
			t.Error(d)
		}
		if id := c.RecordingID(); id != recordingID {
			t.Errorf("recording id %q", id)
		}
		must(t, c.Rewind())
	}
	var times []int64
	var directions []packet.Direction
	for _, p := range first {
		times, directions = append(times, p.Time), append(directions, p.Direction)
	}
	if want := []int64{1, 2, 3, 4, 5, 1000e9, 1000e9 + 1000, 1000e9 + 2000, 0, 1000, 2000, 3000}; !slices.Equal(times, want) {
		t.Errorf("times are %v, want %v", times, want)
	}
	if want := []packet.Direction{0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0}; !slices.Equal(directions, want) {
		t.Errorf("directions are %v, want %v", directions, want)
	}
	for i, f := range c.Files() {
		info, err := os.Stat(paths[i])
		must(t, err)
		want := File{Name: paths[i], Format: []pcapng.Format{pcapng.FormatPcapng, pcapng.FormatPcap, pcapng.FormatPcapng}[i], Size: info.Size()}
		if i == 0 {
			want.RecordingID = recordingID
		}
		if f != want {
			t.Errorf("file %d is %+v, want %+v", i, f, want)
		}
	}
}

// Progress goes from nothing to everything, over all files.
func TestProgress(t *testing.T) {
	a, b := ng(t, 1, 4), classic(t, 1, 2)
	c := open(t, save(t, "a", a), save(t, "b", b))
	batch := make([]packet.Packet, 1)
	for last := int64(-1); ; {
		done, total := c.Progress()
		if done < last || done > total || total != int64(len(a)+len(b)) {
			t.Fatalf("%d of %d after %d", done, total, last)
		}
		last = done
		if _, err := c.Read(batch); err == io.EOF {
			break
		}
	}
	if done, total := c.Progress(); done != total {
		t.Errorf("ends at %d of %d", done, total)
	}
	must(t, c.Rewind())
	if done, _ := c.Progress(); done != 0 {
		t.Errorf("begins again at %d", done)
	}
}

// A file cut at any byte gives its whole packets, names the place once, and
// the next file is read.
func TestCutAtEveryByte(t *testing.T) {
	next := save(t, "next.pcap", classic(t, 2000, 2))
	for name, file := range map[string][]byte{"a.pcapng": ng(t, 1000, 3), "a.pcap": classic(t, 1000, 3), "s.pcapng": sections(t, 1000, 2)} {
		path := save(t, name, file)
		c := open(t, path)
		whole, _ := drain(c, 100)
		complete := 0 // packets that some cut leaves
		for cut := len(file); cut >= 0; cut-- {
			must(t, os.Truncate(path, int64(cut)))
			c, err := Open(path, next)
			if cut < 4 || strings.HasSuffix(name, ".pcap") && cut < 24 {
				if err == nil {
					t.Fatalf("%s cut at %d is opened", name, cut)
				}
				continue
			}
			must(t, err)
			all, err := drain(c, 2)
			if err != io.EOF {
				t.Fatalf("%s cut at %d: %v", name, cut, err)
			}
			n := len(all) - 2
			if n < 0 || all[n].Tuple.SourcePort != 2000 || all[n].Frame != uint64(n+1) {
				t.Fatalf("%s cut at %d: the next file does not follow: %+v", name, cut, all)
			}
			if !slices.Equal(all[:n], whole[:n]) {
				t.Errorf("%s cut at %d: %s", name, cut, cmp.Diff(whole[:n], all[:n]))
			}
			if n < complete-1 || n > len(whole) {
				t.Errorf("%s cut at %d: %d packets, %d with a byte more", name, cut, n, complete)
			}
			complete = n
			checkCut(t, c, path, cut, len(file))
			must(t, c.Close())
		}
		if complete != 0 {
			t.Errorf("%s: the shortest cut leaves %d packets", name, complete)
		}
	}
}

// checkCut holds that the damage of a file that was cut names the place.
func checkCut(t *testing.T, c *Capture, path string, cut, size int) {
	t.Helper()
	switch d := c.Damage(); {
	case len(d) == 0: // between two blocks
		if done, _ := c.files[0].Size, c.files[1].Size; done != int64(cut) {
			t.Errorf("%s cut at %d: size is %d", path, cut, done)
		}
	case len(d) > 1 || cut == size:
		t.Errorf("%s cut at %d: damage %+v", path, cut, d)
	default:
		rest := int64(cut) - d[0].Offset
		want := Damage{File: path, Block: d[0].Block, Offset: d[0].Offset, Message: fmt.Sprintf("the file is cut here, %d bytes into a block or record", rest), Count: 1}
		if d[0] != want || d[0].Block == 0 || rest < 1 {
			t.Errorf("%s cut at %d: damage %+v, want %+v", path, cut, d[0], want)
		}
	}
}

// Damage inside a file costs its block; too much of it is counted.
func TestDamage(t *testing.T) {
	file := ng(t, 1000, 3*maxDamage)
	for at := 0; at < len(file); {
		kind, n := file[at], int(file[at+4])|int(file[at+5])<<8
		if kind == 6 { // every packet: of an interface that there is not
			file[at+8] = 9
		}
		at += n
	}
	path, other := save(t, "bad.pcapng", file), save(t, "good.pcapng", ng(t, 1, 4))
	c := open(t, path, other)
	all, err := drain(c, 10)
	if err != io.EOF || len(all) != 4 {
		t.Fatalf("%d packets, %v", len(all), err)
	}
	damage := c.Damage()
	if len(damage) != maxDamage {
		t.Fatalf("%d places, want %d", len(damage), maxDamage)
	}
	var sum int64
	for i, d := range damage {
		sum += d.Count
		if d.File != path || d.Block != uint64(4+i) || d.Field != "interface ID" || d.Message != "9, the section describes 2 interfaces so far" {
			t.Errorf("place %d is %+v", i, d)
		}
	}
	if sum != 3*maxDamage {
		t.Errorf("%d times damaged, want %d", sum, 3*maxDamage)
	}
}

// What cannot be opened says what it is.
func TestOpenErrors(t *testing.T) {
	good := save(t, "good.pcapng", ng(t, 1, 1))
	dir := t.TempDir()
	for _, tt := range []struct {
		name, want string
		paths      []string
	}{
		{"none", "no capture file given", nil},
		{"missing", "no such file", []string{filepath.Join(dir, "missing.pcap")}},
		{"folder", dir + ": a folder without captures, want a capture file", []string{dir}},
		{"empty", ": empty, want a pcapng or pcap capture", []string{save(t, "empty", nil)}},
		{"text", ": begins with bytes 68656c6c, want a pcapng or pcap capture", []string{save(t, "text", []byte("hello"))}},
		{"gzip", ": offset 0x4: gzip data cut: the file ends before it does", []string{save(t, "a.pcap.gz", []byte("\x1f\x8b\x08\x00"))}},
		{"bzip2", ": compressed by bzip2 (decompress it first: bunzip2), want a pcapng or pcap capture", []string{save(t, "a.pcap.bz2", []byte("BZh91AY"))}},
		{"log", ": JSON, perhaps a connection log (name the capture: its log is found beside it)", []string{save(t, "log", []byte(`{"event":"head"}`))}},
		{"header cut", "the file is cut here, 23 bytes into a block or record", []string{save(t, "a.pcap", classic(t, 1, 0)[:23])}},
		{"second", ": empty, want", []string{good, save(t, "empty", nil)}},
		{"second missing", "no such file", []string{good, filepath.Join(dir, "missing.pcap")}},
	} {
		if runtime.GOOS == "windows" && strings.Contains(tt.want, "no such file") {
			tt.want = "cannot find"
		}
		if _, err := Open(tt.paths...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// A file that is gone when its turn comes ends the reading, for good.
func TestFileGone(t *testing.T) {
	gone := save(t, "gone.pcapng", ng(t, 2, 1))
	c := open(t, save(t, "a.pcapng", ng(t, 1, 2)), gone, save(t, "b.pcapng", ng(t, 3, 1)))
	must(t, os.Remove(gone))
	all, err := drain(c, 10)
	if len(all) != 2 || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%d packets, %v", len(all), err)
	}
	if n, again := c.Read(make([]packet.Packet, 1)); n != 0 || again != err {
		t.Errorf("after it: %d, %v", n, again)
	}
}

// stdin makes a pipe with the content standard input.
func stdin(t *testing.T, content []byte) {
	t.Helper()
	in, out, err := os.Pipe()
	must(t, err)
	old := os.Stdin
	os.Stdin = in
	t.Cleanup(func() { os.Stdin = old; in.Close() })
	go func() {
		out.Write(content)
		out.Close()
	}()
}

// Standard input is read in its turn, and once.
func TestStdin(t *testing.T) {
	file := save(t, "a.pcapng", ng(t, 1000, 2))
	for _, paths := range [][]string{{"-"}, {"-", file}, {file, "-"}} {
		stdin(t, classic(t, 3000, 3))
		c := open(t, paths...)
		all, err := drain(c, 2)
		if want := 3 + 2*(len(paths)-1); err != io.EOF || len(all) != want {
			t.Errorf("%q: %d packets, %v; want %d", paths, len(all), err, want)
		}
		if _, total := c.Progress(); total != 0 {
			t.Errorf("%q: of %d bytes", paths, total)
		}
		if err := c.Rewind(); err == nil || !strings.Contains(err.Error(), "standard input cannot be read twice") {
			t.Errorf("%q: rewinding: %v", paths, err)
		}
	}
}

func TestRecordingID(t *testing.T) {
	for comment, want := range map[string]string{
		"recording_id=" + recordingID:                    recordingID,
		"by hand\nrecording_id=" + recordingID + " more": recordingID,
		"recording_id=" + recordingID + "0":              "",
		"recording_id=" + strings.ToUpper(recordingID):   "",
		"recording_id " + recordingID:                    "",
		"xrecording_id=" + recordingID:                   "",
		"":                                               "",
	} {
		if got := identity(comment); got != want {
			t.Errorf("%q: got %q, want %q", comment, got, want)
		}
	}
}
