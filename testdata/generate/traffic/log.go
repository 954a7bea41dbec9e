package traffic

import (
	"fmt"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

const (
	epoch    = 1_763_000_000_000_000_000 // a day in 2025
	interval = 100_000_000               // between polls, nanoseconds
)

// populate makes the processes. The first is the root of the recorded command.
func (g *generator) populate() {
	for i := range g.kind.processes {
		p := &Process{PID: int32(1000 + 7*i), StartNs: epoch - int64(1+g.random.below(100_000))*10_000_000, Name: fmt.Sprintf("client-%d", i), inCommand: i%2 == 0}
		if i < g.kind.servers() {
			p.Name, p.port = fmt.Sprintf("server-%d", i), uint16(9000+i)
		}
		g.truth.Processes = append(g.truth.Processes, p)
	}
}

func (g *generator) anyServer() *Process {
	return g.truth.Processes[g.random.below(g.kind.servers())]
}

func (g *generator) anyClient() *Process {
	servers := g.kind.servers()
	return g.truth.Processes[servers+g.random.below(g.kind.processes-servers)]
}

// beginLog writes what there was when the recording began.
func (g *generator) beginLog(captures ...string) {
	g.event(connlog.KindHead, connlog.Event{Head: &connlog.Head{
		Schema: connlog.Schema, RecordingID: g.recording, Host: "generated", OS: "linux", Tool: "testdata/generate",
		Source: "diag", SourceReason: "the truth, as an ideal source would see it", Interval: interval, Captures: captures,
		Interfaces: []connlog.Interface{
			{Name: "eth0", Index: 2, LinkType: 1, MTU: 1500, Addresses: []string{local(false).String() + "/8", local(true).String() + "/64"}},
			{Name: "lo", Index: 1, LinkType: 1, MTU: 65536, Addresses: []string{"127.0.0.1/8", "::1/128"}, Loopback: true},
		},
		Command: []string{"/opt/generated/bench", "--kind", g.kind.Name},
	}})
	root := g.truth.Processes[0]
	for i, p := range g.truth.Processes {
		e := connlog.Process{Change: connlog.ProcessSnapshot, ID: p.id(), Name: p.Name, Exe: "/opt/generated/bench",
			Args: []string{"/opt/generated/bench", p.Name}, UID: 1000, Command: p.inCommand}
		if i > 0 {
			e.Parent = root.id()
		}
		g.event(connlog.KindProcess, connlog.Event{Process: &e})
	}
	for _, p := range g.truth.Processes {
		if p.port == 0 {
			continue
		}
		at := flow.Endpoint{Port: p.port} // [::], which takes IPv4 too
		g.socket(connlog.Socket{Change: connlog.SocketSnapshot, ID: g.newSocket(), Protocol: flow.TCP, Local: at, V6: true, State: "listen"}, p)
		g.socket(connlog.Socket{Change: connlog.SocketSnapshot, ID: g.newSocket(), Protocol: flow.UDP, Local: at, V6: true, State: "unconnected"}, p)
	}
}

// endLog writes the last look and the end.
func (g *generator) endLog() {
	g.poll()
	g.event(connlog.KindEnd, connlog.Event{End: &connlog.End{Packets: g.truth.Packets, Reason: "all of it was sent"}})
}

// event writes e between the packets before and after.
func (g *generator) event(kind connlog.Kind, e connlog.Event) {
	g.now += 20 + int64(g.random.below(80))
	e.Kind, e.Time = kind, g.now
	g.keep(g.log.Write(&e))
	g.truth.LogLines++
}

// poll writes that all sockets were looked at.
func (g *generator) poll() {
	begin := g.now + 1
	g.now += 10
	g.event(connlog.KindPoll, connlog.Event{Poll: &connlog.Poll{Begin: begin, End: g.now, Sockets: g.sockets}})
	g.polled = g.now
}

func (g *generator) newSocket() uint64 {
	g.lastSocket++
	g.sockets++
	return g.lastSocket
}

// socket writes an event of a socket that is p's from now on.
func (g *generator) socket(s connlog.Socket, p *Process) {
	g.owners[0] = p.id()
	s.Owners = g.owners[:]
	g.event(connlog.KindSocket, connlog.Event{Socket: &s})
}

// change writes what becomes of the socket at one end of c.
func (g *generator) change(c *connection, end int, change connlog.SocketChange, evidence connlog.Evidence) {
	s := connlog.Socket{Change: change, ID: c.socket[end], Protocol: flow.TCP, Local: c.endpoint[end],
		Remote: c.endpoint[1-end], HasRemote: true, V6: !c.endpoint[end].Addr.Is4(), State: "established", Evidence: evidence}
	if c.udp {
		s.Protocol = flow.UDP
	}
	g.socket(s, c.owner[end])
}

// hasSocket tells whether an end of c has a socket of its own in the log: the
// datagrams of all clients come to one socket of the server.
func (c *connection) hasSocket(end int) bool {
	return c.owner[end] != nil && !(c.udp && end == Server)
}

// open, handOver and close are what a process does with its end of c. The log
// names all that hold the socket, as who reads the table of sockets does, and at
// once.
func (g *generator) open(c *connection, end int) {
	if !c.hasSocket(end) {
		return
	}
	c.socket[end] = g.newSocket()
	g.change(c, end, connlog.SocketOpen, connlog.EvidencePoll)
}

func (g *generator) handOver(c *connection) {
	c.handover = -1
	if next := g.anyServer(); next != c.owner[Server] {
		c.former[Server], c.owner[Server] = c.owner[Server], next
		next.Connections++
		g.change(c, Server, connlog.SocketOwner, connlog.EvidencePoll)
	}
}

func (g *generator) close(c *connection, end int) {
	if c.hasSocket(end) {
		g.sockets--
		g.change(c, end, connlog.SocketClose, connlog.EvidenceDestroy)
	}
}

func (p *Process) id() connlog.ProcessID { return connlog.ProcessID{PID: p.PID, Start: p.StartNs} }
