package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// inPhases is a recording of one connection: a handshake and an end outside of phases, in
// each of two phases a turn and what is sent again, and a turn whose request is in the
// first and whose response is in the second.
func inPhases(t *testing.T) string {
	const client, server = "127.0.0.1:40000", "127.0.0.1:80"
	r := record(t)
	at := func(ms int64) { r.now = epoch + (ms-1)*1e6 } // of what comes next
	send := func(ms int64, from string, seq, ack uint32, flags string, payload int) {
		at(ms)
		to := server
		if from == server {
			to = client
		}
		r.tcp(from, to, seq, ack, flags, payload)
	}
	mark := func(ms int64, change connlog.MarkChange, name string) {
		at(ms)
		r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: change, Name: name}})
	}
	r.counted = &connlog.Counters{BytesSent: 150, BytesReceived: 1571, Retransmits: 1, RTT: 9}
	send(1000, client, 100, 0, "S", 0)
	send(1001, server, 500, 101, "SA", 0)
	r.connect(client, server, func() {
		send(1010, client, 101, 501, "A", 0)
		mark(2000, connlog.MarkBegin, "one")
		send(2010, client, 101, 501, "A", 40)
		send(2020, client, 101, 501, "A", 40) // again: neither is timed
		send(2050, server, 501, 141, "A", 1000)
		send(2060, client, 141, 1501, "A", 0)
		send(2070, client, 141, 1501, "A", 50)
		mark(2100, connlog.MarkEnd, "one")
		mark(2101, connlog.MarkBegin, "two")
		send(2170, server, 1501, 191, "A", 500) // answers what was asked in the first
		send(2200, client, 191, 2001, "A", 0)
		send(2210, server, 1501, 191, "A", 500) // again, for nothing
		send(2220, client, 191, 2001, "A", 60)
		send(2230, server, 2001, 251, "A", 70)
		send(2240, client, 251, 2071, "A", 0)
		mark(2300, connlog.MarkEnd, "two")
		at(2900)
	})
	send(3000, client, 251, 2071, "FA", 0)
	send(3005, server, 2071, 252, "FA", 0)
	send(3010, client, 252, 2072, "A", 0)
	return r.end()
}

