package attribute_test

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// recording tells which recording event i belongs to: heads are counted.
func (o *oracle) recording(i int) (n int) {
	for _, e := range o.events[:i+1] {
		if e.Kind == connlog.KindHead {
			n++
		}
	}
	return n
}

func (o *oracle) polls(recording int) (w [][2]int64) {
	for i, e := range o.events {
		if e.Kind == connlog.KindPoll && o.recording(i) == recording {
			w = append(w, [2]int64{e.Poll.Begin, e.Poll.End})
		}
	}
	return w
}

func (o *oracle) window(recording int, at int64) [2]int64 {
	for _, w := range o.polls(recording) {
		if w[0] <= at && at <= w[1] {
			return w
		}
	}
	return [2]int64{at, at}
}

// seen is when something was that an event tells, by one of its times.
func (o *oracle) seen(recording int, e *connlog.Socket, at int64) [2]int64 {
	w := o.window(recording, at)
	if e.Evidence == connlog.EvidencePacket && at != w[1] {
		return [2]int64{at, at}
	}
	return w
}

// losses are the windows in which the capture dropped packets.
func (o *oracle) losses() (w [][2]int64) {
	for _, e := range o.events {
		if e.Kind == connlog.KindGap {
			w = append(w, [2]int64{e.Gap.Begin, e.Gap.End})
		}
	}
	return w
}

// twice are the windows of time that passed twice.
func (o *oracle) twice() (w [][2]int64) {
	var read int64
	for _, e := range o.events {
		if e.Kind == connlog.KindClock && e.Clock.Step < 0 {
			w = append(w, [2]int64{read + e.Clock.Step, e.Time - e.Clock.Step})
		}
		if e.Kind == connlog.KindClock || e.Kind == connlog.KindHead {
			read = e.Time
		}
	}
	return w
}

// teller returns which recording, from 1 on, is told everything between two times,
// 0 = none.
func (o *oracle) teller(first, last int64) (n int) {
	var began, ended int64
	tells, found := false, 0
	for _, e := range append(slices.Clone(o.events), connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{}}) {
		if e.Kind == connlog.KindHead {
			if n > 0 && found == 0 && tells && began <= first && last <= ended {
				found = n
			}
			n++
			began, ended, tells = e.Time, e.Time, e.Head.Source == "ebpf"
		}
		ended = max(ended, e.Time)
	}
	return found
}

// exit returns when process 4 was found to be gone.
func (o *oracle) exit() int64 {
	for _, e := range o.events {
		if e.Kind == connlog.KindProcess && e.Process.Change == connlog.ProcessExit {
			return e.Time
		}
	}
	return math.MaxInt64
}
