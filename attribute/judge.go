package attribute

import (
	"cmp"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// judge applies the rules to the ends of connection instances. It is read-only
// and safe for concurrent use, by hearings.
type judge struct {
	log       *owner.Timeline // nil = none
	followers []*conn.Follower
	order     []ref // of all instances, by ID
	rules     []rule
	marks     marks               // whom the capture names
	processes []Process           // of the result
	assigned  map[ref]*[2][]int32 // sockets by side, of TCP instances that are not alone
}

// ref names an instance of a follower.
type ref struct{ follower, index int32 }

func newJudge(log *owner.Timeline, followers []*conn.Follower, rules []rule) *judge {
	j := &judge{log: log, followers: followers, rules: rules, assigned: map[ref]*[2][]int32{}}
	for n, f := range followers {
		for i := range f.Len() {
			j.order = append(j.order, ref{int32(n), int32(i)})
		}
	}
	if len(followers) > 1 { // those of one are in order
		slices.SortFunc(j.order, func(a, b ref) int { return cmp.Compare(j.instance(a).ID, j.instance(b).ID) })
	}
	if log != nil {
		for n, f := range followers {
			j.assign(int32(n), f)
		}
	}
	return j
}

func (j *judge) instance(r ref) *conn.Instance { return j.followers[r.follower].Instance(r.index) }

// byID returns the instance of an ID that exists.
func (j *judge) byID(id uint64) ref {
	return j.order[sort.Search(len(j.order), func(i int) bool { return j.instance(j.order[i]).ID >= id })]
}

// cut returns the interval around time t in which no evidence about k changes.
func (j *judge) cut(k flow.Key, t int64) (from, until int64) {
	if j.log == nil {
		return conn.Uncut(k, t)
	}
	return j.log.Cut(k, t)
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

	sockets   []int32 // those that exact is of; valid as long as the hearing judges this end
	binds     []int32 // sockets that are bound to the endpoint, without a peer; valid iff haveBinds: see bound
	haveBinds bool
}

// bound returns the sockets that are bound to the endpoint and have no peer.
// Most verdicts do without.
func (s *subject) bound() []int32 {
	if !s.haveBinds && s.log != nil && s.locality != owner.Remote {
		s.binds = s.log.Bound(s.binds, s.in.Key.Namespace, s.in.Key.Protocol, s.endpoint)
	}
	s.haveBinds = true
	return s.binds
}

// peer returns the address of the other end.
func (s *subject) peer() flow.Addr { return s.in.Key.Endpoint(s.side.Other()).Addr }

// stretch is the time that one verdict is about: packets from first to last,
// within the interval [from, until) in which the evidence does not change.
type stretch struct {
	from, until int64
	first, last int64
	sent        bool // the end in question sent some of them
}

// hearing is the memory of one goroutine that asks the judge.
type hearing struct {
	*judge
	segments []conn.Segment
	sockets  []int32
	binds    []int32
	end      subject // the one that is judged
	alone    chain   // of an instance whose key has no other
	parts    []part  // of the spans, where the connection was divided by marks
}

// subject returns one end of instance r, of whose packets the first and what
// both ends sent are given.
func (h *hearing) subject(r ref, side flow.Side, first int64, data bool) subject {
	in := h.instance(r)
	s := subject{log: h.log, in: in, first: first, side: side, endpoint: in.Key.Endpoint(side), server: side != h.client(in), data: data, binds: h.binds[:0]}
	s.locality = h.log.Locality(s.endpoint.Addr)
	if h.log == nil || s.locality == owner.Remote {
		return s
	}
	sockets := h.log.Connected(in.Key, side)
	if in.Key.Protocol == flow.TCP && len(sockets) > 0 {
		sockets = h.assignedTo(r, in, side, sockets)
	}
	s.sockets, s.exact = sockets, holdsOf(h.log, sockets)
	return s
}

// connection makes c instance r, with a verdict for each end of each of its
// segments. It uses c's memory again.
func (h *hearing) connection(r ref, c *Connection) {
	f := h.followers[r.follower]
	in := f.Instance(r.index)
	h.segments = f.Segments(in, h.segments[:0])
	client := h.client(in)
	sides := [2]flow.Side{Client: client, Server: client.Other()}
	*c = Connection{ID: in.ID, Key: in.Key, IPVersion: in.IPVersion, First: f.First(in), Last: in.Last, Spans: c.Spans[:0]}
	data := false
	for _, seg := range h.segments {
		c.Spans = append(c.Spans, Span{First: seg.First, Last: seg.Last, Sent: [2]Counts{seg.Sent[sides[Client]], seg.Sent[sides[Server]]}})
		data = data || seg.Sent[0].PayloadBytes+seg.Sent[1].PayloadBytes > 0
	}
	for end, side := range sides {
		h.end = h.subject(r, side, c.First, data)
		s := &h.end
		c.Endpoint[end] = s.endpoint
		c.Local[end] = s.locality == owner.Local
		for n, seg := range h.segments {
			c.Spans[n].Verdict[end] = h.verdict(s, stretch{seg.From, seg.Until, seg.First, seg.Last, seg.Sent[side].Packets > 0})
		}
		h.binds = s.binds
	}
	h.parts = h.parts[:0]
	if labels := f.Labels(in); labels != nil {
		h.divide(c, in, labels, sides)
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
		l := len(j.log.Bound(nil, in.Key.Namespace, flow.TCP, low)) > 0 && j.log.Locality(low.Addr) != owner.Remote
		h := len(j.log.Bound(nil, in.Key.Namespace, flow.TCP, high)) > 0 && j.log.Locality(high.Addr) != owner.Remote
		if l != h {
			return sideIf(h, flow.Low)
		}
	}
	if (low.Port >= ephemeral) != (high.Port >= ephemeral) {
		return sideIf(low.Port >= ephemeral, flow.Low)
	}
	return in.Opener()
}

// sideIf returns s where yes, else the other side.
func sideIf(yes bool, s flow.Side) flow.Side {
	if yes {
		return s
	}
	return s.Other()
}
