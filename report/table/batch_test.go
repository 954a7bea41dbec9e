package table

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The columns of the design, which are never renamed.
func TestColumnsOfTheDesign(t *testing.T) {
	measures := "connections, sent_packets, received_packets, sent_wire_bytes, received_wire_bytes, sent_payload_bytes, received_payload_bytes, sent_unique_payload_bytes, received_unique_payload_bytes"
	active, totals, times := measures+", busy_ns", ", turns, retransmitted_segments", ""
	for _, what := range []string{"rtt", "wait", "response"} {
		for _, q := range []string{"count", "median_ns", "p95_ns", "p99_ns", "histogram"} {
			times += ", " + what + "_" + q
		}
	}
	want := map[string]string{
		"capture":   "schema_version, recording_id, files, packets, wire_bytes, captured_bytes, first_ns, last_ns, dropped_packets, duplicate_packets, undecoded_packets",
		"coverage":  "side, reason, packets, wire_bytes",
		"damage":    "file, block, offset, field, message, count",
		"processes": "pid, start_ns, name, exe, command, ppid, uid, cgroup, container, in_command, " + active + totals + times + ", tree_" + strings.ReplaceAll(active+totals+times, ", ", ", tree_"),
		"connections": "connection_id, protocol, ip_version, client_ip, client_port, server_ip, server_port, local_side, first_ns, last_ns, client_packets, server_packets, " +
			"client_wire_bytes, server_wire_bytes, client_payload_bytes, server_payload_bytes, client_unique_payload_bytes, server_unique_payload_bytes, " +
			"client_pid, client_start_ns, client_name, client_reason, client_candidates, server_pid, server_start_ns, server_name, server_reason, server_candidates, " +
			"application, application_from, server_host, server_host_from, lookup_first_ns, lookup_last_ns, alpn, alpn_offered, tls_version, tls_version_offered, tls_handshake_ns, quic_version, http_method, http_host, http_status, " +
			"ended, initial_rtt_ns, " + ofEnds("handshake_ns, mss_bytes, window_scale, window_max_bytes, in_flight_max_bytes, "+
			"rtt_count, rtt_min_ns, rtt_median_ns, rtt_p95_ns, rtt_max_ns, retransmitted_segments, retransmitted_bytes, "+
			"fast_retransmitted_segments, spurious_retransmitted_segments, out_of_order_segments, out_of_order_bytes, "+
			"lost_segments, lost_bytes, duplicate_ack_segments, keep_alive_segments, zero_window_segments, zero_window_ns, wire_segments") + ", " +
			"turns, waiting_ns, wait_count, wait_min_ns, wait_median_ns, wait_p95_ns, wait_max_ns, busy_ns, idle_ns, " +
			"client_first_byte_ns, server_first_byte_ns, client_peak_100ms_bytes, server_peak_100ms_bytes, " +
			ofEnds("kernel_sent_bytes, kernel_received_bytes, kernel_retransmitted_segments, kernel_rtt_ns") + ", captured_permille",
		"endpoints": "address, ip_version, role, protocol, server_port, application, application_from, host, host_from, hosts, processes, first_ns, last_ns, " + measures + times,
		"turns": "connection_id, turn, frame_number, requester, request_first_ns, request_last_ns, response_first_ns, response_last_ns, " +
			"request_payload_bytes, response_payload_bytes, waiting_ns",
		"phases":     "phase_id, phase, begin_ns, end_ns, pid, start_ns, name, reason, " + active + totals + times,
		"timeseries": "begin_ns, bucket_ns, pid, start_ns, name, reason, " + active,
		"packets": "file, frame_number, time_ns, interface, captured_length, wire_length, ip_version, protocol, source_ip, source_port, destination_ip, destination_port, tcp_flags, " +
			"payload_length, connection_id, source_pid, source_reason, destination_pid, destination_reason, duplicate",
	}
	for _, s := range All() {
		var names []string
		for i, c := range s.Columns {
			if s.Index(c.Name) != i {
				t.Errorf("%s has two columns %s", s.Name, c.Name)
			}
			if c.Type != Timestamp {
				names = append(names, c.Name)
			} else if previous := s.Columns[i-1]; previous.Nullable != c.Nullable || !strings.HasSuffix(previous.Name, "_ns") {
				t.Errorf("%s.%s follows %s", s.Name, c.Name, previous.Name)
			}
			if c.Doc == "" || strings.HasSuffix(c.Doc, ".") {
				t.Errorf("%s.%s: doc %q", s.Name, c.Name, c.Doc)
			}
		}
		if got := strings.Join(names, ", "); got != want[s.Name] {
			t.Errorf("%s has\n%s\nwant\n%s", s.Name, got, want[s.Name])
		}
	}
}

// ofEnds returns each name for the client, then for the server.
func ofEnds(names string) string {
	var list []string
	for name := range strings.SplitSeq(names, ", ") {
		list = append(list, "client_"+name, "server_"+name)
	}
	return strings.Join(list, ", ")
}

