package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/report/table"
)

// Times are what was measured of all connections of a process, or an endpoint.
type Times struct {
	Turns         int64 // requests that it made
	Retransmitted int64 // TCP segments that it sent again

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
	t.Turns += o.Turns
	t.Retransmitted += o.Retransmitted
	t.RTT.Merge(&o.RTT)
	t.Wait.Merge(&o.Wait)
	t.Response.Merge(&o.Response)
	return t
}

// hasTimes tells whether measures have any of Times.
func hasTimes(m *tcp.Measures, t *turn.Measures) bool {
	client, server := &m.Sent[attribute.Client], &m.Sent[attribute.Server]
	return t.Turns > 0 || t.Wait.Count > 0 || client.RTT.Count > 0 || server.RTT.Count > 0 || client.Retransmitted > 0 || server.Retransmitted > 0
}

// add adds to t, which may be nil, what measures tell of an end, of which its own segments
// were timed, or where far those that were sent to it.
func (t *Times) add(m *tcp.Measures, turns *turn.Measures, end attribute.End, far bool) *Times {
	if t == nil {
		t = &Times{}
	}
	from := end
	if far {
		from = end.Other()
	}
	t.RTT.Add(&m.Sent[from].RTT)
	t.Retransmitted += m.Sent[end].Retransmitted
	if attribute.End(turns.Requester) == end {
		t.Turns += turns.Turns
		t.Wait.Add(&turns.Wait)
	} else {
		t.Response.Add(&turns.Wait)
	}
	return t
}

// timesOf books the times of c for the processes at its ends.
func (f *folder) timesOf(c *attribute.Connection, ends [2]holder) {
	if !hasTimes(&c.Measures, &c.Turns) {
		return
	}
	for end, h := range ends {
		if h.process != attribute.NoProcess {
			f.times[h.process] = f.times[h.process].add(&c.Measures, &c.Turns, attribute.End(end), false)
		}
	}
}

// holders returns who holds the ends of c: the owners that the table connections names,
// whose it is even where they are not known of each packet.
func holders(c *attribute.Connection) (ends [2]holder) {
	for end := range ends {
		owner := c.Owner(attribute.End(end))
		ends[end] = holderOf(&owner)
	}
	return ends
}

// appendTotals appends what Times have that is no duration; t may be nil.
func appendTotals(b *table.Batch, prefix string, t *Times, measured bool) {
	if t == nil {
		t = &Times{}
	}
	b.IntIf(prefix+"turns", t.Turns, measured)
	b.IntIf(prefix+"retransmitted_segments", t.Retransmitted, measured)
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
		buckets := s.Buckets()
		list := make([]table.Bucket, len(buckets))
		for k, bucket := range buckets {
			list[k] = table.Bucket(bucket)
		}
		b.Histogram(name+"_histogram", list)
	}
}
