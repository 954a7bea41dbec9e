package record

import (
	"fmt"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// openObserver opens what the user asked for, and says why it is that: the
// kernel's own events, where they can be had.
func openObserver(name string, namespaces []string, write func(*connlog.Event)) (o observer, why string, err error) {
	if name == SourceDiag || name == SourcePoll {
		return newPolling(name, namespaces, write)
	}
	t, err := newTrace(write)
	switch {
	case err == nil && name == SourceEBPF:
		return t, "asked for", nil
	case err == nil:
		return t, "the kernel tells everything", nil
	case name == SourceEBPF:
		return nil, "", noTrace(err)
	}
	o, why, failed := newPolling(name, namespaces, write)
	if failed == nil && o.name() == SourceDiag {
		return o, insteadOfTrace(err), nil
	}
	return o, insteadOfTrace(err) + "; " + why, failed
}

// openSource opens the polling source that the user asked for, and says why it is that
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
