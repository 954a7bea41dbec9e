package view

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/report/table"
)

// processColumns are what the page shows of a process.
var processColumns = []string{
	"pid", "start_ns", "name", "exe", "command", "ppid", "uid", "container", "in_command",
	"connections", "sent_packets", "received_packets", "sent_wire_bytes", "received_wire_bytes",
	"tree_connections", "tree_sent_wire_bytes", "tree_received_wire_bytes",
}

const (
	atPID, atStart, atName, atPPID     = 0, 1, 2, 5
	atSent, atReceived                 = 12, 13
	atTreeSent, atTreeReceived         = 15, 16
	noParent                       int = -1
)

// processID tells processes apart.
type processID struct{ pid, start int64 }

// processes are the rows of the processes table.
type processes struct {
	schema *table.Schema
	rows   [][]cell
	parent []int // by row; noParent = the recording has none
}

func readProcesses(t *table.Table) (*processes, error) {
	p := &processes{}
	if t == nil {
		return p, nil
	}
	p.schema = t.Schema
	err := each(t, processColumns, func(r *reader) error {
		p.rows = append(p.rows, r.cells())
		return nil
	})
	p.link()
	return p, err
}

// link finds every parent: the latest process of its number that started before its
// child. Rows are in the order of starts, those without one last, so that no circle
// can come about.
func (p *processes) link() {
	latest := map[int64]int{}
	for i, row := range p.rows {
		parent := noParent
		if j, ok := latest[row[atPPID].number]; ok && row[atPPID].valid {
			parent = j
		}
		p.parent = append(p.parent, parent)
		latest[row[atPID].number] = i
	}
}

// busiest returns so many rows with the most bytes of their own, of those that have
// any.
func (p *processes) busiest(most int) []int {
	return p.top(most, func(row []cell) int64 { return row[atSent].number + row[atReceived].number })
}

func (p *processes) top(most int, bytes func([]cell) int64) []int {
	var all []int
	for i, row := range p.rows {
		if bytes(row) > 0 {
			all = append(all, i)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(bytes(p.rows[b]), bytes(p.rows[a])) })
	return all[:min(most, len(all))]
}

// processList is the processes that the page shows, each after its parent.
type processList struct {
	list
	Parents []int `json:"parents"` // by row; -1 = none
}

// list returns so many of those whose trees have the most bytes, and of the others
// as many as there is room for.
func (p *processes) list(most int, origin int64, longest int) processList {
	shown := make([]bool, len(p.rows))
	n := 0
	for _, i := range p.top(most, func(row []cell) int64 { return row[atTreeSent].number + row[atTreeReceived].number }) {
		shown[i] = true
		n++
	}
	for i := range shown {
		if !shown[i] && n < most {
			shown[i] = true
			n++
		}
	}
	l := processList{Parents: []int{}}
	var rows [][]cell
	index := map[int]int{noParent: noParent}
	for i, row := range p.rows {
		if !shown[i] {
			continue
		}
		parent := p.parent[i]
		for parent != noParent && !shown[parent] {
			parent = p.parent[parent]
		}
		index[i] = len(rows)
		rows = append(rows, row)
		l.Parents = append(l.Parents, index[parent])
	}
	if p.schema != nil {
		l.list = newList(p.schema, processColumns, rows, origin, longest)
	}
	l.Left = len(p.rows) - len(rows)
	return l
}
