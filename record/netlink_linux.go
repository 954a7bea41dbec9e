package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// netlinkSocket is a socket on which the kernel is asked, and answers (netlink(7)).
// One goroutine uses it.
type netlinkSocket struct {
	fd       int
	sequence uint32
	buffer   []byte
}

// openNetlink returns a socket of a protocol: unix.NETLINK_ROUTE, …
func openNetlink(protocol int) (*netlinkSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// An answer is made while it is read: a second is long.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("setsockopt", err)
	}
	return &netlinkSocket{fd: fd, buffer: make([]byte, 1<<16)}, nil
}

func (n *netlinkSocket) close() { unix.Close(n.fd) }

// Flags of a netlink message (linux/netlink.h).
const (
	netlinkRequest = 0x1
	netlinkAsk     = netlinkRequest         // one answer
	netlinkDump    = netlinkRequest | 0x300 // all that there is
)

// ask sends a message and calls f with the payload of every message of the answer,
// valid during the call. An errno of the kernel is the error.
func (n *netlinkSocket) ask(kind, flags uint16, body []byte, f func(payload []byte) error) error {
	n.sequence++
	host := binary.NativeEndian
	b := make([]byte, netlinkHeader, netlinkHeader+len(body))
	host.PutUint32(b, uint32(netlinkHeader+len(body)))
	host.PutUint16(b[4:], kind)
	host.PutUint16(b[6:], flags)
	host.PutUint32(b[8:], n.sequence)
	if err := unix.Sendto(n.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return os.NewSyscallError("sendto", err)
	}
	for done := false; !done; {
		size, _, err := unix.Recvfrom(n.fd, n.buffer, unix.MSG_TRUNC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return os.NewSyscallError("recvfrom", err)
		case size > len(n.buffer):
			return fmt.Errorf("netlink: a datagram of %d bytes, at most %d are read", size, len(n.buffer))
		}
		err = eachMessage(n.buffer[:size], func(kind uint16, sequence uint32, payload []byte) error {
			if sequence != n.sequence { // of an earlier question, whose answer was not read to its end
				return nil
			}
			switch kind {
			case netlinkDone:
				done = true
				return nil
			case netlinkError:
				done = true
				if code, ok := errorCode(payload); ok && code != 0 {
					return unix.Errno(code)
				}
				return nil
			}
			done = flags != netlinkDump
			return f(payload)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// subscribe asks the kernel to tell what happens, by the numbers of multicast
// groups, and hands on what parse makes of its messages until stop is called; lost,
// where some could not be had.
func subscribe[T any](protocol int, groups []int, parse func(kind uint16, payload []byte) (T, bool, error), lost T) (told <-chan T, stop func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, nil, os.NewSyscallError("socket", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, nil, os.NewSyscallError("bind", err)
	}
	for _, g := range groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, g); err != nil {
			unix.Close(fd)
			return nil, nil, os.NewSyscallError("setsockopt NETLINK_ADD_MEMBERSHIP", err)
		}
	}
	file := os.NewFile(uintptr(fd), "netlink")
	out, done, ended := make(chan T, 64), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 1<<15) // more than the kernel puts into one datagram
		for {
			list, err := receive(file, buffer, parse, lost)
			if err != nil {
				return
			}
			for _, item := range list {
				select {
				case out <- item:
				case <-done:
					return
				}
			}
		}
	}()
	return out, func() { close(done); file.Close(); <-ended }, nil
}

// receive waits for the next datagram of the kernel. An error is that the file is
// closed.
func receive[T any](file *os.File, b []byte, parse func(kind uint16, payload []byte) (T, bool, error), lost T) (list []T, err error) {
	connection, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	var n int
	var from unix.Sockaddr
	var failed error
	err = connection.Read(func(fd uintptr) bool {
		n, from, failed = unix.Recvfrom(int(fd), b, unix.MSG_TRUNC)
		return !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR)
	})
	if err != nil {
		return nil, err
	}
	if failed != nil || n > len(b) { // ENOBUFS: there was no room for some
		return []T{lost}, nil
	}
	if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
		return nil, nil // not from the kernel
	}
	err = eachMessage(b[:n], func(kind uint16, _ uint32, payload []byte) error {
		item, ok, err := parse(kind, payload)
		if ok {
			list = append(list, item)
		}
		return err
	})
	if err != nil {
		list = append(list, lost)
	}
	return list, nil
}
