package record

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// control is the socket that takes marks (unix(7)). Datagrams wait in it from
// openControl on; the kernel stamps them when they are written (SO_TIMESTAMPNS) and
// says who wrote them (SO_PASSCRED).
type control struct {
	path    string
	conn    *net.UnixConn
	notices chan timedMark
	message func(MessageKind, string)
	once    sync.Once
	done    chan struct{}
}

// openControl makes the socket, in a folder of its own that only this process's
// user may enter, or the caller where this is root.
func openControl(who *account, message func(MessageKind, string)) (*control, error) {
	dir, err := controlFolder()
	if err != nil {
		return nil, err
	}
	c := &control{path: filepath.Join(dir, "control"), notices: make(chan timedMark, 64), message: message, done: make(chan struct{})}
	if c.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: c.path, Net: "unixgram"}); err != nil {
		os.Remove(dir)
		return nil, err
	}
	raw, err := c.conn.SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) {
			failed = errors.Join(who.take(dir), who.take(c.path),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1))
		})
		err = errors.Join(err, failed)
	}
	if err != nil {
		c.conn.Close()
		c.remove()
		return nil, err
	}
	go c.run()
	return c, nil
}

// controlFolder makes a folder in which a socket's address has room: where temporary files
// are made, or where that is too deep or not possible, elsewhere.
func controlFolder() (dir string, err error) {
	const room = len(unix.RawSockaddrUnix{}.Path) - 1 - len("/pcapwho-4294967295/control")
	for _, parent := range []string{os.TempDir(), os.Getenv("XDG_RUNTIME_DIR"), "/tmp", "/run"} {
		if parent == "" {
			continue
		}
		parent, failed := filepath.Abs(parent) // the command may go elsewhere
		if failed == nil && len(parent) > room {
			failed = fmt.Errorf("%s: it is too deep for a socket", parent)
		}
		if failed == nil {
			removeLeft(parent)
			dir, failed = os.MkdirTemp(parent, "pcapwho-")
		}
		if failed == nil {
			return dir, nil
		}
		err = errors.Join(err, failed)
	}
	return "", err
}

// removeLeft removes the sockets of this user's recorders that were killed: nobody takes
// what is written to them. A name is needed, for the command may be in another network
// namespace, and its programs know paths only.
func removeLeft(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, "pcapwho-*", "control")) // the pattern is none that fails
	for _, path := range left {
		dir, err := os.Lstat(filepath.Dir(path))
		file, failed := os.Lstat(path)
		if err != nil || failed != nil || !dir.IsDir() || file.Mode().Type() != fs.ModeSocket || dir.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue
		}
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
		if err == nil {
			conn.Close()
		} else if errors.Is(err, unix.ECONNREFUSED) {
			(&control{path: path}).remove()
		}
	}
}

// take gives a file to the account, where this process may.
func (a *account) take(path string) error {
	if a == nil || os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// drainFor is how long the marks are taken that wait in the socket at its end: who is
// connected to it may go on writing.
const drainFor = 100 * time.Millisecond

// run takes marks until the socket is closed, or nothing more is let in: then what
// is in it.
func (c *control) run() {
	defer close(c.done)
	defer close(c.notices)
	b, oob := make([]byte, maxMark+1), make([]byte, 256)
	for {
		n, oobn, flags, _, err := c.conn.ReadMsgUnix(b, oob)
		if err != nil {
			break
		}
		c.take(b[:n], oob[:oobn], flags)
	}
	raw, err := c.conn.SyscallConn()
	if err != nil || c.conn.SetReadDeadline(time.Time{}) != nil {
		return // it is closed
	}
	until := time.Now().Add(drainFor)
	raw.Read(func(fd uintptr) bool {
		for time.Now().Before(until) {
			n, oobn, flags, _, err := unix.Recvmsg(int(fd), b, oob, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
			if err != nil {
				return true
			}
			c.take(b[:n], oob[:oobn], flags)
		}
		return true
	})
}

// take takes the marks of a datagram.
func (c *control) take(b, oob []byte, flags int) {
	at, pid := stampOf(oob)
	if len(b) > maxMark || flags&unix.MSG_TRUNC != 0 {
		c.warn("a mark of more than %d bytes is not taken", maxMark)
		return
	}
	marks, wrong := parseMarks(b)
	for _, m := range marks {
		m.PID = pid
		c.notices <- timedMark{m, at}
	}
	for _, line := range wrong {
		c.warn("a mark is none: %q; want \"begin NAME\", \"end NAME\" or \"mark NAME\"", line)
	}
}

// warn tells once: a benchmark may do it a million times.
func (c *control) warn(format string, args ...any) {
	c.once.Do(func() { c.message(Warning, fmt.Sprintf(format, args...)) })
}

// stampOf returns when a datagram was written, and by whom, 0 = not known.
func stampOf(oob []byte) (at int64, pid int32) {
	at = time.Now().UnixNano()
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return at, 0
	}
	for i := range messages {
		m := &messages[i]
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})):
			at = (*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Nano()
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_CREDENTIALS:
			if cred, err := syscall.ParseUnixCredentials(m); err == nil {
				pid = cred.Pid
			}
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_RIGHTS: // nobody asked for files
			files, _ := syscall.ParseUnixRights(m)
			for _, fd := range files {
				unix.Close(fd)
			}
		}
	}
	return at, pid
}

// drain ends run when it has taken what waits in the socket, and the channel with it.
// What is written from now on is refused.
func (c *control) drain() {
	if c.conn == nil {
		return
	}
	c.remove()
	c.conn.SetReadDeadline(time.Now())
}

// close takes the socket away, and what it still has.
func (c *control) close() {
	if c == nil || c.conn == nil {
		return
	}
	c.conn.Close()
	for range c.notices {
	}
	<-c.done
	c.remove()
}

func (c *control) remove() {
	os.Remove(c.path)
	os.Remove(filepath.Dir(c.path))
}
