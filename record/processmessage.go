package record

import (
	"encoding/binary"
	"fmt"
	"syscall"
)

// processNews is what the kernel tells of a process (proc connector,
// linux/cn_proc.h).
type processNews struct {
	what   uint32
	at     int64 // nanoseconds since boot, suspended time left out
	pid    int32 // of the process; who was forked
	parent int32 // of who was forked
	thread bool  // it concerns a thread, and not a process
}

// What happened to a process (enum proc_cn_event).
const (
	processForked = 0x1
	processExecs  = 0x2
	processExits  = 0x80000000
)

// listenProcesses asks for process events: struct cn_msg and PROC_CN_MCAST_LISTEN.
func listenProcesses() []byte {
	const done, index, value, listen = 3, 1, 1, 1 // NLMSG_DONE, CN_IDX_PROC, CN_VAL_PROC
	host := binary.NativeEndian
	b := make([]byte, netlinkHeader+24)
	host.PutUint32(b, uint32(len(b)))
	host.PutUint16(b[4:], done)
	host.PutUint32(b[16:], index)
	host.PutUint32(b[20:], value)
	host.PutUint16(b[32:], 4)
	host.PutUint32(b[36:], listen)
	return b
}

// parseProcess reads struct cn_msg and struct proc_event. ok is false for events of
// other kinds.
//
//	0 idx 4 val 8 seq 12 ack 16 len(u16) 18 flags(u16)
//	20 what 24 cpu 28 timestamp(u64)
//	fork: 36 parent pid 40 parent tgid 44 child pid 48 child tgid; exec, exit: 36 pid 40 tgid
func parseProcess(m []byte) (n processNews, ok bool, err error) {
	const head, forked, other = 36, 52, 44
	if len(m) < head {
		return n, false, fmt.Errorf("process event of %d bytes, need %d", len(m), head)
	}
	host := binary.NativeEndian
	n.what, n.at = host.Uint32(m[20:]), int64(host.Uint64(m[28:]))
	word := func(at int) int32 { return int32(host.Uint32(m[at:])) }
	switch {
	case n.what == processForked && len(m) >= forked:
		n.parent, n.pid = word(40), word(48)
		n.thread = n.parent == n.pid
	case (n.what == processExecs || n.what == processExits) && len(m) >= other:
		n.pid = word(40)
		n.thread = word(36) != n.pid
	case n.what == processForked, n.what == processExecs, n.what == processExits:
		return n, false, fmt.Errorf("process event %#x of %d bytes", n.what, len(m))
	default:
		return n, false, nil
	}
	return n, true, nil
}

// processAnswer reads the answer to listenProcesses, 0 where that was granted. ok is
// false for all else.
func processAnswer(m []byte) (code syscall.Errno, ok bool) {
	const none, at = 0, 36 // PROC_EVENT_NONE
	if len(m) < at+4 || binary.NativeEndian.Uint32(m[20:]) != none {
		return 0, false
	}
	return syscall.Errno(binary.NativeEndian.Uint32(m[at:])), true
}
