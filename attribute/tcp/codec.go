package tcp

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/attribute/quantile"
)

// Values lists the values of d, in the order of the columns that tell them.
func (d *Direction) Values() [23]*int64 {
	return [...]*int64{
		&d.Handshake, &d.MSS, &d.WindowScale, &d.WindowMax, &d.InFlightMax,
		&d.RTT.Count, &d.RTT.Min, &d.RTT.Median, &d.RTT.P95, &d.RTT.Max,
		&d.Retransmitted, &d.RetransmittedBytes, &d.Fast, &d.Spurious, &d.OutOfOrder, &d.OutOfOrderBytes,
		&d.Lost, &d.LostBytes, &d.DuplicateACKs, &d.KeepAlives, &d.ZeroWindows, &d.ZeroWindowTime, &d.WireSegments,
	}
}

// Append appends m to a record, for Read: which values are not 0, and these.
func (m *Measures) Append(b []byte) []byte {
	if !m.Known {
		return append(b, 0)
	}
	b = append(b, 1, byte(m.End))
	b = binary.AppendUvarint(b, uint64(m.InitialRTT-Unknown))
	for i := range m.Sent {
		values, set := m.Sent[i].Values(), uint64(0)
		for n, v := range values {
			if *v != 0 {
				set |= 1 << n
			}
		}
		b = binary.AppendUvarint(b, set)
		for _, v := range values {
			if *v != 0 {
				b = binary.AppendUvarint(b, uint64(*v-Unknown))
			}
		}
		b = quantile.AppendBuckets(b, &m.Sent[i].RTT)
	}
	return b
}

// Read makes m what Append wrote, with whose memory it shares the buckets of RTT, and
// returns what is behind it.
func (m *Measures) Read(b []byte) []byte {
	*m = Measures{Known: b[0] != 0}
	if !m.Known {
		return b[1:]
	}
	next := func() int64 {
		v, n := binary.Uvarint(b)
		b = b[n:]
		return int64(v) + Unknown
	}
	m.End, b = int64(b[1]), b[2:]
	m.InitialRTT = next()
	for i := range m.Sent {
		set := uint64(next() - Unknown)
		for n, v := range m.Sent[i].Values() {
			if set>>n&1 != 0 {
				*v = next()
			}
		}
		b = quantile.ReadBuckets(b, &m.Sent[i].RTT)
	}
	return b
}
