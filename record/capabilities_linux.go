package record

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// capabilities is a set of them, a bit each (capabilities(7)).
type capabilities uint64

func (c capabilities) has(one int) bool { return c&(1<<one) != 0 }

// What a recording that runs has a use for. It inspects other processes; the
// kernel also asks for CAP_NET_ADMIN whenever it lists the addresses of another
// network namespace, or the translations anew. Root, who is nobody else, writes
// where it likes, as it does without us.
const (
	inspectRights capabilities = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_ADMIN
	fileRights    capabilities = 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_FOWNER
)

// dropRights gives up what a recording that runs does not need: in all threads, for
// good. The process becomes who called sudo, and keeps of its capabilities
//
//	permitted    inspectRights: a thread takes them up for as long as it needs them
//	             (inspecting); of plain root fileRights too
//	effective    nothing, of plain root fileRights
//	inheritable  nothing
//	ambient      nothing
//	bounding     nothing; left as it is for a command, which may start programs that
//	             get rights of their own, as ping, and is root's where root calls
//
// so that a command of an ordinary user has none. It stays as it is where there is
// nothing to give up.
func dropRights(who *account, command bool) error {
	have, err := readCapabilities()
	if err != nil {
		return err
	}
	keep, effective := have.permitted&kept(), capabilities(0)
	if who == nil && os.Geteuid() == 0 {
		effective = have.permitted & fileRights
		keep |= effective
	}
	if err := everywhere("clear ambient", unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return err // EINVAL: before Linux 4.3 there are none
	}
	if !command && have.permitted.has(unix.CAP_SETPCAP) {
		if err := dropBounding(); err != nil {
			return err
		}
	}
	if who != nil {
		if err := become(who); err != nil {
			return err
		}
	}
	return rightsOf{permitted: keep, effective: effective}.takeEverywhere()
}

// kept are the rights that are of use later. Before Linux 5.19 the kernel lets
// nobody read what its programs count without CAP_BPF.
func kept() capabilities {
	if release() < 519 {
		return inspectRights | 1<<unix.CAP_BPF
	}
	return inspectRights
}

// release returns the kernel's version, 601 for 6.1; 0 = unknown.
func release() int {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return 0
	}
	var numbers [2]int
	if n, _ := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &numbers[0], &numbers[1]); n < 2 {
		return 0
	}
	return numbers[0]*100 + min(numbers[1], 99)
}

// become lets every thread be the user who called sudo. The permitted capabilities
// stay.
func become(who *account) error {
	groups := make([]int, len(who.groups))
	for i, g := range who.groups {
		groups[i] = int(g)
	}
	if err := everywhere("keep capabilities", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0); err != nil {
		return err
	}
	err := os.NewSyscallError("setgroups", syscall.Setgroups(groups))
	if err == nil {
		err = os.NewSyscallError("setresgid", syscall.Setresgid(who.gid, who.gid, who.gid))
	}
	if err == nil {
		err = os.NewSyscallError("setresuid", syscall.Setresuid(who.uid, who.uid, who.uid))
	}
	if err != nil {
		return err
	}
	return everywhere("keep capabilities no more", unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 0, 0)
}

func dropBounding() error {
	for c := uintptr(0); ; c++ {
		in, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0)
		if err != nil {
			return nil // c is more than the last that there is
		}
		if in == 0 {
			continue
		}
		if err := everywhere("drop bounding", unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0); err != nil {
			return err
		}
	}
}

// rightsOf are the capabilities of a thread.
type rightsOf struct{ permitted, effective, inheritable capabilities }

// readCapabilities returns those of the calling thread.
func readCapabilities() (r rightsOf, err error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return r, os.NewSyscallError("capget", err)
	}
	join := func(low, high uint32) capabilities { return capabilities(high)<<32 | capabilities(low) }
	return rightsOf{join(data[0].Permitted, data[1].Permitted), join(data[0].Effective, data[1].Effective),
		join(data[0].Inheritable, data[1].Inheritable)}, nil
}

// data is how capset(2) takes them.
func (r rightsOf) data() (unix.CapUserHeader, [2]unix.CapUserData) {
	return unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, [2]unix.CapUserData{
		{Effective: uint32(r.effective), Permitted: uint32(r.permitted), Inheritable: uint32(r.inheritable)},
		{Effective: uint32(r.effective >> 32), Permitted: uint32(r.permitted >> 32), Inheritable: uint32(r.inheritable >> 32)},
	}
}

// take gives the calling thread these rights, and no others.
func (r rightsOf) take() error {
	header, data := r.data()
	return os.NewSyscallError("capset", unix.Capset(&header, &data[0]))
}

// takeEverywhere does so for every thread.
func (r rightsOf) takeEverywhere() error {
	header, data := r.data()
	_, _, errno := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
	runtime.KeepAlive(&data)
	if errno != 0 {
		return os.NewSyscallError("capset", errno)
	}
	return nil
}

// everywhere makes a system call in every thread: the kernel gives each rights of
// its own.
func everywhere(what string, call, a, b, c uintptr) error {
	if _, _, errno := psx.Syscall3(call, a, b, c); errno != 0 {
		return os.NewSyscallError(what, errno)
	}
	return nil
}

// inspecting calls f with inspectRights, where this process has them. They are
// those of this thread: no other takes them up, nor does a file that another opens
// meanwhile. f starts no process.
func inspecting(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if had, err := readCapabilities(); err == nil {
		more := had
		more.effective |= had.permitted & kept()
		if more.take() == nil { // what is permitted can be taken up
			defer had.take() // and given up
		}
	}
	f()
}
