package connlog

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"pgregory.net/rapid"
)

// What any event says comes back whole from its line, by both parsers.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawer{t}.event()
		line := want.Append(nil)
		text, ended := bytes.CutSuffix(line, []byte("\n"))
		if !ended || !utf8.Valid(text) || !json.Valid(text) || bytes.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Fatalf("no JSON in printable UTF-8 on one line: %q", line)
		}
		var general Event
		if _, err := parse(text, &general); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		r := NewReader(nil, "x")
		fixed := r.parseFixed(&r.own, text)
		if fixed {
			same(t, general, r.own.Event, line)
		}
		unescaped(reflect.ValueOf(&general))
		same(t, want, general, line)
	})
}

func same(t rapid.TB, want, got Event, line []byte) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("%s\nof %s", d, line)
	}
}

// Every usual line takes the short way, and a line that differs from what is
// written in anything but its values does not: there parse must judge.
func TestFixedOrder(t *testing.T) {
	socket := `{"event":"socket","time_ns":9,"seq":1,"change":"open","socket_id":5,"protocol":"tcp","local":"192.0.2.1:80","owners":[]}`
	fixed := []string{
		socket,
		`{"event":"socket","time_ns":-1763000000000000000,"seq":18,"boot_ns":3,"change":"snapshot","socket_id":0,"inode":1,"netns":4026531840,"protocol":"udp",` +
			`"local":"[2001:db8::1]:65535","remote":"192.0.2.255:0","v6":true,"v6only":true,"ifindex":2,"state":"listen",` +
			`"owners":[{"pid":1,"start_ns":-2},{"pid":2147483647,"start_ns":3}],"partial":true,"evidence":"destroy","since_ns":4,` +
			`"counters":{"sent_bytes":1,"received_bytes":2,"retransmits":3,"rtt_ns":4}}`,
		`{"event":"process","time_ns":0,"seq":1,"change":"exec","pid":7,"start_ns":8}`,
		`{"event":"process","time_ns":0,"seq":1,"change":"exit","pid":7,"start_ns":8,"ns_pid":1,"parent":{"pid":1,"start_ns":0},"name":"caf` + "\u00e9" + `",` +
			`"exe":"/x","args":["a",""],"uid":0,"cgroup":"/","container":"c","netns":1,"in_command":true}`,
		`{"event":"poll","time_ns":0,"seq":1,"begin_ns":1,"end_ns":2,"sockets":3}`,
		`{"event":"poll","time_ns":0,"seq":1,"begin_ns":1,"end_ns":2,"sockets":3,"thorough":true}`,
	}
	var general Event
	for _, line := range fixed {
		r := NewReader(nil, "x")
		if !r.parseFixed(&r.own, []byte(line)) {
			t.Errorf("not read the short way: %s", line)
		}
		if _, err := parse([]byte(line), &general); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		same(t, general, r.own.Event, []byte(line))
	}
	for _, change := range [][2]string{
		{`"time_ns":9`, `"time_ns":09`}, {`"time_ns":9`, `"time_ns":9.0`}, {`"time_ns":9`, `"time_ns": 9`}, {`"time_ns":9`, `"time_ns":99999999999999999999`},
		{`"time_ns":9`, `"time_ns":9223372036854775808`}, {`"seq":1`, `"seq":-1`}, {`"seq":1`, `"seq":`}, {`"seq":1,`, ``}, {`"seq":1`, `"SEQ":1`},
		{`"open"`, `"opened"`}, {`"tcp"`, `"ip-6"`}, {`"tcp"`, "\"tcp\xff\""}, {`"tcp"`, `"\u0074cp"`},
		{`192.0.2.1:80`, `192.0.2.256:80`}, {`192.0.2.1:80`, `192.0.02.1:80`}, {`192.0.2.1:80`, `192.0.2.1:65536`}, {`192.0.2.1:80`, `192.0.2:80`},
		{`192.0.2.1:80`, `192.0.2.1.1:80`}, {`192.0.2.1:80`, `192.0.2.1:80 `}, {`192.0.2.1:80`, `[::1:80`}, {`192.0.2.1:80`, ``},
		{`[]`, `[{"pid":0,"start_ns":1}]`}, {`[]`, `[{"pid":2147483648,"start_ns":1}]`}, {`[]`, `[{"pid":1,"start_ns":1}`}, {`[]`, `[,{"pid":1,"start_ns":1}]`},
		{`[]}`, `[],"owners":[]}`}, {`[]}`, `[],"new":1}`}, {`[]}`, `[]} `}, {`[]}`, `[]`}, {`[]}`, `[],"v6":true}`}, {`[]}`, `[],"partial":false}`}, {`[]}`, `[],"evidence":"poll","partial":true}`}, {`"socket"`, `"clock"`},
	} {
		line := strings.Replace(socket, change[0], change[1], 1)
		if line == socket {
			t.Fatalf("%q is not in the line", change[0])
		}
		if NewReader(nil, "x").parseFixed(new(Slot), []byte(line)) {
			t.Errorf("read the short way: %s", line)
		}
	}
}

// The names of words are what flow, and a reader of the log, knows them by.
func TestWords(t *testing.T) {
	if got := []string{KindNAT.String(), ProcessFork.String(), SocketPeer.String(), EvidenceReceive.String(), Kind(99).String(), ProcessChange(0).String(), AddressRemove.String()}; !cmp.Equal(got, []string{"nat", "fork", "peer", "receive", "99", "0", "remove"}) {
		t.Errorf("got %q", got)
	}
	for p := range 256 {
		if got, err := parseProtocol(flow.Protocol(p).String()); err != nil || got != flow.Protocol(p) {
			t.Errorf("protocol %d: came back as %d, %v", p, got, err)
		}
	}
	for _, s := range []string{"", "TCP", "ip-", "ip-256", "ip--1", "ip-+6"} {
		if p, err := parseProtocol(s); err == nil {
			t.Errorf("%q is protocol %d", s, p)
		}
	}
}
