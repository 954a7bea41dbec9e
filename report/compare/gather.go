package compare

import (
	"cmp"
	"net"
	"slices"
	"strconv"
)

// gatherer adds up rows.
type gatherer struct {
	run      *Run
	rtts     map[Subject][]int64
	trips    map[Subject][]trips // of phases
	phases   map[int64]bool      // whose duration is known, by phase_id
	packets  int64               // of the captures
	captured times               // of all packets of them
	selected times               // of connections

	endpoints int // subjects of that kind
}

// maxEndpoints is how many endpoints are told apart: a scan has millions.
const maxEndpoints = 1 << 17

// times is an interval of Unix nanoseconds, from the first to the last; zero = none.
type times struct{ first, last int64 }

// add makes it reach over the time between two columns, where both are known.
func (t *times) add(r row) {
	first, ok := r.int("first_ns")
	last, also := r.int("last_ns")
	switch {
	case !ok || !also:
	case *t == times{}:
		*t = times{first, last}
	default:
		*t = times{min(t.first, first), max(t.last, last)}
	}
}

func newGatherer(name string) *gatherer {
	return &gatherer{run: &Run{Name: name, Values: map[Subject]map[Metric]int64{}, commands: map[string][]string{}},
		rtts: map[Subject][]int64{}, trips: map[Subject][]trips{}, phases: map[int64]bool{}}
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
	for s, list := range g.trips {
		g.add(s, RTT, middle(list))
	}
	// Where a part of the recording counts, it lasts as long as its connections.
	g.run.first = g.captured.first
	lasted, whole := g.captured, Subject{Kind: Total}
	if g.run.Values[whole][Packets] != g.packets {
		lasted = g.selected
	}
	if lasted != (times{}) {
		g.add(whole, Duration, lasted.last-lasted.first)
	}
	return g.run
}

// capture takes what is of all packets, whether they count or not.
func (g *gatherer) capture(c row) {
	g.packets += c.sum("packets")
	g.captured.add(c)
}

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
		g.addIf(s, Busy, p, "busy_ns")
	}
}

// phase adds what was sent in a phase, and what was measured there: every packet once, and
// every request by who made it.
func (g *gatherer) phase(p row) {
	id, inside := p.int("phase_id")
	s := Subject{Phase, "outside of all phases"}
	if inside {
		s.Name = cmp.Or(p.text("phase"), "(no name)")
	}
	g.add(s, Bytes, p.sum("sent_wire_bytes"))
	g.add(s, Packets, p.sum("sent_packets"))
	g.addIf(s, Turns, p, "turns")
	g.addIf(s, Retransmitted, p, "retransmitted_segments")
	if median, ok := p.int("rtt_median_ns"); ok {
		g.trips[s] = append(g.trips[s], trips{p.sum("rtt_count"), median})
	}
	if _, known := p.int("pid"); known {
		g.add(s, Connections, p.sum("connections"))
		g.addIf(s, Busy, p, "busy_ns")
	}
	begin, begun := p.int("begin_ns")
	end, ended := p.int("end_ns")
	if begun && ended && !g.phases[id] {
		g.phases[id] = true
		g.add(s, Duration, end-begin)
	}
}

func (g *gatherer) connection(c row) {
	g.selected.add(c)
	whole := Subject{Kind: Total}
	subjects := [][2]Subject{{whole, whole}, {{Process, c.text("client_name")}, {Process, c.text("server_name")}}}
	if e := endpoint(c); e != "" {
		s := g.endpoint(e)
		subjects = append(subjects, [2]Subject{s, s})
		g.add(s, Bytes, c.sum("client_wire_bytes", "server_wire_bytes"))
		g.add(s, Packets, c.sum("client_packets", "server_packets"))
		g.add(s, Connections, 1)
	}
	g.add(whole, Connections, 1)
	for _, both := range subjects {
		for i, end := range []string{"client", "server"} {
			s := both[i]
			if s.Kind == Process && s.Name == "" {
				continue
			}
			if i == 0 || both[0] != s { // a connection counts once
				g.addIf(s, Turns, c, "turns")
				if s.Kind != Process { // whose connections are busy at the same time
					g.addIf(s, Busy, c, "busy_ns")
				}
			}
			g.addIf(s, Retransmitted, c, end+"_retransmitted_segments")
			if n, ok := c.int(end + "_rtt_median_ns"); ok {
				g.rtts[s] = append(g.rtts[s], n)
			}
		}
	}
}

// endpoint returns the subject of a remote server.
func (g *gatherer) endpoint(name string) Subject {
	s := Subject{Endpoint, name}
	if g.run.Values[s] == nil {
		if g.endpoints == maxEndpoints {
			return Subject{Endpoint, "(others)"}
		}
		g.endpoints++
	}
	return s
}

// addIf adds a column, where it is known.
func (g *gatherer) addIf(s Subject, m Metric, r row, column string) {
	if n, ok := r.int(column); ok {
		g.add(s, m, n)
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
