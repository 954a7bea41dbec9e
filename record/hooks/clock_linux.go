package hooks

import (
	"bytes"
	"fmt"
	"os"
)

// bootOffset returns how much the time since boot is ahead in the time namespace of this
// process (time_namespaces(7)), nanoseconds: the kernel's programs are told the host's.
func bootOffset() (int64, error) {
	own, err := os.Readlink("/proc/self/ns/time")
	children, e := os.Readlink("/proc/self/ns/time_for_children")
	if err != nil || e != nil || own != children {
		return 0, nil // there are none, or it is only about to be one of its children's
	}
	text, err := os.ReadFile("/proc/self/timens_offsets")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		var clock string
		var seconds, nanoseconds int64
		if n, _ := fmt.Sscan(string(line), &clock, &seconds, &nanoseconds); n == 3 && clock == "boottime" {
			return seconds*1e9 + nanoseconds, nil
		}
	}
	return 0, nil
}

// shift brings the times of an event to those of a time namespace.
func (e *Event) shift(offset int64) {
	e.Time += offset
	if e.Former != 0 {
		e.Former += offset
	}
	for _, i := range []*Identity{&e.User, &e.Parent} {
		if i.Start != 0 {
			i.Start += uint64(offset)
		}
	}
}
