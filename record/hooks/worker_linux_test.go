package hooks

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// descriptor returns that of a connection, which stays open as long as it does.
func descriptor(t *testing.T, c net.Conn) (fd int) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err == nil {
		err = raw.Control(func(f uintptr) { fd = int(f) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// A worker of the kernel sends what a map of sockets leads elsewhere: nobody used the
// socket that it goes by.
func TestWorkerSends(t *testing.T) {
	h := opened(t)
	sockets, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.SockMap, KeySize: 4, ValueSize: 4, MaxEntries: 2})
	if err != nil {
		need.Missing(t, "needs a kernel with maps of sockets: "+err.Error())
	}
	defer sockets.Close()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Type: ebpf.SkSKB, AttachType: ebpf.AttachSkSKBStreamVerdict, License: "GPL", Instructions: asm.Instructions{
		asm.LoadMapPtr(asm.R2, sockets.FD()), asm.Mov.Imm(asm.R3, 1), asm.Mov.Imm(asm.R4, 0), asm.FnSkRedirectMap.Call(), asm.Return(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := link.RawAttachProgram(link.RawAttachProgramOptions{Target: sockets.FD(), Program: p, Attach: ebpf.AttachSkSKBStreamVerdict}); err != nil {
		t.Fatal(err)
	}
	a, in := pair(t, "tcp4")
	out, d := pair(t, "tcp4")
	for _, c := range []net.Conn{a, in, out, d} {
		defer c.Close()
	}
	for i, c := range []net.Conn{in, out} {
		if err := sockets.Put(uint32(i), uint32(descriptor(t, c))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	d.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := d.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	for _, e := range drain(t, h) {
		if e.Kind == Use && e.Local.String() == out.LocalAddr().String() {
			t.Errorf("it is said that %d used it", e.User.PID)
		}
	}
}

// Descriptors that only each other hold, on their way through a socket, a worker closes.
func TestWorkerCloses(t *testing.T) {
	h := opened(t)
	a, b := pair(t, "tcp4")
	defer a.Close()
	local := b.LocalAddr().String()
	ring, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = unix.Sendmsg(ring[0], []byte("x"), unix.UnixRights(descriptor(t, b), ring[0], ring[1]), nil, 0)
	for _, fd := range ring {
		unix.Close(fd)
	}
	b.Close()
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
		for _, e := range drain(t, h) {
			if e.Kind == State && e.State == FinWait1 && e.Local.String() == local {
				if e.User.PID != 0 || e.User.Start != 0 {
					t.Errorf("it is said that %d closed it", e.User.PID)
				}
				return
			}
		}
		other, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(other[0]) // then the kernel looks for such
		unix.Close(other[1])
	}
	t.Fatal("the kernel did not close it")
}
