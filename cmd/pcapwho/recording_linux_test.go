package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// inside runs a shell command in a network namespace of its own, in dir, and
// returns its standard error.
func inside(t *testing.T, dir, command string) string {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "unshare"), "-n", "sh", "-ec", need.Tool(t, "ip")+" link set lo up; "+command)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// printed runs a program in dir and returns what it prints.
func printed(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(need.Tool(t, program), args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, stderr.String())
	}
	return string(out)
}

// ends are the processes at both ends of what a workload did, by protocol and
// endpoints as one end sees them.
type ends map[string]workload.Entry

func key(protocol, local, remote string) string { return protocol + " " + local + " " + remote }

func ledgerOf(t *testing.T, path string) ends {
	t.Helper()
	entries, err := workload.ReadLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	all := ends{}
	for _, e := range entries {
		k := key(e.Protocol, e.Local.String(), e.Remote.String())
		if before, twice := all[k]; twice { // UDP took a port again: one connection to whoever looks on
			if before.PID != e.PID || e.Protocol != "udp" {
				t.Fatalf("%s: of processes %d and %d", k, before.PID, e.PID)
			}
			e.Sent, e.Received = e.Sent+before.Sent, e.Received+before.Received
			e.Begin, e.End = min(e.Begin, before.Begin), max(e.End, before.End)
		}
		all[k] = e
	}
	return all
}

// document is what these tests read of the JSON output.
type document struct {
	Capture struct {
		Packets   int64
		WireBytes int64  `json:"wire_bytes"`
		Dropped   *int64 `json:"dropped_packets"`
		Last      int64  `json:"last_ns"`
	}
	Coverage []struct {
		Side, Reason string
		Packets      int64
		WireBytes    int64 `json:"wire_bytes"`
	}
	Processes []struct {
		PID  int
		Sent int64 `json:"sent_unique_payload_bytes"`
	}
	Connections []connection
}

type connection struct {
	Protocol     string
	ClientIP     string `json:"client_ip"`
	ClientPort   int    `json:"client_port"`
	ServerIP     string `json:"server_ip"`
	ServerPort   int    `json:"server_port"`
	ClientUnique int64  `json:"client_unique_payload_bytes"`
	ServerUnique int64  `json:"server_unique_payload_bytes"`
	First        int64  `json:"first_ns"`
	Last         int64  `json:"last_ns"`
	ClientPID    int    `json:"client_pid"`
	ServerPID    int    `json:"server_pid"`
	ClientSent   *int64 `json:"client_kernel_sent_bytes"`
	ServerSent   *int64 `json:"server_kernel_sent_bytes"`
	Captured     *int64 `json:"captured_permille"`
}

func endpointText(ip string, port int) string {
	return netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)).String()
}

