package html

import (
	"cmp"
	"maps"
	"slices"
)

// endpointKey is a server.
type endpointKey struct {
	protocol, ip string
	port         int64
}

// endpoint is a server and what all connections to it exchanged.
type endpoint struct {
	Protocol    string `json:"p"`
	IP          string `json:"a"`
	Port        int64  `json:"n"`
	Host        string `json:"h,omitempty"` // by which the largest connection named it; "" = not known
	Connections int64  `json:"c"`
	Sent        int64  `json:"s"` // bytes on the wire to it
	Received    int64  `json:"r"` // and from it

	named int64 // bytes of the connection that gave Host
}

// endpoints are the servers of all connections.
type endpoints struct {
	byKey map[endpointKey]*endpoint
	other int // connections to endpoints beyond MaxEndpoints
}

func newEndpoints() *endpoints { return &endpoints{byKey: map[endpointKey]*endpoint{}} }

func (e *endpoints) add(r *reader) {
	k := endpointKey{r.text(atProtocol), r.text(atServer), r.number(atPort)}
	one := e.byKey[k]
	if one == nil {
		if len(e.byKey) == MaxEndpoints {
			e.other++
			return
		}
		one = &endpoint{Protocol: k.protocol, IP: k.ip, Port: k.port, named: -1}
		e.byKey[k] = one
	}
	sent, received := r.number(atClientBytes), r.number(atServerBytes)
	one.Connections++
	one.Sent += sent
	one.Received += received
	if host := r.text(atHost); host != "" && sent+received > one.named {
		one.Host, one.named = host, sent+received
	}
}

// endpointList is the servers that the page shows.
type endpointList struct {
	Rows []endpoint `json:"rows"`
	Left int        `json:"left"` // known ones that are left out
	More int        `json:"more"` // connections whose server was not kept
}

// list returns so many of those with the most bytes.
func (e *endpoints) list(most, longest int) endpointList {
	all := slices.SortedFunc(maps.Values(e.byKey), func(a, b *endpoint) int {
		return cmp.Or(cmp.Compare(b.Sent+b.Received, a.Sent+a.Received), cmp.Compare(a.IP, b.IP), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	l := endpointList{Rows: []endpoint{}, Left: max(0, len(all)-most), More: e.other}
	for _, one := range all[:min(most, len(all))] {
		shown := *one
		shown.Host = cut(shown.Host, longest)
		l.Rows = append(l.Rows, shown)
	}
	return l
}
