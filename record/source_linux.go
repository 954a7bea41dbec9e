package record

import "fmt"

// openSource opens the source that the user asked for, and says why it is that
// one.
func openSource(name string) (s source, why string, err error) {
	switch name {
	case SourcePoll:
		s, err = newPoll()
		return s, "asked for", err
	case SourceDiag:
		s, err = newDiag()
		return s, "asked for", err
	}
	if s, err = newDiag(); err == nil {
		return s, "the best that this version has for Linux", nil
	}
	why = fmt.Sprintf("sock_diag cannot be used: %v", err)
	s, err = newPoll()
	return s, why, err
}
