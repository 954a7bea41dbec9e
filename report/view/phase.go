package view

import "github.com/pcapwho/pcapwho/report/table"

// Phase is a part of the time that a benchmark marked.
type Phase struct {
	Name    string `json:"name"`
	Begin   *int64 `json:"begin"` // nanoseconds since the origin; nil = not known
	End     *int64 `json:"end"`
	Packets int64  `json:"packets"`
	Bytes   int64  `json:"bytes"` // on the wire
}

// phaseList is phases in the order of their beginnings.
type phaseList struct {
	Rows []Phase `json:"rows"`
	Left int     `json:"left"`
}

// readPhases sums the table phases, which may be nil, over processes.
func readPhases(t *table.Table, origin int64) (phases []Phase, err error) {
	known := int64(0)
	err = each(t, []string{"phase_id", "phase", "begin_ns", "end_ns", "sent_packets", "sent_wire_bytes"}, func(r *reader) error {
		id := r.cell(0)
		if !id.valid { // outside of all
			return nil
		}
		if id.number != known {
			known = id.number
			phases = append(phases, Phase{Name: r.text(1), Begin: since(r.cell(2), origin), End: since(r.cell(3), origin)})
		}
		p := &phases[len(phases)-1]
		p.Packets += r.number(4)
		p.Bytes += r.number(5)
		return nil
	})
	return phases, err
}

// since returns an instant relative to origin, nil for NULL.
func since(c cell, origin int64) *int64 {
	if !c.valid {
		return nil
	}
	c.number -= origin
	return &c.number
}

func listPhases(phases []Phase, most, longest int) phaseList {
	l := phaseList{Rows: []Phase{}, Left: max(0, len(phases)-most)}
	for _, p := range phases[:min(most, len(phases))] {
		p.Name = Cut(p.Name, longest)
		l.Rows = append(l.Rows, p)
	}
	return l
}
