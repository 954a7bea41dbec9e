package traffic

import "github.com/pcapwho/pcapwho/ingest/flow"

// phase is how far a connection has come: what its next step does.
type phase uint8

const (
	opening phase = iota
	answering
	accepting
	talking
	closing
	closingToo
	closed
)

// connection is a connection in the making. Arrays are by end.
type connection struct {
	phase    phase
	udp, dns bool
	loop     bool   // on the loopback interface: both ends are local
	vlan     uint16 // 0 = untagged
	left     int    // data segments or datagrams to send
	handover int    // the server's socket changes hands when so many are left; -1 = never
	first    int    // the end that closes first
	reset    bool   // and does so with RST

	endpoint [2]flow.Endpoint
	owner    [2]*Process // nil = on a remote host
	former   [2]*Process
	socket   [2]uint64 // 0 = none of its own
	seq      [2]uint32 // to be sent next
	last     [2]int    // payload of the latest segment
	due      [2]int    // segments received since the last acknowledgement

	frame, latest                  int64 // numbers of the first and the latest packet
	packets, wire, payload, unique [2]int64
}

// The client's ports, in the range that Linux takes them from.
const (
	firstPort = 32768
	ports     = 28232
)

// begin makes connection n out of c, which may hold an ended one. No five-tuple
// is used twice before all others have been, except where a port is reused.
func (g *generator) begin(c *connection, n uint64) {
	k, r := &g.kind, g.random
	if c.phase == closed && !c.udp && r.chance(k.reuse) {
		again := connection{endpoint: c.endpoint, owner: c.owner, loop: c.loop, vlan: c.vlan}
		if c.owner[Client] != nil {
			again.owner[Client] = g.anyClient()
		}
		if c.former[Server] != nil {
			again.owner[Server] = c.former[Server] // who listens
		}
		*c = again
		g.beginTCP(c)
		return
	}
	*c = connection{dns: r.chance(k.dns), handover: -1}
	c.udp = c.dns || r.chance(k.udp)
	c.loop = !c.dns && r.chance(k.loop)
	inbound := !c.dns && r.chance(k.inbound)
	v6 := !c.loop && r.chance(k.v6)
	if !c.loop && r.chance(k.vlan) {
		c.vlan = 100
	}
	server, host := g.anyServer(), n/ports<<6|uint64(r.below(64))
	client := flow.Endpoint{Port: firstPort + uint16(n%ports*7919%ports)}
	switch {
	case c.loop:
		client.Addr = loopback(n / ports)
		c.endpoint[Server] = flow.Endpoint{Addr: loopback(0), Port: server.port}
		c.owner = [2]*Process{g.anyClient(), server}
	case inbound:
		client.Addr = remote(v6, host)
		c.endpoint[Server] = flow.Endpoint{Addr: local(v6), Port: server.port}
		c.owner[Server] = server
	default:
		client.Addr = local(v6)
		c.endpoint[Server] = flow.Endpoint{Addr: remote(v6, host), Port: server.port}
		c.owner[Client] = g.anyClient()
	}
	c.endpoint[Client] = client
	switch {
	case c.dns:
		c.endpoint[Server].Port, c.left = 53, 2
	case c.udp:
		c.left = r.length(k.datagrams, k.few)
	default:
		g.beginTCP(c)
	}
}

func (g *generator) beginTCP(c *connection) {
	r := g.random
	c.left = r.length(g.kind.segments, g.kind.few)
	c.first, c.reset = r.below(2), r.chance(100)
	c.seq = [2]uint32{uint32(r.source.Uint64()), uint32(r.source.Uint64())}
	c.handover = -1
	if c.owner[Server] != nil && r.chance(g.kind.handover) {
		c.handover = c.left / 2
	}
}

// The recorded host; other hosts, in the ranges of RFC 2544 and RFC 3849; and
// loopback, where all of 127.0.0.0/8 is local.
func local(v6 bool) flow.Addr {
	if v6 {
		return flow.Addr{Hi: 0x20010db8_00000000, Lo: 1}
	}
	return flow.AddrFrom4(10<<24 | 1)
}

