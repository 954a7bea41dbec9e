package hooks

import (
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

func namespace(t *testing.T) uint64 {
	t.Helper()
	info, err := os.Stat("/proc/self/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// opened returns hooks for the PID namespace of the test.
func opened(t *testing.T) *Hooks {
	t.Helper()
	need.Root(t)
	h, err := Open(namespace(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

// Each way that this kernel allows tells the same: who sent and received, by a
// socket of TCP or UDP, and by splice(2). PCAPWHO_WAYS says which it must allow.
func TestWays(t *testing.T) {
	need.Root(t)
	works := 0
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			h, err := open(namespace(t), w, btf.NewCache())
			if err != nil {
				if strings.Contains(","+os.Getenv("PCAPWHO_WAYS")+",", ","+w.name+",") {
					t.Fatal(err)
				}
				t.Log(err)
				return
			}
			defer h.Close()
			works++
			for _, network := range []string{"tcp4", "tcp6", "udp4", "udp6"} {
				checkUses(t, h, network)
			}
			checkAgain(t, h)
		})
	}
	if works == 0 {
		t.Error("this kernel allows none")
	}
}

// checkUses has two sockets exchange a byte each way, the answer spliced to a pipe
// where it is TCP, and wants a use of both kinds by each.
func checkUses(t *testing.T, h *Hooks, network string) {
	a, b := pair(t, network)
	defer a.Close()
	defer b.Close()
	drain(t, h)
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	uses(t, h, network+": sends", a, Sent)
	if tcp, ok := b.(*net.TCPConn); ok {
		splice(t, tcp)
	} else if _, err := b.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	uses(t, h, network+": receives", b, Received)
}

// checkAgain has sockets connect to one peer twice: the first use behind each time is
// told, whoever else may have connected it.
func checkAgain(t *testing.T, h *Hooks) {
	l, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.DialUDP("udp4", nil, l.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	to := &unix.SockaddrInet4{Port: l.LocalAddr().(*net.UDPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	for range 2 {
		drain(t, h)
		if _, err := a.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		uses(t, h, "connected", a, Sent)
		if err := unix.Connect(descriptor(t, a), to); err != nil {
			t.Fatal(err)
		}
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	for _, err := range []error{
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
		unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	to.Port = tcp.Addr().(*net.TCPAddr).Port
	for range 2 {
		drain(t, h)
		if err := unix.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte("x")); err != nil {
			t.Fatal(err)
		}
		told := slices.ContainsFunc(drain(t, h), func(e Event) bool {
			return e.Kind == Use && e.Direction == Sent && e.User.PID == int32(os.Getpid()) && e.Remote.String() == tcp.Addr().String()
		})
		if !told {
			t.Error("TCP: a use behind a connect is not told")
		}
		if err := parted(fd); err != nil {
			t.Fatal(err)
		}
	}
}

// parted takes a socket's peer away.
func parted(fd int) error {
	none := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	_, _, failed := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
	if failed != 0 {
		return failed
	}
	return nil
}

func uses(t *testing.T, h *Hooks, what string, c net.Conn, direction uint8) {
	t.Helper()
	n := 0
	for _, e := range drain(t, h) {
		if e.Kind == Use && e.User.PID == int32(os.Getpid()) && e.Local.String() == c.LocalAddr().String() {
			if n++; e.Direction != direction {
				t.Errorf("%s: direction %d, want %d", what, e.Direction, direction)
			}
		}
	}
	if n != 1 {
		t.Errorf("%s: told %d times, want once", what, n)
	}
}

// pair returns two connected sockets.
func pair(t *testing.T, network string) (a, b net.Conn) {
	t.Helper()
	host := map[byte]string{'4': "127.0.0.1:0", '6': "[::1]:0"}[network[3]]
	var err error
	if network[0] == 'u' {
		free, err := net.ListenPacket(network, host)
		if err != nil {
			t.Fatal(err)
		}
		to := free.LocalAddr().(*net.UDPAddr)
		free.Close()
		own, err := net.DialUDP(network, nil, to)
		if err != nil {
			t.Fatal(err)
		}
		other, err := net.DialUDP(network, to, own.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		return own, other
	}
	var plain net.ListenConfig
	plain.SetMultipathTCP(false)
	l, err := plain.Listen(t.Context(), network, host)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial(network, l.Addr().String()); err == nil {
		b, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

// splice takes a byte from a connection into a pipe.
func splice(t *testing.T, c *net.TCPConn) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Read(func(fd uintptr) bool {
		n, failed := unix.Splice(int(fd), nil, int(w.Fd()), nil, 1, unix.SPLICE_F_NONBLOCK)
		if failed == unix.EAGAIN {
			return false
		}
		if failed != nil || n != 1 {
			t.Errorf("splice: %d bytes, %v", n, failed)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

// drain takes all events that there are.
func drain(t *testing.T, h *Hooks) (all []Event) {
	t.Helper()
	lost, err := h.Read(func(e *Event) { all = append(all, *e) })
	if err != nil || lost != 0 {
		t.Fatalf("%d lost: %v", lost, err)
	}
	return all
}

// A connection to ourselves: each of its events comes once, in order, with this
// process where a call of it was the cause.
func TestConnection(t *testing.T) {
	h := opened(t)
	self := int32(os.Getpid())
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	held := 0
	err = h.Held(func(e *Event) {
		if e.User.PID == self && e.Local.String() == client.LocalAddr().String() && e.Remote.String() == client.RemoteAddr().String() {
			held++
		}
	})
	if err != nil || held != 1 {
		t.Errorf("listed %d times, want once: %v", held, err)
	}
	server.Close()
	client.Close()
	steps, sent := map[string][]string{}, uint64(0)
	for _, e := range drain(t, h) {
		if e.User.PID != 0 && e.User.PID != self {
			continue
		}
		if e.Kind == State && e.State == Close && e.Remote.Port() != 0 {
			sent += e.Counters.Sent
		}
		switch step := []string{State: "state", Use: "use", Release: "release"}[min(int(e.Kind), int(Release))]; {
		case step == "" || e.Remote.Port() == 0:
		case e.Kind == State && e.State == Established && e.User.PID != 0:
			t.Error("the network established the connection, and it is said to be a process")
		default:
			steps[e.Local.String()] = append(steps[e.Local.String()], step)
		}
	}
	if sent != 1 {
		t.Errorf("both ends sent %d bytes by their counters, want 1", sent)
	}
	if got := steps[client.LocalAddr().String()]; !slices.Contains(got, "use") || !slices.Contains(got, "release") {
		t.Errorf("client: %q", got)
	}
	if got := steps[client.RemoteAddr().String()]; !slices.Contains(got, "use") || !slices.Contains(got, "release") {
		t.Errorf("server: %q", got)
	}
}

// A process that is over at once is told with its arguments, byte for byte.
func TestProcess(t *testing.T) {
	h := opened(t)
	long := strings.Repeat("a", 5000)
	cmd := exec.Command(need.Tool(t, "true"), "a b", "", "\xff\n", long)
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for _, e := range drain(t, h) {
		if e.User.PID != int32(cmd.Process.Pid) {
			continue
		}
		kinds = append(kinds, e.Kind)
		if e.Parent.PID != int32(os.Getpid()) && e.Kind != Exit {
			t.Errorf("parent %d, want %d", e.Parent.PID, os.Getpid())
		}
		if e.Kind != Exec {
			continue
		}
		if len(e.Args) != 5 || e.Args[1] != "a b" || e.Args[2] != "" || e.Args[3] != "\xff\n" || !strings.HasPrefix(long, e.Args[4]) || len(e.Args[4]) < 4000 {
			t.Errorf("arguments %.100q", e.Args)
		}
		if e.Name != "true" || !strings.HasSuffix(e.Path, "/true") {
			t.Errorf("name %q, path %q", e.Name, e.Path)
		}
	}
	if !slices.Contains(kinds, Fork) || !slices.Contains(kinds, Exec) || kinds[len(kinds)-1] != Exit {
		t.Errorf("kinds %v", kinds)
	}
}
