package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/table"
)

// Connections returns one row a connection of r, made by so many workers.
func Connections(r *attribute.Result, workers int) *table.Table {
	return table.Parallel(table.Connections(), r.Connections.Len(), workers, func() func(*table.Batch, int) {
		reader := r.Connections.Reader()
		return func(b *table.Batch, i int) { appendConnection(b, r, reader.At(i)) }
	})
}

func appendConnection(b *table.Batch, r *attribute.Result, c *attribute.Connection) {
	client, server := c.Endpoint[attribute.Client], c.Endpoint[attribute.Server]
	b.Int("connection_id", int64(c.ID))
	b.Text("protocol", c.Key.Protocol.String())
	b.Int("ip_version", int64(c.IPVersion))
	b.Text("client_ip", client.Addr.String())
	b.Int("client_port", int64(client.Port))
	b.Text("server_ip", server.Addr.String())
	b.Int("server_port", int64(server.Port))
	b.TextIf("local_side", localSide(r, c))
	b.Int("first_ns", c.First)
	b.Int("last_ns", c.Last)
	sent := c.Sum()
	appendEnds(b, "packets", sent, func(n *attribute.Counts) int64 { return n.Packets })
	appendEnds(b, "wire_bytes", sent, func(n *attribute.Counts) int64 { return n.WireBytes })
	appendEnds(b, "payload_bytes", sent, func(n *attribute.Counts) int64 { return n.PayloadBytes })
	appendEnds(b, "unique_payload_bytes", sent, func(n *attribute.Counts) int64 { return n.UniqueBytes })
	appendOwner(b, "client", r, c.Owner(attribute.Client))
	appendOwner(b, "server", r, c.Owner(attribute.Server))
}

// localSide tells which ends are the recorded host's, "" when not known.
func localSide(r *attribute.Result, c *attribute.Connection) string {
	client, server := c.Local[attribute.Client], c.Local[attribute.Server]
	switch {
	case !r.KnowsLocal:
		return ""
	case client && server:
		return "both"
	case client:
		return "client"
	case server:
		return "server"
	}
	return "none"
}

func appendEnds(b *table.Batch, name string, sent [2]attribute.Counts, of func(*attribute.Counts) int64) {
	b.Int("client_"+name, of(&sent[attribute.Client]))
	b.Int("server_"+name, of(&sent[attribute.Server]))
}

func appendOwner(b *table.Batch, end string, r *attribute.Result, v attribute.Verdict) {
	var p attribute.Process
	if v.Process != attribute.NoProcess {
		p = r.Processes[v.Process]
	}
	b.IntIf(end+"_pid", int64(p.ID.PID), v.Process != attribute.NoProcess)
	b.IntIf(end+"_start_ns", p.ID.Start, p.ID.Start != 0)
	b.TextIf(end+"_name", p.Name)
	b.Text(end+"_reason", v.Reason.String())
	b.List(end+"_candidates", candidates(r, v))
}

func candidates(r *attribute.Result, v attribute.Verdict) []table.Process {
	var list []table.Process
	for _, i := range v.Candidates {
		p := &r.Processes[i]
		list = append(list, table.Process{PID: int64(p.ID.PID), Start: p.ID.Start, Name: p.Name})
	}
	return list
}
