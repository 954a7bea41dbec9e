package main

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// keepPipes lets a write to a pipe that nobody reads fail, also where it is
// standard output or error: without it the program would die of SIGPIPE in the
// middle of a recording. (The signal is caught, not ignored: what the program
// starts would ignore it too.)
func keepPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// outlive lets no hang-up end the program that follows another signal: one that closes a
// terminal comes twice, from the shell and from the kernel.
func outlive() {
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
}

// stoppable returns a context that ends when the program is asked to end. A
// hang-up that was ignored when it was started, as nohup does, stays ignored.
func stoppable(parent context.Context) (context.Context, context.CancelFunc) {
	asking := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP}
	if signal.Ignored(syscall.SIGHUP) {
		asking = slices.DeleteFunc(asking, func(s os.Signal) bool { return s == syscall.SIGHUP })
	}
	return signal.NotifyContext(parent, asking...)
}
