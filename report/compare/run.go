package compare

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pcapwho/pcapwho/report"
)

// Run is what one run of a benchmark exchanged.
type Run struct {
	Name   string
	Values map[Subject]map[Metric]int64 // without those that are not known

	commands map[string][]string // of processes with traffic, by name
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
	Connections   Metric = "connections"
	Retransmitted Metric = "retransmitted_segments"
	RTT           Metric = "rtt_ns"      // median over connections of their medians
	Duration      Metric = "duration_ns" // from the first to the last packet, or of a phase
)

// metrics are in the order in which they are shown.
var metrics = []Metric{Bytes, Sent, Received, Packets, Connections, Retransmitted, RTT, Duration}

// additive tells whether a run without the subject has 0 of it.
func (m Metric) additive() bool { return m != RTT && m != Duration }

// Load reads a run: a result that was written as JSON, or a capture, which is
// analyzed as cfg says. The tables are those that a comparison needs.
func Load(ctx context.Context, path string, cfg report.Config) (*Run, error) {
	tables, err := readResult(path)
	if err != nil {
		return nil, err
	}
	if tables == nil {
		if tables, err = analyze(ctx, path, cfg); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"capture", "coverage", "processes", "connections"} {
		if tables[name] == nil {
			return nil, &report.InputError{Err: fmt.Errorf("%s: the result has no table %s", path, name), Hint: "leave out --tables when it is made"}
		}
	}
	return newRun(path, tables), nil
}

// row is one row of a table; NULL is nil.
type row map[string]any

func (r row) int(column string) (int64, bool) {
	n, ok := r[column].(json.Number)
	if !ok {
		return 0, false
	}
	v, err := n.Int64()
	return v, err == nil
}

// sum adds up columns, those that are NULL as 0.
func (r row) sum(columns ...string) (n int64) {
	for _, c := range columns {
		v, _ := r.int(c)
		n += v
	}
	return n
}

func (r row) text(column string) string {
	s, _ := r[column].(string)
	return s
}

// readResult reads a result of --format json; nil where the file is none.
func readResult(path string) (map[string][]row, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &report.InputError{Err: err}
	}
	defer file.Close()
	b := bufio.NewReader(file)
	if start, err := b.Peek(1); err != nil || start[0] != '{' {
		return nil, nil
	}
	tables, err := decode(b)
	if err != nil {
		return nil, &report.InputError{Err: fmt.Errorf("%s: no result of --format json: %w", path, err)}
	}
	return tables, nil
}

func decode(r io.Reader) (map[string][]row, error) {
	var document map[string]json.RawMessage
	if err := json.NewDecoder(r).Decode(&document); err != nil {
		return nil, err
	}
	tables := map[string][]row{}
	for name, text := range document {
		if text[0] != '{' && text[0] != '[' {
			continue
		}
		var rows []row
		if text[0] == '{' {
			text = slices.Concat([]byte("["), text, []byte("]"))
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&rows); err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		if rows == nil {
			rows = []row{}
		}
		tables[name] = rows
	}
	return tables, nil
}

func analyze(ctx context.Context, path string, cfg report.Config) (map[string][]row, error) {
	cfg.Captures, cfg.Tables = []string{path}, []string{"capture", "coverage", "processes", "phases", "connections"}
	result, err := report.Analyze(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	r, w := io.Pipe()
	go func() { w.CloseWithError(result.Write(ctx, report.Output{Format: report.JSON, Stdout: w})) }()
	defer r.Close()
	return decode(r)
}
