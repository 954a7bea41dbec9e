package compare

import (
	"cmp"
	"net"
	"slices"
)

// gatherer adds up rows.
type gatherer struct {
	run  *Run
	rtts map[Subject][]int64
}

func newRun(name string, tables map[string][]row) *Run {
	g := &gatherer{run: &Run{Name: name, Values: map[Subject]map[Metric]int64{}, commands: map[string][]string{}}, rtts: map[Subject][]int64{}}
	for _, c := range tables["capture"] {
		g.extend(Subject{Kind: Total}, c, "first_ns", "last_ns")
	}
	for _, c := range tables["coverage"] { // of what was selected
		if c.text("side") == "source" {
			g.add(Subject{Kind: Total}, Bytes, c.sum("wire_bytes"))
			g.add(Subject{Kind: Total}, Packets, c.sum("packets"))
		}
	}
	for _, p := range tables["processes"] {
		g.process(p)
	}
	seen := map[int64]bool{}
	for _, p := range tables["phases"] {
		g.phase(p, seen)
	}
	for _, c := range tables["connections"] {
		g.connection(c)
	}
	for s, list := range g.rtts {
		slices.Sort(list)
		g.add(s, RTT, list[(len(list)-1)/2])
	}
	return g.run
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
	}
}

// phase adds what was sent in a phase: every packet once.
func (g *gatherer) phase(p row, seen map[int64]bool) {
	id, inside := p.int("phase_id")
	s := Subject{Phase, "outside of all phases"}
	if inside {
		s.Name = cmp.Or(p.text("phase"), "(no name)")
	}
	g.add(s, Bytes, p.sum("sent_wire_bytes"))
	g.add(s, Packets, p.sum("sent_packets"))
	if inside && !seen[id] {
		seen[id] = true
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
		port, _ := c["server_port"].(interface{ String() string })
		if port == nil {
			return ""
		}
		return net.JoinHostPort(cmp.Or(c.text("server_host"), c.text("server_ip")), port.String()) + "/" + c.text("protocol")
	}
	return ""
}
