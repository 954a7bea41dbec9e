package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/table"
)

// Side is one of the two sides of a packet.
type Side uint8

const (
	Source      Side = iota // who sent it
	Destination             // who it was sent to
	NumSides    = iota
)

// String returns the name that tables use.
func (s Side) String() string { return [NumSides]string{"source", "destination"}[s] }

// Coverage is what was sent for each reason of each side.
type Coverage [NumSides][attribute.NumReasons]attribute.Counts

func (c *Coverage) connection(connection *attribute.Connection) {
	for i := range connection.Spans {
		s := &connection.Spans[i]
		client, server := s.Verdict[attribute.Client].Reason, s.Verdict[attribute.Server].Reason
		c.add(client, server, s.Sent[attribute.Client])
		c.add(server, client, s.Sent[attribute.Server])
	}
}

func (c *Coverage) add(source, destination attribute.Reason, n attribute.Counts) {
	c[Source][source].Add(n)
	c[Destination][destination].Add(n)
}

// Sum returns the sum of a side over all reasons: the capture.
func (c *Coverage) Sum(s Side) (sum attribute.Counts) {
	for i := range c[s] {
		sum.Add(c[s][i])
	}
	return sum
}

// Table returns one row for every reason of a side that any packet has.
func (c *Coverage) Table() *table.Table {
	type row struct {
		side   Side
		reason attribute.Reason
	}
	var rows []row
	for s := range Side(NumSides) {
		for r := range attribute.Reason(attribute.NumReasons) {
			if c[s][r].Packets > 0 {
				rows = append(rows, row{s, r})
			}
		}
	}
	return table.Of(table.Coverage(), len(rows), func(b *table.Batch, i int) {
		n := &c[rows[i].side][rows[i].reason]
		b.Text("side", rows[i].side.String())
		b.Text("reason", rows[i].reason.String())
		b.Int("packets", n.Packets)
		b.Int("wire_bytes", n.WireBytes)
	})
}
