package measure

import (
	"cmp"
	"hash/fnv"
	"maps"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/table"
)

// The most endpoints that have a row of their own; the others, whose addresses are the
// highest, have one together. Of each so many different names are told apart.
const (
	maxEndpoints = 1 << 17
	maxHosts     = 256
)

// endpointKey tells endpoints apart. The zero address, with the protocol 0, is those
// that have no row of their own.
type endpointKey struct {
	address  flow.Addr
	protocol flow.Protocol
	port     uint16 // of the server, at whichever end
	client   bool   // the endpoint is the client
}

func (k endpointKey) compare(o endpointKey) int {
	return cmp.Or(k.address.Compare(o.address), cmp.Compare(k.protocol, o.protocol), cmp.Compare(k.port, o.port), compareBool(k.client, o.client))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// others is the key of those without a row of their own; it is behind all.
var others = endpointKey{address: flow.Addr{Hi: math.MaxUint64, Lo: math.MaxUint64}, protocol: math.MaxUint8, port: math.MaxUint16, client: true}

// endpoint is what one exchanged with the recorded host.
type endpoint struct {
	Traffic     // as the endpoint has it
	first, last int64
	processes   []int32 // that it exchanged with, ascending
	hosts       []uint64
	host, from  string // the latest name
	named       uint64 // id of the connection that has it
	application string // what the latest connection says that it speaks
	spoke       uint64 // id of that connection; 0 = none said so
}

// Endpoints are the far ends of all connections: every connection has one.
type Endpoints struct {
	sums  map[endpointKey]*endpoint
	limit int
	bound endpointKey // those from here on have no row of their own
}

func newEndpoints(limit int) *Endpoints {
	return &Endpoints{sums: map[endpointKey]*endpoint{}, limit: limit, bound: others}
}

// farEnd returns the end of a connection that the recorded host is not; of a connection
// within it, and where that is not known, the server.
func farEnd(r *attribute.Result, c *attribute.Connection) attribute.End {
	if r.KnowsLocal && c.Local[attribute.Server] && !c.Local[attribute.Client] {
		return attribute.Client
	}
	return attribute.Server
}

// connection books one.
func (e *Endpoints) connection(r *attribute.Result, c *attribute.Connection) {
	end := farEnd(r, c)
	sum := e.of(endpointKey{c.Endpoint[end].Addr, c.Key.Protocol, c.Endpoint[attribute.Server].Port, end == attribute.Client})
	one := endpoint{Traffic: Traffic{Connections: 1}, first: c.First, last: c.Last}
	sent := c.Sum()
	one.Sent, one.Received = sent[end], sent[end.Other()]
	if end == attribute.Server {
		if one.host, one.from = ServerHost(r, c); one.host != "" {
			h := fnv.New64a()
			h.Write([]byte(one.host))
			one.named, one.hosts = c.ID, []uint64{h.Sum64()}
		}
	}
	if c.Facts.Known() {
		one.application, one.spoke = c.Facts.Application.String(), c.ID
	}
	for i := range c.Spans {
		if p := c.Spans[i].Verdict[end.Other()].Process; p != attribute.NoProcess {
			one.processes = insert(one.processes, p, math.MaxInt)
		}
	}
	sum.add(&one)
}

// of returns the sum of an endpoint.
func (e *Endpoints) of(k endpointKey) *endpoint {
	if k.compare(e.bound) >= 0 {
		k = others
	}
	sum := e.sums[k]
	if sum == nil {
		sum = &endpoint{first: math.MaxInt64, last: math.MinInt64}
		e.sums[k] = sum
		if len(e.sums) > 2*e.limit {
			e.shrink()
			return e.of(k)
		}
	}
	return sum
}

// shrink puts those beyond the limit together: always those with the highest keys, so
// that it does not matter who summed what.
func (e *Endpoints) shrink() {
	keys := slices.SortedFunc(maps.Keys(e.sums), endpointKey.compare)
	if n := len(keys); n > 0 && keys[n-1] == others {
		keys = keys[:n-1]
	}
	if len(keys) <= e.limit {
		return
	}
	e.bound = keys[e.limit]
	for _, k := range keys[e.limit:] {
		sum := e.sums[k]
		delete(e.sums, k)
		e.of(others).add(sum)
	}
}

func (e *Endpoints) merge(o *Endpoints) {
	for k, sum := range o.sums {
		e.of(k).add(sum)
	}
}

func (n *endpoint) add(o *endpoint) {
	n.Traffic.add(&o.Traffic)
	n.first, n.last = min(n.first, o.first), max(n.last, o.last)
	for _, p := range o.processes {
		n.processes = insert(n.processes, p, math.MaxInt)
	}
	for _, h := range o.hosts {
		n.hosts = insert(n.hosts, h, maxHosts)
	}
	if o.named > n.named {
		n.host, n.from, n.named = o.host, o.from, o.named
	}
	if o.spoke > n.spoke {
		n.application, n.spoke = o.application, o.spoke
	}
}

// insert adds v to an ascending list that has it once, and no more than so many.
func insert[T cmp.Ordered](list []T, v T, most int) []T {
	i, found := slices.BinarySearch(list, v)
	if found || len(list) >= most {
		return list
	}
	return slices.Insert(list, i, v)
}

// Table returns one row an endpoint.
func (e *Endpoints) Table() *table.Table {
	e.shrink()
	keys := slices.SortedFunc(maps.Keys(e.sums), endpointKey.compare)
	return table.Of(table.Endpoints(), len(keys), func(b *table.Batch, i int) {
		k, n := keys[i], e.sums[keys[i]]
		own := k != others
		var address, protocol, role string
		version := int64(0)
		if own {
			address, protocol, role, version = k.address.String(), k.protocol.String(), "server", 6
			if k.client {
				role = "client"
			}
			if k.address.Is4() {
				version = 4
			}
		}
		name, from := n.application, "content"
		if own && name == "" {
			name, from = portApplication(k.protocol, k.port)
		} else if !own {
			name, from = "", ""
		}
		b.TextIf("address", address)
		b.IntIf("ip_version", version, own)
		b.TextIf("role", role)
		b.TextIf("protocol", protocol)
		b.IntIf("server_port", int64(k.port), own)
		b.TextIf("application", name)
		b.TextIf("application_from", from)
		b.TextIf("host", n.host)
		b.TextIf("host_from", n.from)
		b.Int("hosts", int64(len(n.hosts)))
		b.Int("processes", int64(len(n.processes)))
		b.Int("first_ns", n.first)
		b.Int("last_ns", n.last)
		appendTraffic(b, "", &n.Traffic)
	})
}
