package record

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// verbs are ways to move one byte through a socket, descriptor 3 of a process.
var verbs = map[string]func() error{
	"read":  func() error { return moved(unix.Read(3, make([]byte, 1))) },
	"write": func() error { return moved(unix.Write(3, []byte("x"))) },
	"io_uring send": func() error {
		return withRing(func(r *uring) error { return moved(r.call(opSend, 3, bytesAt([]byte("x")), 1, 0)) })
	},
	"io_uring receive": func() error {
		return withRing(func(r *uring) error { return moved(r.call(opReceive, 3, bytesAt(make([]byte, 1)), 1, 0)) })
	},
	"sendfile": func() error {
		file, err := os.Open(os.Args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		return moved(unix.Sendfile(3, int(file.Fd()), nil, 1))
	},
	"splice": func() error {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		defer r.Close()
		defer w.Close()
		n, err := unix.Splice(3, nil, int(w.Fd()), nil, 1, 0)
		return moved(int(n), err)
	},
}

func moved(n int, err error) error {
	if err == nil && n != 1 {
		err = fmt.Errorf("%d bytes moved, want 1", n)
	}
	return err
}

// move is a process that is handed a socket, and goes on until its input ends.
func move() {
	must(verbs[os.Getenv("VERB")]())
	fmt.Println("moved")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

// A socket that one process opened and another uses is the other's, in whatever way
// that moves data, and whatever the two ends speak.
func TestTraceUses(t *testing.T) {
	private(t)
	f, owner := watched(t)
	for verb := range verbs {
		for _, network := range []string{"tcp4", "tcp6", "mptcp4", "mptcp6"} {
			if verb == "sendfile" && strings.HasPrefix(network, "mptcp") {
				continue // as any other sending, there
			}
			t.Run(verb+" "+network, func(t *testing.T) { checkMover(t, f, owner, verb, network) })
		}
	}
}

// checkMover has a process move a byte through a connection that this one made.
func checkMover(t *testing.T, f *trace, owner func(net.Addr) string, verb, network string) {
	near, far := connectedPair(t, network)
	if verb == "read" || verb == "io_uring receive" || verb == "splice" {
		if _, err := near.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	mover, end := startMover(t, verb, far)
	defer end()
	if err := f.lookNow(false); err != nil {
		t.Fatal(err)
	}
	if got := owner(far.LocalAddr()); got != fmt.Sprint([]int{mover}) {
		t.Errorf("the end that process %d uses is of %s", mover, got)
	}
	if got := owner(near.LocalAddr()); got != fmt.Sprint([]int{os.Getpid()}) {
		t.Errorf("the end of this process, %d, is of %s", os.Getpid(), got)
	}
}

// watched returns a trace that runs, and what its log last says of the owners of
// the socket with a local address.
func watched(t *testing.T) (*trace, func(net.Addr) string) {
	t.Helper()
	owners := map[string]string{}
	f, err := newTrace(func(e *connlog.Event) {
		if s := e.Socket; s != nil && s.HasRemote {
			pids := []int{}
			for _, o := range s.Owners {
				pids = append(pids, int(o.PID))
			}
			owners[s.Local.String()] = fmt.Sprint(pids)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	if _, err := f.first(); err != nil {
		t.Fatal(err)
	}
	f.report()
	return f, func(a net.Addr) string { return owners[a.String()] }
}

// connectedPair returns the ends of a connection, the one that connected first.
func connectedPair(t *testing.T, network string) (near, far *net.TCPConn) {
	t.Helper()
	multipath := strings.HasPrefix(network, "mptcp")
	network = strings.TrimPrefix(network, "mp")
	var listen net.ListenConfig
	var dial net.Dialer
	listen.SetMultipathTCP(multipath)
	dial.SetMultipathTCP(multipath)
	l, err := listen.Listen(t.Context(), network, map[string]string{"tcp4": "127.0.0.1:0", "tcp6": "[::1]:0"}[network])
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := dial.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	for _, c := range []net.Conn{a, b} {
		if is, err := c.(*net.TCPConn).MultipathTCP(); err != nil || is != multipath {
			t.Fatalf("%s: multipath TCP %v, %v", network, is, err)
		}
	}
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

// startMover hands a connection to a process that moves a byte, and waits until it
// did. The other function ends the process.
func startMover(t *testing.T, verb string, c *net.TCPConn) (pid int, end func()) {
	t.Helper()
	file, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := unix.SetNonblock(int(file.Fd()), false); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=mover", "VERB="+verb)
	cmd.ExtraFiles, cmd.Stderr = []*os.File{file}, os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fscan(out, new(string))
	if err != nil {
		t.Errorf("the process did not move anything: %v", err)
	}
	return cmd.Process.Pid, func() { in.Close(); cmd.Wait() }
}

// A connection of multipath TCP that was there before is listed with its owner.
func TestTraceMultipathBefore(t *testing.T) {
	private(t)
	near, far := connectedPair(t, "mptcp4")
	_, owner := watched(t)
	for _, c := range []net.Conn{near, far} {
		if got := owner(c.LocalAddr()); got != fmt.Sprint([]int{os.Getpid()}) {
			t.Errorf("%s is of %s, want %d", c.LocalAddr(), got, os.Getpid())
		}
	}
}

// Connections that io_uring makes and accepts are told as all others.
func TestTraceRing(t *testing.T) {
	private(t)
	f, owner := watched(t)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var client, server int
	err = withRing(func(r *uring) error {
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			return err
		}
		defer file.Close()
		if client, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		port := uint16(l.Addr().(*net.TCPAddr).Port)
		to := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port<<8 | port>>8, Addr: [4]byte{127, 0, 0, 1}}
		if _, err := r.call(opConnect, client, unsafe.Pointer(&to), 0, unix.SizeofSockaddrInet4); err != nil {
			return err
		}
		if server, err = r.call(opAccept, int(file.Fd()), nil, 0, 0); err != nil {
			return err
		}
		if err := moved(r.call(opSend, client, bytesAt([]byte("x")), 1, 0)); err != nil {
			return err
		}
		return moved(r.call(opReceive, server, bytesAt(make([]byte, 1)), 1, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(client)
	defer unix.Close(server)
	if err := f.lookNow(false); err != nil {
		t.Fatal(err)
	}
	for _, fd := range []int{client, server} {
		name, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*unix.SockaddrInet4).Port}
		if got := owner(at); got != fmt.Sprint([]int{os.Getpid()}) {
			t.Errorf("%s is of %s, want %d", at, got, os.Getpid())
		}
	}
}

// Opcodes of io_uring (linux/io_uring.h).
const (
	opAccept  = 13
	opConnect = 16
	opSend    = 26
	opReceive = 27
)

// uring is an io_uring with room for one call.
type uring struct {
	places []byte                // struct io_uring_sqe
	submit func() (int32, error) // makes that call, and returns its result
}

// withRing calls f with a ring.
func withRing(f func(*uring) error) error {
	var params [120]byte // struct io_uring_params: 40 sq_off, 80 cq_off
	ring, _, failed := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if failed != 0 {
		return os.NewSyscallError("io_uring_setup", failed)
	}
	fd := int(ring)
	defer unix.Close(fd)
	const entries = 0x10000000 // IORING_OFF_SQES
	queue, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(queue)
	places, err := unix.Mmap(fd, entries, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	defer unix.Munmap(places)
	completions := *(*uint32)(unsafe.Pointer(&params[80+20]))
	head := *(*uint32)(unsafe.Pointer(&params[80]))
	tail, array, submitted := *(*uint32)(unsafe.Pointer(&params[40+4])), *(*uint32)(unsafe.Pointer(&params[40+24])), uint32(0)
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&queue[at])) }
	submit := func() (int32, error) {
		*word(array) = 0
		submitted++
		*word(tail) = submitted
		const wait = 1 // IORING_ENTER_GETEVENTS
		if _, _, failed := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(fd), 1, 1, wait, 0, 0); failed != 0 {
			return 0, os.NewSyscallError("io_uring_enter", failed)
		}
		done := *word(head)
		result := int32(*word(completions + done%2*16 + 8)) // twice as many completions as calls
		*word(head) = done + 1
		return result, nil
	}
	return f(&uring{submit: submit, places: places})
}

// call makes one call and waits for it.
func (r *uring) call(op uint8, fd int, address unsafe.Pointer, length uint32, offset uint64) (int, error) {
	clear(r.places[:64])
	r.places[0] = op
	*(*int32)(unsafe.Pointer(&r.places[4])) = int32(fd)
	*(*uint64)(unsafe.Pointer(&r.places[8])) = offset
	*(*unsafe.Pointer)(unsafe.Pointer(&r.places[16])) = address
	*(*uint32)(unsafe.Pointer(&r.places[24])) = length
	result, err := r.submit()
	if err == nil && result < 0 {
		err = unix.Errno(-result)
	}
	return int(result), err
}

func bytesAt(b []byte) unsafe.Pointer { return unsafe.Pointer(&b[0]) }
