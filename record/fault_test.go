package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// kthCall lets the k-th call of some files fail, whichever it is.
type kthCall struct {
	k   int
	err error // nil = a write writes less than it should, and says nothing

	mutex sync.Mutex
	calls int
	hit   string // the call that failed
}

// next counts a call, and tells whether it fails.
func (f *kthCall) next(call string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if f.calls++; f.calls != f.k || f.err == nil && call != "write" {
		return false
	}
	f.hit = call
	return true
}

// faulty is a file in memory.
type faulty struct {
	*kthCall
	content bytes.Buffer
	closed  bool
}

func (f *faulty) Write(b []byte) (int, error) {
	if f.next("write") {
		f.content.Write(b[:len(b)/2])
		return len(b) / 2, f.err
	}
	return f.content.Write(b)
}

func (f *faulty) Truncate(n int64) error { f.content.Truncate(int(n)); return nil }

func (f *faulty) Sync() error {
	if f.next("sync") {
		return f.err
	}
	return nil
}

func (f *faulty) Close() error {
	f.closed = true
	if f.next("close") {
		return f.err
	}
	return nil
}

// frames is a tap that gives so many frames, and ends the capture then.
type frames struct {
	left    int
	capture *capture
}

func (t *frames) read(_ time.Duration, f func(*frame)) (bool, error) {
	if t.left == 0 {
		t.capture.stopped.Store(true)
		return false, nil
	}
	t.left--
	f(&frame{time: t.capture.begin + 1, data: make([]byte, 100), wire: 100, index: 1, hardware: arphrdEther})
	t.capture.flush()
	return true, nil
}

func (t *frames) interrupt()              {}
func (t *frames) shut() error             { return nil }
func (t *frames) drops() (int64, error)   { return 0, nil }
func (t *frames) troubles() (int64, bool) { return 0, false }
func (t *frames) close()                  {}

var callErrors = map[string]error{"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "a short write": nil}

// TestEveryCallFails lets the k-th write, sync or close of a rotated capture fail, for
// every k: it ends with that error, all its files are whole, and hold what was counted.
func TestEveryCallFails(t *testing.T) {
	for name, err := range callErrors {
		hits := map[string]int{}
		for k := 1; ; k++ {
			f := &kthCall{k: k, err: err}
			if captureWith(t, fmt.Sprintf("%s at call %d", name, k), f); f.calls < k {
				break
			}
			hits[f.hit]++
		}
		if hits["write"] < 10 || err != nil && (hits["sync"] < 2 || hits["close"] < 2) {
			t.Errorf("%s: these calls failed: %v", name, hits)
		}
	}
}

// captureWith captures into files of 1 KB.
func captureWith(t *testing.T, what string, f *kthCall) {
	t.Helper()
	before := runtime.NumGoroutine()
	var files []*faulty
	create := func(path string) (*output, error) {
		files = append(files, &faulty{kthCall: f})
		return &output{path: path, file: files[len(files)-1], whole: wholeBlocks}, nil
	}
	first, _ := create("run_1.pcapng")
	var told messages
	tap := &frames{left: 12}
	c, err := newCapture(tap, first, &Config{Message: told.add, Rotation: Rotation{Bytes: 1000}}, "id", []connlog.Interface{{Index: 1, Name: "lo", LinkType: 1}})
	if err == nil {
		tap.capture, c.create, c.lost = c, create, func(connlog.Gap) {}
		c.run()
		err = c.failed
	} else if f.hit == "" {
		t.Fatalf("%s: %v", what, err)
	} else {
		return // there is no recording, and no file
	}
	want := f.err
	if want == nil && f.hit != "" {
		want = io.ErrShortWrite
	}
	if f.hit == "" && err != nil || f.hit != "" && !errors.Is(err, want) {
		t.Errorf("%s (%s): the capture ends with %v", what, f.hit, err)
	}
	if n := strings.Count(told.all(), "the capture ends here"); (n == 1) != (f.hit != "") {
		t.Errorf("%s (%s): told %q", what, f.hit, told.all())
	}
	packets := int64(0)
	for i, file := range files {
		if !file.closed {
			t.Errorf("%s (%s): file %d is open", what, f.hit, i+1)
		}
		if file.content.Len() == 0 {
			continue // its first write failed
		}
		r, err := pcapng.NewReader(bytes.NewReader(file.content.Bytes()), "x")
		var rec pcapng.Record
		for ; err == nil; err = r.Next(&rec) {
			packets++
		}
		packets-- // NewReader is none
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s (%s): file %d: %v", what, f.hit, i+1, err)
		}
	}
	if packets != c.packets {
		t.Errorf("%s (%s): %d packets in the files, and %d are counted", what, f.hit, packets, c.packets)
	}
	for until := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%s (%s): %d goroutines are left", what, f.hit, runtime.NumGoroutine()-before)
		}
	}
}

