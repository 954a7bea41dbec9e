package record

import (
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for descriptors that can be read, as the runtime waits for connections.
// A thread that waits in poll(2) itself is watched by the runtime: at a block of the ring
// each 50 ms, that took half of what the recorder took at all, a thousand wake-ups a second.
type poller struct {
	file        *os.File // epoll(7) of the descriptors
	conn        syscall.RawConn
	interrupted atomic.Bool
}

func newPoller(descriptors ...int) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	for _, d := range descriptors {
		if err == nil {
			err = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, d, &unix.EpollEvent{Events: unix.EPOLLIN})
		}
	}
	if err == nil {
		err = unix.SetNonblock(fd, true) // else NewFile keeps it from the runtime's poller
	}
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("epoll", err)
	}
	p := &poller{file: os.NewFile(uintptr(fd), "epoll")}
	if err = p.file.SetReadDeadline(time.Time{}); err == nil {
		p.conn, err = p.file.SyscallConn()
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// wait returns when one of the descriptors changed or the time is over, when ready says
// so, or at once for an interrupt that no wait returned for yet.
func (p *poller) wait(timeout time.Duration, ready func() bool) error {
	if err := p.file.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	changed := false
	err := p.conn.Read(func(uintptr) bool { // once before it waits, and once when something changed
		done := changed || ready() || p.interrupted.Load()
		changed = true
		return done
	})
	p.interrupted.Store(false)
	if os.IsTimeout(err) {
		return nil
	}
	return err
}

// interrupt ends a wait. It may be called from any goroutine.
func (p *poller) interrupt() {
	p.interrupted.Store(true)
	_ = p.file.SetReadDeadline(time.Unix(1, 0)) // long past; it is open
}

func (p *poller) close() { p.file.Close() }
