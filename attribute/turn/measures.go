package turn

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Unknown stands for what a connection does not tell.
const Unknown = quantile.Unknown

// Measures is what is told of a connection. Times are nanoseconds. docs/measures.md
// defines each.
type Measures struct {
	Known     bool               // false: nothing was measured, and all else is zero
	Requester flow.Side          // who makes the requests, by side; valid iff one was made, in this part of the time or before
	Turns     int64              // that began
	Waiting   int64              // for responses, all together
	Wait      quantile.Quantiles // for a response
	Busy      int64              // time in which packets followed each other closely
	Before    int64              // of Busy: what was before the last Run; no column tells it
	Idle      int64              // the rest, between the first packet and the last
	FirstByte [2]int64           // by side: from the connection's first packet to the first payload; Unknown
	Peak      [2]int64           // by side: most payload in a slot of SlotTime, bytes
}

// Values lists the values of m, in the order of the columns that tell them.
func (m *Measures) Values() [13]*int64 {
	return [...]*int64{&m.Turns, &m.Waiting, &m.Wait.Count, &m.Wait.Min, &m.Wait.Median, &m.Wait.P95, &m.Wait.Max, &m.Busy, &m.Idle,
		&m.FirstByte[0], &m.FirstByte[1], &m.Peak[0], &m.Peak[1]}
}

// Swap makes the first side the second.
func (m *Measures) Swap() {
	m.Requester = m.Requester.Other()
	m.FirstByte[0], m.FirstByte[1] = m.FirstByte[1], m.FirstByte[0]
	m.Peak[0], m.Peak[1] = m.Peak[1], m.Peak[0]
}

// Append appends m to a record, for Read.
func (m *Measures) Append(b []byte) []byte {
	if !m.Known {
		return append(b, 0)
	}
	b = append(b, 1+byte(m.Requester))
	for _, v := range m.Values() {
		b = binary.AppendUvarint(b, uint64(*v-Unknown))
	}
	return quantile.AppendBuckets(binary.AppendUvarint(b, uint64(m.Before)), &m.Wait)
}

// Read makes m what Append wrote, with whose memory it shares Wait.Buckets, and returns
// what is behind it.
func (m *Measures) Read(b []byte) []byte {
	*m = Measures{Known: b[0] != 0}
	if !m.Known {
		return b[1:]
	}
	m.Requester, b = flow.Side(b[0]-1), b[1:]
	for _, v := range m.Values() {
		u, n := binary.Uvarint(b)
		*v, b = int64(u)+Unknown, b[n:]
	}
	u, n := binary.Uvarint(b)
	m.Before = int64(u)
	return quantile.ReadBuckets(b[n:], &m.Wait)
}
