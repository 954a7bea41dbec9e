package record

import (
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// tap gives the frames of a capture. One goroutine uses it; interrupt may be called
// from any.
type tap interface {
	// read calls f for the frames that are ready within the timeout, and returns
	// whether there were any. A frame is valid during the call only.
	read(timeout time.Duration, f func(*frame)) (bool, error)
	// interrupt ends a read that waits.
	interrupt()
	// shut lets no further frame in: those that are in stay readable.
	shut() error
	// drops returns how many frames that passed the filter were lost since the last
	// call.
	drops() (int64, error)
	// troubles returns how many frames could not be read since the last call, and
	// whether an interface went down.
	troubles() (damaged int64, down bool)
	close()
}

// openTap begins to capture from interfaces, and returns them as the tap gives them.
// Tests take another.
var openTap func(*Config, []connlog.Interface) (tap, []connlog.Interface, error) = platformTap
