package record

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// maxEnds bounds how many ends are kept for the next look.
const maxEnds = 1 << 17

// destroyed listens to what sock_diag tells of sockets that are destroyed, those that no
// look saw too: when, and of TCP what the kernel counted. It needs no rights, and has
// a goroutine, so that the times are those of the events.
type destroyed struct {
	fd, wake int // netlink socket; eventfd: written by close
	done     chan struct{}

	mutex sync.Mutex
	found map[uint64]ending // by cookie
}

func newDestroyed() (*destroyed, error) {
	d := &destroyed{fd: -1, wake: -1, done: make(chan struct{}), found: map[uint64]ending{}}
	if err := d.open(); err != nil {
		d.release()
		return nil, err
	}
	go func() {
		defer close(d.done)
		d.run()
	}()
	return d, nil
}

func (d *destroyed) open() (err error) {
	if d.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_SOCK_DIAG); err != nil {
		return os.NewSyscallError("socket", err)
	}
	const groups = 1<<0 | 1<<1 | 1<<2 | 1<<3 // SKNLGRP_INET_TCP_DESTROY, _UDP_, _INET6_TCP_, _UDP_ (linux/sock_diag.h)
	if err := unix.Bind(d.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	_ = unix.SetsockoptInt(d.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20) // as much as there may be: what is lost is the time of an end
	d.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return os.NewSyscallError("eventfd", err)
}

func (d *destroyed) close() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(d.wake, one[:]) // it has room
	<-d.done
	d.release()
}

func (d *destroyed) release() {
	for _, fd := range []int{d.fd, d.wake} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (d *destroyed) run() {
	fds := []unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}, {Fd: int32(d.wake), Events: unix.POLLIN}}
	buffer := make([]byte, 1<<16)
	for {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) || fds[1].Revents != 0 {
			return
		}
		for {
			n, from, err := unix.Recvfrom(d.fd, buffer, 0)
			if errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR) {
				continue // some are lost
			}
			if err != nil {
				break
			}
			if a, ok := from.(*unix.SockaddrNetlink); ok && a.Pid == 0 {
				d.take(buffer[:n], time.Now().UnixNano())
			}
		}
	}
}

// take notes what one datagram tells.
func (d *destroyed) take(datagram []byte, at int64) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	_ = eachMessage(datagram, func(kind uint16, _ uint32, payload []byte) error {
		if s, _, err := parseSocket(payload, flow.TCP); err == nil && kind == sockDiagByFamily && len(d.found) < maxEnds {
			d.found[s.ID] = ending{at, s.Counters}
		}
		return nil
	})
}

// since returns the ends since the last call.
func (d *destroyed) since() map[uint64]ending {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	found := d.found
	d.found = map[uint64]ending{}
	return found
}
