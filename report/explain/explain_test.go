package explain

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

func endpoint(s string) flow.Endpoint { return flow.EndpointFrom(netip.MustParseAddrPort(s)) }

func five(protocol flow.Protocol, from, to string) flow.FiveTuple {
	a, b := endpoint(from), endpoint(to)
	return flow.FiveTuple{Source: a.Addr, Destination: b.Addr, SourcePort: a.Port, DestinationPort: b.Port, Protocol: protocol}
}

// socket makes an event of a socket at a second.
func socket(at int64, change connlog.SocketChange, protocol flow.Protocol, local, remote, state string, pid int32) *connlog.Event {
	k := &connlog.Socket{Change: change, ID: uint64(at), Protocol: protocol, Local: endpoint(local), State: state, Owners: []connlog.ProcessID{{PID: pid, Start: 1}}}
	if remote != "" {
		k.Remote, k.HasRemote = endpoint(remote), true
	}
	return &connlog.Event{Kind: connlog.KindSocket, Time: at * 1e9, Socket: k}
}

// written writes events to a log and returns its path.
func written(t *testing.T, events ...*connlog.Event) string {
	t.Helper()
	var log bytes.Buffer
	w := connlog.NewWriter(&log)
	events = append([]*connlog.Event{{Kind: connlog.KindHead, Head: &connlog.Head{Schema: connlog.Schema, Host: "h\x1b[31m"}}}, events...)
	for _, e := range events {
		if err := w.Write(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.conns.jsonl")
	if err := os.WriteFile(path, log.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// lines returns the numbers of the lines that a packet's explanation shows.
func lines(t *testing.T, p *packet.Packet, log string) (numbers []uint64, x *Explanation) {
	t.Helper()
	none := attribute.Verdict{Process: attribute.NoProcess, Reason: attribute.Unknown}
	x = New(p, nil, [2]attribute.Verdict{{Process: 0}, none}, []attribute.Process{{ID: connlog.ProcessID{PID: 7, Start: 1}, Name: "evil\x1b[2J\n", Args: []string{"a\nb"}}})
	if err := x.Search(context.Background(), p, []string{log}); err != nil {
		t.Fatal(err)
	}
	for _, l := range x.Evidence {
		numbers = append(numbers, l.Number)
	}
	return numbers, x
}

// The lines that are shown are those of the packet's own sockets, of what is bound to
// its ports, of its translations, of the named process, the polls around it and the
// gaps over it: no others.
func TestSearch(t *testing.T) {
	open, listen := connlog.SocketOpen, "listen"
	log := written(t, // the head is line 1
		socket(1, open, flow.TCP, "10.0.0.1:80", "", listen, 7),
		socket(1, open, flow.TCP, "10.0.0.2:80", "", listen, 7), // another address
		socket(1, open, flow.TCP, "0.0.0.0:81", "", listen, 7),  // another port
		socket(1, open, flow.UDP, "0.0.0.0:80", "", "", 7),      // another protocol
		socket(2, open, flow.TCP, "10.0.0.1:80", "10.0.0.9:5000", "established", 7),
		socket(2, open, flow.TCP, "10.0.0.1:80", "10.0.0.9:5001", "established", 7), // another connection
		&connlog.Event{Kind: connlog.KindNAT, Time: 2e9, NAT: &connlog.NAT{Change: connlog.TranslationOpen, Protocol: flow.TCP,
			Source: endpoint("172.17.0.2:5000"), Destination: endpoint("10.0.0.1:80"), NewSource: endpoint("10.0.0.9:5000"), NewDestination: endpoint("10.0.0.1:80")}},
		socket(2, open, flow.TCP, "172.17.0.2:5000", "10.0.0.1:80", "established", 8),
		&connlog.Event{Kind: connlog.KindPoll, Time: 1e9, Poll: &connlog.Poll{Begin: 1e9, End: 1e9}},
		&connlog.Event{Kind: connlog.KindPoll, Time: 2e9, Poll: &connlog.Poll{Begin: 2e9, End: 2e9}},
		&connlog.Event{Kind: connlog.KindPoll, Time: 4e9, Poll: &connlog.Poll{Begin: 4e9, End: 4e9}},
		&connlog.Event{Kind: connlog.KindPoll, Time: 5e9, Poll: &connlog.Poll{Begin: 5e9, End: 5e9}},
		&connlog.Event{Kind: connlog.KindProcess, Time: 1e9, Process: &connlog.Process{Change: connlog.ProcessExec, ID: connlog.ProcessID{PID: 7, Start: 1}, Name: "evil"}},
		&connlog.Event{Kind: connlog.KindProcess, Time: 1e9, Process: &connlog.Process{Change: connlog.ProcessExec, ID: connlog.ProcessID{PID: 7, Start: 2}, Name: "other"}},
		&connlog.Event{Kind: connlog.KindGap, Time: 3e9, Gap: &connlog.Gap{Source: connlog.GapCapture, Begin: 25e8, End: 3e9}},
		&connlog.Event{Kind: connlog.KindGap, Time: 9e9, Gap: &connlog.Gap{Source: connlog.GapCapture, Begin: 8e9, End: 9e9}},
	)
	p := &packet.Packet{Frame: 5, Time: 3e9, Class: packet.Transport, Tuple: five(flow.TCP, "10.0.0.9:5000", "10.0.0.1:80"), TCPFlags: packet.SYN}
	got, x := lines(t, p, log)
	if want := "[1 2 6 8 9 11 12 14 16]"; fmt.Sprint(got) != want {
		t.Errorf("shows lines %v, want %s", got, want)
	}
	var text strings.Builder
	if err := x.Text(&text); err != nil {
		t.Fatal(err)
	}
	if s := text.String(); strings.ContainsAny(s, "\x1b\r") || strings.Contains(s, "a\nb") || !strings.Contains(s, "evil") {
		t.Errorf("not escaped, or not there:\n%s", s)
	}
}

// Of many lines the nearest are kept.
func TestNearest(t *testing.T) {
	var events []*connlog.Event
	for at := range int64(100) {
		events = append(events, socket(at, connlog.SocketOpen, flow.UDP, "0.0.0.0:53", "", "", 7))
	}
	p := &packet.Packet{Frame: 5, Time: 60e9, Class: packet.Transport, Tuple: five(flow.UDP, "10.0.0.9:5000", "10.0.0.1:53")}
	got, x := lines(t, p, written(t, events...))
	if len(got) != most || x.LeftOut != 101-most || got[0] < 40 || got[most-1] > 84 {
		t.Errorf("shows lines %v, leaves out %d", got, x.LeftOut)
	}
}
