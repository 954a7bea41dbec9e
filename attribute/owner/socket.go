package owner

import (
	"cmp"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Socket is one socket's life as the log tells it. Times are Unix nanoseconds.
// It holds no pointers and fills 72 bytes: there may be millions.
type Socket struct {
	// It existed at an instant in [FirstBegin, FirstEnd] and at one in
	// [LastBegin, LastEnd], the first and the last sighting. Until Seal, the
	// beginnings are the time_ns of its first event and of the last sighting
	// that its close names, 0 = none.
	FirstBegin, FirstEnd int64
	LastBegin, LastEnd   int64
	// It did not exist at Before and no longer at After: the bounds of its
	// possible life.
	Before, After int64

	// Whose peer is known: the number of its key and the end of it that is
	// local, and the next socket of that end; else the index of its binding.
	place     int32
	next      int32
	side      flow.Side
	connected bool
	protocol  flow.Protocol
	is        bits

	recording int32 // index into Timeline.recordings
	owners    set   // while nothing but this was found; see Timeline.changes
	partial   bool  // likewise: processes that could not be seen may have held it too

	// The kernel told when it opened, and tells of everybody who uses it: no use
	// is missing. Unused: whoever opened it, if anybody, did not use it.
	told, unused bool
	uses         bool // its owners are those who used it, not all holders
}

// bits are what else is known of a socket.
type bits uint8

const (
	promptFirst bits = 1 << iota // its first sighting is an instant: it was looked up because of a packet
	promptLast                   // likewise its last one
	counted                      // Timeline.Counters has what the kernel counted
)

// binding is what a socket without a peer is bound to.
type binding struct {
	namespace uint16 // index as in flow.Key
	protocol  flow.Protocol
	local     flow.Endpoint
	v6Only    bool
	listening bool
	device    int // ifindex; 0 = any
}

// Socket returns the socket of an index.
func (t *Timeline) Socket(i int32) *Socket {
	return t.sockets.At(i)
}

func (t *Timeline) addSocket(at int64, e *connlog.Socket) {
	ns := t.namespaceIndex(e.Namespace)
	i, ok := t.socket.get(e.ID, uint32(ns))
	switch e.Change {
	case connlog.SocketSnapshot, connlog.SocketOpen:
		if ok { // its end was not logged: nothing is known of it from here on
			s := t.Socket(i)
			s.LastBegin, s.After = s.FirstBegin, at
		}
		t.socket.put(e.ID, uint32(ns), t.newSocket(at, ns, e))
	case connlog.SocketOwner:
		if ok {
			former := e.Since
			if former == 0 {
				former = at
			}
			t.change(i, change{at, former, t.setOf(e.Owners), e.Partial, e.Evidence == connlog.EvidencePacket})
			s := t.Socket(i)
			s.uses = s.uses || e.Evidence >= connlog.EvidenceSend && e.Evidence <= connlog.EvidenceDestroy
		}
	case connlog.SocketPeer:
		if ok {
			t.addExchange(i, ns, e)
		}
	case connlog.SocketClose:
		if ok {
			s := t.Socket(i)
			s.LastBegin, s.After = at, at
			if e.Since != 0 {
				s.LastBegin = e.Since
			}
			if c := e.Counters; c != nil && s.is&counted == 0 {
				s.is |= counted
				t.counters = append(t.counters, counters{i, *c})
			}
			if e.Evidence == connlog.EvidencePacket {
				s.is |= promptLast
			}
			t.socket.delete(e.ID, uint32(ns)) // an id may be used again
		}
	}
}

// counters are those that the log has of a socket.
type counters struct {
	socket int32
	connlog.Counters
}

// Counters returns what the kernel counted of socket i until it was closed; ok is false
// where the log does not say.
func (t *Timeline) Counters(i int32) (c connlog.Counters, ok bool) {
	n, ok := slices.BinarySearchFunc(t.counters, i, func(c counters, i int32) int { return cmp.Compare(c.socket, i) })
	if ok {
		c = t.counters[n].Counters
	}
	return c, ok
}

// newSocket makes the socket of its first event and returns its index.
func (t *Timeline) newSocket(at int64, ns uint16, e *connlog.Socket) int32 {
	t.recording()
	i := t.sockets.Add()
	s := t.Socket(i)
	*s = Socket{FirstBegin: at, Before: math.MinInt64, After: math.MaxInt64, protocol: e.Protocol, recording: int32(len(t.recordings) - 1),
		owners: t.setOf(e.Owners), partial: e.Partial}
	if e.Evidence == connlog.EvidencePacket {
		s.is = promptFirst
	}
	if e.Change == connlog.SocketOpen {
		s.told = e.Evidence > connlog.EvidencePoll && e.Evidence < connlog.EvidenceDestroy
		s.uses = s.told
		s.unused = e.Evidence == connlog.EvidenceAccept || e.Evidence == connlog.EvidenceBind
		s.Before = at
		if e.Since != 0 {
			s.Before = e.Since
		}
	}
	if ns == 0 { // those of other namespaces are other hosts' here
		t.addLocal(e.Local.Addr)
	}
	if e.HasRemote {
		t.connect(i, s, ns, e)
		return i
	}
	s.place = int32(len(t.bindings))
	t.bindings = append(t.bindings, binding{ns, e.Protocol, e.Local, e.V6Only, e.State == "listen", e.Interface})
	t.bound = append(t.bound, i)
	return i
}

// seal turns what was noted into sightings and holds, now that all polls are
// known.
func (t *Timeline) seal(i int32, s *Socket) {
	r := &t.recordings[s.recording]
	first, last := r.sighted(s.FirstBegin, s.is&promptFirst != 0), r.end()
	if s.LastBegin != 0 {
		last = r.sighted(s.LastBegin, s.is&promptLast != 0)
	}
	if s.Before == math.MinInt64 {
		s.Before = r.before
	}
	if s.After == math.MaxInt64 {
		s.After = r.after
	}
	last = window{max(last.begin, first.begin), max(last.end, first.end)} // looked up within the last poll
	t.sealHolds(i, s, last)
	s.FirstBegin, s.FirstEnd = first.begin, first.end
	s.LastBegin, s.LastEnd = last.begin, last.end
	if s.connected {
		t.sealTuple(i, s)
	}
}

// Asked tells whether the kernel told that a process asked for the connection, at
// FirstBegin.
func (s *Socket) Asked() bool { return s.told && !s.unused && s.connected }

// Existed tells whether the socket may have existed at time at.
func (s *Socket) Existed(at int64) bool { return s.Before < at && at < s.After }

// takes tells whether a socket without a peer takes packets for addr.
func (b *binding) takes(addr flow.Addr) bool {
	switch {
	case b.local.Addr == addr:
		return true
	case !b.local.Addr.IsUnspecified():
		return false
	case b.local.Addr.Is4():
		return addr.Is4()
	}
	return !addr.Is4() || !b.v6Only
}
