package record

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// marksOf are the marks of a log, in words.
func marksOf(log []line) (words []string) {
	for _, l := range log {
		if l.Event == "mark" {
			words = append(words, l.Change+" "+l.Name)
		}
	}
	return words
}

// TestMarks takes the marks that the command writes to the socket of its
// environment, in any number of lines, with the time at which they were written and
// who wrote them, until the command's end.
func TestMarks(t *testing.T) {
	private(t)
	cfg := configure(t, as("marker")...)
	var warnings []string
	cfg.Message = func(k MessageKind, text string) {
		if k == Warning {
			warnings = append(warnings, text)
		}
	}
	before := time.Now().UnixNano()
	s := complete(t, begin(t, cfg))
	log := readLog(t, cfg.Capture)
	want := []string{"begin load", "begin two words", "end two words", "instant café \x00", "end load"}
	for i := range 300 {
		want = slices.Insert(want, 4+i, fmt.Sprint("instant ", i))
	}
	if got := marksOf(log); !slices.Equal(got, want) {
		t.Errorf("marks are %q, want %q", got, want)
	}
	last := before
	for _, l := range log {
		if l.Event != "mark" {
			continue
		}
		if l.PID != int32(s.PID) || l.Time < last || l.Time > s.End.UnixNano() {
			t.Errorf("%s %s: of process %d at %d, want %d, not before %d", l.Change, l.Name, l.PID, l.Time, s.PID, last)
		}
		last = l.Time
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], `"stop it"`) {
		t.Errorf("warnings are %q", warnings)
	}
}

// writeMarks is the role of a benchmark that marks its phases.
func writeMarks() {
	conn, err := net.Dial("unixgram", os.Getenv(SocketVariable))
	must(err)
	write := func(text string) {
		_, err := conn.Write([]byte(text))
		must(err)
	}
	write("begin load\nbegin two words\n")
	write("end two words")
	write("mark café \x00\n\n")
	for i := range 300 { // more than the socket has room for
		must(Mark("", connlog.MarkInstant, fmt.Sprint(i)))
	}
	write("stop it")
	for _, nameless := range []string{"begin", "end ", "mark\r\n"} {
		write(nameless)
	}
	must(Mark("", connlog.MarkEnd, "load"))
}

