package attribute

import (
	"io"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/spill"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// measurer measures the connections of a share.
type measurer struct {
	turns    turn.Follower
	segments tcp.Follower
	of       []int32       // by number of turns: that of segments, where it is TCP
	told     *spill.Sorter // turns, by connection; nil = nobody asked for them
	resent   *spill.Sorter // when segments were sent again, by connection; nil = nobody asked
	runs     *spill.Sorter // those before the last of a connection, by connection
	record   []byte

	windows *Windows          // nil = none
	window  []int32           // by number of turns: the one that the connection is in, where there are windows
	earlier map[int32]earlier // by number of turns
}

// newMeasurer returns one of so many. Runs take a quarter of what finished connections
// do, beyond which they are in temporary files.
func newMeasurer(shares int, cfg *Config) *measurer {
	m := &measurer{runs: spill.NewSorter(finishedBudget / 4 / shares), windows: cfg.Windows, earlier: map[int32]earlier{}}
	if cfg.Turns {
		m.told = spill.NewSorter(finishedBudget / shares)
	}
	if cfg.Resent {
		m.resent = spill.NewSorter(finishedBudget / 4 / shares)
	}
	return m
}

// sorters lists what may have temporary files.
func (m *measurer) sorters() []*spill.Sorter {
	if m == nil {
		return nil
	}
	return slices.DeleteFunc([]*spill.Sorter{m.runs, m.told, m.resent}, func(s *spill.Sorter) bool { return s == nil })
}

// measure measures a packet of instance i.
func (s *share) measure(i int32, p *packet.Packet, side flow.Side) {
	isTCP := p.Tuple.Protocol == flow.TCP
	if !isTCP && p.Tuple.Protocol != flow.UDP {
		return
	}
	m, in, unique := s.measured, s.follower.Instance(i), s.follower.Unique()
	if in.Measured == 0 {
		m.begin(in, isTCP, p.Time)
	}
	if m.windows != nil && !m.windows.contains(m.window[in.Measured], p.Time) {
		m.cross(in.Measured, p.Time)
	}
	if over := m.turns.Add(in.Measured, p, side, unique); over != 0 {
		if over&turn.TurnOver != 0 {
			s.tell(in, m.turns.Turn())
		}
		if over&turn.RunOver != 0 {
			m.record = m.turns.Run().Append(m.record[:0])
			s.keep(m.runs, in)
		}
	}
	switch {
	case !isTCP:
	case p.Fragmented && p.FragmentOffset > 0:
		m.segments.Continue(m.of[in.Measured], p, side)
	default:
		if m.segments.Add(m.of[in.Measured], p, side, uint32(unique)) {
			s.tellResent(in, p.Time)
		}
	}
}

// prefetch asks for what measure needs of an instance.
func (m *measurer) prefetch(in *conn.Instance) {
	if n := in.Measured; n != 0 {
		m.turns.Prefetch(n)
		if n := m.of[n]; n != 0 {
			m.segments.Prefetch(n)
		}
	}
}

// begin gives in its number, at time t.
func (m *measurer) begin(in *conn.Instance, isTCP bool, t int64) {
	in.Measured = m.turns.Begin()
	for int(in.Measured) >= len(m.of) {
		m.of = append(m.of, 0)
		if m.windows != nil {
			m.window = append(m.window, 0)
		}
	}
	if m.windows != nil {
		m.window[in.Measured] = m.windows.number(t)
	}
	if isTCP {
		m.of[in.Measured] = m.segments.Begin()
	}
}

// finishMeasures gives c the measures of in, by End.
func (s *share) finishMeasures(in *conn.Instance, c *Connection) {
	c.Measures, c.Turns, c.Portions = tcp.Measures{}, turn.Measures{}, c.Portions[:0]
	if in.Measured == 0 {
		return
	}
	m := s.measured
	var last turn.Turn
	var ok bool
	if n := m.of[in.Measured]; n != 0 {
		c.Measures, m.of[in.Measured] = m.segments.End(n), 0
	}
	left, crossed := m.earlier[in.Measured]
	if crossed {
		delete(m.earlier, in.Measured)
		left.record = m.portion(left.record, in.Measured, 0, &c.Measures)
	}
	if c.Turns, last, ok = m.turns.End(in.Measured); ok {
		s.tell(in, &last)
	}
	if crossed {
		c.join(left.record)
	}
	if next, again := s.follower.Successor(in); again && c.Measures.End == tcp.Open && next-in.Last <= int64(conn.IdleTCP) {
		c.Measures.End = tcp.Reused
	}
	if c.EndOf(flow.Low) == Server {
		c.Measures.Swap()
		c.Turns.Swap()
		for i := range c.Portions {
			c.Portions[i].Measures.Swap()
			c.Portions[i].Turns.Swap()
		}
	}
}

// tell keeps a turn of in that is over, where it is asked for.
func (s *share) tell(in *conn.Instance, t *turn.Turn) {
	if m := s.measured; m.told != nil {
		m.record = t.Append(m.record[:0])
		s.keep(m.told, in)
	}
}

// keep keeps the record of in that was made.
func (s *share) keep(to *spill.Sorter, in *conn.Instance) {
	if s.err != nil {
		return
	}
	if s.err = to.Add(in.ID, s.measured.record); s.err != nil {
		s.failed.Store(true)
	}
}

// Turns are the turns of a result's connections.
type Turns struct {
	connections *Connections
	sorters     []*spill.Sorter
}

// All calls f with every turn, and its connection, both valid during the call: by
// connection, and then in their order. It ends with the first error of f; others are
// those of temporary files.
func (t *Turns) All(f func(*Connection, *turn.Turn) error) error {
	turns := spill.Merge(t.sorters...)
	var of uint64
	var next turn.Turn
	read := func() error {
		return turns.Next(func(id uint64, record []byte) {
			of = id
			next.Read(record)
		})
	}
	err := read()
	if err != nil && err != io.EOF {
		return err
	}
	ended := err == io.EOF
	return t.connections.All(func(c *Connection) error {
		for !ended && of == c.ID {
			if err := f(c, &next); err != nil {
				return err
			}
			if err := read(); err == io.EOF {
				ended = true
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}
