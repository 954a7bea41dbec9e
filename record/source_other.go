//go:build !linux

package record

import (
	"runtime"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// openObserver opens what the user asked for, and says why it is that.
func openObserver(name string, namespaces []string, write func(*connlog.Event)) (o observer, why string, err error) {
	if name == SourceEBPF {
		return nil, "", &Error{Message: "source ebpf is only on Linux", Hint: "use --source poll", Status: statusUsage}
	}
	return newPolling(name, namespaces, write)
}

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
