package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/report/table"
)

// endNames returns the names of the columns of table.EndMeasures for an end.
func endNames(end string) (names []string) {
	for _, m := range table.EndMeasures() {
		names = append(names, end+m.Name)
	}
	return names
}

var (
	clientMeasures, serverMeasures = endNames("client_"), endNames("server_")
	turnMeasures                   = table.TurnMeasures()
)

// appendMeasures appends what c's segments tell, NULL where they were not
// measured. h tells whether a part of the connection alone counts; nil = all of it does.
func appendMeasures(b *table.Batch, r *attribute.Result, c *attribute.Connection, h *Chooser) {
	part, last := h != nil && h.cut, c.Last
	if part {
		last = h.end
	}
	appendTCP(b, r, c, last)
	appendTurns(b, c)
	appendKernel(b, r, c, part)
}

func appendTurns(b *table.Batch, c *attribute.Connection) {
	if !c.Turns.Known {
		b.Nulls(turnMeasures[0].Name, turnMeasures[len(turnMeasures)-1].Name)
		return
	}
	for i, v := range c.Turns.Values() {
		b.IntIf(turnMeasures[i].Name, *v, *v != turn.Unknown)
	}
}

// appendTCP appends what is measured of TCP; last is the time of the connection's last
// packet, whether it counts or not.
func appendTCP(b *table.Batch, r *attribute.Result, c *attribute.Connection, last int64) {
	m := &c.Measures
	if !m.Known {
		b.Nulls("ended", serverMeasures[len(serverMeasures)-1])
		return
	}
	b.Text("ended", ending(r, c, last))
	b.IntIf("initial_rtt_ns", m.InitialRTT, m.InitialRTT != tcp.Unknown)
	client, server := m.Sent[attribute.Client].Values(), m.Sent[attribute.Server].Values()
	for i := range client {
		b.IntIf(clientMeasures[i], *client[i], *client[i] != tcp.Unknown)
		b.IntIf(serverMeasures[i], *server[i], *server[i] != tcp.Unknown)
	}
}

// ending tells how a measured connection ended, whose last packet came at a time.
func ending(r *attribute.Result, c *attribute.Connection, last int64) string {
	switch c.Measures.End {
	case tcp.Finished:
		return "fin"
	case tcp.FirstReset:
		return "client_reset"
	case tcp.SecondReset:
		return "server_reset"
	case tcp.Reused:
		return "reused"
	}
	if r.Last-last > int64(conn.IdleTCP) {
		return "idle"
	}
	return "open"
}
