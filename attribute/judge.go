package attribute

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// judge applies the rules to the ends of connection instances. It is read-only
// and safe for concurrent use, by hearings.
type judge struct {
	log     *owner.Timeline // nil = none
	rules   []rule
	every   bool     // Config.AllInterfaces
	windows *Windows // nil = none
}

// subject is one end of one instance, with all the evidence about it.
type subject struct {
	log      *owner.Timeline
	in       *conn.Instance
	first    int64 // of the instance's packets
	side     flow.Side
	server   bool
	endpoint flow.Endpoint
	locality owner.Locality
	exact    []owner.Hold // of sockets with this five-tuple
	data     bool         // either end sent payload
	apart    bool         // sockets are of several namespaces
	abroad   bool         // packets showed that another host has the address, too, or instead

	sockets   []int32 // those that exact is of
	binds     []int32 // sockets that are bound to the endpoint, without a peer; valid iff haveBinds: see bound
	haveBinds bool
	held      []owner.Hold // memory of holds
}

// bound returns the sockets that are bound to the endpoint and have no peer.
// Most verdicts do without.
func (s *subject) bound() []int32 {
	if !s.haveBinds && s.log != nil && s.locality != owner.Remote {
		s.binds = s.log.Bound(s.binds[:0], s.in.Number, &s.in.Key, s.side, s.first, s.in.Last)
	}
	s.haveBinds = true
	return s.binds
}

// boundAt returns those of them that took packets from first to last.
func (s *subject) boundAt(first, last int64) []int32 {
	if s.log == nil || s.locality == owner.Remote {
		return nil
	}
	s.binds, s.haveBinds = s.log.Bound(s.binds[:0], s.in.Number, &s.in.Key, s.side, first, last), false
	return s.binds
}

// holds returns the holds of socket i, valid until the next call.
func (s *subject) holds(i int32) []owner.Hold {
	s.held = s.log.Holds(s.held[:0], i)
	return s.held
}

// peer returns the address of the other end.
func (s *subject) peer() flow.Addr { return s.in.Key.Endpoint(s.side.Other()).Addr }

// stretch is the time that one verdict is about: packets from first to last,
// within the interval [from, until) in which the evidence does not change.
type stretch struct {
	from, until int64
	first, last int64
	sent        bool // the end in question sent some of them
	received    bool // and the other sent some
}

// hearing is the memory of one goroutine that asks the judge about instances
// of one follower.
type hearing struct {
	*judge
	follower  *conn.Follower
	segments  []conn.Segment
	stretches []division
	end       subject // the one that is judged
}

// division is a stretch of an instance, and the segment behind it.
type division struct {
	stretch
	sent [2]bool // by flow.Side
	next int
}

// hear makes h.end one end of an instance, of whose packets the first and
// whether any had payload are given.
func (h *hearing) hear(in *conn.Instance, side flow.Side, first int64, data bool) *subject {
	s := &h.end
	*s = subject{log: h.log, in: in, first: first, side: side, endpoint: in.Key.Endpoint(side), server: side != h.client(in), data: data,
		exact: s.exact[:0], sockets: s.sockets[:0], binds: s.binds[:0], held: s.held}
	s.locality = h.log.Locality(s.endpoint.Addr)
	if h.log == nil || s.locality == owner.Remote {
		return s
	}
	s.abroad = in.Abroad(side) && h.log.Alone(s.endpoint.Addr)
	s.sockets = h.log.Connected(s.sockets, in.Number, side)
	if s.apart = h.log.Apart(s.sockets, in.Number, side); s.apart || in.Key.Protocol == flow.TCP {
		s.sockets = slices.DeleteFunc(s.sockets, func(i int32) bool { return !h.may(i, s) })
		s.apart = s.apart && h.log.Apart(s.sockets, in.Number, side)
	}
	s.exact = appendHolds(s.exact, h.log, s.sockets)
	return s
}

// may tells whether socket i can have been s.
func (h *hearing) may(i int32, s *subject) bool {
	k, last := h.log.Socket(i), s.in.Last
	if s.apart { // one namespace's may be there before another's, whose connection it is
		last += apartTime
	}
	if s.in.Key.Protocol == flow.TCP {
		return h.belongs(k, s.in, s.first, last) && h.log.Led(s.in.Number, s.side, i, s.first, s.in.Last)
	}
	return k.Before < last && s.first < k.After
}

