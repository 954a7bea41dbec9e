package record

import (
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// observer tells what happens to sockets and processes, as events of the log.
// There are two: watch, which compares what a source saw in two looks, and trace
// (Linux), which the kernel tells. One goroutine uses it.
type observer interface {
	// name is the head's source; blind says what it cannot see, one sentence
	// each, and may be asked after first.
	name() string
	blind() []string

	// interval is how often lookNow should be called, and whether what it sees is
	// as of then only.
	interval() (every time.Duration, polls bool)

	// first looks for the first time, and returns when: Unix nanoseconds. report
	// writes what it saw.
	first() (at int64, err error)
	report()

	// focus tells, before first, which processes are the user's own, by PID.
	focus(pids []int32)

	// started tells the PID of the wrapped command.
	started(pid int32)

	// lookNow writes what is new. What failed is a gap in the log.
	lookNow(last bool) error

	// seen returns how many sockets and processes there were.
	seen() (sockets, processes int)
	close()
}

// newPolling returns an observer that polls a source, in further network namespaces too.
func newPolling(source string, namespaces []string, write func(*connlog.Event)) (observer, string, error) {
	s, why, err := openSource(source)
	if err != nil {
		return nil, why, err
	}
	if err := s.enter(namespaces); err != nil {
		s.close()
		return nil, why, err
	}
	return newWatch(s, write), why, nil
}
