//go:build unix

package record

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// runAs lets the command run as another user.
func runAs(c *exec.Cmd, who *account) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(who.uid), Gid: uint32(who.gid), Groups: who.groups}}
}

// passedSignals are those that only this process gets. One that was ignored when
// it started (nohup) stays so, for the command too.
func passedSignals() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{syscall.SIGTERM}
	}
	return []os.Signal{syscall.SIGTERM, syscall.SIGHUP}
}

// keySignals are those of the terminal's keys, which its whole foreground group
// gets. A shell lets what it starts in the background of a script ignore SIGINT.
func keySignals() []os.Signal {
	if signal.Ignored(os.Interrupt) {
		return []os.Signal{syscall.SIGQUIT}
	}
	return []os.Signal{os.Interrupt, syscall.SIGQUIT}
}

// asksToEnd tells a signal that a command may not disregard for ever.
func asksToEnd(s os.Signal) bool { return s == syscall.SIGTERM }

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

func exitStatus(state *os.ProcessState) int {
	if s, ok := state.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return state.ExitCode()
}
