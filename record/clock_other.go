//go:build !linux

package record

import "time"

// clocks reads the time since the program began in place of that since boot:
// it is not slewed or set either.
func clocks() (boot, now int64) {
	t := time.Now()
	return int64(t.Sub(programStart)), t.UnixNano()
}

// programStart carries a monotonic reading.
var programStart = time.Now()

// watchSteps: steps are noticed once a second only.
func watchSteps(func()) (stop func(), err error) { return func() {}, nil }

var loaded = time.Now()

// threadTime stands for the processor time of the calling thread: time that passed.
func threadTime() time.Duration { return time.Since(loaded) }