// TestMarkAt takes the time of the writing, not of the reading.
func TestMarkAt(t *testing.T) {
	c, err := openControl(nil, func(MessageKind, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range cap(c.notices) + 1 { // the reader has to wait with the last one
		if err := Mark(c.path, connlog.MarkInstant, "x"); err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now().UnixNano()
	if err := Mark(c.path, connlog.MarkBegin, "late"); err != nil {
		t.Fatal(err)
	}
	after := time.Now().UnixNano()
	time.Sleep(50 * time.Millisecond)
	for {
		if m := <-c.notices; m.Name == "late" {
			if m.at < before || m.at > after || m.PID != int32(os.Getpid()) {
				t.Errorf("at %d by %d, want between %d and %d by this process", m.at, m.PID, before, after)
			}
			return
		}
	}
}

// TestControlFolder makes the socket elsewhere where temporary files lie too deep, or
// nobody may make any.
func TestControlFolder(t *testing.T) {
	deep := filepath.Join(t.TempDir(), strings.Repeat("d", 100))
	if err := os.Mkdir(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{deep, filepath.Join(t.TempDir(), "none"), "."} {
		t.Setenv("TMPDIR", folder)
		c, err := openControl(nil, func(MessageKind, string) {})
		if err != nil {
			t.Fatal(err)
		}
		if !filepath.IsAbs(c.path) || len(c.path) > 107 {
			t.Errorf("%s: the socket is %s", folder, c.path)
		}
		if err := sendMark(c.path, "mark x"); err != nil {
			t.Errorf("%s: %v", folder, err)
		} else if m := <-c.notices; m.Name != "x" {
			t.Errorf("%s: the mark is %+v", folder, m)
		}
		c.close()
	}
}

// TestMarkFiles closes files that are passed with a mark.
func TestMarkFiles(t *testing.T) {
	c, err := openControl(nil, func(MessageKind, string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	before := openFiles(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := unix.Sendmsg(fd, []byte("mark x"), unix.UnixRights(0, 1, 2), &unix.SockaddrUnix{Name: c.path}, 0); err != nil {
			t.Fatal(err)
		}
		if m := <-c.notices; m.Name != "x" {
			t.Errorf("the mark is %+v", m)
		}
	}
	unix.Close(fd)
	if after := openFiles(t); after > before+5 {
		t.Errorf("%d files are open, %d were", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// TestMarkNobody says that there is no recording, or none any more, and does not
// wait.
func TestMarkNobody(t *testing.T) {
	t.Setenv(SocketVariable, "")
	c, err := openControl(nil, func(MessageKind, string) {})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(c.path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v", info.Mode(), err)
	}
	c.close()
	if _, err := os.Stat(filepath.Dir(c.path)); err == nil {
		t.Error("the socket's folder stays")
	}
	left := filepath.Join(t.TempDir(), "left") // by a recorder that was killed
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: left}), unix.Close(fd)); err != nil {
		t.Fatal(err)
	}
	for socket, want := range map[string]string{"": "PCAPWHO_SOCKET is not set", c.path: "has ended", left: "has ended"} {
		err := Mark(socket, connlog.MarkBegin, "x")
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", socket, err, want)
		}
	}
	for _, name := range []string{"", "two\nlines", strings.Repeat("x", maxMark)} {
		if err := Mark(c.path, connlog.MarkBegin, name); err == nil || !strings.Contains(err.Error(), "one line") {
			t.Errorf("a name of %d bytes: %v", len(name), err)
		}
	}
}

// TestLeftSockets removes what recorders left behind that were killed, and nothing else.
func TestLeftSockets(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	make := func(name string) string {
		path := filepath.Join(dir, name, "control")
		if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bind := func(path string) int {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrUnix{Name: path})); err != nil {
			t.Fatal(err)
		}
		return fd
	}
	unix.Close(bind(make("pcapwho-1")))
	defer unix.Close(bind(make("pcapwho-2"))) // it runs
	make("pcapwho-3")                         // it begins
	if err := os.WriteFile(make("pcapwho-4"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	unix.Close(bind(make("other-5")))
	unix.Close(bind(make("real")))
	if err := os.Symlink("real", filepath.Join(dir, "pcapwho-6")); err != nil {
		t.Fatal(err)
	}
	want := []string{"other-5", "pcapwho-2", "pcapwho-3", "pcapwho-4", "pcapwho-6", "real"}
	if os.Geteuid() == 0 {
		foreign := make("pcapwho-7")
		unix.Close(bind(foreign))
		if err := os.Chown(filepath.Dir(foreign), 1, 1); err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 5, "pcapwho-7")
	}
	c, err := openControl(nil, func(MessageKind, string) {})
	if err != nil {
		t.Fatal(err)
	}
	c.close()
	var names []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("there are %q, want %q; %v", names, want, err)
	}
	for _, path := range []string{"pcapwho-4/control", "real/control"} {
		if _, err := os.Lstat(filepath.Join(dir, path)); err != nil {
			t.Error(err)
		}
	}
}

// TestMarksWithoutEnd ends a socket to which several that are connected write for ever.
func TestMarksWithoutEnd(t *testing.T) {
	c, err := openControl(nil, func(MessageKind, string) {})
	if err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	defer writers.Wait()
	defer c.close()
	for range 4 {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // its writes wait
		if err = errors.Join(err, unix.Connect(fd, &unix.SockaddrUnix{Name: c.path})); err != nil {
			t.Fatal(err)
		}
		writers.Go(func() {
			defer unix.Close(fd)
			for err == nil {
				_, err = unix.Write(fd, []byte("mark x"))
			}
		})
	}
	<-c.notices
	c.drain()
	for until := time.After(5 * time.Second); ; {
		select {
		case _, more := <-c.notices:
			if !more {
				return
			}
			time.Sleep(time.Millisecond) // it is written to the log
		case <-until:
			t.Fatal("it takes marks 5 s behind its end")
		}
	}
}
