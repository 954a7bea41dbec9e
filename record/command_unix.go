//go:build unix

package record

import (
	"os"
	"os/exec"
	"syscall"
)

// runAs lets the command run as another user.
func runAs(c *exec.Cmd, who *account) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid), Groups: who.groups}}
}

func passedSignals() []os.Signal { return []os.Signal{syscall.SIGTERM, syscall.SIGHUP} }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func exitStatus(state *os.ProcessState) int {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return state.ExitCode()
}
