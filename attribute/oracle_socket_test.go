package attribute_test

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

type oracleSocket struct {
	*connlog.Socket
	index         int        // of the event that began it
	before, after int64      // not there at these times
	first, last   [2]int64   // windows of the first and the last sighting
	holds         [][2]int64 // aligned with owners
	owners        [][]int32  // ascending; unseen for those that could not be seen
	opener        []bool     // aligned: nobody used it before
	told          bool       // by the kernel, from its opening on
}

// sockets are those of the log. All of it must be there.
func (o *oracle) sockets() []*oracleSocket {
	if o.listed != nil {
		return o.listed
	}
	list := []*oracleSocket{}
	heads := o.recording(len(o.events) - 1)
	for i, e := range o.events {
		if e.Kind != connlog.KindSocket || e.Socket.Change != connlog.SocketOpen && e.Socket.Change != connlog.SocketSnapshot {
			continue
		}
		mine := o.recording(i)
		polls := o.polls(mine)
		s := &oracleSocket{Socket: e.Socket, index: i, before: math.MinInt64, after: math.MaxInt64, first: o.seen(mine, e.Socket, e.Time), last: polls[len(polls)-1]}
		if mine > 1 { // not there when the recording before looked for the last time
			p := o.polls(mine - 1)
			s.before = p[len(p)-1][0]
		}
		if e.Socket.Change == connlog.SocketOpen {
			s.before = e.Socket.Since
		}
		if mine < heads {
			s.after = o.polls(mine + 1)[0][1]
		}
		at, now := s.first, e.Socket
		how := e.Socket.Evidence
		s.told = e.Socket.Change == connlog.SocketOpen && how >= connlog.EvidenceConnect && how <= connlog.EvidenceReceive
		unused := s.told && (how == connlog.EvidenceAccept || how == connlog.EvidenceBind)
		first, uses := true, s.told
		end := func(w [2]int64) {
			if len(now.Owners) > 0 || now.Partial {
				s.holds = append(s.holds, [2]int64{at[1], max(w[0], at[1]-1)})
				s.owners = append(s.owners, pids(now))
				s.opener = append(s.opener, s.told && first)
			}
			first = false
		}
		for _, f := range o.events[i+1:] {
			if f.Kind == connlog.KindHead {
				break
			}
			if f.Kind != connlog.KindSocket || f.Socket.ID != e.Socket.ID || f.Socket.Change == connlog.SocketPeer {
				continue
			}
			if f.Socket.Change == connlog.SocketClose {
				s.last, s.after = o.seen(mine, f.Socket, f.Socket.Since), f.Time
				break
			}
			if k := f.Socket.Evidence; k == connlog.EvidenceSend || k == connlog.EvidenceReceive || k == connlog.EvidenceDestroy {
				uses = true
			}
			if first && unused && (f.Socket.Since <= e.Time || len(now.Owners) == 0 && !now.Partial) {
				now, unused = f.Socket, false // who used it first had it from its beginning
				continue
			}
			end(o.seen(mine, f.Socket, f.Socket.Since))
			at, now, unused = o.seen(mine, f.Socket, f.Time), f.Socket, false
		}
		s.last = [2]int64{max(s.last[0], s.first[0]), max(s.last[1], s.first[1])}
		end(s.last)
		if uses && (s.HasRemote || s.State != "listen") { // what waited is read by whoever comes later
			for n := len(s.holds) - 2; n >= 0; n-- {
				s.owners[n] = append(slices.Clone(s.owners[n]), s.owners[n+1]...)
				slices.Sort(s.owners[n])
				s.owners[n] = slices.Compact(s.owners[n])
			}
		}
		list = append(list, s)
	}
	o.listed = list
	return list
}

func pids(s *connlog.Socket) (who []int32) {
	for _, p := range s.Owners {
		who = append(who, p.PID)
	}
	if s.Partial {
		who = append(who, unseen)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// existed tells whether the socket may have been there at time t.
func (s *oracleSocket) existed(t int64) bool {
	for _, h := range s.holds {
		if h[0] <= t && t <= h[1] {
			return true
		}
	}
	return s.before < t && t < s.after
}

// holders returns who may have held the socket at time t, when it existed.
func (s *oracleSocket) holders(t int64) (who []int32) {
	if len(s.holds) == 0 {
		return []int32{unseen}
	}
	if who = heldAt([]*oracleSocket{s}, t); len(who) > 0 {
		return who
	}
	for i, h := range s.holds {
		if h[1] < t && (i+1 == len(s.holds) || s.holds[i+1][0] > t) {
			who = append(who, s.owners[i]...)
		}
		if h[0] > t && (i == 0 || s.holds[i-1][1] < t) {
			who = append(who, s.owners[i]...)
		}
	}
	return who
}

// moments are all times from a to b at which something about the socket may
// change, and those beside them.
func (s *oracleSocket) moments(a, b int64) []int64 {
	all := []int64{a, b}
	for _, h := range s.holds {
		for _, m := range []int64{h[0] - 1, h[0], h[1], h[1] + 1} {
			if a <= m && m <= b {
				all = append(all, m)
			}
		}
	}
	return all
}

func heldAt(sockets []*oracleSocket, t int64) (who []int32) {
	for _, s := range sockets {
		for i, h := range s.holds {
			if h[0] <= t && t <= h[1] {
				who = append(who, s.owners[i]...)
			}
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// device tells whether a socket certainly takes what passes between two hosts:
// loopback (1) and one other interface (2) are captured, or several others.
func (o *oracle) device(s *oracleSocket, p *packet.Packet, me flow.Endpoint) bool {
	peer := p.Tuple.Source
	if p.Tuple.From() == me {
		peer = p.Tuple.Destination
	}
	through := 2
	switch {
	case len(o.homes(peer)) > 0:
		through = -1
	case o.local(peer):
		through = 1
	case len(o.events[0].Head.Interfaces) > ethernet:
		through = -1
	}
	return s.Interface == 0 || s.Namespace == 0 && s.Interface == through
}

// exchanges returns what the log says of the peers of a socket.
func (o *oracle) exchanges(s *oracleSocket) (list []*connlog.Socket) {
	for _, e := range o.events[s.index+1:] {
		switch {
		case e.Kind == connlog.KindHead:
			return list
		case e.Kind != connlog.KindSocket || e.Socket.ID != s.ID:
		case e.Socket.Change == connlog.SocketClose:
			return list
		case e.Socket.Change == connlog.SocketPeer:
			list = append(list, e.Socket)
		}
	}
	return list
}
