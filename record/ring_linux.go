package record

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Geometry of the ring. A block is handed over when it is full, or blockTimeout
// after its first packet.
const (
	ringBlock = 1 << 20
	ringFrame = 2048 // only a unit of account in TPACKET_V3
)

// ring is a TPACKET_V3 receive ring (Documentation/networking/packet_mmap.rst)
// on one AF_PACKET socket. One goroutine reads; interrupt may be called from others.
type ring struct {
	fd      int
	poller  *poller
	memory  []byte
	current int // block to read next
	damaged int64
	down    bool // set when an interface went down, or was
}

// openRing starts to capture: all interfaces (index 0) or one, through program.
func openRing(index, mebibytes int, program []bpf.RawInstruction) (*ring, error) {
	// Protocol 0: nothing is queued before the filter and the ring are in place.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, noRights(os.NewSyscallError("socket", err))
	}
	r := &ring{fd: fd}
	if err := r.configure(index, mebibytes, program); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *ring) configure(index, mebibytes int, program []bpf.RawInstruction) (err error) {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return ringError("packet version 3", err)
	}
	if err := attach(r.fd, program); err != nil {
		return &Error{Message: "the kernel refuses the filter", Status: statusUsage, Err: err,
			Hint: filterHint}
	}
	req := unix.TpacketReq3{
		Block_size: ringBlock, Block_nr: uint32(mebibytes),
		Frame_size: ringFrame, Frame_nr: uint32(ringBlock / ringFrame * mebibytes),
		Retire_blk_tov: uint32(blockTimeout / time.Millisecond),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		if errors.Is(err, unix.ENOMEM) {
			return &Error{Message: fmt.Sprintf("no memory for a capture ring of %d MiB", mebibytes), Hint: "choose a smaller ring with -B", Status: statusFailed, Err: err}
		}
		return ringError("ring", err)
	}
	if r.memory, err = unix.Mmap(r.fd, 0, ringBlock*mebibytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return ringError("mapping of the ring", err)
	}
	if r.poller, err = newPoller(r.fd); err != nil {
		return ringError("wait", err)
	}
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index}); err != nil {
		return ringError("bind", err)
	}
	return nil
}

func ringError(what string, err error) error {
	return &Error{Message: "capture: " + what, Status: statusFailed, Err: err}
}

// attach makes program the socket's filter.
func attach(fd int, program []bpf.RawInstruction) error {
	filter := make([]unix.SockFilter, len(program))
	for i, in := range program {
		filter[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
	runtime.KeepAlive(filter)
	return err
}

// networkOrder returns v as the kernel wants it in a __be16 of host memory.
func networkOrder(v uint16) uint16 {
	b := [2]byte{byte(v >> 8), byte(v)}
	return *(*uint16)(unsafe.Pointer(&b))
}

// read calls f for each frame of the next block, if one is ready within the
// timeout, and hands the block back to the kernel. It returns whether there
// was one. The frame is valid during the call only.
func (r *ring) read(timeout time.Duration, f func(*frame)) (bool, error) {
	if !r.ready() {
		if timeout > 0 {
			if err := r.poller.wait(timeout, r.ready); err != nil {
				return false, ringError("wait", err)
			}
		}
		if err := r.notice(); err != nil || !r.ready() {
			return false, err
		}
	}
	block := r.memory[r.current*ringBlock:][:ringBlock]
	r.damaged += eachFrame(block, f)
	atomic.StoreUint32(r.status(), unix.TP_STATUS_KERNEL)
	r.current = (r.current + 1) % (len(r.memory) / ringBlock)
	return true, nil
}

// status is that of the next block: tpacket_block_desc.hdr.bh1.block_status.
func (r *ring) status() *uint32 { return (*uint32)(unsafe.Pointer(&r.memory[r.current*ringBlock+8])) }

func (r *ring) ready() bool { return atomic.LoadUint32(r.status())&unix.TP_STATUS_USER != 0 }

// notice reads what went wrong with the socket. An interface that goes down reports
// ENETDOWN once; capture goes on when it comes up again.
func (r *ring) notice() error {
	switch code, err := unix.GetsockoptInt(r.fd, unix.SOL_SOCKET, unix.SO_ERROR); {
	case err != nil || code == 0:
	case unix.Errno(code) == unix.ENETDOWN:
		r.down = true
	default:
		return os.NewSyscallError("packet socket", unix.Errno(code))
	}
	return nil
}

// interrupt ends a read that waits.
func (r *ring) interrupt() { r.poller.interrupt() }

// troubles returns how many frames lay outside of their block since the last call,
// and whether an interface went down.
func (r *ring) troubles() (damaged int64, down bool) {
	damaged, down = r.damaged, r.down
	r.damaged, r.down = 0, false
	return damaged, down
}

// shut lets no further frame in: those in the ring stay readable.
func (r *ring) shut() error { return attach(r.fd, []bpf.RawInstruction{{Op: classRet}}) }

// drops returns how many frames that passed the filter were lost for lack of
// room since the last call.
func (r *ring) drops() (int64, error) {
	s, err := unix.GetsockoptTpacketStatsV3(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0, os.NewSyscallError("getsockopt PACKET_STATISTICS", err)
	}
	return int64(s.Drops), nil
}

func (r *ring) close() {
	if r.memory != nil {
		unix.Munmap(r.memory)
	}
	if r.poller != nil {
		r.poller.close()
	}
	unix.Close(r.fd)
}
