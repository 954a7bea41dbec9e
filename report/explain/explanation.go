package explain

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/measure"
)

// Explanation is why a packet has the owners it has. Times are Unix nanoseconds.
type Explanation struct {
	Files       []string    `json:"files"`
	Frame       uint64      `json:"frame"`
	Time        int64       `json:"time_ns"` // 0 = it has none
	Interface   string      `json:"interface"`
	WireLength  uint32      `json:"wire_bytes"`
	Protocol    string      `json:"protocol"` // "" = its headers could not be read, or it is no IP packet
	Flags       string      `json:"tcp_flags"`
	Sides       [2]Side     `json:"sides"` // its source, its destination
	Connection  *Connection `json:"connection"`
	Evidence    []Line      `json:"evidence"` // of the logs, in their order
	LeftOut     int         `json:"left_out"` // lines about its endpoints that are further from it in time
	Logs        []string    `json:"logs"`
	isTransport bool
}

// Side is one side of the packet.
type Side struct {
	Endpoint    string    `json:"endpoint"`
	Reason      string    `json:"reason"`
	Why         string    `json:"why"`
	Uncertainty int64     `json:"uncertainty_ns"`
	Process     *Process  `json:"process"`
	Candidates  []Process `json:"candidates"`
}

// Process names a process.
type Process struct {
	PID     int32  `json:"pid"`
	Start   int64  `json:"start_ns"`
	Name    string `json:"name"`
	Command string `json:"command"` // quoted as a POSIX shell reads it
}

// Connection is that of the packet.
type Connection struct {
	ID      uint64 `json:"connection_id"`
	First   int64  `json:"first_ns"`
	Last    int64  `json:"last_ns"`
	Packets int64  `json:"packets"`
	Client  string `json:"client"`
	Server  string `json:"server"`
	Spans   []Span `json:"spans"` // in order of time
}

// Span is a part of the connection in which nothing that is known changes.
type Span struct {
	First   int64     `json:"first_ns"`
	Packets int64     `json:"packets"`
	Reasons [2]string `json:"reasons"` // of the client, of the server
	Owners  [2]string `json:"owners"`  // and their names, "" = none alone
}

// Line is a line of a log.
type Line struct {
	File   string `json:"file"`
	Number uint64 `json:"line"`
	Time   int64  `json:"time_ns"`
	Text   string `json:"text"`
}

// New explains p of a connection c, nil where it has none, with the verdicts of both
// sides. The evidence is still to come: see Search.
func New(p *packet.Packet, c *attribute.Connection, verdicts [2]attribute.Verdict, processes []attribute.Process) *Explanation {
	x := &Explanation{Frame: p.Frame, Time: p.Time, WireLength: p.WireLength, Evidence: []Line{}}
	if p.Class >= packet.Network {
		x.Protocol = p.Tuple.Protocol.String()
	}
	x.isTransport = p.Class == packet.Transport
	if x.isTransport && p.Tuple.Protocol == flow.TCP {
		x.Flags = flags(p.TCPFlags)
	}
	for i, v := range verdicts {
		s := &x.Sides[i]
		s.Endpoint = endpointOf(p, i)
		s.Reason, s.Why, s.Uncertainty, s.Candidates = v.Reason.String(), v.Why, v.Uncertainty, []Process{}
		if v.Process != attribute.NoProcess {
			q := process(&processes[v.Process])
			s.Process = &q
		}
		for _, k := range v.Candidates {
			s.Candidates = append(s.Candidates, process(&processes[k]))
		}
	}
	if c != nil {
		x.Connection = connection(c, processes)
	}
	return x
}

func connection(c *attribute.Connection, processes []attribute.Process) *Connection {
	out := &Connection{ID: c.ID, First: c.First, Last: c.Last, Client: c.Endpoint[attribute.Client].String(), Server: c.Endpoint[attribute.Server].String()}
	for _, span := range c.Spans {
		s := Span{First: span.First, Packets: span.Sent[0].Packets + span.Sent[1].Packets}
		for e, v := range span.Verdict {
			if s.Reasons[e] = v.Reason.String(); v.Process != attribute.NoProcess {
				s.Owners[e] = processes[v.Process].Name
			}
		}
		out.Packets += s.Packets
		out.Spans = append(out.Spans, s)
	}
	return out
}

func process(p *attribute.Process) Process {
	return Process{p.ID.PID, p.ID.Start, p.Name, measure.Quote(p.Args)}
}

// endpointOf returns side i of a packet, "" where it has none.
func endpointOf(p *packet.Packet, i int) string {
	e := p.Tuple.From()
	if i == 1 {
		e = p.Tuple.To()
	}
	switch p.Class {
	case packet.Transport:
		return e.String()
	case packet.Network:
		return e.Addr.String()
	}
	return ""
}

// flags writes TCP flags as tcpdump does: "S.", "P.", ".".
func flags(f uint8) string {
	var s strings.Builder
	for _, x := range []struct {
		bit uint8
		c   byte
	}{{packet.SYN, 'S'}, {packet.FIN, 'F'}, {packet.RST, 'R'}, {packet.PSH, 'P'}, {packet.URG, 'U'}, {packet.ECE, 'E'}, {packet.CWR, 'W'}, {packet.ACK, '.'}} {
		if f&x.bit != 0 {
			s.WriteByte(x.c)
		}
	}
	return cmp.Or(s.String(), "none")
}

// named returns the PIDs that the sides name.
func (x *Explanation) named() map[connlog.ProcessID]bool {
	all := map[connlog.ProcessID]bool{}
	for _, s := range x.Sides {
		for _, p := range s.Candidates {
			all[connlog.ProcessID{PID: p.PID, Start: p.Start}] = true
		}
		if s.Process != nil {
			all[connlog.ProcessID{PID: s.Process.PID, Start: s.Process.Start}] = true
		}
	}
	return all
}

// keep keeps the lines that are nearest to the packet in time, in the order of the
// logs.
func (x *Explanation) keep(most int) {
	if len(x.Evidence) <= most {
		return
	}
	distance := func(l Line) uint64 {
		d := uint64(l.Time - x.Time)
		if l.Time < x.Time {
			d = uint64(x.Time - l.Time)
		}
		return d
	}
	near := slices.Clone(x.Evidence)
	slices.SortStableFunc(near, func(a, b Line) int { return cmp.Compare(distance(a), distance(b)) })
	limit := distance(near[most-1])
	kept := make([]Line, 0, most)
	for _, l := range x.Evidence {
		if distance(l) <= limit && len(kept) < most {
			kept = append(kept, l)
		}
	}
	x.LeftOut, x.Evidence = len(x.Evidence)-len(kept), kept
}
