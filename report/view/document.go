package view

import (
	"fmt"
	"slices"
	"strconv"
)

// MaxConnections is how many connections a view has.
const MaxConnections = 10_000

// limits are how much of each list a page holds.
type limits struct{ connections, stretches, processes, endpoints, phases, damage, text int }

func fullLimits() limits { return limits{MaxConnections, 48, 2000, 2000, 500, 200, 300} }

// less returns smaller limits. What is drawn coarser goes before what is left out.
func (l limits) less() limits {
	if l.stretches > 8 {
		l.stretches = l.stretches * 3 / 4
		return l
	}
	smaller := func(n int) int { return max(1, n*3/4) }
	return limits{smaller(l.connections), smaller(l.stretches), smaller(l.processes), smaller(l.endpoints), smaller(l.phases), smaller(l.damage), smaller(l.text)}
}

// Measured is all that a page is made of, read once.
type Measured struct {
	source      *Source
	origin      int64 // time of the first packet, Unix nanoseconds; all times are relative to it
	capture     map[string]int64
	recording   string
	coverage    []coverage
	damage      []damage
	processes   *processes
	phases      []Phase
	throughput  *Throughput
	connections *connections
	endpoints   *endpoints
	shown       []shown // the connections that the page may have, by ID
}

// coverage is how many packets of one side have their owner for one reason.
type coverage struct {
	Side    string `json:"side"`
	Reason  string `json:"reason"`
	Packets int64  `json:"packets"`
	Bytes   int64  `json:"bytes"`
}

// damage is a place where an input could not be read.
type damage struct {
	File    string `json:"file"`
	Block   *int64 `json:"block"`
	Offset  *int64 `json:"offset"`
	Message string `json:"message"`
	Count   int64  `json:"count"`
}

// Document is what the page's script reads.
type Document struct {
	Tool        string           `json:"tool"`
	Files       []File           `json:"files"`
	Host        string           `json:"host"`
	Command     []string         `json:"command"`
	Focused     bool             `json:"focused"`
	Selected    bool             `json:"selected"`
	Remarks     []Remark         `json:"remarks"`
	Missing     []string         `json:"missing"` // tables that the result does not have
	Origin      string           `json:"origin"`  // Unix nanoseconds, in decimal: too long for the numbers of JavaScript
	Recording   string           `json:"recording"`
	Capture     map[string]int64 `json:"capture"`
	Coverage    []coverage       `json:"coverage"`
	Damage      []damage         `json:"damage"`
	DamageLeft  int              `json:"damageLeft"`
	Phases      phaseList        `json:"phases"`
	Processes   processList      `json:"processes"`
	Throughput  *Throughput      `json:"throughput"`
	Connections list             `json:"connections"`
	Activity    *activity        `json:"activity"`
	Endpoints   endpointList     `json:"endpoints"`
	Histograms  []*Histogram     `json:"histograms"`
}

// Measure reads all tables of a source.
func Measure(s *Source) (m *Measured, err error) {
	m = &Measured{source: s, capture: map[string]int64{}}
	for _, read := range []func() error{m.readCapture, m.readCoverage, m.readDamage, m.readLists, m.readActivity} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *Measured) readCapture() error {
	names := []string{"recording_id", "first_ns", "last_ns", "files", "packets", "wire_bytes", "captured_bytes", "dropped_packets", "duplicate_packets", "undecoded_packets"}
	return each(m.source.table("capture"), names, func(r *reader) error {
		m.recording, m.origin = r.text(0), r.number(1)
		for i, name := range names[2:] {
			if c := r.cell(i + 2); c.valid {
				m.capture[name] = c.number
			}
		}
		if last, ok := m.capture["last_ns"]; ok {
			m.capture["last_ns"] = last - m.origin
		}
		return nil
	})
}

func (m *Measured) readCoverage() error {
	return each(m.source.table("coverage"), []string{"side", "reason", "packets", "wire_bytes"}, func(r *reader) error {
		m.coverage = append(m.coverage, coverage{r.text(0), r.text(1), r.number(2), r.number(3)})
		return nil
	})
}

func (m *Measured) readDamage() error {
	return each(m.source.table("damage"), []string{"file", "block", "offset", "message", "count"}, func(r *reader) error {
		m.damage = append(m.damage, damage{r.text(0), since(r.cell(1), 0), since(r.cell(2), 0), r.text(3), r.number(4)})
		return nil
	})
}

