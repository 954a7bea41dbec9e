package record

import (
	"errors"
	"fmt"
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
	have, err := readCapabilities()
	return err == nil && have.effective.has(unix.CAP_SYS_PTRACE) && have.effective.has(unix.CAP_DAC_READ_SEARCH)
}

// rights are what the program needs as file capabilities, to see everything.
const rights = "cap_net_raw,cap_bpf,cap_perfmon,cap_net_admin,cap_sys_ptrace,cap_dac_read_search"

// noTrace explains why the kernel does not tell of its sockets.
func noTrace(err error) error {
	out := &Error{Message: "the kernel's own events cannot be had", Status: statusFailed, Err: err, Hint: "use --source diag"}
	if refusedTrace(err) {
		out.Err = unix.EPERM // what was refused first is of no interest
		out.Message += " (needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN)"
		out.Hint = "run it under sudo, or once: " + setRights() + "; or use --source diag"
	}
	return out
}

// insteadOfTrace says why another source is used, and what would help.
func insteadOfTrace(err error) string {
	if refusedTrace(err) {
		return "source ebpf, which misses nothing, has no right; run it under sudo, or once: " + setRights()
	}
	return fmt.Sprintf("source ebpf, which misses nothing, cannot be used: %v", err)
}

// refusedTrace tells whether it is rights that are missing. The kernel's answers do
// not always say so: it lets nobody ask without rights what it can do.
func refusedTrace(err error) bool {
	const needed capabilities = 1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON | 1<<unix.CAP_NET_ADMIN
	have, failed := readCapabilities()
	lacking := failed == nil && have.effective&needed != needed && !have.effective.has(unix.CAP_SYS_ADMIN)
	return lacking || refusedRights(err)
}

func refusedRights(err error) bool { return errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) }

// setRights is the command that gives the program its rights.
func setRights() string {
	program, _ := os.Executable()
	if program == "" {
		program = "./pcapwho"
	}
	return "sudo setcap " + rights + "+ep " + program
}

// noRights explains why there is no packet socket.
func noRights(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return &Error{Message: "no right to capture packets (needs CAP_NET_RAW)", Status: statusFailed, Err: err,
			Hint: "run it under sudo, or once: " + setRights() + "; or try: pcapwho demo"}
	case errors.Is(err, unix.EAFNOSUPPORT):
		return &Error{Message: "this kernel has no packet sockets", Status: statusFailed, Err: err, Hint: "load them: modprobe af_packet"}
	}
	return &Error{Message: "no packet socket", Status: statusFailed, Err: err}
}
