package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// marked writes the demonstration's recording, with these lines before the end
// of its log, and returns the capture's name.
func marked(t *testing.T, marks ...string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, demo.Unpack(dir))
	path := filepath.Join(dir, demo.Log)
	log, err := os.ReadFile(path)
	must(t, err)
	end := bytes.LastIndexByte(log[:len(log)-1], '\n') + 1
	more := []byte(strings.Join(append(marks, ""), "\n"))
	must(t, os.WriteFile(path, slices.Insert(log, end, more...), 0o600))
	return filepath.Join(dir, demo.Capture)
}

func mark(at int64, change, name string) string {
	return fmt.Sprintf(`{"event":"mark","time_ns":%d,"seq":1000,"change":%q,"name":%q,"pid":7}`, at, change, name)
}

// TestSelection holds that what is summed by time, phase and process is what the
// packets say that one by one have the same owners without any selection.
func TestSelection(t *testing.T) {
	whole := analyze(t, Config{Captures: []string{marked(t)}, Tables: []string{"packets", "connections", "processes"}})
	read := tables(t, whole, JSON)
	packets := read["packets"]
	first, last := whole.Capture.First, whole.Capture.Last
	at := func(percent int64) int64 { return first + (last-first)*percent/100 }
	capture := marked(t, mark(at(10), "begin", "load"), mark(at(30), "begin", "query"), mark(at(40), "end", "load"), mark(at(70), "end", "query"),
		mark(at(80), "begin", "load"), mark(at(80)+1, "end", "load"))
	connections, processes := map[string]row{}, map[string]row{}
	for _, c := range read["connections"] {
		connections[c["connection_id"]] = c
	}
	for _, p := range read["processes"] {
		processes[p["pid"]] = p
	}
	name := func(pid string) string { return processes[pid]["name"] }
	pid := packets[len(packets)/2]["source_pid"]
	number, err := strconv.Atoi(pid)
	must(t, err)
	in := func(p row, from, to int64) bool {
		n, err := strconv.ParseInt(p["time_ns"], 10, 64)
		must(t, err)
		return from <= n && n < to
	}
	load := func(p row) bool { return in(p, at(10), at(40)) || in(p, at(80), at(80)+1) }
	of := func(p row) bool { return p["source_pid"] == pid || p["destination_pid"] == pid }
	for name, test := range map[string]struct {
		cfg  Config
		want func(row) bool
	}{
		"all":     {Config{}, func(row) bool { return true }},
		"from":    {Config{From: &Moment{Nanoseconds: at(50)}}, func(p row) bool { return in(p, at(50), last+1) }},
		"to":      {Config{To: &Moment{Nanoseconds: at(50)}}, func(p row) bool { return in(p, first, at(50)) }},
		"since":   {Config{From: &Moment{at(20) - first, true}, To: &Moment{at(60) - first, true}}, func(p row) bool { return in(p, at(20), at(60)) }},
		"phase":   {Config{Phase: "load"}, load},
		"process": {Config{PID: int32(number)}, of},
		"where": {Config{Where: `process.name == "browser" && remote.ip == "::1"`}, func(p row) bool {
			return name(p["source_pid"]) == "browser" && p["destination_ip"] == "::1" || name(p["destination_pid"]) == "browser" && p["source_ip"] == "::1"
		}},
		"where of columns": {Config{Where: `bytes > 50000 and server_name != "archive" || protocol == "udp" && server_reason ~ "^w"`}, func(p row) bool {
			c := connections[p["connection_id"]]
			return sum(t, []row{c}, "client_wire_bytes", nil)+sum(t, []row{c}, "server_wire_bytes", nil) > 50000 && c["server_name"] != "archive" ||
				c["protocol"] == "udp" && strings.HasPrefix(c["server_reason"], "w")
		}},
		"where in time": {Config{Where: `sent.packets > received.packets && process.in_command`, To: &Moment{Nanoseconds: at(50)}}, func(p row) bool {
			c := connections[p["connection_id"]]
			client, server := sum(t, []row{c}, "client_packets", nil), sum(t, []row{c}, "server_packets", nil)
			return in(p, first, at(50)) && (client > server && c["client_pid"] != "" || server > client && c["server_pid"] != "")
		}},
		"both":       {Config{Phase: "load", PID: int32(number)}, func(p row) bool { return load(p) && of(p) }},
		"nothing":    {Config{To: &Moment{Nanoseconds: first - 5}}, func(row) bool { return false }},
		"one packet": {Config{From: &Moment{Nanoseconds: last}}, func(p row) bool { return in(p, last, last+1) }},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := test.cfg
			cfg.Captures, cfg.Tables, cfg.Bucket = []string{capture}, all(), 200e6
			r := analyze(t, cfg)
			got := tables(t, r, JSON)
			want := slices.DeleteFunc(slices.Clone(packets), func(p row) bool { return !test.want(p) })
			if d := cmp.Diff(frames(want), frames(got["packets"])); d != "" {
				t.Fatalf("packets (-want +got):\n%s", d)
			}
			checkSums(t, want, got, r)
			if warned := slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Kind == NoneSelected }); warned != (len(want) == 0) {
				t.Errorf("%d packets, and warnings %v", len(want), r.Warnings)
			}
		})
	}
}

