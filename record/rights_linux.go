package record

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// CanRecord tells whether this process may capture packets: nil, or an *Error
// whose hint is the remedy.
func CanRecord() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return noRights(os.NewSyscallError("socket", err))
	}
	unix.Close(fd)
	return nil
}

// mayInspect tells whether this process has the rights by which it may see the
// descriptors of all others.
func mayInspect() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	const needed = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH
	return unix.Capget(&header, &data[0]) == nil && data[0].Effective&needed == needed
}

// noRights explains why there is no packet socket.
func noRights(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		program, _ := os.Executable()
		if program == "" {
			program = "./pcapwho"
		}
		return &Error{Message: "no right to capture packets (needs CAP_NET_RAW)", Status: statusFailed, Err: err,
			Hint: "run it under sudo, or once: sudo setcap cap_net_raw,cap_sys_ptrace,cap_dac_read_search+ep " + program + "; or try: pcapwho demo"}
	case errors.Is(err, unix.EAFNOSUPPORT):
		return &Error{Message: "this kernel has no packet sockets", Status: statusFailed, Err: err, Hint: "load them: modprobe af_packet"}
	}
	return &Error{Message: "no packet socket", Status: statusFailed, Err: err}
}
