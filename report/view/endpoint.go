package view

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/report/table"
)

// endpoint is a row of the table endpoints: a far end, and what it exchanged.
type endpoint struct {
	Address     string `json:"a"`
	Role        string `json:"k"` // server or client
	Protocol    string `json:"p"`
	Port        int64  `json:"n"`           // of the server
	Host        string `json:"h,omitempty"` // its latest name; "" = not known
	Connections int64  `json:"c"`
	Sent        int64  `json:"s"` // bytes on the wire that it sent
	Received    int64  `json:"r"` // and that were sent to it
}

// endpointColumns are what a page has of one.
var endpointColumns = []string{"address", "role", "protocol", "server_port", "host", "connections", "sent_wire_bytes", "received_wire_bytes"}

// endpoints are the rows of the table.
type endpoints struct {
	all  []endpoint // those with the most bytes first
	more int64      // connections of those without a row of their own
}

// readEndpoints reads the table, which may be nil.
func readEndpoints(t *table.Table) (*endpoints, error) {
	e := &endpoints{}
	err := each(t, endpointColumns, func(r *reader) error {
		one := endpoint{r.text(0), r.text(1), r.text(2), r.number(3), r.text(4), r.number(5), r.number(6), r.number(7)}
		if one.Address == "" {
			e.more += one.Connections
		} else {
			e.all = append(e.all, one)
		}
		return nil
	})
	slices.SortStableFunc(e.all, func(a, b endpoint) int { return cmp.Compare(b.Sent+b.Received, a.Sent+a.Received) })
	return e, err
}

// endpointList is the endpoints that the page shows.
type endpointList struct {
	Rows []endpoint `json:"rows"`
	Left int        `json:"left"` // that are left out
	More int64      `json:"more"` // connections of those that the table has in one row
}

// list returns so many of those with the most bytes.
func (e *endpoints) list(most, longest int) endpointList {
	l := endpointList{Rows: []endpoint{}, Left: max(0, len(e.all)-most), More: e.more}
	for _, one := range e.all[:min(most, len(e.all))] {
		one.Host = Cut(one.Host, longest)
		l.Rows = append(l.Rows, one)
	}
	return l
}
