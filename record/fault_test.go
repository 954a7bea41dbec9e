package record

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// kthCall lets the k-th call of some files to write, sync or close fail. Each is counted
// apart: files are synced and closed beside those that write.
type kthCall struct {
	call string
	k    int
	err  error // nil = a write writes less than it should, and says nothing

	mutex sync.Mutex
	calls int
	hit   bool
}

// next counts a call, and tells whether it fails.
func (f *kthCall) next(call string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if call != f.call {
		return false
	}
	f.calls++
	f.hit = f.hit || f.calls == f.k
	return f.calls == f.k
}

func (f *kthCall) String() string { return fmt.Sprintf("%v at %s %d", f.err, f.call, f.k) }

// want is the error that follows.
func (f *kthCall) want() error {
	switch {
	case !f.hit:
		return nil
	case f.err == nil:
		return io.ErrShortWrite
	}
	return f.err
}

// kinds are the calls that may fail with an error, and with a short write alone.
func kinds(err error) []string {
	if err == nil {
		return []string{"write"}
	}
	return []string{"write", "sync", "close"}
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

// slow is a file whose sync ends when it is let to.
type slow struct {
	faulty
	release chan struct{}
	syncs   *atomic.Int32
}

func (f *slow) Sync() error {
	f.syncs.Add(1)
	<-f.release
	return nil
}

// stalled is a tap whose disk goes on when all frames were taken.
type stalled struct {
	frames
	release func()
}

func (t *stalled) read(timeout time.Duration, f func(*frame)) (bool, error) {
	if t.left == 0 {
		t.release()
	}
	return t.frames.read(timeout, f)
}

// TestSlowDisk rotates a capture with every packet, on a disk that does not come to the end
// of the first sync: packets are taken all the same. In a ring buffer there may be any number,
// for what it removed is not waited for.
func TestSlowDisk(t *testing.T) {
	for keep, packets := range map[int]int{0: mostBehind, 1: 100, 2: 100, 5: 100} {
		var syncs atomic.Int32
		var files []*slow
		dir, released := t.TempDir(), make(chan struct{})
		create := func(path string) (*output, error) {
			files = append(files, &slow{faulty{kthCall: &kthCall{}}, released, &syncs})
			return &output{path: path, file: files[len(files)-1], whole: wholeBlocks}, os.WriteFile(path, nil, 0o600)
		}
		first, _ := create(filepath.Join(dir, "run_1.pcapng"))
		var told messages
		tap := &stalled{frames{left: packets}, sync.OnceFunc(func() { close(released) })}
		c, err := newCapture(tap, first, &Config{Capture: filepath.Join(dir, "run.pcapng"), Message: told.add}, "id", []connlog.Interface{{Index: 1, Name: "lo", LinkType: 1}})
		if err != nil {
			t.Fatal(err)
		}
		tap.capture, c.create, c.lost = c, create, func(connlog.Gap) {}
		c.rotation = Rotation{Bytes: c.writer.Size() + 1, Files: keep}
		watchdog := time.AfterFunc(10*time.Second, func() {
			t.Errorf("%d kept: the packets wait for the disk", keep)
			tap.release()
		})
		c.run()
		watchdog.Stop()
		if c.failed != nil || c.packets != int64(packets) || len(files) != packets+1 {
			t.Errorf("%d kept: %d packets in %d files, %v", keep, c.packets, len(files), c.failed)
		}
		for i, f := range files {
			if !f.closed {
				t.Errorf("%d kept: file %d is open", keep, i+1)
			}
		}
		left, err := os.ReadDir(dir)
		want := packets + 1
		if keep > 0 {
			want = keep
		}
		if err != nil || len(left) != want || len(c.files) != want {
			t.Errorf("%d kept: %d files are there, %d are told, want %d; %v", keep, len(left), len(c.files), want, err)
		}
		if n := int(syncs.Load()); n < want || n > want+1 { // one may have begun before it was removed
			t.Errorf("%d kept: %d files were synced, want %d", keep, n, want)
		}
	}
}

// TestFormerFileFails tells which file could not be brought to the disk.
func TestFormerFileFails(t *testing.T) {
	first := &output{path: "run_1.pcapng", file: &faulty{kthCall: &kthCall{call: "sync", k: 1, err: syscall.EIO}}}
	var told messages
	c := capture{out: &output{path: "run_2.pcapng"}, past: []*output{first}, message: told.add}
	c.settle(0)
	if want := "the capture ends here: run_1.pcapng: input/output error"; told.all() != want || c.failedIn != "run_1.pcapng" || !errors.Is(c.failed, syscall.EIO) {
		t.Errorf("told %q of %q, %v, want %q", told.all(), c.failedIn, c.failed, want)
	}
}

// callErrors are those of calls that fail; nil is that of a short write.
var callErrors = []error{syscall.ENOSPC, syscall.EIO, nil}

// TestEveryCallFails lets the k-th write, sync or close of a rotated capture fail, for
// every k: it ends with that error, all its files are whole, and hold what was counted.
func TestEveryCallFails(t *testing.T) {
	for _, err := range callErrors {
		for _, call := range kinds(err) {
			failed := 0
			for captureWith(t, &kthCall{call: call, k: failed + 1, err: err}) {
				failed++
			}
			if failed < 2 || call == "write" && failed < 10 {
				t.Errorf("%v: %d calls to %s failed", err, failed, call)
			}
		}
	}
}

// captureWith captures into files of 1 KB, and tells whether the call came that fails.
func captureWith(t *testing.T, f *kthCall) bool {
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
	} else if !f.hit {
		t.Fatalf("%v: %v", f, err)
	} else {
		return true // there is no recording, and no file
	}
	if !errors.Is(err, f.want()) {
		t.Errorf("%v: the capture ends with %v", f, err)
	}
	if n := strings.Count(told.all(), "the capture ends here"); (n == 1) != f.hit {
		t.Errorf("%v: told %q", f, told.all())
	}
	packets := int64(0)
	for i, file := range files {
		if !file.closed {
			t.Errorf("%v: file %d is open", f, i+1)
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
			t.Errorf("%v: file %d: %v", f, i+1, err)
		}
	}
	if packets != c.packets {
		t.Errorf("%v: %d packets in the files, and %d are counted", f, packets, c.packets)
	}
	for until := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%v: %d goroutines are left", f, runtime.NumGoroutine()-before)
		}
	}
	return f.hit
}

// TestEveryCallOfALogFails is the same for a file of lines that is synced as it grows.
func TestEveryCallOfALogFails(t *testing.T) {
	for _, err := range callErrors {
		for _, call := range kinds(err) {
			failed := 0
			for logWith(t, &kthCall{call: call, k: failed + 1, err: err}) {
				failed++
			}
			if failed == 0 {
				t.Errorf("%v: no call to %s failed", err, call)
			}
		}
	}
}

// logWith writes lines, and tells whether the call came that fails.
func logWith(t *testing.T, f *kthCall) bool {
	t.Helper()
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
	if first = together(first, o.finish()); !errors.Is(first, f.want()) {
		t.Errorf("%v: %v", f, first)
	}
	if text := file.content.String(); !file.closed || text != "" && !strings.HasSuffix(text, "line\n") {
		t.Errorf("%v: closed %v, %q", f, file.closed, text)
	}
	return f.hit
}

// TestFailureBeforeLimit: a capture that fails ends the recording where that waits for a
// number of packets, which never come.
func TestFailureBeforeLimit(t *testing.T) {
	first := &output{path: "run.pcapng", file: &faulty{kthCall: &kthCall{call: "write", k: 3, err: syscall.ENOSPC}}, whole: wholeBlocks}
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
