package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// measure measures a packet of instance i.
func (s *share) measure(i int32, p *packet.Packet, side flow.Side) {
	if p.Tuple.Protocol != flow.TCP {
		return
	}
	in := s.follower.Instance(i)
	if in.Measured == 0 {
		in.Measured = s.measured.Begin()
	}
	if p.Fragmented && p.FragmentOffset > 0 {
		s.measured.Continue(in.Measured, p, side)
	} else {
		s.measured.Add(in.Measured, p, side, uint32(s.follower.Unique()))
	}
}

// finishMeasures gives c the measures of in, by End.
func (s *share) finishMeasures(in *conn.Instance, c *Connection) {
	c.Measures = tcp.Measures{}
	if in.Measured == 0 {
		return
	}
	c.Measures = s.measured.End(in.Measured)
	if next, again := s.follower.Successor(in); again && c.Measures.End == tcp.Open && next-in.Last <= int64(conn.IdleTCP) {
		c.Measures.End = tcp.Reused
	}
	if c.endOf(flow.Low) == Server {
		c.Measures.Swap()
	}
}
