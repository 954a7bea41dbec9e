package record

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/record/hooks"
)

// traced is a socket that exists, as the log has it or is to have it.
type traced struct {
	connlog.Socket
	born    int64 // nanoseconds since boot; of a snapshot, when it was listed
	opened  int64 // born, as the log has it: Unix nanoseconds; valid iff logged
	since   int64 // it was open after this; 0 = at born itself
	ended   int64 // when the kernel closed it; 0 = it did not
	waiting bool  // it has no endpoints yet: it is about to connect
	logged  bool
	unused  bool // nobody sent or received through it yet, or asked for a connection
}

// begin makes a socket, in the place of what it was before.
func (t *trace) begin(e *hooks.Event, how connlog.Evidence) *traced {
	if before := t.sockets[e.Cookie]; before != nil {
		t.end(before, e.Time, 0)
	}
	s := &traced{born: e.Time}
	s.Change, s.Evidence = connlog.SocketOpen, how
	t.describe(s, e)
	t.give(s, e)
	t.sockets[e.Cookie] = s
	return s
}

// describe fills in what the kernel says of a socket but its owners.
func (t *trace) describe(s *traced, e *hooks.Event) {
	s.ID, s.Protocol, s.V6, s.V6Only, s.Interface = e.Cookie, flow.Protocol(e.Protocol), e.V6, e.V6Only, int(e.Device)
	if e.Inode != 0 {
		s.Inode = e.Inode
	}
	s.Namespace = 0
	if e.Netns != t.namespace {
		s.Namespace = e.Netns
	}
	s.Local, s.Remote = flow.EndpointFrom(e.Local), flow.Endpoint{}
	if e.Raw {
		s.Local.Port = 0
	}
	if s.HasRemote = e.Remote.Port() != 0; s.HasRemote {
		s.Remote = flow.EndpointFrom(e.Remote)
	}
	switch {
	case s.Protocol == flow.TCP:
		s.State = stateName(flow.TCP, e.State)
	case s.HasRemote:
		s.State = "established"
	default:
		s.State = "unconnected"
	}
}

// give makes the event's user the owner; there is none where the network caused
// the event, and an unknown one where it is of another PID namespace.
func (t *trace) give(s *traced, e *hooks.Event) {
	s.Owners, s.Partial = nil, false
	switch {
	case e.User.PID != 0:
		s.Owners = []connlog.ProcessID{t.know(e.Time, e.User)}
	case e.User.Start != 0:
		s.Partial = true
	}
}

// known tells whether it is known who had a socket.
func known(s *traced) bool { return len(s.Owners) > 0 || s.Partial }

// connected notes the endpoints of a socket that waited for them.
func (t *trace) connected(s *traced, e *hooks.Event) {
	t.describe(s, e)
	s.waiting = false
	t.fresh = append(t.fresh, s)
}

// same tells whether a socket is still what it was.
func (t *trace) same(s *traced, e *hooks.Event) bool {
	now := *s
	t.describe(&now, e)
	return now.Local == s.Local && now.Remote == s.Remote && now.Interface == s.Interface && now.V6Only == s.V6Only && now.Namespace == s.Namespace
}

// use makes the event's process the owner. Whoever uses a socket first, that
// nobody asked for or that was only bound, had it from its beginning: what had
// come meanwhile was for that one.
func (t *trace) use(s *traced, e *hooks.Event, how connlog.Evidence) {
	first, at, before := s.unused, e.Time, s.Owners
	s.unused = false
	if e.Inode != 0 {
		s.Inode = e.Inode
	}
	if s.ended != 0 {
		at = s.ended
	}
	since := max(e.Former, s.born)
	if first {
		since = s.born
	}
	if first && !s.logged {
		t.give(s, e)
		s.Evidence = how
	} else {
		t.log(s)
		t.give(s, e)
		if s.Partial || !slices.Equal(before, s.Owners) {
			out := s.Socket
			out.Change, out.Evidence, out.Since = connlog.SocketOwner, how, t.moment(s, since)
			t.writeSocket(at, &out)
		}
	}
	if s.ended != 0 {
		t.end(s, s.ended, 0)
	}
}

// log writes that a socket is open, if that is not written yet.
func (t *trace) log(s *traced) {
	if s.logged || t.sockets[s.ID] != s {
		return
	}
	s.logged = true
	t.total++
	if s.State == "listen" {
		t.listeners[s.ID] = s
	}
	slices.SortFunc(s.Owners, func(a, b connlog.ProcessID) int { return cmp.Compare(a.PID, b.PID) })
	s.opened = s.born + t.ahead
	out := s.Socket
	if s.since != 0 {
		out.Since = s.since + t.ahead
	}
	t.writeSocket(s.born, &out)
}

// end writes that a socket is gone at a time; its holders were the last ones
// until since, 0 = until then.
func (t *trace) end(s *traced, at, since int64) {
	if !s.waiting {
		t.log(s)
		out := s.Socket
		out.Change, out.Evidence = connlog.SocketClose, 0
		if since != 0 {
			out.Since = t.moment(s, since)
		}
		t.writeSocket(at, &out)
	}
	delete(t.sockets, s.ID)
	delete(t.listeners, s.ID)
}

// moment brings a time since boot to that of the log. A socket's opening is told
// once: the clocks drift.
func (t *trace) moment(s *traced, stamp int64) int64 {
	if stamp == s.born {
		return s.opened
	}
	return stamp + t.ahead
}

func (t *trace) writeSocket(stamp int64, s *connlog.Socket) {
	if s.Change != connlog.SocketClose {
		s.Counters = nil
	}
	t.write(&connlog.Event{Kind: connlog.KindSocket, Time: stamp + t.ahead, Boot: stamp, Socket: s})
}