// apartTime is how long after a connection's last packet a socket may still be made
// for it: the kernel sends a SYN-ACK again after a second (TCP_TIMEOUT_INIT,
// include/net/tcp.h). Nanoseconds.
const apartTime = int64(1e9)

// connection makes c the instance, with a verdict for each end of each of its
// segments. It uses c's memory again.
func (h *hearing) connection(i int32, in *conn.Instance, c *Connection) {
	h.segments = h.follower.Segments(in, h.segments[:0])
	client := h.client(in)
	sides := [2]flow.Side{Client: client, Server: client.Other()}
	c.ID, c.Key, c.IPVersion, c.First, c.Last, c.Spans = in.ID, in.Key, in.IPVersion(), h.follower.First(in), in.Last, c.Spans[:0]
	c.begun, c.labels, c.quotes, c.parts = in.Begun(), h.follower.Labels(i, in), c.quotes[:0], c.parts[:0]
	data := false
	for _, seg := range h.segments {
		c.Spans = append(c.Spans, Span{From: seg.From, First: seg.First, Last: seg.Last, Sent: [2]Counts{seg.Sent[sides[Client]], seg.Sent[sides[Server]]}})
		data = data || seg.Sent[0].PayloadBytes+seg.Sent[1].PayloadBytes > 0
	}
	h.divide(in, c.Spans)
	for end, side := range sides {
		s := h.hear(in, side, c.First, data)
		c.Endpoint[end] = s.endpoint
		c.Local[end] = s.locality == owner.Local
		c.socket[end] = 0
		if len(s.sockets) == 1 && in.Key.Protocol == flow.TCP {
			c.socket[end] = s.sockets[0] + 1
		}
		var v Verdict
		n := 0
		for i, t := range h.stretches {
			if i == 0 || s.locality != owner.Remote { // of another host's end all is one
				t.stretch.sent, t.received = t.sent[side], t.sent[side.Other()]
				v = h.verdict(s, t.stretch)
			}
			for ; n < t.next; n++ {
				c.Spans[n].Verdict[end] = v
			}
		}
	}
}

// divide makes h.stretches the stretches of an instance: windows divide each into several
// segments, of which spans are made.
func (h *hearing) divide(in *conn.Instance, spans []Span) {
	h.stretches = h.stretches[:0]
	for n := 0; n < len(h.segments); {
		t := division{stretch: stretch{from: h.segments[n].From, until: h.segments[n].Until, first: h.segments[n].First, last: h.segments[n].Last}}
		if h.windows != nil {
			t.from, t.until = evidence{log: h.log}.Cut(in.Number, &in.Key, h.segments[n].First)
		}
		for first := n; n < len(h.segments) && h.segments[n].From < t.until; n++ {
			g := &h.segments[n]
			t.first, t.last = min(t.first, g.First), max(t.last, g.Last)
			for side := range t.sent {
				t.sent[side] = t.sent[side] || g.Sent[side].Packets > 0
			}
			spans[n].continued = n > first
		}
		t.next = n
		h.stretches = append(h.stretches, t)
	}
}

// ephemeral is where the port range for outgoing connections begins on Linux
// (net.ipv4.ip_local_port_range).
const ephemeral = 32768

// client tells which side opened the instance. Where its beginning is not in
// the capture: not the side that listens; else the one with an ephemeral port
// if only one has; else the sender of the first packet.
func (j *judge) client(in *conn.Instance) flow.Side {
	if in.Begun() || in.Key.Protocol != flow.TCP {
		return in.Opener()
	}
	low, high := in.Key.Endpoint(flow.Low), in.Key.Endpoint(flow.High)
	if j.log != nil {
		l, h := j.listens(in, flow.Low), j.listens(in, flow.High)
		if l != h {
			return sideIf(h, flow.Low)
		}
	}
	if (low.Port >= ephemeral) != (high.Port >= ephemeral) {
		return sideIf(low.Port >= ephemeral, flow.Low)
	}
	return in.Opener()
}

// listens tells whether a socket listens at a side of an instance.
func (j *judge) listens(in *conn.Instance, s flow.Side) bool {
	return j.log.Locality(in.Key.Endpoint(s).Addr) != owner.Remote && len(j.log.Bound(nil, in.Number, &in.Key, s, in.Last, in.Last)) > 0
}

// sideIf returns s where yes, else the other side.
func sideIf(yes bool, s flow.Side) flow.Side {
	if yes {
		return s
	}
	return s.Other()
}
