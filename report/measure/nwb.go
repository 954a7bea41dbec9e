package measure

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// NWB computes the nine numbers of nwb_benchmarks' network tracking, with its
// rules and its faults, so that old and new results can be compared:
//
//   - A packet is kept when it is TCP and its port pair, whatever its
//     addresses, belongs to the process. The last socket event that names a
//     pair decides whose it is; both orders of the two ports are named.
//   - Up and down are told by the first address of each recorded interface
//     (its first IPv4 address where it has one), and for IPv4 only.
//   - The transfer time adds up tshark's tcp.time_delta: the time since the
//     previous frame of the same TCP stream, of whatever process, 0 for the
//     first; each taken as the float64 nearest to its nine decimals.
//   - The total time is that of the recording, from the log's head to its end.
//
// Give it every event of the log, then every packet in file order.
//
// Limits: fragments of TCP are not put together; the first one counts.
type NWB struct {
	PID int32 // the process

	owner   map[ports]int32
	local   map[flow.Addr]bool
	begin   int64
	end     int64
	streams map[flow.Key]*stream

	packets, web, down, up    int64
	bytes, downBytes, upBytes int64
	transfer                  float64
}

// ports are the two ports of a packet, as sent.
type ports struct{ source, destination uint16 }

// NewNWB returns the numbers of no packet, for the process pid.
func NewNWB(pid int32) *NWB {
	return &NWB{PID: pid, owner: map[ports]int32{}, local: map[flow.Addr]bool{}, streams: map[flow.Key]*stream{}}
}

// Event takes the next event of the log.
func (n *NWB) Event(e *connlog.Event) {
	if e.Head != nil {
		n.begin = e.Time
		for _, i := range e.Head.Interfaces {
			n.addLocal(i.Addresses)
		}
	}
	n.end = max(n.end, e.Time)
	if s := e.Socket; s != nil && s.HasRemote && len(s.Owners) > 0 {
		n.owner[ports{s.Local.Port, s.Remote.Port}] = s.Owners[0].PID
		n.owner[ports{s.Remote.Port, s.Local.Port}] = s.Owners[0].PID
	}
}

// Seen tells whether the process holds any port pair.
func (n *NWB) Seen() bool {
	for _, pid := range n.owner {
		if pid == n.PID {
			return true
		}
	}
	return false
}

// addLocal takes the addresses of one interface, of which one counts.
func (n *NWB) addLocal(addresses []string) {
	var first flow.Addr
	found := false
	for _, a := range addresses {
		p, err := netip.ParsePrefix(a)
		if err != nil {
			continue
		}
		if addr := flow.AddrFrom(p.Addr()); !found || addr.Is4() {
			first, found = addr, true
		}
		if first.Is4() {
			break
		}
	}
	if found {
		n.local[first] = true
	}
}

// Packet takes the next packet.
func (n *NWB) Packet(p *packet.Packet) {
	if p.Class != packet.Transport || p.Tuple.Protocol != flow.TCP {
		return
	}
	delta := n.delta(p)
	if pid, ok := n.owner[ports{p.Tuple.SourcePort, p.Tuple.DestinationPort}]; !ok || pid != n.PID {
		return
	}
	length := int64(p.WireLength)
	n.packets++
	n.bytes += length
	n.transfer += seconds(delta)
	if p.Tuple.DestinationPort == 80 || p.Tuple.DestinationPort == 443 {
		n.web++
	}
	switch {
	case p.IPVersion != 4:
	case n.local[p.Tuple.Source]:
		n.up++
		n.upBytes += length
	default:
		n.down++
		n.downBytes += length
	}
}

// JSON returns the numbers as the benchmark harness takes them, formatted as
// Python's json.dumps does.
func (n *NWB) JSON() []byte {
	return fmt.Appendf(nil, `{"samples": {`+
		`"total_transfer_in_number_of_packets": %d, `+
		`"total_traffic_in_number_of_web_packets": %d, `+
		`"amount_downloaded_in_number_of_packets": %d, `+
		`"amount_uploaded_in_number_of_packets": %d, `+
		`"total_transfer_in_bytes": %d, `+
		`"amount_downloaded_in_bytes": %d, `+
		`"amount_uploaded_in_bytes": %d, `+
		`"total_transfer_time_in_seconds": %s, `+
		`"network_total_time_in_seconds": %s}, "number": null}`+"\n",
		n.packets, n.web, n.down, n.up, n.bytes, n.downBytes, n.upBytes,
		python(n.transfer), python(seconds(n.end-n.begin)))
}

// seconds returns the float64 nearest to ns as a decimal number of seconds.
func seconds(ns int64) float64 {
	sign := ""
	u := uint64(ns)
	if ns < 0 {
		sign, u = "-", -u
	}
	f, _ := strconv.ParseFloat(fmt.Sprintf("%s%d.%09d", sign, u/1e9, u%1e9), 64) // cannot fail: it is a decimal
	return f
}

// python formats a finite float64 as Python's repr does: the shortest decimal
// that reads back the same, with an exponent below 1e-4 and from 1e16 on.
func python(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(s, "e")
	if e, _ := strconv.Atoi(exponent); e < -4 || e >= 16 {
		return s // Go, too, writes at least two digits of exponent
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
