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

// endpointKey tells endpoints apart.
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

// endpoint is what one exchanged with the recorded host.
type endpoint struct {
	Traffic     // as the endpoint has it
	first, last int64
	processes   []int32 // that it exchanged with, ascending
	hosts       []uint64
	times       *Times // nil = none
	host, from  string // the latest name
	named       uint64 // id of the connection that has it
	application string // what the latest connection says that it speaks
	spoke       uint64 // id of that connection; 0 = none said so
}

// Endpoints are the far ends of all connections: every connection has one.
type Endpoints struct {
	sums  map[endpointKey]*endpoint
	limit int

	measured bool // connections were

	rest  *endpoint   // those without a row of their own; nil = there are none
	bound endpointKey // the first of them; valid iff rest is not nil

	free []endpoint  // made together, not used yet
	used []*endpoint // used before, and not now
}

func newEndpoints(limit int) *Endpoints {
	return &Endpoints{sums: map[endpointKey]*endpoint{}, limit: limit}
}

// endpointBlock is how many endpoints are made together.
const endpointBlock = 64

// none returns an endpoint that exchanged nothing.
func (e *Endpoints) none() (n *endpoint) {
	if last := len(e.used) - 1; last >= 0 {
		n, e.used = e.used[last], e.used[:last]
	} else {
		if len(e.free) == 0 {
			e.free = make([]endpoint, endpointBlock)
		}
		n, e.free = &e.free[0], e.free[1:]
	}
	*n = endpoint{first: math.MaxInt64, last: math.MinInt64}
	return n
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
	sent := c.Sum()
	sum.Traffic.add(&Traffic{Connections: 1, Sent: sent[end], Received: sent[end.Other()]})
	sum.first, sum.last = min(sum.first, c.First), max(sum.last, c.Last)
	if end == attribute.Server {
		if host, from := ServerHost(r, c); host != "" {
			h := fnv.New64a()
			h.Write([]byte(host))
			sum.name(host, from, c.ID, h.Sum64())
		}
	}
	if c.Facts.Known() {
		sum.speak(c.Facts.Application.String(), c.ID)
	}
	for i := range c.Spans {
		if p := c.Spans[i].Verdict[end.Other()].Process; p != attribute.NoProcess {
			sum.processes = insert(sum.processes, p, math.MaxInt)
		}
	}
	if hasTimes(&c.Measures, &c.Turns) {
		sum.times = sum.times.add(&c.Measures, &c.Turns, end, true)
	}
}

// of returns the sum of an endpoint.
func (e *Endpoints) of(k endpointKey) *endpoint {
	if e.rest != nil && k.compare(e.bound) >= 0 {
		return e.rest
	}
	sum := e.sums[k]
	if sum == nil {
		if len(e.sums) >= 2*e.limit {
			e.shrink()
			return e.of(k)
		}
		sum = e.none()
		e.sums[k] = sum
	}
	return sum
}

// shrink puts those beyond the limit together: always those with the highest keys, so
// that it does not matter who summed what.
func (e *Endpoints) shrink() {
	if len(e.sums) <= e.limit {
		return
	}
	keys := slices.SortedFunc(maps.Keys(e.sums), endpointKey.compare)
	e.bound = keys[e.limit]
	if e.rest == nil {
		e.rest = e.none()
	}
	for _, k := range keys[e.limit:] {
		e.rest.add(e.sums[k])
		e.used = append(e.used, e.sums[k])
		delete(e.sums, k)
	}
}

func (e *Endpoints) merge(o *Endpoints) {
	if o.rest != nil {
		if e.rest == nil || o.bound.compare(e.bound) < 0 {
			e.bound = o.bound
		}
		if e.rest == nil {
			e.rest = e.none()
		}
		e.rest.add(o.rest)
		maps.DeleteFunc(e.sums, func(k endpointKey, sum *endpoint) bool {
			if k.compare(e.bound) < 0 {
				return false
			}
			e.rest.add(sum)
			return true
		})
	}
	for k, sum := range o.sums {
		e.of(k).add(sum)
	}
}

func (n *endpoint) add(o *endpoint) {
	n.Traffic.add(&o.Traffic)
	n.first, n.last = min(n.first, o.first), max(n.last, o.last)
	n.times = n.times.merge(o.times)
	for _, p := range o.processes {
		n.processes = insert(n.processes, p, math.MaxInt)
	}
	n.name(o.host, o.from, o.named, o.hosts...)
	n.speak(o.application, o.spoke)
}

// name notes the hosts of connections, and what the latest of these, id, calls the host.
func (n *endpoint) name(host, from string, id uint64, hosts ...uint64) {
	for _, h := range hosts {
		n.hosts = insert(n.hosts, h, maxHosts)
	}
	if id > n.named {
		n.host, n.from, n.named = host, from, id
	}
}

// speak notes what a connection speaks.
func (n *endpoint) speak(application string, id uint64) {
	if id > n.spoke {
		n.application, n.spoke = application, id
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

// Table returns one row an endpoint, made by so many goroutines.
func (e *Endpoints) Table(workers int) *table.Table {
	e.shrink()
	keys := slices.SortedFunc(maps.Keys(e.sums), endpointKey.compare)
	rows := len(keys)
	if e.rest != nil {
		rows++
	}
	return table.Divide(table.Endpoints(), rows, workers, func(b *table.Batch, i int) {
		n := e.rest
		if i < len(keys) {
			n = e.sums[keys[i]]
			appendEndpoint(b, keys[i], n)
		} else {
			appendNoEndpoint(b)
		}
		b.TextIf("host", n.host)
		b.TextIf("host_from", n.from)
		b.Int("hosts", int64(len(n.hosts)))
		b.Int("processes", int64(len(n.processes)))
		b.Int("first_ns", n.first)
		b.Int("last_ns", n.last)
		appendTraffic(b, "", &n.Traffic)
		appendTimes(b, "", n.times, e.measured)
	})
}

// appendEndpoint appends what an endpoint is.
func appendEndpoint(b *table.Batch, k endpointKey, n *endpoint) {
	version, role := int64(6), "server"
	if k.address.Is4() {
		version = 4
	}
	if k.client {
		role = "client"
	}
	name, from := n.application, "content"
	if name == "" {
		name, from = portApplication(k.protocol, k.port)
	}
	b.Text("address", k.address.String())
	b.Int("ip_version", version)
	b.Text("role", role)
	b.Text("protocol", k.protocol.String())
	b.Int("server_port", int64(k.port))
	b.TextIf("application", name)
	b.TextIf("application_from", from)
}

// appendNoEndpoint appends that a row is of several.
func appendNoEndpoint(b *table.Batch) {
	b.TextIf("address", "")
	b.IntIf("ip_version", 0, false)
	b.TextIf("role", "")
	b.TextIf("protocol", "")
	b.IntIf("server_port", 0, false)
	b.TextIf("application", "")
	b.TextIf("application_from", "")
}
