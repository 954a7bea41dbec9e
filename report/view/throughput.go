package view

import (
	"encoding/json"
	"fmt"
	"math"

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
	Sent     Buckets `json:"s"` // bytes on the wire
	Received Buckets `json:"r"`
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
	Begin  int64     `json:"begin"`  // of the first bucket, nanoseconds since the origin
	Width  int64     `json:"width"`  // of a bucket, nanoseconds
	Finest int64     `json:"finest"` // that of the result's buckets, of which each has one or more
	Rows   int64     `json:"rows"`
	Series []*Series `json:"series"`
}

// maxRuns is how many numbers the series of a Throughput have; of more it has wider buckets.
// maxReasons is how many reasons have a series, several times as many as there are, and
// maxRows how many buckets the time has: as many as JavaScript counts exactly.
const (
	maxRuns    = 1 << 22
	maxReasons = 64
	maxRows    = 1 << 53
)

var timeseriesColumns = []string{"begin_ns", "bucket_ns", "pid", "start_ns", "name", "reason", "sent_wire_bytes", "received_wire_bytes"}

// readThroughput reads the table timeseries, which may be nil.
func readThroughput(t *table.Table, p *processes, origin int64, longest int) (*Throughput, error) {
	var s *Throughput
	var find func(*reader) *Series
	first, last, runs := int64(0), int64(0), 0
	left := [2]int64{math.MaxInt64, math.MaxInt64} // bytes for which there is room in all buckets
	err := each(t, timeseriesColumns, func(r *reader) error {
		begin, width := r.number(0), r.number(1)
		if s == nil {
			s = &Throughput{Begin: begin - origin, Width: width, Finest: width}
			find, first, last = s.finder(p, origin, longest), begin, begin
		}
		if width != s.Finest || width <= 0 || begin < last || begin-first < 0 {
			return wrong("timeseries", "a bucket of %d ns at %d, where one of %d ns from %d on is expected", width, begin, max(1, s.Finest), last)
		}
		if (begin-first)/s.Finest >= maxRows {
			return wrong("timeseries", "a bucket of %d ns at %d, which is too far from the first at %d", width, begin, first)
		}
		last = begin
		one, i := find(r), (begin-first)/s.Width
		if len(s.Series) > maxReasons+maxSeries+1 {
			return wrong("timeseries", "more than %d reasons", maxReasons)
		}
		sent, received := r.number(6), r.number(7)
		if sent < 0 || received < 0 || sent > left[0] || received > left[1] {
			return wrong("timeseries", "%d and %d bytes in the bucket at %d, which cannot be", sent, received, begin)
		}
		left[0], left[1] = left[0]-sent, left[1]-received
		runs -= one.runs()
		one.Sent.add(i, sent)
		one.Received.add(i, received)
		if runs += one.runs(); runs > maxRuns {
			s.widen(2)
			runs = s.runs()
		}
		return nil
	})
	if err != nil || s == nil {
		return nil, err
	}
	s.Rows = (last-first)/s.Width + 1
	return s, nil
}

func (s *Series) runs() int { return len(s.Sent.runs) + len(s.Received.runs) }

func (t *Throughput) runs() (n int) {
	for _, s := range t.Series {
		n += s.runs()
	}
	return n
}

// widen makes so many buckets one. Series keep their places in memory.
func (t *Throughput) widen(by int64) {
	t.Width *= by
	t.Rows = (t.Rows + by - 1) / by
	for _, s := range t.Series {
		s.Sent, s.Received = s.Sent.coarser(by), s.Received.coarser(by)
	}
}

// within returns t in buckets of 1, 2 or 5 times a power of ten of its own, the least
// with which its JSON has at most so many bytes. t may be nil.
func (t *Throughput) within(size int) *Throughput {
	for ten := int64(1); ; ten *= 10 {
		for _, n := range []int64{1, 2, 5} {
			c := t.wider(n * ten)
			if data, err := json.Marshal(c); err != nil || len(data) <= size || c.Rows <= 1 {
				return c
			}
		}
	}
}

// wider returns a copy with so many buckets in one.
func (t *Throughput) wider(by int64) *Throughput {
	if t == nil || by == 1 {
		return t
	}
	c := *t
	c.Series = nil
	for _, s := range t.Series {
		copied := *s
		c.Series = append(c.Series, &copied)
	}
	c.widen(by)
	return &c
}

// finder returns a function that gives the series of a row, which it makes where
// there is none.
func (s *Throughput) finder(p *processes, origin int64, longest int) func(*reader) *Series {
	own := map[processID]*Series{}
	byReason := map[string]*Series{}
	add := func(one *Series) *Series {
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
			others = add(&Series{Name: "other processes", Reason: true, Other: true})
		}
		return others
	}
}