// TestWhereOfPackets holds what is asked of single packets against their rows.
func TestWhereOfPackets(t *testing.T) {
	capture := marked(t)
	all := tables(t, analyze(t, Config{Captures: []string{capture}, Tables: []string{"packets"}}), JSON)["packets"]
	r := analyze(t, Config{Captures: []string{capture}, Tables: []string{"packets"}, Where: `packet.wire_length > 1000 && process.name == "web" && packet.tcp_flags != 16`})
	got := tables(t, r, JSON)["packets"]
	web := map[string]bool{}
	for _, p := range tables(t, analyze(t, Config{Captures: []string{capture}}), JSON)["processes"] {
		web[p["pid"]] = p["name"] == "web"
	}
	if slices.ContainsFunc(r.Warnings, func(w Warning) bool { return w.Kind == NoneSelected }) {
		t.Errorf("warnings: %v", r.Warnings)
	}
	want := slices.DeleteFunc(slices.Clone(all), func(p row) bool {
		return sum(t, []row{p}, "wire_length", nil) <= 1000 || p["tcp_flags"] == "16" || p["tcp_flags"] == "" || !web[p["source_pid"]] && !web[p["destination_pid"]]
	})
	if d := cmp.Diff(frames(want), frames(got)); d != "" || len(want) == 0 || len(want) == len(all) {
		t.Errorf("%d of %d packets (-want +got):\n%s", len(want), len(all), d)
	}
	var refused *OutputError
	for _, tables := range [][]string{nil, {"packets", "connections"}, {"capture", "packets", "coverage"}} {
		cfg := Config{Captures: []string{capture}, Tables: tables, Where: `packet.wire_length > 1000`}
		if err := cfg.CheckWhere(); !errors.As(err, &refused) {
			t.Errorf("%v: %v", tables, err)
		}
	}
}

// frames are packets with their owners.
func frames(packets []row) (list []string) {
	for _, p := range packets {
		list = append(list, fmt.Sprintln(p["frame_number"], p["source_pid"], p["source_reason"], p["destination_pid"], p["destination_reason"], p["connection_id"]))
	}
	return list
}

// checkSums holds the sums of every table against packets.
func checkSums(t *testing.T, packets []row, got map[string][]row, r *Result) {
	t.Helper()
	n, bytes := int64(len(packets)), sum(t, packets, "wire_length", nil)
	expect := func(what string, p, b int64) {
		t.Helper()
		if p != n || b != bytes {
			t.Errorf("%s: %d packets and %d bytes, want %d and %d", what, p, b, n, bytes)
		}
	}
	both := func(what string, list []row, in func(row) bool) {
		t.Helper()
		for _, way := range []string{"sent", "received"} {
			expect(what+", "+way, sum(t, list, way+"_packets", in), sum(t, list, way+"_wire_bytes", in))
		}
	}
	source := func(c row) bool { return c["side"] == "source" }
	expect("coverage", sum(t, got["coverage"], "packets", source), sum(t, got["coverage"], "wire_bytes", source))
	both("timeseries", got["timeseries"], nil)
	loose := sum(t, packets, "wire_length", func(p row) bool { return p["connection_id"] == "" })
	if sent := sum(t, got["connections"], "client_wire_bytes", nil) + sum(t, got["connections"], "server_wire_bytes", nil); sent != bytes-loose {
		t.Errorf("connections have %d bytes, want %d", sent, bytes-loose)
	}
	byPID := map[string]int64{}
	for _, p := range packets {
		l, _ := strconv.ParseInt(p["wire_length"], 10, 64)
		byPID[p["source_pid"]] += l
	}
	delete(byPID, "")
	for _, p := range got["processes"] {
		if sent := sum(t, []row{p}, "sent_wire_bytes", nil); sent != byPID[p["pid"]] {
			t.Errorf("process %s sent %d bytes, want %d", p["pid"], sent, byPID[p["pid"]])
		}
	}
	for n, q := range append(slices.Clone(r.Phases), measure.Phase{}) {
		inside := func(p row) bool {
			at, _ := strconv.ParseInt(p["time_ns"], 10, 64)
			return n < len(r.Phases) && q.Begin <= at && at < q.End || n == len(r.Phases) && len(r.Phases.Containing()(at)) == 0
		}
		id := ""
		if n < len(r.Phases) {
			id = strconv.Itoa(n + 1)
		}
		want := sum(t, packets, "wire_length", inside)
		if sent := sum(t, got["phases"], "sent_wire_bytes", func(p row) bool { return p["phase_id"] == id }); sent != want {
			t.Errorf("phase %q has %d bytes, want %d", q.Name, sent, want)
		}
	}
}

