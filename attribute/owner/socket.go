package owner

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Socket is one socket's life as the log tells it. Times are Unix
// nanoseconds.
type Socket struct {
	Namespace     uint32 // index as in flow.Key
	Protocol      flow.Protocol
	Local, Remote flow.Endpoint
	HasRemote     bool
	V6Only        bool
	Listening     bool
	Interface     int // ifindex it is bound to; 0 = any

	// It existed at an instant in [FirstBegin, FirstEnd] and at one in
	// [LastBegin, LastEnd], the first and the last sighting.
	FirstBegin, FirstEnd int64
	LastBegin, LastEnd   int64
	// It did not exist at Before and no longer at After: the bounds of its
	// possible life.
	Before, After int64

	Holds []Hold // after Seal: ordered by From; none without owners, unless it is Partial

	recording      int32 // index into Timeline.recordings
	opened, closed int64 // time_ns of its first event, and of the last sighting its close names
	changes        []change
}

// Hold says that these processes, and no others that could be seen, held a
// socket at every moment from From to To. To = From-1 when it was seen once.
type Hold struct {
	From, To int64
	Owners   []int32 // indexes into Timeline.Processes, ascending; empty only if Partial
	Partial  bool    // processes that could not be seen may have held it too
	Slack    int64   // width of the widest sighting that From and To rest on, nanoseconds
}

// Owner returns the process that alone held the socket, if one did.
func (h *Hold) Owner() (int32, bool) {
	if len(h.Owners) != 1 || h.Partial {
		return 0, false
	}
	return h.Owners[0], true
}

// change is one owner list and when it was found.
type change struct {
	at      int64 // sighted with these owners
	former  int64 // last sighted with those before
	owners  []connlog.ProcessID
	partial bool
}

func (t *Timeline) addSocket(at int64, e *connlog.Socket) {
	key := socketKey{t.namespaceIndex(e.Namespace), e.ID}
	i, ok := t.socket[key]
	switch e.Change {
	case connlog.SocketSnapshot, connlog.SocketOpen:
		if ok { // its end was not logged: nothing is known of it from here on
			t.Sockets[i].closed, t.Sockets[i].After = t.Sockets[i].opened, at
		}
		i = int32(len(t.Sockets))
		t.recording()
		t.Sockets = append(t.Sockets, newSocket(at, key.namespace, e))
		t.Sockets[i].recording = int32(len(t.recordings) - 1)
		t.socket[key] = i
		t.Sockets[i].hold(t, at, 0, e)
	case connlog.SocketOwner:
		if ok {
			t.Sockets[i].hold(t, at, e.Since, e)
		}
	case connlog.SocketClose:
		if ok {
			s := &t.Sockets[i]
			s.closed, s.After = at, at
			if e.Since != 0 {
				s.closed = e.Since
			}
			delete(t.socket, key) // an id may be used again
		}
	}
}

func newSocket(at int64, ns uint32, e *connlog.Socket) Socket {
	s := Socket{
		Namespace: ns, Protocol: e.Protocol, Local: e.Local, Remote: e.Remote, HasRemote: e.HasRemote,
		V6Only: e.V6Only, Listening: e.State == "listen", Interface: e.Interface,
		Before: math.MinInt64, After: math.MaxInt64, opened: at,
	}
	if e.Change == connlog.SocketOpen {
		s.Before = at
		if e.Since != 0 {
			s.Before = e.Since
		}
	}
	return s
}

// hold notes the owners that were found at time at; former is when the owners
// before them were last seen, 0 = at that same time.
func (s *Socket) hold(t *Timeline, at, former int64, e *connlog.Socket) {
	if former == 0 {
		former = at
	}
	for _, id := range e.Owners {
		t.processIndex(id)
	}
	s.changes = t.changes.append(s.changes, change{at, former, t.ids.copy(e.Owners), e.Partial})
}

// seal turns the changes into holds, now that all polls are known.
func (s *Socket) seal(t *Timeline) {
	r := &t.recordings[s.recording]
	first := r.sighting(s.opened)
	last := r.end()
	if s.closed != 0 {
		last = r.sighting(s.closed)
	}
	if s.Before == math.MinInt64 {
		s.Before = r.before
	}
	if s.After == math.MaxInt64 {
		s.After = r.after
	}
	s.FirstBegin, s.FirstEnd = first.begin, first.end
	s.LastBegin, s.LastEnd = max(last.begin, first.begin), max(last.end, first.end)
	for i, c := range s.changes {
		if len(c.owners) == 0 && !c.partial {
			continue
		}
		begin, end := r.sighting(c.at), last
		if i+1 < len(s.changes) {
			end = r.sighting(s.changes[i+1].former)
		}
		h := Hold{From: begin.end, To: max(end.begin, begin.end-1), Partial: c.partial, Slack: max(begin.end-begin.begin, end.end-end.begin)}
		h.Owners = t.indexes.take(len(c.owners))
		for i, id := range c.owners {
			h.Owners[i] = t.process[id]
		}
		slices.Sort(h.Owners)
		h.Owners = slices.Compact(h.Owners)
		s.Holds = t.holds.append(s.Holds, h)
	}
	s.changes = nil
}

// Existed tells whether the socket may have existed at time at.
func (s *Socket) Existed(at int64) bool { return s.Before < at && at < s.After }

// takes tells whether a socket without a peer takes packets for addr.
func (s *Socket) takes(addr flow.Addr) bool {
	switch {
	case s.Local.Addr == addr:
		return true
	case !s.Local.Addr.IsUnspecified():
		return false
	case s.Local.Addr.Is4():
		return addr.Is4()
	}
	return !addr.Is4() || !s.V6Only
}
