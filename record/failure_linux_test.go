package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// socket opens a UDP socket until the test ends, and returns its address.
func socket(t *testing.T) string {
	t.Helper()
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	return u.LocalAddr().String()
}

// fill writes into a folder until its file system has only so many bytes left.
func fill(t *testing.T, folder string, left int64) {
	t.Helper()
	free, ok := freeSpace(folder)
	if !ok {
		t.Fatal("no free space told")
	}
	f, err := os.CreateTemp(folder, "filler")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, free-left)); err != nil {
		t.Fatal(err)
	}
}

// TestDiskFillsWithPackets: the command runs to its end, the capture is readable
// up to where the disk was full, and everybody is told.
func TestDiskFillsWithPackets(t *testing.T) {
	folder := small(t, "3m")
	cfg := configure(t, as("sender", "RECORD_TEST_COUNT=1000", "RECORD_TEST_SIZE=8000")...)
	cfg.Log, cfg.RingMiB = LogPath(cfg.Capture), 16
	cfg.Capture = filepath.Join(folder, "run.pcapng")
	var told messages
	cfg.Message = told.add
	s, err := begin(t, cfg).Wait()
	checkFull(t, err, cfg.Capture)
	if s.Status == nil || *s.Status != 7 {
		t.Errorf("the command ended with %v, want 7", s.Status)
	}
	c := readCapture(t, cfg.Capture)
	if c.err != nil || int64(len(c.records)) != s.Packets || s.Packets < 100 || s.Packets > 400 {
		t.Errorf("%d packets in the capture, the summary has %d; error %v", len(c.records), s.Packets, c.err)
	}
	if n := capinfos(t, cfg.Capture); n != s.Packets {
		t.Errorf("capinfos counts %d", n)
	}
	bytes := int64(0)
	for _, r := range c.records {
		bytes += int64(len(r.Data))
	}
	if bytes != s.Bytes {
		t.Errorf("%d bytes in the capture, the summary has %d", bytes, s.Bytes)
	}
	log := parseLog(t, readFile(t, cfg.Log))
	last := log[len(log)-1]
	if last.Event != "end" || *last.Status != 7 || last.Packets != s.Packets {
		t.Errorf("the log ends with %+v", last)
	}
	gap := slices.IndexFunc(log, func(l line) bool { return l.Event == "gap" && strings.Contains(l.Message, "the capture failed") })
	if gap < 0 || log[gap].Begin > c.records[len(c.records)-1].Time || log[gap].End < log[gap].Begin {
		t.Errorf("the gap %d does not begin with the first packet that is missing", gap)
	}
	if n := strings.Count(told.all(), "the capture ends here"); n != 1 {
		t.Errorf("told %q", told.all())
	}
}

// TestDiskFillsWithEvents is the same for the log: the capture goes on.
func TestDiskFillsWithEvents(t *testing.T) {
	folder := small(t, "2m")
	cfg := configure(t, "sleep", "1.3")
	cfg.Log, cfg.Filter = filepath.Join(folder, "log"), tcpdump(t, "udp")
	var told messages
	cfg.Message = told.add
	r := begin(t, cfg)
	datagrams(t, 5, 10)
	fill(t, folder, 8192)
	for range 300 {
		socket(t)
	}
	within(t, "the recorder says so", func() bool { return strings.Contains(told.all(), "the connection log ends here") })
	datagrams(t, 5, 10)
	s, err := r.Wait()
	checkFull(t, err, cfg.Log)
	if *s.Status != 0 || s.Packets != 10 || capinfos(t, cfg.Capture) != 10 {
		t.Errorf("status %d, %d packets, want 0 and 10", *s.Status, s.Packets)
	}
	if log := parseLog(t, readFile(t, cfg.Log)); len(log) < 10 || log[len(log)-1].Event == "end" {
		t.Errorf("%d lines in the log", len(log))
	}
	if n := strings.Count(told.all(), "ends here"); n != 1 {
		t.Errorf("told %q", told.all())
	}
}

func checkFull(t *testing.T, err error, path string) {
	t.Helper()
	var e *Error
	if !errors.Is(err, unix.ENOSPC) || !errors.As(err, &e) || e.ExitStatus() != 1 || !strings.HasPrefix(err.Error(), path+": writing stopped") {
		t.Errorf("error %v, want that %s has no space", err, path)
	}
}

// fault is how a call of a file fails.
type fault struct {
	name string
	part int   // bytes that a write writes before
	err  error // nil = it only writes less
}

var faults = []fault{
	{"no space", 0, unix.ENOSPC},
	{"no space for all of it", 500, unix.ENOSPC},
	{"input/output error", 500, unix.EIO},
	{"input/output error behind all of it", math.MaxInt, unix.EIO},
	{"short write", 100, nil},
}

