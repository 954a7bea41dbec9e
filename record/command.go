package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The end of a context and the signal that may be its cause come at the same
// moment, but on a busy machine not to the same goroutine: cancelWait is how long
// the end waits for the signal, sameMoment how old that may then be.
const (
	cancelWait = 200 * time.Millisecond
	sameMoment = time.Second
)

// command is the wrapped command.
type command struct {
	*exec.Cmd
	signalled atomic.Pointer[time.Time] // when the last signal came that the command has too
	signals   chan os.Signal
	forwarded chan struct{}
	disown    func() // no more orphans are adopted
}

// findCommand makes the command ready to start, or says why it cannot be:
// status 127 when it is not found, 126 when it cannot be executed.
func findCommand(cfg *Config, who *account) (*command, error) {
	path, err := exec.LookPath(cfg.Command[0])
	if err != nil {
		return nil, commandError(cfg.Command[0], err)
	}
	c := &command{Cmd: exec.Command(path, cfg.Command[1:]...), signals: make(chan os.Signal, 4), forwarded: make(chan struct{})}
	c.Args[0] = cfg.Command[0]
	c.Stdin, c.Stdout, c.Stderr = cfg.Stdin, cfg.Stdout, cfg.Stderr
	if who != nil {
		c.Env = who.environment()
		if !cfg.DropRights { // else this process is the caller itself by then
			runAs(c.Cmd, who)
		}
	}
	return c, nil
}

func commandError(name string, err error) error {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, exec.ErrDot) {
		return &Error{Message: fmt.Sprintf("command %q not found", name), Hint: "give its path, as ./NAME", Status: statusNotFound}
	}
	return &Error{Message: fmt.Sprintf("command %q cannot be executed", name), Status: statusNotExecutable, Err: err}
}

// unstarted says why a command that was found did not start.
func (c *command) unstarted(err error) error {
	if _, there := os.Stat(c.Path); there == nil && errors.Is(err, fs.ErrNotExist) {
		return &Error{Message: fmt.Sprintf("what interprets command %q is not found", c.Args[0]), Hint: "its first line names it, or it is the loader of its libraries: install that", Status: statusNotFound}
	}
	return commandError(c.Args[0], err)
}

// enough is how many signals that ask it to end a command gets before the next
// one kills it.
const enough = 2

// listen takes the signals that start passes on, from now on: one that comes before the
// command has started shall not end this process between two files.
func (c *command) listen() { signal.Notify(c.signals, slices.Concat(passedSignals(), keySignals())...) }

// deafen undoes listen.
func (c *command) deafen() { signal.Stop(c.signals) }

// interrupted says that one has come.
func (c *command) interrupted() error {
	if len(c.signals) == 0 {
		return nil
	}
	return &Error{Message: fmt.Sprintf("%v before the command was started", <-c.signals), Status: statusNoRecorder}
}

// start starts the command and passes on the signals that only this process
// gets. Those of the terminal's keys reach the whole foreground group: the command
// decides what they mean, however many there are, and the recorder waits. The command
// finds the control socket in its environment.
func (c *command) start(control string) error {
	c.Env = slices.DeleteFunc(c.Environ(), func(v string) bool { return strings.HasPrefix(v, SocketVariable+"=") }) // of another recording
	if control != "" {
		c.Env = append(c.Env, SocketVariable+"="+control)
	}
	c.disown = sync.OnceFunc(adoptOrphans())
	if err := c.Start(); err != nil {
		c.disown()
		return c.unstarted(err)
	}
	go func() {
		defer close(c.forwarded)
		asked := 0
		for s := range c.signals {
			now := time.Now()
			c.signalled.Store(&now)
			if slices.Contains(keySignals(), s) {
				continue
			}
			if asksToEnd(s) {
				asked++
			}
			if asked > enough {
				s = os.Kill
			}
			_ = c.Process.Signal(s) // it may have ended just now
		}
	}()
	return nil
}

// cancel asks the command to end. When a signal came at the same moment it is
// why the context ended, and the command has it already: a second one makes many
// programs give up their cleaning up.
func (c *command) cancel() {
	time.Sleep(cancelWait)
	if at := c.signalled.Load(); at == nil || time.Since(*at) > sameMoment {
		_ = terminate(c.Process) // it may have ended just now
	}
}

// wait returns the exit status, 128 + the signal's number when one ended it.
// An error is one of passing its output on.
func (c *command) wait() (int, error) {
	err := c.Wait()
	c.disown()
	c.deafen()
	close(c.signals)
	<-c.forwarded
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = nil
	}
	return exitStatus(c.ProcessState), err
}
