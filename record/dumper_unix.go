//go:build unix

package record

import (
	"os/exec"
	"syscall"
)

// apart puts a program into a process group of its own: the signals of the
// terminal's keys do not reach it.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
