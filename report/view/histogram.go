package view

import "math/bits"

// histogram counts connections by a number, in bins that double: bin n holds what is
// below 1<<n and in no bin before.
type histogram struct {
	Name string  `json:"name"`
	Unit string  `json:"unit"` // bytes or ns
	Doc  string  `json:"doc"`
	Bins []int64 `json:"bins"`

	value func(*reader) cell
}

// newHistograms returns those of the page, without connections.
func newHistograms() []*histogram {
	median := func(column string) func(*reader) cell {
		at := place(column)
		return func(r *reader) cell { return r.cell(at) }
	}
	return []*histogram{
		{Name: "bytes", Unit: "bytes", Doc: "bytes on the wire of a connection, both directions",
			value: func(r *reader) cell {
				return cell{number: r.number(atClientBytes) + r.number(atServerBytes), valid: true}
			}},
		{Name: "duration", Unit: "ns", Doc: "from the first to the last packet of a connection",
			value: func(r *reader) cell { return cell{number: r.number(atLast) - r.number(atFirst), valid: true} }},
		{Name: "wait", Unit: "ns", Doc: "median of a connection's times from a request to its response", value: median("wait_median_ns")},
		{Name: "initial RTT", Unit: "ns", Doc: "round trip of the handshake of a TCP connection", value: median("initial_rtt_ns")},
		{Name: "RTT to the server", Unit: "ns", Doc: "median of a TCP connection's segments of the client", value: median("client_rtt_median_ns")},
		{Name: "RTT to the client", Unit: "ns", Doc: "median of a TCP connection's segments of the server", value: median("server_rtt_median_ns")},
	}
}

func (h *histogram) addRow(r *reader) {
	v := h.value(r)
	if !v.valid {
		return
	}
	n := bits.Len64(uint64(max(0, v.number)))
	for len(h.Bins) <= n {
		h.Bins = append(h.Bins, 0)
	}
	h.Bins[n]++
}