// TestEveryCallOfALogFails is the same for a file of lines that is synced as it grows.
func TestEveryCallOfALogFails(t *testing.T) {
	for name, fails := range callErrors {
		hits := map[string]int{}
		for k := 1; ; k++ {
			f := &kthCall{k: k, err: fails}
			file := &faulty{kthCall: f}
			o := &output{path: "log", file: file, whole: wholeLines}
			var first error
			for range 4 {
				_, err := o.Write([]byte("a line\nanother line\n"))
				first = together(first, err)
				if err := o.syncSoon(); err != nil && first == nil {
					first = err
				}
			}
			first = together(first, o.finish())
			if f.calls < k {
				break
			}
			hits[f.hit]++
			want := fails
			if want == nil && f.hit != "" {
				want = io.ErrShortWrite
			}
			if f.hit == "" && first != nil || f.hit != "" && !errors.Is(first, want) {
				t.Errorf("%s at call %d (%s): %v", name, k, f.hit, first)
			}
			if text := file.content.String(); !file.closed || text != "" && !strings.HasSuffix(text, "line\n") {
				t.Errorf("%s at call %d (%s): closed %v, %q", name, k, f.hit, file.closed, text)
			}
		}
		if hits["write"] == 0 || fails != nil && (hits["sync"] == 0 || hits["close"] == 0) {
			t.Errorf("%s: these calls failed: %v", name, hits)
		}
	}
}

// TestFailureBeforeLimit: a capture that fails ends the recording where that waits for a
// number of packets, which never come.
func TestFailureBeforeLimit(t *testing.T) {
	first := &output{path: "run.pcapng", file: &faulty{kthCall: &kthCall{k: 3, err: syscall.ENOSPC}}, whole: wholeBlocks}
	tap := &frames{left: 12}
	c, err := newCapture(tap, first, &Config{Message: func(MessageKind, string) {}, Limits: Limits{Packets: 1000}}, "id", []connlog.Interface{{Index: 1, Name: "lo", LinkType: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	tap.capture, c.lost, c.reached = c, func(connlog.Gap) {}, func(reason string) { reasons = append(reasons, reason) }
	c.run()
	if c.failed == nil || len(reasons) != 1 {
		t.Errorf("failed: %v, ended because %q", c.failed, reasons)
	}
}

// losing is a tap that lost packets.
type losing struct{ frames }

func (*losing) drops() (int64, error) { return 3, nil }

// TestLossOverClockStep: what was lost while the clock was set back lies between two times.
func TestLossOverClockStep(t *testing.T) {
	var gap connlog.Gap
	c := capture{tap: &losing{}, ports: make([]port, 1), dropsRead: 5000, lost: func(g connlog.Gap) { gap = g }}
	c.readDrops(2000)
	if gap.Begin != 2000 || gap.End != 5000 || gap.Count != 3 || c.dropsRead != 2000 {
		t.Errorf("%+v", gap)
	}
}