// Each phase has what happened in it, by the packet with which it was over; a turn that
// reaches over the mark was asked in one, and waited for in the other; and phases and the
// time outside add up to processes.
func TestPlantedPhases(t *testing.T) {
	path := inPhases(t)
	read := func(cfg Config) map[string][]row {
		cfg.Captures, cfg.Tables = []string{path}, []string{"processes", "connections", "phases", "endpoints", "turns"}
		return tables(t, analyze(t, cfg), JSON)
	}
	columns := []string{"turns", "retransmitted_segments", "rtt_count", "wait_count", "response_count", "rtt_median_ns", "wait_median_ns", "busy_ns"}
	told := func(r row) string {
		var words []string
		for _, c := range columns {
			word := strings.TrimSuffix(r[c], "000000")
			if strings.HasSuffix(c, "_median_ns") && word != "" {
				word = "~" // within a ninth
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	all := read(Config{})
	got := map[string]string{}
	for _, r := range all["phases"] {
		got[r["phase"]+" "+r["name"]] = told(r)
	}
	for _, r := range all["processes"] {
		got["all "+r["name"]] = told(r)
	}
	// turns, sent again, round trips, waits, responses; whether there are medians; busy time in ms
	want := map[string]string{
		"one client": "2 1 0 1 0  ~ 60", "one server": "0 0 1 0 1 ~  60",
		"two client": "1 0 2 2 0 ~ ~ 70", "two server": "0 1 2 0 2 ~  70",
		" client": "0 0 2 0 0 ~  20", " server": "0 0 2 0 0 ~  20",
		"all client": "3 1 4 3 0 ~ ~ 250", "all server": "0 1 5 0 3 ~  250",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	whole := all["connections"][0]
	for phase, want := range map[string]row{
		"one": {"turns": "2", "waiting_ns": "40000000", "wait_max_ns": "40000000", "client_retransmitted_segments": "1", "server_retransmitted_segments": "0", "client_rtt_count": "0", "client_rtt_max_ns": "",
			"server_rtt_max_ns": "10000000", "busy_ns": "60000000", "idle_ns": "0", "first_ns": fmt.Sprint(int64(epoch + 2010e6)), "last_ns": fmt.Sprint(int64(epoch + 2070e6))},
		"two": {"turns": "1", "waiting_ns": "110000000", "wait_max_ns": "100000000", "client_retransmitted_segments": "0", "server_spurious_retransmitted_segments": "1", "client_rtt_max_ns": "100000000",
			"client_rtt_min_ns": "10000000", "server_rtt_max_ns": "30000000", "busy_ns": "70000000", "idle_ns": "0"},
	} {
		part := read(Config{Phase: phase})
		c := part["connections"][0]
		for column, v := range want {
			if c[column] != v {
				t.Errorf("phase %s: %s %s, want %s", phase, column, c[column], v)
			}
		}
		for _, column := range []string{"ended", "initial_rtt_ns", "client_handshake_ns", "server_first_byte_ns", "client_mss_bytes"} { // of the connection
			if c[column] != whole[column] {
				t.Errorf("phase %s: %s %s, want %s", phase, column, c[column], whole[column])
			}
		}
		if whole["client_kernel_sent_bytes"] != "150" || whole["captured_permille"] != "1000" || c["client_kernel_sent_bytes"] != "" || c["captured_permille"] != "" {
			t.Errorf("phase %s: the kernel counted %q, and of all of it %q", phase, c["client_kernel_sent_bytes"], whole["client_kernel_sent_bytes"])
		}
		if turns := c["turns"]; fmt.Sprint(len(part["turns"])) != turns || part["endpoints"][0]["wait_count"] != "0" || part["endpoints"][0]["response_count"] != c["wait_count"] {
			t.Errorf("phase %s: %s turns, of them %d have rows; endpoints %v", phase, turns, len(part["turns"]), part["endpoints"])
		}
	}
}

// How a connection ended is told of the whole, also where a part counts that was over long
// before the capture; and who sent nothing in it announced no window.
func TestEndOfPart(t *testing.T) {
	const client, server = "127.0.0.1:40000", "127.0.0.1:80"
	r := record(t)
	r.tcp(client, server, 100, 0, "S", 0)
	r.tcp(server, client, 500, 101, "SA", 0)
	r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: connlog.MarkBegin, Name: "ask"}})
	r.tcp(client, server, 101, 501, "A", 40)
	r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: connlog.MarkEnd, Name: "ask"}})
	for n := range uint32(4) {
		r.now += 3600e9
		r.tcp(server, client, 501+n, 141, "A", 1)
	}
	path := r.end()
	for phase, want := range map[string]row{"": {"ended": "open", "server_window_max_bytes": "0", "client_window_max_bytes": "0", "turns": "1"},
		"ask": {"ended": "open", "server_window_max_bytes": "", "client_window_max_bytes": "0", "turns": "1"}} {
		got := tables(t, analyze(t, Config{Captures: []string{path}, Tables: []string{"connections"}, Phase: phase}), JSON)["connections"]
		for column, v := range want {
			if len(got) != 1 || got[0][column] != v {
				t.Errorf("phase %q of %d connections: %s %q, want %q", phase, len(got), column, got[0][column], v)
			}
		}
	}
}

// inMarks is a recording of generated traffic with phases, two of which overlap.
func inMarks(t *testing.T) string {
	dir := t.TempDir()
	k, _ := traffic.Lookup("mixed")
	_, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 8, Scale: 0.05})
	must(t, err)
	path := filepath.Join(dir, "mixed.pcapng")
	bare := analyze(t, Config{Captures: []string{path}, Tables: []string{"capture"}})
	at := func(percent int64) int64 {
		return bare.Capture.First + (bare.Capture.Last-bare.Capture.First)/100*percent
	}
	log := filepath.Join(dir, "mixed.conns.jsonl")
	text, err := os.ReadFile(log)
	must(t, err)
	end := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
	marks := []string{mark(at(10), "begin", "one"), mark(at(40), "end", "one"), mark(at(40), "begin", "two"), mark(at(60), "end", "two"),
		mark(at(70), "begin", "long"), mark(at(75), "begin", "in it"), mark(at(80), "end", "in it"), mark(at(90), "end", "long"), ""}
	must(t, os.WriteFile(log, slices.Insert(text, end, []byte(strings.Join(marks, "\n"))...), 0o600))
	return path
}

