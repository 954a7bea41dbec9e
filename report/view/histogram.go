package view

import "math/bits"

// Histogram counts connections by a number, in bins that double: bin n holds what is
// below 1<<n and in no bin before.
type Histogram struct {
	Name string  `json:"name"`
	Unit string  `json:"unit"` // bytes or ns
	Doc  string  `json:"doc"`
	Bins []int64 `json:"bins"`
	Fine []int64 `json:"-"` // in 64ths of these: FineBounds has what one holds

	value func(*reader) cell
}

// newHistograms returns those of the page, without connections.
func newHistograms() []*Histogram {
	column := func(name string) func(*reader) cell {
		at := place(name)
		return func(r *reader) cell { return r.cell(at) }
	}
	return []*Histogram{
		{Name: "bytes", Unit: "bytes", Doc: "bytes on the wire of a connection, both directions",
			value: func(r *reader) cell {
				return cell{number: r.number(atClientBytes) + r.number(atServerBytes), valid: true}
			}},
		{Name: "bytes of the client", Unit: "bytes", Doc: "bytes on the wire that the client of a connection sent", value: column("client_wire_bytes")},
		{Name: "bytes of the server", Unit: "bytes", Doc: "bytes on the wire that the server of a connection sent", value: column("server_wire_bytes")},
		{Name: "duration", Unit: "ns", Doc: "from the first to the last packet of a connection",
			value: func(r *reader) cell { return cell{number: r.number(atLast) - r.number(atFirst), valid: true} }},
		{Name: "wait", Unit: "ns", Doc: "median of a connection's times from a request to its response", value: column("wait_median_ns")},
		{Name: "initial RTT", Unit: "ns", Doc: "round trip of the handshake of a TCP connection", value: column("initial_rtt_ns")},
		{Name: "RTT to the server", Unit: "ns", Doc: "median of a TCP connection's segments of the client", value: column("client_rtt_median_ns")},
		{Name: "RTT to the client", Unit: "ns", Doc: "median of a TCP connection's segments of the server", value: column("server_rtt_median_ns")},
	}
}

func (h *Histogram) addRow(r *reader) {
	v := h.value(r)
	if !v.valid {
		return
	}
	n := uint64(max(0, v.number))
	count(&h.Bins, bits.Len64(n))
	count(&h.Fine, fineBin(n))
}

func count(bins *[]int64, n int) {
	for len(*bins) <= n {
		*bins = append(*bins, 0)
	}
	(*bins)[n]++
}

// fineBin returns the place of a number in Fine: itself below 64, then 64 bins each time
// that it doubles.
func fineBin(n uint64) int {
	if n < 64 {
		return int(n)
	}
	shift := bits.Len64(n) - 7
	return 64*shift + int(n>>shift)
}

// FineBounds returns what bin n of Fine holds: numbers from one on and below another.
func FineBounds(n int) (from, below float64) {
	at := func(n int) float64 {
		if n < 64 {
			return float64(n)
		}
		return float64(64+n%64) * float64(uint64(1)<<(n/64-1))
	}
	return at(n), at(n + 1)
}
