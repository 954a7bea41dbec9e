package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/table"
)

// Connections returns one row a connection of r that counts, made by so many
// workers. Without measures it has no columns for them.
func Connections(r *attribute.Result, s *Selection, measures bool, workers int) *table.Table {
	schema := table.Connections()
	if !measures {
		schema = table.Unmeasured()
	}
	return table.Parallel(schema, workers,
		func() func(*attribute.Block) error { return r.Connections.Read().Next },
		func() func(*table.Batch, *attribute.Block) {
			w := connectionRows{result: r, chooser: s.Chooser(r), bare: !measures}
			return w.append
		})
}

// connectionRows makes rows; each goroutine has its own.
type connectionRows struct {
	result     *attribute.Result
	chooser    *Chooser
	bare       bool // without measures
	connection attribute.Connection
	addresses  addresses
}

func (w *connectionRows) append(b *table.Batch, block *attribute.Block) {
	for i := range block.Len() {
		block.Connection(i, &w.connection)
		if w.chooser.Connection(&w.connection) {
			w.row(b, &w.connection)
		}
	}
}

func (w *connectionRows) row(b *table.Batch, c *attribute.Connection) {
	client, server := c.Endpoint[attribute.Client], c.Endpoint[attribute.Server]
	b.Int("connection_id", int64(c.ID))
	b.Text("protocol", c.Key.Protocol.String())
	b.Int("ip_version", int64(c.IPVersion))
	b.Text("client_ip", w.addresses.text(client.Addr))
	b.Int("client_port", int64(client.Port))
	b.Text("server_ip", w.addresses.text(server.Addr))
	b.Int("server_port", int64(server.Port))
	b.TextIf("local_side", localSide(w.result, c))
	b.Int("first_ns", c.First)
	b.Int("last_ns", c.Last)
	sent := c.Sum()
	cs, ss := &sent[attribute.Client], &sent[attribute.Server]
	b.Int("client_packets", cs.Packets)
	b.Int("server_packets", ss.Packets)
	b.Int("client_wire_bytes", cs.WireBytes)
	b.Int("server_wire_bytes", ss.WireBytes)
	b.Int("client_payload_bytes", cs.PayloadBytes)
	b.Int("server_payload_bytes", ss.PayloadBytes)
	b.Int("client_unique_payload_bytes", cs.UniqueBytes)
	b.Int("server_unique_payload_bytes", ss.UniqueBytes)
	appendOwner(b, &clientColumns, w.result, c.Owner(attribute.Client))
	appendOwner(b, &serverColumns, w.result, c.Owner(attribute.Server))
	if w.bare {
		return
	}
	appendNames(b, w.result, c)
	appendMeasures(b, w.result, c, w.chooser)
}

// addresses remembers the text of addresses: those of a recording's rows
// repeat.
type addresses struct {
	addr [1 << addressBits]flow.Addr
	form [1 << addressBits]string
}

const addressBits = 12

func (a *addresses) text(addr flow.Addr) string {
	i := (addr.Lo ^ addr.Hi) * 0x9e3779b97f4a7c15 >> (64 - addressBits)
	if a.form[i] == "" || a.addr[i] != addr {
		a.addr[i], a.form[i] = addr, addr.String()
	}
	return a.form[i]
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

// ownerColumns are the names of the columns that tell the owner of one end.
type ownerColumns struct{ pid, start, name, reason, candidates string }

var (
	clientColumns = ownerColumns{"client_pid", "client_start_ns", "client_name", "client_reason", "client_candidates"}
	serverColumns = ownerColumns{"server_pid", "server_start_ns", "server_name", "server_reason", "server_candidates"}
)

func appendOwner(b *table.Batch, column *ownerColumns, r *attribute.Result, v attribute.Verdict) {
	var p attribute.Process
	if v.Process != attribute.NoProcess {
		p = r.Processes[v.Process]
	}
	b.IntIf(column.pid, int64(p.ID.PID), v.Process != attribute.NoProcess)
	b.IntIf(column.start, p.ID.Start, p.ID.Start != 0)
	b.TextIf(column.name, p.Name)
	b.Text(column.reason, v.Reason.String())
	b.List(column.candidates, candidates(r, v))
}

func candidates(r *attribute.Result, v attribute.Verdict) []table.Process {
	var list []table.Process
	for _, i := range v.Candidates {
		p := &r.Processes[i]
		list = append(list, table.Process{PID: int64(p.ID.PID), Start: p.ID.Start, Name: p.Name})
	}
	return list
}
