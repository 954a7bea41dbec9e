package record

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes this process the parent of its descendants that outlive
// their own (prctl(2), PR_SET_CHILD_SUBREAPER): so a daemon that the command left
// behind is known to be its. undo makes it what it was.
func adoptOrphans() (undo func()) {
	var before int32
	if unix.Prctl(unix.PR_GET_CHILD_SUBREAPER, uintptr(unsafe.Pointer(&before)), 0, 0, 0) != nil || before != 0 {
		return func() {}
	}
	if unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != nil {
		return func() {}
	}
	return func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) } // it was allowed a moment ago
}

// reap takes the status of an orphan that ended; it takes no other's.
func reap(pid int32) {
	_, _ = unix.Wait4(int(pid), nil, unix.WNOHANG, nil) // it may not have ended
}
