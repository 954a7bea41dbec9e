package table

import "strings"

// Measure is a measure of each end of a TCP connection. Its columns are
// client_NAME and server_NAME.
type Measure struct {
	Name string
	Doc  string // % is the end, & the other one
}

// EndMeasures lists the measures in the order of their columns; docs/measures.md
// defines them.
func EndMeasures() []Measure {
	return []Measure{
		{"handshake_ns", "time that the % took for its part of the handshake"},
		{"mss_bytes", "maximum segment size that the % announced"},
		{"window_scale", "shift of its windows that the % announced"},
		{"window_max_bytes", "largest receive window of the %"},
		{"in_flight_max_bytes", "most payload of the % that was sent and not acknowledged"},
		{"rtt_count", "segments of the % that were timed until the & acknowledged them"},
		{"rtt_min_ns", "shortest of these times"},
		{"rtt_median_ns", "their median, within a ninth"},
		{"rtt_p95_ns", "their 95th percentile, within a ninth"},
		{"rtt_max_ns", "longest of them"},
		{"retransmitted_segments", "segments that the % sent again, fast and spurious ones included"},
		{"retransmitted_bytes", "payload of them"},
		{"fast_retransmitted_segments", "of them, those that duplicate ACKs asked for"},
		{"spurious_retransmitted_segments", "of them, those that the & had acknowledged"},
		{"out_of_order_segments", "segments of the % that others overtook"},
		{"out_of_order_bytes", "payload of them"},
		{"lost_segments", "places where segments of the % are missing, or come later"},
		{"lost_bytes", "payload of the % that is nowhere in the capture"},
		{"duplicate_ack_segments", "duplicate ACKs of the %"},
		{"keep_alive_segments", "keep-alives of the %"},
		{"zero_window_segments", "segments by which the % said that its window is closed"},
		{"zero_window_ns", "for how long it was"},
		{"wire_segments", "segments with payload of the % after its card cut super-packets, estimated by the MSS"},
	}
}

// TurnMeasures lists the columns of what package attribute/turn measures, in the
// order of turn.Measures.Values.
func TurnMeasures() []Column {
	column := func(name, doc string) Column { return Column{name, Int64, true, doc + "; NULL when not measured"} }
	unless := func(name, doc, null string) Column { return Column{name, Int64, true, doc + "; NULL when " + null} }
	return []Column{
		column("turns", "requests that were made, by who spoke first"),
		column("waiting_ns", "time that passed between requests and their responses, all together"),
		column("wait_count", "responses"),
		unless("wait_min_ns", "shortest wait for one", "there was none"),
		unless("wait_median_ns", "their median, within a ninth", "there was none"),
		unless("wait_p95_ns", "their 95th percentile, within a ninth", "there was none"),
		unless("wait_max_ns", "longest wait", "there was none"),
		column("busy_ns", "time between packets that came within 200 ms of each other"),
		column("idle_ns", "the rest of its time"),
		unless("client_first_byte_ns", "from its first packet to the client's first payload", "there is none"),
		unless("server_first_byte_ns", "from its first packet to the server's first payload", "there is none"),
		column("client_peak_100ms_bytes", "most payload of the client in a tenth of a second, each TCP byte once"),
		column("server_peak_100ms_bytes", "most payload of the server in a tenth of a second, each TCP byte once"),
	}
}

// KernelMeasures lists what the connection log has of the kernel's counters, beside ours.
// Their columns are client_NAME and server_NAME.
func KernelMeasures() []Measure {
	return []Measure{
		{"kernel_sent_bytes", "payload that the % sent, each byte once, as its kernel counted until the socket was closed"},
		{"kernel_received_bytes", "payload that reached the %, as its kernel counted: the &'s FIN is one"},
		{"kernel_retransmitted_segments", "segments that the %'s kernel sent again"},
		{"kernel_rtt_ns", "smoothed round-trip time of the %'s kernel when the socket was closed"},
	}
}

// Times lists the durations that processes and endpoints have quantiles and histograms
// of.
func Times() []Measure {
	return []Measure{
		{"rtt", "times from a segment of TCP until it was acknowledged"},
		{"wait", "times that it waited for responses to its requests"},
		{"response", "times that it took for responses to requests of others"},
	}
}

// totals are the columns of what else was measured of the connections of a process.
func totals() []Column {
	return []Column{
		{"turns", Int64, true, "requests that it made" + unless},
		{"retransmitted_segments", Int64, true, "TCP segments that it sent again, fast and spurious ones included" + unless},
	}
}

// times are the columns of Times; rtt says which segments.
func times(rtt string) (list []Column) {
	for _, t := range Times() {
		doc := t.Doc
		if t.Name == "rtt" {
			doc = strings.Replace(doc, "a segment of TCP", "a segment "+rtt, 1)
		}
		none := "; NULL when there are none"
		list = append(list,
			Column{t.Name + "_count", Int64, true, doc + unless},
			Column{t.Name + "_median_ns", Int64, true, "median of these times, within a ninth" + none},
			Column{t.Name + "_p95_ns", Int64, true, "their 95th percentile, within a ninth" + none},
			Column{t.Name + "_p99_ns", Int64, true, "their 99th percentile, within a ninth" + none},
			Column{t.Name + "_histogram", Histogram, true, "how many of them there are in each bucket from least_ns until before below_ns: those of several rows may be added" + none})
	}
	return list
}

// capturedShare is what the capture holds of what the kernel counted.
func capturedShare() Column {
	return Column{"captured_permille", Int64, true, "thousandths of the payload that the kernel counted, in the directions of which it is known, that are in the capture; NULL when the log does not say, or there was none"}
}

// measures are the columns of what package attribute/tcp measures, turn, and the kernel.
func measures() []Column {
	list := []Column{
		{"ended", String, true, "how it ended: fin, client_reset, server_reset, reused, idle or open; NULL" + unmeasured},
		{"initial_rtt_ns", Int64, true, "from the last SYN to the first ACK that is no SYN; NULL when one is missing, or" + unmeasured},
	}
	client, server := strings.NewReplacer("%", "client", "&", "server"), strings.NewReplacer("%", "server", "&", "client")
	for _, m := range EndMeasures() {
		list = append(list,
			Column{"client_" + m.Name, Int64, true, client.Replace(m.Doc) + "; NULL when unknown"},
			Column{"server_" + m.Name, Int64, true, server.Replace(m.Doc) + "; NULL when unknown"})
	}
	list = append(list, TurnMeasures()...)
	for _, m := range KernelMeasures() {
		list = append(list,
			Column{"client_" + m.Name, Int64, true, client.Replace(m.Doc) + "; NULL when the log does not say"},
			Column{"server_" + m.Name, Int64, true, server.Replace(m.Doc) + "; NULL when the log does not say"})
	}
	return append(list, capturedShare())
}

const unmeasured = " when it is not TCP or was not measured"
