package record

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// watchAddresses asks the kernel to tell which addresses come and go
// (rtnetlink(7)), until stop is called.
func watchAddresses() (notices <-chan notice, stop func(), err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, os.NewSyscallError("socket", err)
	}
	groups := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR}
	if err := unix.Bind(fd, groups); err != nil {
		unix.Close(fd)
		return nil, nil, os.NewSyscallError("bind", err)
	}
	file := os.NewFile(uintptr(fd), "rtnetlink")
	told, done, ended := make(chan notice, 64), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for tell := (notice{}); ; {
			list, err := readNotices(file)
			if err != nil {
				return
			}
			for _, tell = range list {
				select {
				case told <- tell:
				case <-done:
					return
				}
			}
		}
	}()
	return told, func() { close(done); file.Close(); <-ended }, nil
}

// readNotices waits for the next datagram of the kernel. An error is that the
// file is closed.
func readNotices(file *os.File) (list []notice, err error) {
	connection, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := make([]byte, 1<<15) // more than the kernel puts into one
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
		return []notice{{lost: true}}, nil
	}
	if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
		return nil, nil // not from the kernel
	}
	err = eachMessage(b[:n], func(kind uint16, _ uint32, payload []byte) error {
		a, ok, err := parseAddress(kind, payload)
		if ok {
			list = append(list, notice{Address: a})
		}
		return err
	})
	if err != nil {
		list = append(list, notice{lost: true})
	}
	return list, nil
}