func remote(v6 bool, host uint64) flow.Addr {
	if v6 {
		return flow.Addr{Hi: 0x20010db8_00010000, Lo: 1 + host}
	}
	return flow.AddrFrom4(198<<24 | 18<<16 | uint32((1+host)%(1<<17)))
}

func loopback(host uint64) flow.Addr { return flow.AddrFrom4(127<<24 | uint32((1+host)%(1<<24))) }

// The flags of TCP (RFC 9293 section 3.1).
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// step lets c take the next step of its life.
func (g *generator) step(c *connection) {
	switch {
	case c.udp:
		g.stepUDP(c)
		return
	case c.phase == opening:
		g.open(c, Client)
		g.control(c, Client, syn)
	case c.phase == answering:
		g.control(c, Server, syn|ack)
	case c.phase == accepting:
		g.control(c, Client, ack)
		g.open(c, Server)
	case c.phase == talking:
		if g.talk(c); c.left > 0 {
			return
		}
	case c.phase == closing && c.reset:
		g.close(c, c.first)
		g.control(c, c.first, rst|ack)
		g.close(c, 1-c.first)
		c.phase = closed
		return
	case c.phase == closing:
		g.close(c, c.first)
		g.control(c, c.first, fin|ack)
	case c.phase == closingToo:
		g.close(c, 1-c.first)
		g.control(c, 1-c.first, fin|ack)
		g.control(c, c.first, ack)
	}
	c.phase++
}

// stepUDP sends a few datagrams, to and fro.
func (g *generator) stepUDP(c *connection) {
	if c.phase == closing {
		g.close(c, Client)
		c.phase = closed
		return
	}
	from := Client
	if c.phase == opening {
		g.open(c, Client)
	} else if c.dns || g.random.chance(700) {
		from = Server
	}
	c.phase = talking
	size := g.kind.datagramPayload[0]
	if g.random.chance(700) {
		size = g.random.between(g.kind.datagramPayload)
	}
	g.datagram(c, from, size)
	if c.left--; c.left == 0 {
		c.phase = closing
	}
}

// talk sends a few segments one way, and what acknowledges them.
func (g *generator) talk(c *connection) {
	k, r := &g.kind, g.random
	if c.left <= c.handover {
		g.handOver(c)
	}
	from := Server
	if r.chance(250) {
		from = Client
	}
	for range min(c.left, 1+r.below(k.burst)) {
		size := g.segment()
		switch {
		case c.last[from] > 0 && r.chance(k.again):
			g.data(c, from, -c.last[from], c.last[from], false)
			continue
		case c.left > 1 && r.chance(k.disordered):
			late := size
			size = g.segment()
			g.data(c, from, late, size, true)
			g.data(c, from, 0, late, true)
			c.seq[from] += uint32(late)
			c.left--
		default:
			g.data(c, from, 0, size, true)
		}
		c.seq[from] += uint32(size)
		c.last[from] = size
		if c.left--; c.left == 0 {
			return
		}
	}
}

// segment returns the payload length of the next segment.
func (g *generator) segment() int {
	if g.random.chance(g.kind.full) {
		return g.kind.payload[1]
	}
	return g.random.between(g.kind.payload)
}

// data sends a segment whose payload lies offset bytes after what is to be
// sent next; the other end acknowledges each second.
func (g *generator) data(c *connection, from, offset, size int, first bool) {
	unique := 0
	if first {
		unique = size
	}
	g.send(c, from, ack|psh, c.seq[from]+uint32(offset), g.text(size), unique)
	to := 1 - from
	if c.due[to]++; c.due[to] == 2 {
		g.control(c, to, ack)
	}
}

// control sends a segment without payload.
func (g *generator) control(c *connection, from int, flags uint8) {
	g.send(c, from, flags, c.seq[from], nil, 0)
	c.due[from] = 0
	if flags&(syn|fin) != 0 {
		c.seq[from]++
	}
}