// untimed returns the demonstration's recording, every third packet of which is in a
// simple packet block, without a time; and how many have one.
func untimed(t *testing.T, marks ...string) (path string, timed int64) {
	t.Helper()
	path = marked(t, marks...)
	from, err := os.ReadFile(path)
	must(t, err)
	var to []byte
	for n := 0; len(from) > 0; {
		kind, length := binary.LittleEndian.Uint32(from), binary.LittleEndian.Uint32(from[4:])
		block := from[:length]
		from = from[length:]
		if kind == 6 {
			if n++; n%3 == 1 {
				captured := binary.LittleEndian.Uint32(block[20:])
				body := append(slices.Clone(block[24:28]), block[28:28+(captured+3)&^3]...)
				block = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 3), uint32(len(body)+12))
				block = binary.LittleEndian.AppendUint32(append(block, body...), uint32(len(body)+12))
			} else {
				timed++
			}
		}
		to = append(to, block...)
	}
	must(t, os.WriteFile(path, to, 0o600))
	return path, timed
}

// Packets without a time are in no bucket, in no phase, and neither before nor behind any
// moment.
func TestUntimedPackets(t *testing.T) {
	capture, timed := untimed(t, mark(1795556594000000000, "end", "load"), mark(1795556595000000000, "begin", "query"))
	sum := func(cfg Config, name, column string) (n int64) {
		t.Helper()
		cfg.Captures, cfg.Tables = []string{capture}, []string{name}
		for _, r := range tables(t, analyze(t, cfg), JSON)[name] {
			v, err := strconv.ParseInt(r[column], 10, 64)
			must(t, err)
			if begin := r["begin_ns"]; name == "timeseries" && len(begin) < 19 {
				t.Errorf("a bucket begins at %s", begin)
			}
			if name != "phases" || r["phase_id"] == "" || r["phase_id"] == "NULL" {
				n += v
			}
		}
		return n
	}
	all := sum(Config{}, "coverage", "packets") / 2
	if timed != all-(all+2)/3 {
		t.Fatalf("%d of %d packets have a time", timed, all)
	}
	moment := func(s int64) *Moment { return &Moment{Nanoseconds: s * 1e9, Relative: true} }
	if n := sum(Config{Bucket: 1e8}, "timeseries", "sent_packets"); n != timed {
		t.Errorf("%d packets are in buckets, want %d", n, timed)
	}
	for name, cfg := range map[string]Config{"from": {From: moment(-1)}, "to": {To: moment(1000)}, "both": {From: moment(-1), To: moment(1000)}} {
		if n := sum(cfg, "coverage", "packets"); n != 2*timed {
			t.Errorf("%s: %d sides count, want %d", name, n, 2*timed)
		}
	}
	between := sum(Config{From: &Moment{Nanoseconds: 1795556594000000000}, To: &Moment{Nanoseconds: 1795556595000000000}}, "coverage", "packets") / 2
	if n := sum(Config{}, "phases", "sent_packets"); n != all-timed+between {
		t.Errorf("%d packets are outside of all phases, want %d and %d", n, all-timed, between)
	}
}
