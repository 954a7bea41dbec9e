package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// judge applies the rules to the ends of connection instances.
type judge struct {
	log       *owner.Timeline // nil = none
	instances []conn.Instance
	assigned  [][2][]int32 // sockets of each TCP instance, by side
	rules     []rule
}

func newJudge(log *owner.Timeline, instances []conn.Instance, rules []rule) *judge {
	j := &judge{log: log, instances: instances, rules: rules}
	if log != nil {
		j.assigned = assign(log, instances)
	}
	return j
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
	in       *conn.Instance
	side     flow.Side
	server   bool
	endpoint flow.Endpoint
	locality owner.Locality
	exact    []owner.Hold // of sockets with this five-tuple
	bound    []owner.Hold // of sockets bound to the endpoint, without a peer
	data     bool         // either end sent payload
	seen     bool         // a socket with this five-tuple is in the log, with or without an owner
}

// stretch is the time that one verdict is about: packets from first to last,
// within the interval [from, until) in which the evidence does not change.
type stretch struct {
	from, until int64
	first, last int64
}

func (j *judge) subject(i int32, side flow.Side) *subject {
	in := &j.instances[i]
	s := &subject{in: in, side: side, endpoint: in.Key.Endpoint(side), server: side != j.client(in)}
	s.locality = j.log.Locality(s.endpoint.Addr)
	if j.log == nil || s.locality == owner.Remote {
		return s
	}
	sum := in.Sum()
	s.data = sum[0].PayloadBytes+sum[1].PayloadBytes > 0
	sockets := j.log.Connected(in.Key, side)
	if in.Key.Protocol == flow.TCP {
		sockets = j.assigned[i][side]
	}
	s.exact, s.seen = holdsOf(j.log, sockets), len(sockets) > 0
	s.bound = holdsOf(j.log, j.log.Bound(nil, in.Key.Namespace, in.Key.Protocol, s.endpoint))
	return s
}

// connection turns instance i into a Connection, with a verdict for each end
// of each of its segments.
func (j *judge) connection(i int32) Connection {
	in := &j.instances[i]
	client := j.client(in)
	sides := [2]flow.Side{Client: client, Server: client.Other()}
	c := Connection{ID: in.ID, Key: in.Key, IPVersion: in.IPVersion, First: in.First, Last: in.Last, Spans: make([]Span, len(in.Segments))}
	for n, seg := range in.Segments {
		c.Spans[n] = Span{First: seg.First, Last: seg.Last, Sent: [2]Counts{seg.Sent[sides[Client]], seg.Sent[sides[Server]]}}
	}
	for end, side := range sides {
		s := j.subject(i, side)
		c.Endpoint[end] = s.endpoint
		c.Local[end] = s.locality == owner.Local
		for n, seg := range in.Segments {
			c.Spans[n].Verdict[end] = j.verdict(s, stretch{seg.From, seg.Until, seg.First, seg.Last})
		}
	}
	return c
}

// ephemeral is where the port range for outgoing connections begins on Linux
// (net.ipv4.ip_local_port_range).
const ephemeral = 32768

// client tells which side opened the instance. Where its beginning is not in
// the capture: not the side that listens; else the one with an ephemeral port
// if only one has; else the sender of the first packet.
func (j *judge) client(in *conn.Instance) flow.Side {
	if in.Begun || in.Key.Protocol != flow.TCP {
		return in.Opener
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
	return in.Opener
}

// sideIf returns s where yes, else the other side.
func sideIf(yes bool, s flow.Side) flow.Side {
	if yes {
		return s
	}
	return s.Other()
}
