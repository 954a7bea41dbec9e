package view

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/pcapwho/pcapwho/report/table"
)

// connectionColumns are what the page knows to show of a connection, where the table
// has it. The first seven must be there.
var connectionColumns = []string{
	"connection_id", "protocol", "client_ip", "client_port", "server_ip", "server_port", "first_ns", "last_ns",
	"client_packets", "server_packets", "client_wire_bytes", "server_wire_bytes", "client_payload_bytes", "server_payload_bytes",
	"local_side", "client_pid", "client_start_ns", "client_name", "client_reason", "server_pid", "server_start_ns", "server_name", "server_reason",
	"application", "server_host", "lookup_first_ns", "lookup_last_ns", "alpn", "tls_version", "tls_handshake_ns", "quic_version", "http_method", "http_status",
	"ended", "initial_rtt_ns", "client_handshake_ns", "server_handshake_ns",
	"client_rtt_min_ns", "server_rtt_min_ns", "client_rtt_median_ns", "server_rtt_median_ns", "client_rtt_p95_ns", "server_rtt_p95_ns",
	"client_retransmitted_segments", "server_retransmitted_segments", "client_retransmitted_bytes", "server_retransmitted_bytes",
	"client_lost_segments", "server_lost_segments", "client_zero_window_ns", "server_zero_window_ns",
	"turns", "waiting_ns", "wait_median_ns", "wait_p95_ns", "wait_max_ns", "busy_ns", "client_first_byte_ns", "server_first_byte_ns",
}

// place returns the place of a name in connectionColumns.
func place(name string) int { return slices.Index(connectionColumns, name) }

// places of the columns that are asked for in each row.
var (
	atID, atFirst, atLast = place("connection_id"), place("first_ns"), place("last_ns")
	atClientBytes         = place("client_wire_bytes")
	atServerBytes         = place("server_wire_bytes")
)

// connections are the rows of the connections table, of which the page shows some.
type connections struct {
	schema  *table.Schema
	all     int
	bytes   int64 // on the wire, of all
	largest largest
	sizes   []*Histogram
}

// connection is one that may be shown.
type connection struct {
	bytes int64
	cells []cell
}

func (c *connection) id() int64 { return c.cells[atID].number }

// compare orders by bytes, the largest first, then by ID.
func (c *connection) compare(d *connection) int {
	return cmp.Or(cmp.Compare(d.bytes, c.bytes), cmp.Compare(c.id(), d.id()))
}

// largest are some connections, the one that is to go next first.
type largest []connection

func (l largest) Len() int           { return len(l) }
func (l largest) Less(i, j int) bool { return l[i].compare(&l[j]) > 0 }
func (l largest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *largest) Push(c any)        { *l = append(*l, c.(connection)) }
func (l *largest) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

// readConnections reads the table, which may be nil.
func readConnections(t *table.Table) (*connections, error) {
	c := &connections{sizes: newHistograms()}
	if t == nil {
		return c, nil
	}
	c.schema = t.Schema
	err := each(t, connectionColumns, func(r *reader) error {
		bytes := r.number(atClientBytes) + r.number(atServerBytes)
		c.all++
		c.bytes += bytes
		for _, h := range c.sizes {
			h.addRow(r)
		}
		if len(c.largest) < MaxConnections {
			heap.Push(&c.largest, connection{bytes, r.cells()})
		} else if bytes > c.largest[0].bytes { // IDs ascend: of equal ones the first stay
			c.largest[0] = connection{bytes, r.cells()}
			heap.Fix(&c.largest, 0)
		}
		return nil
	})
	slices.SortFunc(c.largest, func(a, b connection) int { return a.compare(&b) })
	return c, err
}

// list returns so many of the largest, in the order of their first packets.
func (c *connections) list(most int, origin int64, longest int) list {
	if c.schema == nil {
		return list{}
	}
	var rows [][]cell
	left := c.bytes
	for _, one := range c.largest[:min(most, len(c.largest))] {
		rows = append(rows, one.cells)
		left -= one.bytes
	}
	slices.SortFunc(rows, func(a, b []cell) int { return cmp.Compare(a[atID].number, b[atID].number) })
	l := newList(c.schema, connectionColumns, rows, origin, longest)
	l.Left, l.LeftSum = c.all-len(rows), left
	return l
}

// shown returns so many of the largest, by ID.
func (c *connections) shown(most int) []shown {
	var all []shown
	for i := range c.largest[:min(most, len(c.largest))] {
		one := &c.largest[i]
		all = append(all, shown{id: one.id(), first: one.cells[atFirst].number})
	}
	slices.SortFunc(all, func(a, b shown) int { return cmp.Compare(a.id, b.id) })
	return all
}
