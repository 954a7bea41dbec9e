package view

import (
	"fmt"

	"github.com/pcapwho/pcapwho/report/table"
)

// maxSeries is how many processes have a series of their own.
const maxSeries = 10

// Series is what one process, or what has none for one reason, exchanged over time.
type Series struct {
	PID      int64   `json:"pid,omitempty"`
	Start    *int64  `json:"start,omitempty"` // of the process, since the origin
	Name     string  `json:"name"`            // of the process, or the reason
	Reason   bool    `json:"reason,omitempty"`
	Other    bool    `json:"-"` // it is all processes without a series
	Sent     []int64 `json:"s"` // bytes on the wire, by bucket
	Received []int64 `json:"r"`
}

// Label names the process, or the reason.
func (s *Series) Label() string {
	if s.Reason {
		return s.Name
	}
	return fmt.Sprintf("%s[%d]", s.Name, s.PID)
}

// Throughput is bytes over time; in each bucket what was sent sums to the packets,
// and so does what was received.
type Throughput struct {
	Begin  int64     `json:"begin"` // of the first bucket, nanoseconds since the origin
	Width  int64     `json:"width"` // of a bucket, nanoseconds
	Rows   int       `json:"rows"`
	Series []*Series `json:"series"`
}

var timeseriesColumns = []string{"begin_ns", "bucket_ns", "pid", "start_ns", "name", "reason", "sent_wire_bytes", "received_wire_bytes"}

// readThroughput sums the table timeseries, which may be nil, in at most MaxBuckets
// buckets.
func readThroughput(t *table.Table, p *processes, origin int64, longest int) (*Throughput, error) {
	var first, last, width int64
	rows := 0
	err := each(t, timeseriesColumns, func(r *reader) error {
		if rows == 0 {
			first, width = r.number(0), r.number(1)
		}
		last = r.number(0)
		rows++
		return nil
	})
	if err != nil || rows == 0 || width <= 0 {
		return nil, err
	}
	many := (last-first)/width + 1
	coarse := width * ((many + MaxBuckets - 1) / MaxBuckets)
	s := &Throughput{Begin: first - origin, Width: coarse, Rows: int((last-first)/coarse) + 1}
	find := s.finder(p, origin, longest)
	return s, each(t, timeseriesColumns, func(r *reader) error {
		one, i := find(r), (r.number(0)-first)/coarse
		one.Sent[i] += r.number(6)
		one.Received[i] += r.number(7)
		return nil
	})
}

// finder returns a function that gives the series of a row, which it makes where
// there is none.
func (s *Throughput) finder(p *processes, origin int64, longest int) func(*reader) *Series {
	own := map[processID]*Series{}
	byReason := map[string]*Series{}
	add := func(one *Series) *Series {
		one.Sent, one.Received = make([]int64, s.Rows), make([]int64, s.Rows)
		one.Name = Cut(one.Name, longest)
		s.Series = append(s.Series, one)
		return one
	}
	for _, i := range p.busiest(maxSeries) {
		row := p.rows[i]
		one := &Series{PID: row[atPID].number, Name: row[atName].text}
		if row[atStart].valid {
			start := row[atStart].number - origin
			one.Start = &start
		}
		own[processID{row[atPID].number, row[atStart].number}] = add(one)
	}
	var others *Series
	return func(r *reader) *Series {
		if reason := r.cell(5); reason.valid {
			if byReason[reason.text] == nil {
				byReason[reason.text] = add(&Series{Name: reason.text, Reason: true})
			}
			return byReason[reason.text]
		}
		if one := own[processID{r.number(2), r.number(3)}]; one != nil {
			return one
		}
		if others == nil {
			others = add(&Series{Name: fmt.Sprintf("%d other processes", max(0, len(p.busiest(len(p.rows)))-maxSeries)), Reason: true, Other: true})
		}
		return others
	}
}
