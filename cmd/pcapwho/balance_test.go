package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// What the demonstration checks fails when the recording is not what happened.
func TestBalance(t *testing.T) {
	for _, c := range []struct {
		name, file string
		change     func(string) string
		want       string // in the output
	}{
		{"nothing", demo.Log, func(s string) string { return s }, "Every byte agrees. 134 of 134 ends have an owner"},
		{"another owner", demo.Log, swapOwners, "was process"},
		{"sockets left out", demo.Log, func(s string) string {
			return regexp.MustCompile(`(?m)^\{"event":"socket".*"protocol":"tcp".*\n`).ReplaceAllString(s, "")
		}, "was seen and has no owner"},
		{"bytes that nobody sent", demo.Ledger, func(s string) string {
			return regexp.MustCompile(`"sent_bytes":(\d)`).ReplaceAllString(s, `"sent_bytes":1$1`)
		}, "captured"},
		{"a connection that nobody had", demo.Ledger, func(s string) string {
			return s[strings.Index(s, "\n")+1:]
		}, "no process says that it was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := unpacked(t)
			path := filepath.Join(dir, c.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := c.change(string(text))
			if c.name != "nothing" && changed == string(text) {
				t.Fatal("the change changes nothing")
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			console, out, _ := quietConsole(t)
			err = showRecording(context.Background(), console, dir)
			if (err != nil) != (c.name != "nothing") {
				t.Errorf("error %v", err)
			}
			printed, _ := os.ReadFile(out)
			if !strings.Contains(string(printed), c.want) {
				t.Errorf("the output lacks %q:\n%s", c.want, printed)
			}
		})
	}
}

// What must have an owner: one look decides for a TCP connection, two decide
// for what lies between them on UDP, and none when the socket was not there all
// the time or when its holder was not asked.
func TestOwed(t *testing.T) {
	at := netip.MustParseAddrPort
	tcp := workload.Entry{Protocol: "tcp", Local: at("127.0.0.1:1"), Remote: at("127.0.0.1:2"), Begin: 100, End: 200}
	udp := workload.Entry{Protocol: "udp", Local: at("127.0.0.1:1"), Remote: at("127.0.0.1:2"), Begin: 100, End: 200}
	connected, bound := endOf(&udp), end{protocol: flow.UDP, local: endpointOf(udp.Local)}
	accepted, listening := endOf(&tcp), end{protocol: flow.TCP, local: endpointOf(tcp.Local)}
	for _, c := range []struct {
		name        string
		entry       workload.Entry
		looks       []look
		lost        map[end][]*loss
		first, last int64
		want        bool
	}{
		{"two looks, before them", tcp, []look{{150, 160}, {170, 180}}, nil, 90, 110, true},
		{"one look", tcp, []look{{150, 160}}, nil, 155, 155, false},
		{"a look that began before", tcp, []look{{90, 160}, {170, 180}}, nil, 120, 120, false},
		{"a look that ended after", tcp, []look{{120, 130}, {150, 210}}, nil, 120, 120, false},
		{"no look", tcp, nil, nil, 120, 120, false},
		{"one look at UDP", udp, []look{{150, 160}}, nil, 155, 155, false},
		{"between two looks", udp, []look{{90, 101}, {110, 120}, {130, 140}, {170, 180}, {190, 200}}, nil, 120, 170, true},
		{"before the first", udp, []look{{110, 120}, {170, 180}}, nil, 119, 150, false},
		{"after the last", udp, []look{{110, 120}, {170, 180}}, nil, 150, 171, false},
		{"its holder last known in the first look", udp, []look{{110, 120}, {170, 180}}, map[end][]*loss{connected: {{120, 120}}}, 130, 130, false},
		{"its holder last known in the last look", udp, []look{{110, 120}, {170, 180}}, map[end][]*loss{connected: {{180, 180}}}, 130, 130, true},
		{"no peer, its holder not asked again", udp, []look{{110, 120}, {170, 180}}, map[end][]*loss{bound: {{120, 120}}}, 130, 130, false},
		{"behind it others may have held it", tcp, []look{{130, 140}, {150, 160}}, map[end][]*loss{accepted: {{160, 200}}}, 150, 161, false},
		{"before others may have held it", tcp, []look{{130, 140}, {150, 160}}, map[end][]*loss{accepted: {{160, 200}}}, 150, 160, true},
		{"others may have held it when it was first seen, and until it was accepted", tcp, []look{{130, 140}, {150, 160}}, map[end][]*loss{accepted: {{90, 110}}}, 80, 120, false},
		{"others may have listened when it began", tcp, []look{{130, 140}, {150, 160}}, map[end][]*loss{listening: {{70, 90}}}, 80, 120, false},
		{"others may have listened before it began", tcp, []look{{130, 140}, {150, 160}}, map[end][]*loss{listening: {{70, 79}}}, 80, 120, true},
		{"another socket before", udp, []look{{110, 120}, {170, 180}}, map[end][]*loss{connected: {{99, 99}}}, 130, 130, true},
	} {
		k := evidence{looks: c.looks, lost: c.lost}
		if c.entry.Protocol == "tcp" {
			k.doubted = map[end][]int64{}
			for e, list := range c.lost {
				k.doubted[e] = append(k.doubted[e], list[0].at)
			}
		}
		if got := k.owed(&c.entry, c.first, c.last); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// Where the clock was set back, the error says so.
func TestBalanceAfterClockSetBack(t *testing.T) {
	b := balance{evidence: &evidence{}, mistakes: []string{"x"}}
	if err := b.err(); strings.Contains(err.Error(), "clock") {
		t.Errorf("without a reason it says %v", err)
	}
	b.evidence.twice = []look{{1, 2}}
	if err := b.err(); !strings.Contains(err.Error(), "the clock was set back") {
		t.Errorf("it says %v", err)
	}
}

// A time that passed twice is of two moments: who owned what then is not asked.
func TestTwiceIsNotOwed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	const log = `{"event":"head","time_ns":100,"seq":1,"schema":"pcapwho.connlog/1","recording_id":"0123456789abcdef0123456789abcdef","host":"h","source":"diag"}
{"event":"clock","time_ns":200,"seq":2}
{"event":"clock","time_ns":250,"seq":3,"step_ns":-50}
{"event":"clock","time_ns":400,"seq":4,"step_ns":60}
`
	if err := os.WriteFile(path, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	k, err := readEvidence(path)
	if err != nil {
		t.Fatal(err)
	}
	k.looks = []look{{110, 120}, {500, 510}, {520, 530}}
	e := workload.Entry{Protocol: "tcp", Begin: 100, End: 600}
	for at, want := range map[int64]bool{149: true, 150: false, 300: false, 301: true} {
		if got := k.owed(&e, at, at); got != want {
			t.Errorf("at %d: %v, want %v", at, got, want)
		}
	}
}

// swapOwners gives the sockets of the first two owners in the log to each
// other.
func swapOwners(log string) string {
	owners := regexp.MustCompile(`"owners":\[\{"pid":\d+,"start_ns":\d+\}\]`)
	first := owners.FindString(log)
	for _, second := range owners.FindAllString(log, -1) {
		if second != first {
			return strings.NewReplacer(first, second, second, first).Replace(log)
		}
	}
	return log
}
