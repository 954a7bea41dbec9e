package compare

import (
	"fmt"
	"slices"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/table"
)

// Run is what one run of a benchmark exchanged.
type Run struct {
	Name   string
	Values map[Subject]map[Metric]int64 // without those that are not known

	commands map[string][]string // of processes with traffic, by name
	first    int64               // time of the earliest packet of the capture, Unix nanoseconds; 0 = not known
}

// Subject is what is compared.
type Subject struct {
	Kind Kind   `json:"kind"`
	Name string `json:"name"` // "" of Total
}

// Kind is a kind of subject.
type Kind string

// The kinds, in the order in which they are shown.
const (
	Total    Kind = "total"
	Phase    Kind = "phase"
	Process  Kind = "process"
	Endpoint Kind = "endpoint"
)

var kinds = []Kind{Total, Phase, Process, Endpoint}

// Metric is what is compared of a subject.
type Metric string

// The metrics. A subject has those that its tables tell.
const (
	Bytes         Metric = "bytes" // on the wire, sent and received
	Sent          Metric = "sent_bytes"
	Received      Metric = "received_bytes"
	Packets       Metric = "packets"
	Connections   Metric = "connections" // of a phase, the ends of them that its processes held
	Turns         Metric = "turns"
	Busy          Metric = "busy_ns" // of connections, or of processes, added up
	Retransmitted Metric = "retransmitted_segments"
	RTT           Metric = "rtt_ns"      // median over connections of their medians; of a phase, over round trips of those of their processes
	Duration      Metric = "duration_ns" // from the first to the last packet, or of a phase
)

// metrics are in the order in which they are shown.
var metrics = []Metric{Bytes, Sent, Received, Packets, Connections, Turns, Busy, Retransmitted, RTT, Duration}

// additive tells whether a run without the subject has 0 of it.
func (m Metric) additive() bool { return m != RTT && m != Duration }

// needed are the tables that a run is made of; phases, too, where there are any.
var needed = []string{"capture", "coverage", "processes", "connections"}

// Tables names the tables that a run is made of.
func Tables() []string { return append(slices.Clone(needed), "phases") }

// NewRun adds up the rows of tables.
func NewRun(name string, tables []*table.Table) (*Run, error) {
	g := newGatherer(name)
	for _, need := range needed {
		if !slices.ContainsFunc(tables, func(t *table.Table) bool { return t.Name == need }) {
			return nil, &report.InputError{Err: fmt.Errorf("%s: the result has no table %s", name, need), Hint: "leave out --tables when it is made"}
		}
	}
	for _, t := range tables {
		add := g.of(t.Name)
		if add == nil {
			continue
		}
		columns := map[string]int{}
		for k, c := range t.Columns {
			columns[c.Name] = k
		}
		err := t.Each(func(*table.Batch) {}, func(b *table.Batch) error {
			for i := range b.Rows {
				add(row{b, i, columns})
			}
			return nil
		})
		if err != nil {
			return nil, &report.InputError{Err: err}
		}
	}
	return g.finish(), nil
}

// row is one row of a table.
type row struct {
	batch   *table.Batch
	n       int
	columns map[string]int // by name
}

// cell returns the values of a column, nil where the table has none, or the row NULL.
func (r row) cell(column string) *table.Values {
	k, ok := r.columns[column]
	if !ok || !r.batch.Columns[k].Valid[r.n] {
		return nil
	}
	return &r.batch.Columns[k]
}

func (r row) int(column string) (n int64, ok bool) {
	if v := r.cell(column); v != nil {
		return v.Ints[r.n], true
	}
	return 0, false
}

// sum adds up columns, those that are NULL as 0.
func (r row) sum(columns ...string) (n int64) {
	for _, c := range columns {
		v, _ := r.int(c)
		n += v
	}
	return n
}

// text returns a column's text, "" where it is NULL.
func (r row) text(column string) string {
	if v := r.cell(column); v != nil {
		return v.Strings[r.n]
	}
	return ""
}
