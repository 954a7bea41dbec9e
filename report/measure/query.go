package measure

import (
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/expression"
	"github.com/pcapwho/pcapwho/report/table"
)

// Query is an expression about packets with their connection and processes. Its
// fields are the columns of the table connections, those of the table packets behind
// "packet.", and for either end in turn: the columns that describe a process behind
// "process.", that end's address behind "local.", the other's behind "remote.", and
// what it sent and received in the whole connection. The expression holds if it holds
// for one of the ends.
type Query struct {
	program                 *expression.Program
	connections, ends       bool   // it is about columns of connections, or ends
	packet                  string // a column of packets that it is about; "" = none
	connection, packetIndex map[string]int
}

// MeasuredField names a column of connections that the query is about and that an
// analysis without measures does not have; "" = none.
func (q *Query) MeasuredField() string {
	bare := len(table.Unmeasured().Columns)
	for name, i := range q.connection {
		if i >= bare && q.program.Uses(name) {
			return name
		}
	}
	return ""
}

const packetPrefix = "packet."

// NewQuery compiles an expression. Its errors are *expression.Error.
func NewQuery(text string) (*Query, error) {
	q := &Query{connection: map[string]int{}, packetIndex: map[string]int{}}
	fields := expression.Fields{}
	columnFields(fields, q.connection, "", table.Connections())
	columnFields(fields, q.packetIndex, packetPrefix, table.Packets())
	for name, f := range endFields {
		fields[name] = f.kind
	}
	var err error
	if q.program, err = expression.Compile(text, fields); err != nil {
		return nil, err
	}
	var about []string
	for name := range q.program.Fields {
		about = append(about, name)
	}
	slices.Sort(about)
	for _, name := range about {
		_, column := q.connection[name]
		_, end := endFields[name]
		q.connections, q.ends = q.connections || column, q.ends || end
		if strings.HasPrefix(name, packetPrefix) {
			q.packet = name
		}
	}
	return q, nil
}

// PacketField names a field of single packets that the query is about, "" where
// there is none: nothing but the table of packets can be asked so.
func (q *Query) PacketField() string { return q.packet }

// columnFields adds the columns of a table, with their places in it.
func columnFields(fields expression.Fields, index map[string]int, prefix string, s *table.Schema) {
	for i, c := range s.Columns {
		kind, ok := map[table.Type]expression.Kind{table.Int64: expression.Integer, table.Int32: expression.Integer,
			table.String: expression.Text, table.Bool: expression.Truth}[c.Type]
		if !ok {
			continue
		}
		if strings.HasSuffix(c.Name, "_ip") {
			kind = expression.Address
		}
		fields[prefix+c.Name], index[prefix+c.Name] = kind, i
	}
}

// endField is a field of one end of a connection, or one side of a packet.
type endField struct {
	kind expression.Kind
	of   func(*subject) expression.Value
}

// subject is what a query is asked about: an end, and what it sent and received.
type subject struct {
	connection     *attribute.Connection // nil = there is none
	process        *attribute.Process    // nil = none is known
	local, remote  flow.Endpoint         // valid iff there is a connection
	sent, received attribute.Counts      // likewise
}

var endFields = map[string]endField{
	"bytes":                  countField(func(s *subject) int64 { return s.sent.WireBytes + s.received.WireBytes }),
	"packets":                countField(func(s *subject) int64 { return s.sent.Packets + s.received.Packets }),
	"duration_ns":            countField(func(s *subject) int64 { return s.connection.Last - s.connection.First }),
	"sent.packets":           countField(func(s *subject) int64 { return s.sent.Packets }),
	"sent.wire_bytes":        countField(func(s *subject) int64 { return s.sent.WireBytes }),
	"sent.payload_bytes":     countField(func(s *subject) int64 { return s.sent.PayloadBytes }),
	"received.packets":       countField(func(s *subject) int64 { return s.received.Packets }),
	"received.wire_bytes":    countField(func(s *subject) int64 { return s.received.WireBytes }),
	"received.payload_bytes": countField(func(s *subject) int64 { return s.received.PayloadBytes }),
	"local.ip":               addressField(func(s *subject) flow.Endpoint { return s.local }),
	"local.port":             countField(func(s *subject) int64 { return int64(s.local.Port) }),
	"remote.ip":              addressField(func(s *subject) flow.Endpoint { return s.remote }),
	"remote.port":            countField(func(s *subject) int64 { return int64(s.remote.Port) }),
	"process.pid":            {expression.Integer, processInteger(func(p *attribute.Process) int64 { return int64(p.ID.PID) })},
	"process.start_ns":       {expression.Integer, processInteger(func(p *attribute.Process) int64 { return p.ID.Start })},
	"process.ppid":           {expression.Integer, processInteger(func(p *attribute.Process) int64 { return int64(p.Parent.PID) })},
	"process.name":           {expression.Text, processText(func(p *attribute.Process) string { return p.Name })},
	"process.exe":            {expression.Text, processText(func(p *attribute.Process) string { return p.Exe })},
	"process.command":        {expression.Text, processText(func(p *attribute.Process) string { return Quote(p.Args) })},
	"process.cgroup":         {expression.Text, processText(func(p *attribute.Process) string { return p.Cgroup })},
	"process.container":      {expression.Text, processText(func(p *attribute.Process) string { return p.Container })},
	"process.uid":            {expression.Integer, processUID},
	"process.in_command":     {expression.Truth, processInCommand},
}

// countField is an integer of a connection.
func countField(of func(*subject) int64) endField {
	return endField{expression.Integer, func(s *subject) expression.Value {
		if s.connection == nil {
			return expression.Value{Null: true}
		}
		return expression.Value{Int: of(s)}
	}}
}

// addressField is the address of one of a connection's ends.
func addressField(of func(*subject) flow.Endpoint) endField {
	return endField{expression.Address, func(s *subject) expression.Value {
		if s.connection == nil {
			return expression.Value{Null: true}
		}
		return expression.Value{Text: of(s).Addr.String()}
	}}
}

// processInteger is an integer of a process, NULL where it is 0.
func processInteger(of func(*attribute.Process) int64) func(*subject) expression.Value {
	return func(s *subject) expression.Value {
		if s.process == nil || of(s.process) == 0 {
			return expression.Value{Null: true}
		}
		return expression.Value{Int: of(s.process)}
	}
}

// processText is text of a process, NULL where it is empty.
func processText(of func(*attribute.Process) string) func(*subject) expression.Value {
	return func(s *subject) expression.Value {
		if s.process == nil || of(s.process) == "" {
			return expression.Value{Null: true}
		}
		return expression.Value{Text: of(s.process)}
	}
}

func processUID(s *subject) expression.Value {
	if s.process == nil || s.process.UID < 0 {
		return expression.Value{Null: true}
	}
	return expression.Value{Int: s.process.UID}
}

func processInCommand(s *subject) expression.Value {
	if s.process == nil {
		return expression.Value{Null: true}
	}
	return expression.Value{True: s.process.Command}
}
