//go:build !unix

package record

import (
	"os"
	"os/exec"
)

// runAs: there is no sudo here.
func runAs(*exec.Cmd, *account) {}

func passedSignals() []os.Signal { return nil }

func keySignals() []os.Signal { return []os.Signal{os.Interrupt} }

func asksToEnd(os.Signal) bool { return false }

func terminate(p *os.Process) error { return p.Kill() }

func exitStatus(state *os.ProcessState) int { return state.ExitCode() }
