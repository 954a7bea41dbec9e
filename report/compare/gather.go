package compare

import (
	"cmp"
	"net"
	"slices"
	"strconv"
)

// gatherer adds up rows.
type gatherer struct {
	run    *Run
	rtts   map[Subject][]int64
	phases map[int64]bool // whose duration is known, by phase_id
}

func newGatherer(name string) *gatherer {
	return &gatherer{run: &Run{Name: name, Values: map[Subject]map[Metric]int64{}, commands: map[string][]string{}},
		rtts: map[Subject][]int64{}, phases: map[int64]bool{}}
}

// of returns what takes the rows of a table, nil = nothing does.
func (g *gatherer) of(name string) func(row) {
	return map[string]func(row){"capture": g.capture, "coverage": g.coverage, "processes": g.process, "phases": g.phase, "connections": g.connection}[name]
}

// finish returns the run when all rows were taken.
func (g *gatherer) finish() *Run {
	for s, list := range g.rtts {
		slices.Sort(list)
		g.add(s, RTT, list[(len(list)-1)/2])
	}
	return g.run
}

func (g *gatherer) capture(c row) { g.extend(Subject{Kind: Total}, c, "first_ns", "last_ns") }

// coverage adds what was selected, every packet once.
func (g *gatherer) coverage(c row) {
	if c.text("side") == "source" {
		g.add(Subject{Kind: Total}, Bytes, c.sum("wire_bytes"))
		g.add(Subject{Kind: Total}, Packets, c.sum("packets"))
	}
}

func (g *gatherer) add(s Subject, m Metric, n int64) {
	if g.run.Values[s] == nil {
		g.run.Values[s] = map[Metric]int64{}
	}
	g.run.Values[s][m] += n
}

// extend adds the time between two columns, where both are known.
func (g *gatherer) extend(s Subject, r row, from, to string) {
	begin, ok := r.int(from)
	end, also := r.int(to)
	if ok && also {
		g.add(s, Duration, end-begin)
	}
}

func (g *gatherer) process(p row) {
	if p.sum("sent_packets", "received_packets") == 0 {
		return
	}
	name, command := cmp.Or(p.text("name"), "(no name)"), p.text("command")
	if !slices.Contains(g.run.commands[name], command) {
		g.run.commands[name] = append(g.run.commands[name], command)
	}
	for _, s := range []Subject{{Process, name}, {Process, name + " " + command}} {
		g.add(s, Sent, p.sum("sent_wire_bytes"))
		g.add(s, Received, p.sum("received_wire_bytes"))
		g.add(s, Bytes, p.sum("sent_wire_bytes", "received_wire_bytes"))
		g.add(s, Packets, p.sum("sent_packets", "received_packets"))
		g.add(s, Connections, p.sum("connections"))
		if busy, ok := p.int("busy_ns"); ok {
			g.add(s, Busy, busy)
		}
	}
}

// phase adds what was sent in a phase: every packet once.
func (g *gatherer) phase(p row) {
	id, inside := p.int("phase_id")
	s := Subject{Phase, "outside of all phases"}
	if inside {
		s.Name = cmp.Or(p.text("phase"), "(no name)")
	}
	g.add(s, Bytes, p.sum("sent_wire_bytes"))
	g.add(s, Packets, p.sum("sent_packets"))
	if inside && !g.phases[id] {
		g.phases[id] = true
		g.extend(s, p, "begin_ns", "end_ns")
	}
}

func (g *gatherer) connection(c row) {
	subjects := [][2]Subject{{{Kind: Total}, {Kind: Total}}, {{Process, c.text("client_name")}, {Process, c.text("server_name")}}}
	if e := endpoint(c); e != "" {
		s := Subject{Endpoint, e}
		subjects = append(subjects, [2]Subject{s, s})
		g.add(s, Bytes, c.sum("client_wire_bytes", "server_wire_bytes"))
		g.add(s, Packets, c.sum("client_packets", "server_packets"))
		g.add(s, Connections, 1)
	}
	g.add(Subject{Kind: Total}, Connections, 1)
	for _, both := range subjects {
		for i, end := range []string{"client", "server"} {
			s := both[i]
			if s.Kind == Process && s.Name == "" {
				continue
			}
			if n, ok := c.int(end + "_retransmitted_segments"); ok {
				g.add(s, Retransmitted, n)
			}
			if n, ok := c.int(end + "_rtt_median_ns"); ok {
				g.rtts[s] = append(g.rtts[s], n)
			}
		}
	}
}

// endpoint names the remote server of a connection, by the name that the client
// knows it by where it has one. Servers here have other ports in every run: they are
// compared as processes.
func endpoint(c row) string {
	switch c.text("local_side") {
	case "client", "":
		port, _ := c.int("server_port")
		return net.JoinHostPort(cmp.Or(c.text("server_host"), c.text("server_ip")), strconv.FormatInt(port, 10)) + "/" + c.text("protocol")
	}
	return ""
}
