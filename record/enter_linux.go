package record

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// entering calls f in the network namespace that a path leads to, in another thread.
// What f opens stays there; f starts no process.
func entering(path string, f func() error) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	done := make(chan error, 1)
	go func() { done <- enter(fd, f) }()
	return <-done
}

// enter is a goroutine of its own. The first thread stays where it is: what others read
// of this process, and itself below /proc/self, is about that one.
func enter(fd int, f func() error) error {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		done := make(chan error, 1)
		go func() { done <- enter(fd, f) }() // this one keeps the first thread meanwhile
		err := <-done
		runtime.UnlockOSThread()
		return err
	}
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return os.NewSyscallError("open", err)
	}
	defer unix.Close(own)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return os.NewSyscallError("setns", err)
	}
	err = f()
	if unix.Setns(own, unix.CLONE_NEWNET) == nil { // else the thread ends with the goroutine
		runtime.UnlockOSThread()
	}
	return err
}
