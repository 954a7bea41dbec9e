//go:build !linux

package record

import "runtime"

// openSource opens the source that the user asked for, and says why it is that
// one.
func openSource(name string) (s source, why string, err error) {
	switch name {
	case SourceDiag:
		return nil, "", &Error{Message: "source diag is only on Linux", Hint: "use --source poll", Status: statusUsage}
	case SourcePoll:
		why = "asked for"
	default:
		why = "the only one for " + runtime.GOOS
	}
	s, err = newPoll()
	return s, why, err
}