// summed is what this test reads of processes and phases.
type summed struct {
	Phase                                             *string
	Pid                                               *int64
	Reason                                            *string
	Turns, Retransmitted_segments                     int64
	Rtt_count, Wait_count, Response_count             int64
	Rtt_histogram, Wait_histogram, Response_histogram []bucket
}

func (m summed) plus(o summed) summed {
	m.Turns, m.Retransmitted_segments = m.Turns+o.Turns, m.Retransmitted_segments+o.Retransmitted_segments
	m.Rtt_count, m.Wait_count, m.Response_count = m.Rtt_count+o.Rtt_count, m.Wait_count+o.Wait_count, m.Response_count+o.Response_count
	m.Rtt_histogram, m.Wait_histogram, m.Response_histogram = added(m.Rtt_histogram, o.Rtt_histogram), added(m.Wait_histogram, o.Wait_histogram), added(m.Response_histogram, o.Response_histogram)
	return m
}

// Phases that do not overlap, and the time outside of all, add up to processes, to the
// last duration; and what --phase leaves of processes is what the table phases has.
func TestPhasesAddUp(t *testing.T) {
	path := inMarks(t)
	read := func(cfg Config) (result struct{ Processes, Phases []summed }) {
		t.Helper()
		var out bytes.Buffer
		cfg.Captures, cfg.Tables = []string{path}, []string{"processes", "phases"}
		must(t, analyze(t, cfg).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
		must(t, json.Unmarshal(out.Bytes(), &result))
		return result
	}
	byPID := func(list []summed, phase string) map[int64]summed {
		sums := map[int64]summed{}
		for _, m := range list {
			if m.Pid == nil || phase != "*" && (m.Phase == nil || *m.Phase != phase) || phase == "*" && m.Phase != nil && *m.Phase == "in it" {
				continue
			}
			pid := *m.Pid
			if sum := sums[pid].plus(m); sum.Turns+sum.Retransmitted_segments+sum.Rtt_count+sum.Wait_count+sum.Response_count > 0 {
				sum.Phase, sum.Pid, sum.Reason = nil, nil, nil
				sums[pid] = sum
			}
		}
		return sums
	}
	all := read(Config{Workers: 1})
	if d := cmp.Diff(all, read(Config{Workers: 3})); d != "" {
		t.Fatalf("with 3 workers:\n%s", d)
	}
	want := byPID(all.Processes, "*")
	if d := cmp.Diff(want, byPID(all.Phases, "*")); d != "" || len(want) < 50 {
		t.Errorf("%d processes (-processes +phases):\n%s", len(want), d)
	}
	crossed := int64(0)
	for _, phase := range []string{"one", "two", "long", "in it"} {
		part := read(Config{Phase: phase})
		if d := cmp.Diff(byPID(part.Processes, "*"), byPID(all.Phases, phase)); d != "" {
			t.Errorf("--phase %s (-processes +phases):\n%s", phase, d)
		}
		for _, m := range part.Processes {
			crossed += m.Retransmitted_segments
		}
	}
	if crossed == 0 {
		t.Error("nothing was sent again in a phase")
	}
}

// What counts of connections before a moment, and from then on, adds up to what does
// without any.
func TestPartsOfConnections(t *testing.T) {
	path := inMarks(t)
	bare := analyze(t, Config{Captures: []string{path}, Tables: []string{"capture"}})
	middle := &Moment{Nanoseconds: bare.Capture.First + (bare.Capture.Last-bare.Capture.First)/2}
	read := func(cfg Config) map[string]row {
		cfg.Captures, cfg.Tables = []string{path}, []string{"connections"}
		list := map[string]row{}
		for _, c := range tables(t, analyze(t, cfg), JSON)["connections"] {
			list[c["connection_id"]] = c
		}
		return list
	}
	whole, before, after := read(Config{}), read(Config{To: middle}), read(Config{From: middle})
	var names []string
	for _, end := range []string{"client_", "server_"} {
		for _, n := range []string{"packets", "rtt_count", "retransmitted_segments", "retransmitted_bytes", "fast_retransmitted_segments", "out_of_order_segments", "lost_segments", "lost_bytes", "duplicate_ack_segments", "zero_window_segments", "zero_window_ns", "wire_segments"} {
			names = append(names, end+n)
		}
	}
	names = append(names, "turns", "waiting_ns", "wait_count")
	divided := 0
	for id, c := range whole {
		a, b := before[id], after[id]
		if a != nil && b != nil {
			divided++
		}
		for _, n := range names {
			parts := []row{}
			for _, p := range []row{a, b} {
				if p != nil && p[n] != "" {
					parts = append(parts, p)
				}
			}
			if c[n] == "" && len(parts) > 0 || c[n] != "" && sum(t, parts, n, nil) != sum(t, []row{c}, n, nil) {
				t.Fatalf("connection %s: %s %q, in parts %v", id, n, c[n], []string{a[n], b[n]})
			}
		}
		for _, p := range []row{a, b} { // its time is busy or idle
			if p != nil && p["busy_ns"] != "" && sum(t, []row{p}, "last_ns", nil)-sum(t, []row{p}, "first_ns", nil) != sum(t, []row{p}, "busy_ns", nil)+sum(t, []row{p}, "idle_ns", nil) {
				t.Fatalf("connection %s is busy for %s ns and idle for %s, from %s to %s", id, p["busy_ns"], p["idle_ns"], p["first_ns"], p["last_ns"])
			}
		}
	}
	if divided <= 20 {
		t.Errorf("%d of %d connections are divided, want more than 20", divided, len(whole))
	}
}

// Where --from is also what bounds a phase, time is divided there once: no part of it is
// empty, as a packet of that very time would be in no part, nor would those behind it.
func TestSelectionAtBoundOfPhase(t *testing.T) {
	s, err := newSelected(&Config{From: &Moment{Nanoseconds: 20}}, measure.Phases{{Name: "ask", Begin: 20, End: 30}})
	must(t, err)
	must(t, s.begin(5))
	if from, until := s.windows.At(20); from != 20 || until != 30 {
		t.Errorf("the bound is in the part from %d until %d, want from 20 until 30", from, until)
	}
}

// Where a process is chosen that had one end in one of two phases alone, what is measured of
// the other end is of both, in the tables processes and phases alike.
func TestPhasesAddUpOfOneOwner(t *testing.T) {
	const client, server = "127.0.0.1:40000", "127.0.0.1:80"
	r := record(t)
	r.event(connlog.Event{Kind: connlog.KindProcess, Process: &connlog.Process{ID: connlog.ProcessID{PID: 300, Start: 6e9}, Name: "heir", Change: connlog.ProcessSnapshot, UID: -1}})
	mark := func(change connlog.MarkChange, name string) {
		r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: change, Name: name}})
	}
	r.tcp(client, server, 100, 0, "S", 0)
	r.tcp(server, client, 500, 101, "SA", 0)
	r.connect(client, server, func() {
		mark(connlog.MarkBegin, "one")
		r.tcp(client, server, 101, 501, "A", 40)
		r.tcp(server, client, 501, 141, "A", 10)
		mark(connlog.MarkEnd, "one")
		r.event(connlog.Event{Kind: connlog.KindSocket, Socket: &connlog.Socket{Change: connlog.SocketOwner, ID: 41000, Protocol: flow.TCP, Local: flow.EndpointFrom(netip.MustParseAddrPort(server)), Remote: flow.EndpointFrom(netip.MustParseAddrPort(client)), HasRemote: true,
			State: "established", Owners: []connlog.ProcessID{{PID: 300, Start: 6e9}}, Evidence: connlog.EvidencePoll, Since: r.now}})
		mark(connlog.MarkBegin, "two")
		r.tcp(client, server, 141, 511, "A", 50)
		r.tcp(server, client, 511, 191, "A", 20)
		mark(connlog.MarkEnd, "two")
	})
	got := tables(t, analyze(t, Config{Captures: []string{r.end()}, Tables: []string{"processes", "phases"}, PID: 300}), JSON)
	of := func(name string) (rows []row) {
		for _, p := range got[name] {
			if p["pid"] == "100" {
				rows = append(rows, p)
			}
		}
		return rows
	}
	for _, column := range []string{"turns", "rtt_count", "wait_count", "sent_packets"} {
		if all, parts := sum(t, of("processes"), column, nil), sum(t, of("phases"), column, nil); all == 0 || all != parts {
			t.Errorf("%s of the client: %d, in phases %d", column, all, parts)
		}
	}
}
