package owner

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// recording is one run of a recorder, from its head to the next. Sightings are
// sought among its own polls only.
type recording struct {
	boot  string // identity of the host's run of the kernel; "" = unknown
	polls []window
	began int64 // time of its head
	last  int64 // time of its last event
	clock int64 // when its clock was last read
	tells bool  // its source is told of everybody who uses a socket

	// Sockets of other recordings may have existed before its first poll and
	// after its last, up to the polls of those recordings that are nearest.
	before, after int64
}

// window is a closed interval of time, Unix nanoseconds.
type window struct{ begin, end int64 }

// begin starts a recording: what is open belongs to the one before, and ends
// with it.
func (t *Timeline) begin(at int64, h *connlog.Head) {
	t.recordings = append(t.recordings, recording{boot: h.BootID, began: at, last: at, clock: at, tells: h.Source == "ebpf"})
	t.socket = registry{}
}

// recording returns the one whose events are being added.
func (t *Timeline) recording() *recording {
	if len(t.recordings) == 0 {
		t.recordings = append(t.recordings, recording{last: math.MinInt64, clock: math.MinInt64 / 2})
	}
	return &t.recordings[len(t.recordings)-1]
}

// sighting returns the window in which something that a source reported at
// time at was seen: the poll around it, else the instant itself.
func (r *recording) sighting(at int64) window {
	n := sort.Search(len(r.polls), func(i int) bool { return r.polls[i].begin > at })
	if n > 0 && r.polls[n-1].end >= at {
		return r.polls[n-1]
	}
	return window{at, at}
}

// sighted returns the window of a time in an event. Of one that was told because of a
// packet that is the instant itself, unless a poll ended with it.
func (r *recording) sighted(at int64, prompt bool) window {
	w := r.sighting(at)
	if prompt && at != w.end {
		return window{at, at}
	}
	return w
}

// beginning returns when it looked first, or began to.
func (r *recording) beginning() window {
	if len(r.polls) > 0 {
		return r.polls[0]
	}
	return window{r.began, r.began}
}

// end returns when a socket was last seen that no event closed: in the last
// poll, or, with a source that does not poll, at the last event.
func (r *recording) end() window {
	if len(r.polls) > 0 {
		return r.polls[len(r.polls)-1]
	}
	return window{r.last, r.last}
}

// sealRecordings sorts the polls and finds the neighbours of every recording.
func (t *Timeline) sealRecordings() {
	for i := range t.recordings {
		r := &t.recordings[i]
		slices.SortFunc(r.polls, func(a, b window) int { return cmp.Compare(a.begin, b.begin) })
		r.before, r.after = math.MinInt64, math.MaxInt64
	}
	for i := range t.recordings {
		for k := range t.recordings {
			r, other := &t.recordings[i], &t.recordings[k]
			if last := other.end(); last.end <= r.beginning().begin {
				r.before = max(r.before, last.begin)
			}
			if first := other.beginning(); first.begin >= r.end().end {
				r.after = min(r.after, first.end)
			}
		}
	}
}