func (m *Measured) readLists() (err error) {
	s := m.source
	if m.processes, err = readProcesses(s.table("processes")); err != nil {
		return err
	}
	if m.phases, err = readPhases(s.table("phases"), m.origin); err != nil {
		return err
	}
	if m.throughput, err = readThroughput(s.table("timeseries"), m.processes, m.origin, fullLimits().text); err != nil {
		return err
	}
	if m.endpoints, err = readEndpoints(s.table("endpoints")); err != nil {
		return err
	}
	m.connections, err = readConnections(s.table("connections"))
	return err
}

// document returns what a page holds within limits, with its throughput.
func (m *Measured) document(l limits, t *Throughput) *Document {
	s := m.source
	d := &Document{Tool: s.Tool, Host: Cut(s.Host, l.text), Focused: s.Focused, Selected: s.Selected, Origin: strconv.FormatInt(m.origin, 10),
		Recording: Cut(m.recording, l.text), Capture: m.capture, Coverage: m.coverage, Throughput: t}
	for _, f := range s.Files[:min(l.damage, len(s.Files))] {
		d.Files = append(d.Files, File{Cut(f.Name, l.text), f.Length, f.SHA256})
	}
	for _, a := range s.Command[:min(l.damage, len(s.Command))] {
		d.Command = append(d.Command, Cut(a, l.text))
	}
	for _, r := range slices.Concat(m.remarks(), s.Remarks[:min(l.damage, len(s.Remarks))]) {
		d.Remarks = append(d.Remarks, Remark{Cut(r.Message, 4*l.text), Cut(r.Hint, 4*l.text)})
	}
	for _, one := range m.damage[:min(l.damage, len(m.damage))] {
		one.File, one.Message = Cut(one.File, l.text), Cut(one.Message, l.text)
		d.Damage = append(d.Damage, one)
	}
	d.Missing = m.Missing()
	d.DamageLeft = len(m.damage) - len(d.Damage)
	d.Phases = listPhases(m.phases, l.phases, l.text)
	d.Processes = m.processes.list(l.processes, m.origin, l.text)
	d.Connections = m.connections.list(l.connections, m.origin, l.text)
	d.Endpoints = m.endpoints.list(l.endpoints, l.text)
	d.Activity = m.activity(l)
	for _, h := range m.connections.sizes {
		if len(h.Bins) > 0 {
			d.Histograms = append(d.Histograms, h)
		}
	}
	return d
}

// remarks returns what the tables of a saved result show, nil of another.
func (m *Measured) remarks() []Remark {
	if !m.source.Saved {
		return nil
	}
	all := []Remark{{Message: "this page was made from a result: when each connection sent what is not in it, nor are the warnings of its analysis"}}
	if n := m.capture["dropped_packets"]; n > 0 {
		all = append(all, Remark{Message: fmt.Sprintf("the recorder dropped packets: %d; sums are too low by at least as many", n)})
	}
	if n := len(m.damage); n > 0 {
		all = append(all, Remark{Message: fmt.Sprintf("inputs were damaged or cut, in %d places", n)})
	}
	var unknown int64
	for _, c := range m.coverage {
		if c.Reason == "unknown" || c.Reason == "ambiguous" {
			unknown += c.Packets
		}
	}
	if unknown > 0 {
		all = append(all, Remark{Message: fmt.Sprintf("of senders and receivers of packets, %d have no single known owner", unknown)})
	}
	return all
}

// Throughput returns what was exchanged over time, nil where the result does not tell.
func (m *Measured) Throughput() *Throughput { return m.throughput }

// Phases returns the phases in the order of their beginnings.
func (m *Measured) Phases() []Phase { return m.phases }

// Histograms returns distributions over all connections.
func (m *Measured) Histograms() []*Histogram { return m.connections.sizes }

// Last returns the time of the last packet, nanoseconds since the first.
func (m *Measured) Last() int64 { return m.capture["last_ns"] }

// Missing names the tables that there are not.
func (m *Measured) Missing() (names []string) {
	for _, name := range Tables() {
		if m.source.table(name) == nil {
			names = append(names, name)
		}
	}
	return names
}
