package main

import (
	"context"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record"
)

// evidence is what a log says of when the recorder knew.
type evidence struct {
	whole bool            // the source misses nothing
	looks []look          // at all that every process holds, in the order of time
	twice []look          // what passed twice, because the clock was set back
	lost  map[end][]*loss // when it was found that a socket has no holders, or others that could not be seen

	doubted map[end][]int64 // when the holders of a socket were last known, before others were found that could not be seen
}

// look is a time in which the recorder read all sockets.
type look struct{ begin, end int64 }

// loss is when the holders of a socket were last known, and until when others were not
// ruled out.
type loss struct{ at, over int64 }

// readEvidence returns what a log tells.
func readEvidence(path string) (*evidence, error) {
	log, err := ingest.OpenLog(path)
	if err != nil {
		return nil, err
	}
	known := &evidence{lost: map[end][]*loss{}, doubted: map[end][]int64{}}
	var all []look
	clock := int64(0)             // when it was last read
	partial := map[uint64]*loss{} // by socket
	err = log.Each(context.Background(), func(e *connlog.Event) error {
		switch e.Kind {
		case connlog.KindHead:
			known.whole, clock = e.Head.Source == record.SourceEBPF, e.Time
		case connlog.KindPoll:
			all = append(all, look{e.Poll.Begin, e.Poll.End})
			if e.Poll.Thorough {
				known.looks = append(known.looks, all[len(all)-1])
			}
		case connlog.KindClock:
			if step := e.Clock.Step; step < 0 {
				known.twice = append(known.twice, look{clock + step, e.Time - step})
			}
			clock = e.Time
		case connlog.KindSocket:
			known.change(e.Time, e.Socket, partial)
		}
		return nil
	})
	if len(known.looks) == 0 { // recorded before looks said how thorough they are
		known.looks = all
	}
	return known, err
}

// change takes what happened to a socket; partial are those that others may hold.
func (k *evidence) change(at int64, s *connlog.Socket, partial map[uint64]*loss) {
	socket := end{s.Protocol, s.Local, s.Remote}
	if l := partial[s.ID]; l != nil && (!s.Partial || s.Change == connlog.SocketClose) {
		l.over = at
		delete(partial, s.ID)
	}
	switch {
	case s.Change == connlog.SocketOwner && len(s.Owners) == 0:
		k.lost[socket] = append(k.lost[socket], &loss{s.Since, s.Since})
	case s.Partial && s.Change != connlog.SocketClose:
		if partial[s.ID] == nil {
			partial[s.ID] = &loss{at - 1, math.MaxInt64}
			k.lost[socket] = append(k.lost[socket], partial[s.ID])
		}
		if s.Change == connlog.SocketOwner {
			k.doubted[socket] = append(k.doubted[socket], s.Since)
		}
	}
}

// owed tells whether packets from first to last must have an owner at the end
// that e is about: whether it follows from the looks that the socket existed
// throughout. Two looks at a TCP socket decide for its whole connection (one does not, of
// a server that listens, nor do they for what came while others may have listened), two at a
// UDP socket for what is between them (docs/attribution.md).
func (k *evidence) owed(e *workload.Entry, first, last int64) bool {
	if slices.ContainsFunc(k.twice, func(l look) bool { return l.begin <= last && first <= l.end }) {
		return false
	}
	if k.whole {
		return true
	}
	here, until := endOf(e), e.End
	withoutPeer := end{protocol: here.protocol, local: here.local}
	for _, l := range slices.Concat(k.lost[here], k.lost[withoutPeer]) {
		if min(first, e.Begin) <= l.over {
			until = min(until, l.at+1)
		}
	}
	for _, t := range k.doubted[here] { // the nearest look behind these packets may be of others
		if e.Begin <= t && t < last {
			return false
		}
	}
	var seen []look
	for _, l := range k.looks {
		if e.Begin < l.begin && l.end < until {
			seen = append(seen, l)
		}
	}
	if len(seen) < 2 || e.Protocol == "tcp" {
		return len(seen) > 1
	}
	return seen[0].end <= first && last <= seen[len(seen)-1].begin
}
