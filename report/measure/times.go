package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/report/table"
)

// Times are the durations of all connections of a process, or an endpoint.
type Times struct {
	RTT      quantile.Sketch // round trips
	Wait     quantile.Sketch // for responses to its requests
	Response quantile.Sketch // that its responses to others' requests took
}

// merge returns t with what o has; either may be nil.
func (t *Times) merge(o *Times) *Times {
	if o == nil {
		return t
	}
	if t == nil {
		t = &Times{}
	}
	t.RTT.Merge(&o.RTT)
	t.Wait.Merge(&o.Wait)
	t.Response.Merge(&o.Response)
	return t
}

// hasTimes tells whether c has any times.
func hasTimes(c *attribute.Connection) bool {
	return c.Turns.Wait.Count > 0 || c.Measures.Sent[attribute.Client].RTT.Count > 0 || c.Measures.Sent[attribute.Server].RTT.Count > 0
}

// add adds to t, which may be nil, what c tells of an end, of which its own segments were
// timed, or where far those that were sent to it.
func (t *Times) add(c *attribute.Connection, end attribute.End, far bool) *Times {
	if t == nil {
		t = &Times{}
	}
	from := end
	if far {
		from = end.Other()
	}
	t.RTT.Add(&c.Measures.Sent[from].RTT)
	if attribute.End(c.Turns.Requester) == end {
		t.Wait.Add(&c.Turns.Wait)
	} else {
		t.Response.Add(&c.Turns.Wait)
	}
	return t
}

// timesOf books the times of c for the processes at its ends, where each is the same in
// the whole of it.
func (f *folder) timesOf(c *attribute.Connection) {
	if !hasTimes(c) {
		return
	}
	for end := range attribute.End(2) {
		owner := c.Spans[0].Verdict[end].Process
		for i := range c.Spans {
			if c.Spans[i].Verdict[end].Process != owner {
				owner = attribute.NoProcess
			}
		}
		if owner != attribute.NoProcess {
			f.times[owner] = f.times[owner].add(c, end, false)
		}
	}
}

// appendTimes appends quantiles and histograms; t may be nil.
func appendTimes(b *table.Batch, prefix string, t *Times, measured bool) {
	if t == nil {
		t = &Times{}
	}
	for i, s := range []*quantile.Sketch{&t.RTT, &t.Wait, &t.Response} {
		name := prefix + table.Times()[i].Name
		n := s.Count()
		b.IntIf(name+"_count", n, measured)
		for _, q := range []struct {
			name    string
			percent int64
		}{{"_median_ns", 50}, {"_p95_ns", 95}, {"_p99_ns", 99}} {
			b.IntIf(name+q.name, s.Quantile(q.percent), n > 0)
		}
		var list []table.Bucket
		for _, bucket := range s.Buckets() {
			list = append(list, table.Bucket(bucket))
		}
		b.Histogram(name+"_histogram", list)
	}
}