// TestEveryConnectionHasItsOwner records eight processes and 240 connections
// that live for a second and more, TCP and UDP, IPv4 and IPv6, both ends local:
// each goes to the right process on both sides, each byte is there, no packet
// is given to a wrong process, and the totals are those of capinfos. What has
// no owner is no more than the looks in the log leave open: on a busy machine
// they are few.
func TestEveryConnectionHasItsOwner(t *testing.T) {
	need.Root(t)
	t.Parallel()
	const connections = 240
	dir := t.TempDir()
	inside(t, dir, fmt.Sprintf("pcapwho run -o result.json -- pcapwho workload ledger --long %d", connections))
	ledger := ledgerOf(t, filepath.Join(dir, "ledger"))
	if len(ledger)%2 != 0 || len(ledger) < 2*(connections-10) || len(ledger) > 2*connections {
		t.Fatalf("the ledger has %d ends, want %d, or a few less where ports were taken again", len(ledger), 2*connections)
	}
	var d document
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	if d.Capture.Dropped == nil || *d.Capture.Dropped != 0 {
		t.Errorf("dropped packets: %v, want 0", d.Capture.Dropped)
	}
	known, err := readEvidence(filepath.Join(dir, "run.conns.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	checkConnections(t, d.Connections, ledger, known)
	checkKernel(t, d.Connections)
	checkSums(t, &d, ledger)
	checkPackets(t, dir, d.Capture.Packets, ledger, known)
	checkTotals(t, dir, &d)
	checkNWB(t, dir, d)
	checkLog(t, filepath.Join(dir, "run.conns.jsonl"))
}

// checkLog holds every line of a log to the schema of the documentation.
func checkLog(t *testing.T, path string, want ...string) {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("../../docs/connlog.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kinds := map[string]int{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line, err := jsonschema.UnmarshalJSON(bytes.NewReader(lines.Bytes()))
		if err == nil {
			err = schema.Validate(line)
		}
		if err != nil {
			t.Errorf("%s: line %d: %v", path, n, err)
			return
		}
		kinds[line.(map[string]any)["event"].(string)]++
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range append(want, "head", "process", "socket", "clock", "end") {
		if kinds[kind] == 0 {
			t.Errorf("%s: no event %q in %v", path, kind, kinds)
		}
	}
}

// The other source writes the same schema, and what its looks decide has an
// owner. They take long: connections live for several of them.
func TestPollingSource(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	inside(t, dir, "pcapwho run -q --source poll -o result.json -- pcapwho workload ledger --long 4 --hold 5s")
	log := filepath.Join(dir, "run.conns.jsonl")
	checkLog(t, log, "poll")
	result, err := report.Analyze(t.Context(), report.Config{Captures: []string{filepath.Join(dir, "run.pcapng")}, Logs: []string{log}})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	known, err := readEvidence(log)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := workload.ReadLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	b := compareLedger(result, known, entries)
	if err := b.err(); err != nil {
		t.Error(b)
	}
	if b.connections != 4 || b.owned < 4 { // both ends of two TCP connections, at least
		t.Errorf("%d connections, %d ends with an owner, %d looks", b.connections, b.owned, len(known.looks))
	}
}

// TestNothingIsTooShort records connections that live for 0 to 100 ms, TCP and
// UDP, IPv4 and IPv6, both ends local. Clients are forked or executed, and live no
// longer than their connection; servers share the listening socket or the port, fork
// for each connection, or pass each to another process. The kernel tells of every one: all
// ends have their process, and it is the right one.
func TestNothingIsTooShort(t *testing.T) {
	need.Root(t)
	t.Parallel()
	connections := 40 // of each of twelve kinds
	if testing.Short() {
		connections = 3
	}
	b, entries := recordForks(t, strconv.Itoa(connections), nil)
	if len(entries) != 2*12*connections {
		t.Fatalf("%d ends in the ledger, want %d", len(entries), 2*12*connections)
	}
	if b.err() != nil || b.ends < len(entries)-20 { // UDP may take a port again
		t.Errorf("%d ends of connections, %d in the ledger: %v", b.ends, len(entries), b)
	}
}

// Of a UDP socket that processes read by turns, and of several at one port, the log
// tells who exchanged with whom: each has its own. Where a client took the port of
// one before, they may be two.
func TestSharedSocket(t *testing.T) {
	need.Root(t)
	t.Parallel()
	b, entries := recordForks(t, "shared 40", &evidence{})
	wrong := slices.ContainsFunc(b.mistakes, func(m string) bool { return strings.Contains(m, " was process ") })
	if wrong || len(entries) != 2*8*40 || b.owned < b.ends-20 || b.ends < len(entries)-40 {
		t.Errorf("%d ends in the ledger, %d of %d with an owner: %v", len(entries), b.owned, b.ends, b)
	}
}

// recordForks records what testdata/forks.py does, and holds it against its
// ledger. known is the evidence, nil = that of the log.
func recordForks(t *testing.T, args string, known *evidence) (*balance, []workload.Entry) {
	t.Helper()
	script, err := filepath.Abs("testdata/forks.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	inside(t, dir, fmt.Sprintf("pcapwho record --source ebpf -s 128 -- %s %s %s >ledger", need.Tool(t, "python3"), script, args))
	log := filepath.Join(dir, "run.conns.jsonl")
	checkLog(t, log)
	result, err := report.Analyze(t.Context(), report.Config{Captures: []string{filepath.Join(dir, "run.pcapng")}, Logs: []string{log}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { result.Close() })
	if known == nil {
		if known, err = readEvidence(log); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := workload.ReadLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	return compareLedger(result, known, entries), entries
}

func checkConnections(t *testing.T, all []connection, ledger ends, known *evidence) {
	t.Helper()
	if len(all) != len(ledger)/2 {
		t.Errorf("%d connections, want %d", len(all), len(ledger)/2)
	}
	for _, c := range all {
		client, server := endpointText(c.ClientIP, c.ClientPort), endpointText(c.ServerIP, c.ServerPort)
		a, b := ledger[key(c.Protocol, client, server)], ledger[key(c.Protocol, server, client)]
		if lived := time.Duration(min(a.End-a.Begin, b.End-b.Begin)); lived < time.Second {
			t.Errorf("%s %s %s: lived for %v only", c.Protocol, client, server, lived)
		}
		right := func(e *workload.Entry, pid int) bool {
			return pid == e.PID || pid == 0 && !known.owed(e, c.First, c.Last)
		}
		if !right(&a, c.ClientPID) || !right(&b, c.ServerPID) {
			t.Errorf("%s %s %s: processes %d and %d, want %d and %d", c.Protocol, client, server, c.ClientPID, c.ServerPID, a.PID, b.PID)
		}
		if c.ClientUnique != a.Sent || c.ServerUnique != b.Sent || a.Sent != b.Received || b.Sent != a.Received {
			t.Errorf("%s %s %s: %d and %d bytes, want %d and %d", c.Protocol, client, server, c.ClientUnique, c.ServerUnique, a.Sent, b.Sent)
		}
	}
}

// checkSums holds coverage to the capture on each side, and the processes to
// what they counted.
func checkSums(t *testing.T, d *document, ledger ends) {
	t.Helper()
	var packets, bytes = map[string]int64{}, map[string]int64{}
	for _, c := range d.Coverage {
		packets[c.Side] += c.Packets
		bytes[c.Side] += c.WireBytes
	}
	for _, side := range []string{"source", "destination"} {
		if packets[side] != d.Capture.Packets || bytes[side] != d.Capture.WireBytes {
			t.Errorf("%s: %d packets and %d bytes over all reasons, the capture has %d and %d", side, packets[side], bytes[side], d.Capture.Packets, d.Capture.WireBytes)
		}
	}
	sent, listed := map[int]int64{}, map[int]int64{}
	for _, e := range ledger {
		sent[e.PID] += e.Sent
	}
	for _, p := range d.Processes {
		listed[p.PID] += p.Sent
	}
	if len(sent) != 8 {
		t.Errorf("%d processes in the ledger, want 8", len(sent))
	}
	for pid, n := range sent {
		if listed[pid] > n {
			t.Errorf("process %d: %d bytes sent, it counted %d", pid, listed[pid], n)
		}
	}
}

// checkPackets holds every packet's two processes to the ledger.
func checkPackets(t *testing.T, dir string, want int64, ledger ends, known *evidence) {
	t.Helper()
	rows := packetsOf(t, dir)
	if int64(len(rows)) != want {
		t.Errorf("%d packets in the table, %d in the capture", len(rows), want)
	}
	owned, missing, wrong := 0, 0, 0
	for _, of := range rows {
		port := func(name string) int { n, _ := strconv.Atoi(of(name)); return n }
		source := endpointText(of("source_ip"), port("source_port"))
		destination := endpointText(of("destination_ip"), port("destination_port"))
		for _, side := range []struct{ pid, local, remote string }{
			{of("source_pid"), source, destination}, {of("destination_pid"), destination, source}} {
			e := ledger[key(of("protocol"), side.local, side.remote)]
			switch side.pid {
			case strconv.Itoa(e.PID):
				owned++
			case "":
				if at, err := strconv.ParseInt(of("time_ns"), 10, 64); err != nil || known.owed(&e, at, at) {
					missing++
				}
			default:
				wrong++
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d sides of packets have a wrong process", wrong, 2*len(rows))
	}
	if missing > 0 {
		t.Errorf("%d of %d sides of packets were seen and have no process", missing, 2*len(rows))
	}
	if owned < len(rows) {
		t.Errorf("%d of %d sides of packets have a process", owned, 2*len(rows))
	}
}

// checkTotals compares with capinfos, which has nothing to say against the
// file.
func checkTotals(t *testing.T, dir string, d *document) {
	t.Helper()
	cmd := exec.Command(need.Tool(t, "capinfos"), "-T", "-M", "-r", "-c", "-d", "run.pcapng")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("capinfos: %v\n%s", err, out)
	}
	if got, want := string(out), fmt.Sprintf("run.pcapng\t%d\t%d\n", d.Capture.Packets, d.Capture.WireBytes); got != want {
		t.Errorf("capinfos says %q, the analysis %q", got, want)
	}
}

// TestKilledRecorder kills a recorder under load: both files are readable to
// the last whole block and line, and the analysis says that they are cut.
func TestKilledRecorder(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	inside(t, dir, `
		reaches() { # FILE BYTES
			for i in $(seq 600); do
				[ ! -e $1 ] || [ $(wc -c <$1) -lt $2 ] || return 0
				sleep .05
			done
			echo "$1 has not reached $2 bytes in 30 s"
			kill -KILL $recorder
			return 1
		}
		pcapwho record -q -i lo -s 128 -w run.pcapng & recorder=$!
		reaches run.pcapng 1
		pcapwho workload ledger & workload=$!
		reaches run.pcapng 50000
		kill -KILL $recorder
		wait $recorder || true
		wait $workload`)
	cmd := exec.Command("pcapwho", "analyze", "run.pcapng", "-o", "result.json")
	cmd.Dir = dir
	told, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != statusDamaged {
		t.Fatalf("%v, want exit status %d\n%s", err, statusDamaged, told)
	}
	if !strings.Contains(string(told), "warning: run.conns.jsonl") {
		t.Errorf("the cut log is not named:\n%s", told)
	}
	var d document
	content, err := os.ReadFile(filepath.Join(dir, "result.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(need.Tool(t, "tshark"), "-n", "-r", filepath.Join(dir, "run.pcapng"), "-T", "fields", "-e", "frame.number").Output() // fails for a cut file, too
	if got := int64(strings.Count(string(out), "\n")); got != d.Capture.Packets || got < 100 {
		t.Errorf("%d packets, tshark reads %d", d.Capture.Packets, got)
	}
	for side, sum := range map[string]int64{"source": 0, "destination": 0} {
		for _, c := range d.Coverage {
			if c.Side == side {
				sum += c.Packets
			}
		}
		if sum != d.Capture.Packets {
			t.Errorf("%s: %d packets, want %d", side, sum, d.Capture.Packets)
		}
	}
}
