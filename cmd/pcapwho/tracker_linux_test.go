package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// benchmark is a Python benchmark with a child and two phases: 10 + 20 + 1
// datagrams, and 5 in a phase that one second thread sends, and a connection.
const benchmark = `
import os, socket, subprocess, sys, threading

def send(n):
    to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    to.bind(("127.0.0.1", 0))
    for _ in range(n):
        to.sendto(b"x" * 100, to.getsockname())

def work(phase):
    send(10)
    with phase("read"):
        send(20)
        subprocess.run([sys.executable, "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('127.0.0.1', 0)); s.sendto(b'y' * 50, s.getsockname())"], check=True)
    with phase("write"):
        t = threading.Thread(target=send, args=(5,))
        t.start()
        t.join()
`

// plainly is the benchmark as it marks its phases without the tracker.
const plainly = benchmark + `
from contextlib import contextmanager
@contextmanager
def phase(name):
    def mark(what):
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(f"{what} {name}".encode(), os.environ["PCAPWHO_SOCKET"])
    mark("begin")
    yield
    mark("end")
work(phase)
`

const tracked = benchmark + `
import json, tempfile
from pcapwho import network_activity_tracker, TrackerError

with network_activity_tracker(record=["-i", "lo"], directory=".") as t:
    work(t.phase)

def fails(what, *args, **named):
    try:
        with network_activity_tracker(*args, **named):
            print("the block of", what, "ran")
    except TrackerError as e:
        return str(e)
    return "no error"

errors = [fails("an interface that is not there", record=["-i", "nope"]), fails("a process that is not there", pid=2**22 + 1)]
own = False
try:
    with network_activity_tracker(record=["-i", "lo"]) as other:
        raise KeyError("mine")
except KeyError:
    own = True
try:
    t.mark("begin", "late")
    late = "no error"
except TrackerError as e:
    late = str(e)
json.dump({"statistics": t.network_statistics, "asv": t.asv_network_statistics, "phases": t.result["phases"], "errors": errors, "own": own, "late": late,
           "left": [n for n in os.listdir(tempfile.gettempdir()) if n.startswith("pcapwho-")]}, open("told.json", "w"))
`

// TestPythonTracker runs a benchmark by the tracker and by run: both give the same
// numbers, which are those that the benchmark knows.
func TestPythonTracker(t *testing.T) {
	need.Root(t)
	python := need.Tool(t, "python3")
	dir := t.TempDir()
	page, err := filepath.Abs("../../docs/python")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"plainly.py": plainly, "tracked.py": tracked} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyProgram(t, filepath.Join(dir, "pcapwho"))
	inside(t, dir, fmt.Sprintf("mkdir tmp; TMPDIR=$PWD/tmp PCAPWHO=./pcapwho PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=%s %s tracked.py", page, python))
	inside(t, dir, fmt.Sprintf("./pcapwho run -q -i lo -w plain.pcapng -o plain.json -- %s plainly.py", python))
	var told struct {
		Statistics map[string]int64
		ASV        struct{ Samples map[string]float64 }
		Phases     []map[string]any
		Errors     []string
		Own        bool
		Late       string
		Left       []string
	}
	var plain struct {
		Processes, Phases []map[string]any
	}
	for name, to := range map[string]any{"told.json": &told, "plain.json": &plain} {
		if err := json.Unmarshal([]byte(readPage(t, filepath.Join(dir, name))), to); err != nil {
			t.Fatal(err)
		}
	}
	var command map[string]any // the tree that has all the packets, and its root sent most
	for _, p := range plain.Processes {
		if p["in_command"] == true && (command == nil || p["tree_sent_packets"].(float64) > command["tree_sent_packets"].(float64)) {
			command = p
		}
	}
	for name, n := range told.Statistics {
		got, known := command["tree_"+name].(float64)
		if !known || got != float64(n) && !strings.HasSuffix(name, "_ns") { // times differ, from run to run
			t.Errorf("%s is %d by the tracker, %v by run", name, n, got)
		}
	}
	if s := told.Statistics; s["sent_packets"] != 36 || s["received_packets"] != 36 || s["sent_payload_bytes"] != 3550 || s["connections"] != 4 {
		t.Errorf("statistics are %v", s)
	}
	if len(told.ASV.Samples) != 9 {
		t.Errorf("%d numbers for airspeed velocity", len(told.ASV.Samples))
	}
	if d := cmp.Diff(byPhase(plain.Phases), byPhase(told.Phases)); d != "" {
		t.Errorf("phases by run and by the tracker:\n%s", d)
	}
	if want := map[string]float64{"": 10, "read": 21, "write": 5}; !cmp.Equal(want, byPhase(told.Phases)) {
		t.Errorf("phases are %v, want %v", byPhase(told.Phases), want)
	}
	checkFailures(t, told.Errors, told.Own, told.Late, told.Left)
}

func checkFailures(t *testing.T, errors []string, own bool, late string, left []string) {
	t.Helper()
	for i, want := range []string{`no interface "nope"`, "there is no process"} {
		if len(errors) <= i || !strings.Contains(errors[i], want) {
			t.Errorf("errors are %q, want %q", errors, want)
		}
	}
	if !own || !strings.Contains(late, "the mark 'late' cannot be made") || len(left) > 0 {
		t.Errorf("the block's own exception: %v; a late mark: %q; left behind: %q", own, late, left)
	}
}

// TestGoTracker runs a benchmark by the tracker of Go and by run: both give the same
// numbers, which are those that the benchmark knows.
func TestGoTracker(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	inside(t, dir, "benchmark-in-go tracked.json; pcapwho run -q -i lo -w plain.pcapng -o plain.json -- benchmark-in-go")
	var told, plain struct{ Processes, Phases []map[string]any }
	for name, to := range map[string]any{"tracked.json": &told, "plain.json": &plain} {
		if err := json.Unmarshal([]byte(readPage(t, filepath.Join(dir, name))), to); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]float64{"": 10, "read": 20, "write": 5}
	if !cmp.Equal(want, byPhase(told.Phases)) || !cmp.Equal(want, byPhase(plain.Phases)) {
		t.Errorf("phases are %v by the tracker, %v by run, want %v", byPhase(told.Phases), byPhase(plain.Phases), want)
	}
	busiest := func(rows []map[string]any) (numbers map[string]any) {
		for _, p := range rows {
			if p["in_command"] == true && (numbers == nil || p["sent_packets"].(float64) > numbers["sent_packets"].(float64)) {
				numbers = map[string]any{}
				for _, name := range []string{"sent_packets", "received_packets", "sent_wire_bytes", "received_wire_bytes", "sent_payload_bytes", "received_payload_bytes", "connections"} {
					numbers[name] = p[name]
				}
			}
		}
		return numbers
	}
	if a, b := busiest(told.Processes), busiest(plain.Processes); !cmp.Equal(a, b) || a["sent_packets"] != 35.0 || a["received_payload_bytes"] != 3500.0 {
		t.Errorf("the process has %v by the tracker, %v by run", a, b)
	}
}

// byPhase sums the packets that were sent, by phase.
func byPhase(rows []map[string]any) map[string]float64 {
	sums := map[string]float64{}
	for _, r := range rows {
		name, _ := r["phase"].(string)
		sums[name] += r["sent_packets"].(float64)
	}
	return sums
}
