//go:build !linux

package record

import (
	"runtime"
	"time"

	"golang.org/x/net/bpf"
)

// ring is not there yet outside Linux.
type ring struct {
	damaged int64
	down    bool
}

// CanRecord tells whether this process may capture packets: nil, or an *Error
// whose hint is the remedy.
func CanRecord() error {
	return &Error{Message: "packets cannot be captured on " + runtime.GOOS + " yet", Status: statusFailed,
		Hint: "capture with tcpdump or dumpcap, and analyze that file: connections and totals, without processes"}
}

func openRing(int, int, []bpf.RawInstruction) (*ring, error) { return nil, CanRecord() }
func (*ring) read(time.Duration, func(*frame)) (bool, error) { return false, CanRecord() }
func (*ring) interrupt()                                     {}
func (*ring) shut() error                                    { return nil }
func (*ring) drops() (int64, error)                          { return 0, nil }
func (*ring) close()                                         {}