func TestLookup(t *testing.T) {
	if s := Lookup("packets"); s == nil || s.Name != "packets" || s.Default {
		t.Errorf("packets is %+v", s)
	}
	if s := Lookup("nothing"); s != nil {
		t.Errorf("nothing is %+v", s)
	}
	if got, want := Defaults(), []string{"capture", "coverage", "damage", "processes", "phases", "connections", "endpoints"}; !slices.Equal(got, want) {
		t.Errorf("defaults are %v, want %v", got, want)
	}
}

// TestNulls appends the same as one call a column.
func TestNulls(t *testing.T) {
	a, b := NewBatch(Connections()), NewBatch(Connections())
	columns := a.Schema.Columns
	at := a.Schema.Index("ended")
	for k := range columns[:at] {
		for _, x := range []*Batch{a, b} {
			switch c := columns[k]; c.Type {
			case String:
				x.Text(c.Name, "x")
			case ProcessList:
				x.List(c.Name, []Process{{PID: 1}})
			case Timestamp: // with the column before
			default:
				x.Int(c.Name, 1)
			}
		}
	}
	a.Nulls("ended", columns[len(columns)-1].Name)
	for _, c := range columns[at:] {
		if c.Type == String {
			b.TextIf(c.Name, "")
		} else if c.Type != Timestamp {
			b.IntIf(c.Name, 0, false)
		}
	}
	if a.Rows != 1 || b.Rows != 1 || !reflect.DeepEqual(a.Columns, b.Columns) {
		t.Errorf("%+v\nand\n%+v", a.Columns, b.Columns)
	}
	for name, f := range map[string]func(){"another column": func() { a.Nulls("ended", "ended") }, "never NULL": func() { a.Nulls("connection_id", "protocol") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func small() *Schema {
	return &Schema{Name: "small", Columns: []Column{{"a_ns", Int64, true, "a"}, {"a_time", Timestamp, true, "a"}, {"b", String, true, "b"}}}
}

func TestBatch(t *testing.T) {
	b := NewBatch(small())
	b.Int("a_ns", -1)
	b.Text("b", "bad \xff")
	b.IntIf("a_ns", 7, false)
	b.TextIf("b", "")
	if b.Rows != 2 || !slices.Equal(b.Columns[0].Ints, []int64{-1, 0}) || !slices.Equal(b.Columns[1].Ints, []int64{-1, 0}) ||
		!slices.Equal(b.Columns[1].Valid, []bool{true, false}) || !slices.Equal(b.Columns[2].Strings, []string{"bad \uFFFD", ""}) {
		t.Errorf("batch is %+v", b)
	}
	b.Reset()
	if b.Rows != 0 || len(b.Columns[0].Ints) != 0 || len(b.Columns[2].Valid) != 0 {
		t.Errorf("after Reset: %+v", b)
	}
}

// A row that does not follow the schema is a programmer's error.
func TestBatchPanics(t *testing.T) {
	for name, f := range map[string]func(*Batch){
		"other name": func(b *Batch) { b.Int("b", 1) },
		"other type": func(b *Batch) { b.Bool("a_ns", true) },
		"companion":  func(b *Batch) { b.Int("a_ns", 1); b.Int("a_time", 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", name)
				}
			}()
			f(NewBatch(small()))
		}()
	}
}

func TestMicros(t *testing.T) {
	for ns, us := range map[int64]int64{0: 0, 999: 0, 1000: 1, -1: -1, -1000: -1, -1001: -2, -1 << 63: -9223372036854776} {
		if got := micros(ns); got != us {
			t.Errorf("micros(%d) = %d, want %d", ns, got, us)
		}
	}
}

// Of and Divide cut their rows into full batches and one rest, in order.
func TestOf(t *testing.T) {
	row := func(b *Batch, i int) { b.Int("a_ns", int64(i)); b.Text("b", "x") }
	for n, want := range map[int][]int{0: nil, 1: {1}, batchRows: {batchRows}, 2*batchRows + 1: {batchRows, batchRows, 1}} {
		for workers := range 4 {
			tab := Of(small(), n, row)
			if workers > 0 {
				tab = Divide(small(), n, workers, row)
			}
			var got []int
			next := int64(0)
			err := tab.Each(func(*Batch) {}, func(b *Batch) error {
				for _, v := range b.Columns[0].Ints {
					if v != next {
						t.Fatalf("%d rows, %d workers: row %d has %d", n, workers, next, v)
					}
					next++
				}
				got = append(got, b.Rows)
				return nil
			})
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%d rows, %d workers: they come as %v, want %v", n, workers, got, want)
			}
			stop := errors.New("stop")
			if err := tab.Each(func(*Batch) {}, func(*Batch) error { return stop }); n > 0 && !errors.Is(err, stop) {
				t.Errorf("%d rows, %d workers: yield's error comes out as %v", n, workers, err)
			}
		}
	}
}
