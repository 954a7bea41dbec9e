package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// checkNWB computes the old tool's nine numbers from tshark's JSON and the log,
// by its rules and by none of our code, for every process.
func checkNWB(t *testing.T, dir string, d document) {
	t.Helper()
	old := newOldTool(t, filepath.Join(dir, "run.conns.jsonl"))
	var frames []struct {
		Source struct{ Layers map[string][]string } `json:"_source"`
	}
	text := printed(t, dir, "tshark", "-n", "-r", "run.pcapng", "-T", "json",
		"-e", "tcp.srcport", "-e", "tcp.dstport", "-e", "frame.len", "-e", "ip.src", "-e", "tcp.time_delta")
	if err := json.Unmarshal([]byte(text), &frames); err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, p := range d.Processes {
		if p.Sent == 0 {
			continue
		}
		n := nine{}
		for _, f := range frames {
			old.count(t, &n, p.PID, f.Source.Layers)
		}
		n["network_total_time_in_seconds"] = old.seconds
		var got struct {
			Samples nine
			Number  *int
		}
		if err := json.Unmarshal([]byte(printed(t, dir, "pcapwho", "analyze", "run.pcapng", "--format", "nwb", "--pid", strconv.Itoa(p.PID), "-q")), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Samples) != 9 {
			t.Errorf("process %d: %d keys", p.PID, len(got.Samples))
		}
		for name, value := range got.Samples {
			if n[name] != value { // every bit
				t.Errorf("process %d: %s is %v, want %v", p.PID, name, value, n[name])
			}
		}
		if n["total_transfer_in_number_of_packets"] > 0 {
			compared++
		}
	}
	// A port pair is its last writer's, the client's or the server's: one
	// process for IPv4 and one for IPv6 have TCP packets, at least.
	if compared < 2 {
		t.Errorf("%d processes have TCP packets, want 2", compared)
	}
}

// nine are the numbers of the old tool.
type nine map[string]float64

// oldTool is what the old tool knew: who has a port pair, which addresses are
// local, how long it watched.
type oldTool struct {
	pid     map[string]int
	local   map[string]bool
	seconds float64
}

func newOldTool(t *testing.T, log string) *oldTool {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := &oldTool{pid: map[string]int{}, local: map[string]bool{}}
	var begin, end int64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var e struct {
			Event      string
			Time       int64 `json:"time_ns"`
			Interfaces []struct{ Addresses []string }
			Local      string
			Remote     *string
			Owners     []struct{ PID int }
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Event == "head":
			begin = e.Time
			for _, i := range e.Interfaces {
				o.local[netip.MustParsePrefix(i.Addresses[0]).Addr().String()] = true // loopback: IPv4 comes first
			}
		case e.Event == "socket" && e.Remote != nil && len(e.Owners) > 0:
			a, b := netip.MustParseAddrPort(e.Local).Port(), netip.MustParseAddrPort(*e.Remote).Port()
			o.pid[fmt.Sprint(a, ">", b)], o.pid[fmt.Sprint(b, ">", a)] = e.Owners[0].PID, e.Owners[0].PID
		}
		end = e.Time
	}
	o.seconds, _ = strconv.ParseFloat(fmt.Sprintf("%d.%09d", (end-begin)/1e9, (end-begin)%1e9), 64)
	return o
}

func (o *oldTool) count(t *testing.T, n *nine, pid int, layers map[string][]string) {
	if len(layers["tcp.srcport"]) == 0 || o.pid[layers["tcp.srcport"][0]+">"+layers["tcp.dstport"][0]] != pid {
		return
	}
	length, err1 := strconv.ParseFloat(layers["frame.len"][0], 64)
	delta, err2 := strconv.ParseFloat(layers["tcp.time_delta"][0], 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("tshark tells %v", layers)
	}
	add := func(name string, v float64) { (*n)[name] += v }
	add("total_transfer_in_number_of_packets", 1)
	add("total_transfer_in_bytes", length)
	add("total_transfer_time_in_seconds", delta)
	if p := layers["tcp.dstport"][0]; p == "80" || p == "443" {
		add("total_traffic_in_number_of_web_packets", 1)
	}
	if len(layers["ip.src"]) == 0 {
		return
	}
	way := "downloaded"
	if o.local[layers["ip.src"][0]] {
		way = "uploaded"
	}
	add("amount_"+way+"_in_number_of_packets", 1)
	add("amount_"+way+"_in_bytes", length)
}
