package record

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
