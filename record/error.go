package record

import (
	"errors"
	"strings"
)

// Error is why a recording could not start, or what failed later. Its text
// is one lower-case sentence; Hint is the remedy.
type Error struct {
	Message string
	Hint    string // what to do about it; "" = nothing known
	Status  int    // exit status that fits, as DESIGN and env(1) have it
	Err     error  // the cause; may be nil
}

// Exit statuses of a recorder that cannot start.
const (
	statusFailed        = 1
	statusUsage         = 2
	statusNoRecorder    = 125 // a command was given, and it was not started
	statusNotExecutable = 126
	statusNotFound      = 127
)

// Error returns the message and its cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitStatus returns the status a program that fails with e should end with.
func (e *Error) ExitStatus() int { return e.Status }

// Remedy returns Hint.
func (e *Error) Remedy() string { return e.Hint }

// Failures are several errors, which have nothing to do with each other.
type Failures []error

// Error returns them in one line.
func (f Failures) Error() string {
	texts := make([]string, len(f))
	for i, err := range f {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns them, those that came first in front.
func (f Failures) Unwrap() []error { return f }

// together returns what is not nil: nothing, one error, or Failures.
func together(errs ...error) error {
	var f Failures
	for _, err := range errs {
		var more Failures
		switch {
		case err == nil:
		case errors.As(err, &more):
			f = append(f, more...)
		default:
			f = append(f, err)
		}
	}
	switch len(f) {
	case 0:
		return nil
	case 1:
		return f[0]
	}
	return f
}