// flaky is a file whose n-th write fails, or its closing.
type flaky struct {
	*os.File
	n int
	fault
	closing bool
	failed  bool
}

func (f *flaky) Write(b []byte) (int, error) {
	if f.n--; f.n != 0 {
		return f.File.Write(b)
	}
	f.failed = true
	part := len(b)
	if f.part < part {
		part = f.part
	} else if f.part < math.MaxInt {
		part-- // not all of it: the last lines are short
	}
	if f.err == nil {
		part = min(part, len(b)/2) // statistics alone are short
	}
	n, err := f.File.Write(b[:part])
	return n, errors.Join(err, f.err)
}

func (f *flaky) Close() error {
	err := f.File.Close()
	if f.closing {
		f.failed = true
		return errors.Join(err, f.err)
	}
	return err
}

// TestWriteFails lets the k-th write of either file fail while a command is
// recorded, for every k and in every way: both files are whole up to there, and
// Wait says which file, and why.
func TestWriteFails(t *testing.T) {
	private(t)
	for _, file := range []string{"capture", "log"} {
		failed := true
		for k := 1; failed; k++ {
			if k > 20 {
				t.Fatal("there is no end of writes")
			}
			for i, how := range faults {
				if need.Slow && i%2 == k%2 {
					continue
				}
				t.Run(fmt.Sprintf("%s write %d %s", file, k, how.name), func(t *testing.T) {
					failed = failAt(t, file, k, how)
				})
			}
		}
	}
}

// TestCloseFails: a file system that writes behind tells at the end that it could
// not.
func TestCloseFails(t *testing.T) {
	private(t)
	for _, file := range []string{"capture", "log"} {
		for _, err := range []error{unix.ENOSPC, unix.EIO} {
			if !failAt(t, file, 0, fault{"", 0, err}) {
				t.Errorf("the %s was not closed", file)
			}
		}
	}
}

// failAt records while the k-th write of a file fails, or its closing where k is 0,
// and tells whether there was one.
func failAt(t *testing.T, file string, k int, how fault) (failed bool) {
	cfg := configure(t, as("sender", "RECORD_TEST_COUNT=200", "RECORD_TEST_SIZE=8000")...)
	r, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	broken, path := r.capture.out, cfg.Capture
	if file == "log" {
		broken, path = r.logFile, LogPath(cfg.Capture)
	}
	f := &flaky{File: broken.file.(*os.File), n: k, fault: how, closing: k == 0}
	broken.file = f
	if err := r.begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	s, err := r.Wait()
	want := how.err
	if want == nil {
		want = io.ErrShortWrite
	}
	if f.failed != errors.Is(err, want) || err == nil == f.failed || f.failed && !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("Wait's error: %v", err)
	}
	if *s.Status != 7 {
		t.Errorf("status %d, want 7", *s.Status)
	}
	c := readCapture(t, cfg.Capture)
	if c.err != nil || int64(len(c.records)) != s.Packets {
		t.Errorf("%d packets in the capture, the summary has %d; error %v", len(c.records), s.Packets, c.err)
	}
	log := readLog(t, cfg.Capture)
	complete := !f.failed || file == "capture" || k == 0
	if last := log[len(log)-1]; (last.Event == "end") != complete && how.part < math.MaxInt {
		t.Errorf("the log ends with %+v", last)
	}
	return f.failed
}

// TestKill kills the recorder under load: what is in the files is whole apart
// from the last block and the last line, and lacks only the last second or so.
func TestKill(t *testing.T) {
	capture := filepath.Join(t.TempDir(), "run.pcapng")
	p, told := recorder(t, []string{"RECORD_TEST_CAPTURE=" + capture})
	if o := told(); !o.Started {
		t.Fatalf("%+v", o)
	}
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	payload := make([]byte, 1000)
	for began := time.Now(); time.Since(began) < 2500*time.Millisecond; time.Sleep(time.Millisecond) {
		for range 10 {
			u.WriteTo(payload, u.LocalAddr())
		}
	}
	killed := time.Now().UnixNano()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.Wait()
	c := readCapture(t, capture)
	var torn *pcapng.FormatError
	if c.err != nil && (!errors.As(c.err, &torn) || !torn.Cut) {
		t.Errorf("the capture is damaged: %v", c.err)
	}
	log := readFile(t, LogPath(capture))
	lines := parseLog(t, log[:bytes.LastIndexByte(log, '\n')+1])
	for what, last := range map[string]int64{"packet": c.records[len(c.records)-1].Time, "event": lines[len(lines)-1].Time} {
		// A second, and what a busy machine adds to that.
		if lost := time.Duration(killed - last); lost > 1700*time.Millisecond {
			t.Errorf("the last %s is %v old", what, lost)
		}
	}
	if lines[len(lines)-1].Event == "end" {
		t.Error("the log has an end")
	}
}
