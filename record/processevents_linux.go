package record

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// openProcessEvents asks the kernel for process events. It tells them in the network
// namespace that it began with, and to programs in its first PID namespace.
func openProcessEvents(buffer []byte) (fd int, err error) {
	const first = 0xeffffffc // PROC_PID_INIT_INO, linux/proc_ns.h
	if pidNamespace() != first {
		return -1, errors.New("process events are told in the first PID namespace only")
	}
	fd = -1
	open := func() (err error) {
		fd, err = subscribeProcesses(buffer)
		return err
	}
	if err = open(); errors.Is(err, unix.ECONNREFUSED) { // another network namespace: that of the kernel's own threads is the first
		err = entering("/proc/2/ns/net", open)
	}
	return fd, err
}

func subscribeProcesses(buffer []byte) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	fail := func(what string, err error) (int, error) {
		unix.Close(fd)
		return -1, os.NewSyscallError(what, err)
	}
	const room = 8 << 20
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room) // as much as there may be
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil { // CN_IDX_PROC
		return fail("bind", err)
	}
	if err := unix.Sendto(fd, listenProcesses(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fail("sendto", err)
	}
	for until := time.Now().Add(time.Second); ; { // it answers at once, among events
		n, _, err := unix.Recvfrom(fd, buffer, 0)
		answered, refused := false, unix.Errno(0)
		if err == nil {
			err = eachMessage(buffer[:n], func(_ uint16, _ uint32, m []byte) error {
				if code, ok := processAnswer(m); ok {
					answered, refused = true, code
				}
				return nil
			})
		}
		switch {
		case answered && refused != 0:
			return fail("process events", refused)
		case answered:
			return fd, nil
		case err != nil && !errors.Is(err, unix.EINTR), time.Now().After(until):
			return fail("process events", err)
		}
	}
}
