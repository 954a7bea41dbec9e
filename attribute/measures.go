package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// measurer measures the connections of a share.
type measurer struct {
	turns    turn.Follower
	segments tcp.Follower
	of       []int32 // by number of turns: that of segments, where it is TCP
}

// measure measures a packet of instance i.
func (s *share) measure(i int32, p *packet.Packet, side flow.Side) {
	isTCP := p.Tuple.Protocol == flow.TCP
	if !isTCP && p.Tuple.Protocol != flow.UDP {
		return
	}
	m, in, unique := s.measured, s.follower.Instance(i), s.follower.Unique()
	if in.Measured == 0 {
		m.begin(in, isTCP)
	}
	m.turns.Add(in.Measured, p, side, unique)
	switch {
	case !isTCP:
	case p.Fragmented && p.FragmentOffset > 0:
		m.segments.Continue(m.of[in.Measured], p, side)
	default:
		m.segments.Add(m.of[in.Measured], p, side, uint32(unique))
	}
}

// begin gives in its number.
func (m *measurer) begin(in *conn.Instance, isTCP bool) {
	in.Measured = m.turns.Begin()
	for int(in.Measured) >= len(m.of) {
		m.of = append(m.of, 0)
	}
	if isTCP {
		m.of[in.Measured] = m.segments.Begin()
	}
}

// finishMeasures gives c the measures of in, by End.
func (s *share) finishMeasures(in *conn.Instance, c *Connection) {
	c.Measures, c.Turns = tcp.Measures{}, turn.Measures{}
	if in.Measured == 0 {
		return
	}
	m := s.measured
	c.Turns, _, _ = m.turns.End(in.Measured)
	if n := m.of[in.Measured]; n != 0 {
		c.Measures, m.of[in.Measured] = m.segments.End(n), 0
	}
	if next, again := s.follower.Successor(in); again && c.Measures.End == tcp.Open && next-in.Last <= int64(conn.IdleTCP) {
		c.Measures.End = tcp.Reused
	}
	if c.endOf(flow.Low) == Server {
		c.Measures.Swap()
		c.Turns.Swap()
	}
}
