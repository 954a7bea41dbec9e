package measure

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/expression"
	"github.com/pcapwho/pcapwho/report/table"
)

// Chooser tells what counts of a result. Each goroutine has its own.
type Chooser struct {
	selection *Selection // nil = all counts
	result    *attribute.Result

	rows       connectionRows
	connection *table.Batch // the row of the connection that is asked about; without rows = there is none
	packet     *table.Batch // likewise of the packet
	subject    subject
	last       uint64 // ID of that connection
	sent       [2]attribute.Counts
	cut        bool  // Connection took packets out of the last one for their time
	end        int64 // of the last one, with those, Unix nanoseconds; valid iff cut
}

// Chooser returns one for r; s may be nil.
func (s *Selection) Chooser(r *attribute.Result) *Chooser {
	return &Chooser{selection: s, result: r, rows: connectionRows{result: r},
		connection: table.NewBatch(table.Connections()), packet: table.NewBatch(table.Packets())}
}

// Connection takes the spans out of c that do not count, and tells whether any
// are left. c then begins and ends with them, and has the measures of the time that
// counts.
func (h *Chooser) Connection(c *attribute.Connection) bool {
	s := h.selection
	if s == nil {
		return true
	}
	h.about(c)
	n := len(c.Spans)
	h.end = c.Last
	c.Spans = slices.DeleteFunc(c.Spans, func(p attribute.Span) bool { return !s.time(p.First) })
	if h.cut = len(c.Spans) < n; h.cut {
		c.Trim()
	}
	c.Spans = slices.DeleteFunc(c.Spans, func(p attribute.Span) bool {
		return !s.owned(&p.Verdict[0], &p.Verdict[1]) || !h.query(c, &p.Verdict[attribute.Client], &p.Verdict[attribute.Server])
	})
	if len(c.Spans) == 0 {
		return false
	}
	if len(c.Spans) < n {
		c.First, c.Last = c.Spans[0].First, c.Spans[0].Last
		for i := range c.Spans {
			c.First, c.Last = min(c.First, c.Spans[i].First), max(c.Last, c.Spans[i].Last)
		}
	}
	return true
}

// loose tells whether packets without a connection count.
func (h *Chooser) loose(l *attribute.Loose) bool {
	s := h.selection
	if s == nil {
		return true
	}
	h.about(nil)
	return s.time(l.Window) && s.owned(&l.Source, &l.Destination) && h.query(nil, &l.Source, &l.Destination)
}

// single tells whether one packet counts, of connection c, nil = of none.
func (h *Chooser) single(p *packet.Packet, c *attribute.Connection, source, destination *attribute.Verdict) bool {
	s := h.selection
	if s == nil {
		return true
	}
	if !s.time(p.Time) || !s.owned(source, destination) {
		return false
	}
	if c == nil || c != h.subject.connection || c.ID != h.last {
		h.about(c)
	}
	if c != nil && p.Tuple.From() != c.Endpoint[attribute.Client] {
		source, destination = destination, source
	}
	return h.query(c, source, destination)
}

// about makes c what the query is about, all of it; nil = no connection.
func (h *Chooser) about(c *attribute.Connection) {
	q := h.selection.Query
	if q == nil {
		return
	}
	h.subject.connection = c
	if c == nil {
		h.connection.Reset()
		return
	}
	h.last, h.sent = c.ID, c.Sum()
	if q.connections {
		h.connection.Reset()
		h.rows.row(h.connection, c)
	}
}

// query asks the query for both ends, whose owners are given: of a connection
// client and server, or the two sides of a packet in any order.
func (h *Chooser) query(c *attribute.Connection, a, b *attribute.Verdict) bool {
	q := h.selection.Query
	if q == nil {
		return true
	}
	for end, v := range [2]*attribute.Verdict{a, b} {
		h.subject.process = nil
		if v.Process != attribute.NoProcess {
			h.subject.process = &h.result.Processes[v.Process]
		}
		if c != nil {
			other := attribute.End(end).Other()
			h.subject.local, h.subject.remote = c.Endpoint[end], c.Endpoint[other]
			h.subject.sent, h.subject.received = h.sent[end], h.sent[other]
		}
		if q.program.Match(h) {
			return true
		}
		if !q.ends {
			return false
		}
	}
	return false
}

// Value returns a field of what is asked about.
func (h *Chooser) Value(name string) expression.Value {
	q := h.selection.Query
	if i, ok := q.connection[name]; ok {
		return cell(h.connection, i)
	}
	if i, ok := q.packetIndex[name]; ok {
		return cell(h.packet, i)
	}
	return endFields[name].of(&h.subject)
}

// cell returns what the last row of a batch has in a column.
func cell(b *table.Batch, column int) (v expression.Value) {
	if b.Rows == 0 {
		return expression.Value{Null: true}
	}
	values, row := &b.Columns[column], b.Rows-1
	if !values.Valid[row] {
		return expression.Value{Null: true}
	}
	switch b.Schema.Columns[column].Type {
	case table.String:
		v.Text = values.Strings[row]
	case table.Bool:
		v.True = values.Bools[row]
	default:
		v.Int = values.Ints[row]
	}
	return v
}
