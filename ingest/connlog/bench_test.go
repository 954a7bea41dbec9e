package connlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// busy is a log as a busy host makes it: n connections between few processes,
// an open and a close each, a poll for every hundred.
func busy(t testing.TB, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	at := int64(1_763_000_000_000_000_000)
	write := func(e Event) {
		at += 1_000
		e.Time = at
		if err := w.Write(&e); err != nil {
			t.Fatal(err)
		}
	}
	write(Event{Kind: KindHead, Head: &Head{Schema: Schema, RecordingID: "00112233445566778899aabbccddeeff", Source: "diag"}})
	for pid := range int32(50) {
		write(Event{Kind: KindProcess, Process: &Process{Change: ProcessSnapshot, ID: ProcessID{pid + 1, at}, Parent: ProcessID{1, 5}, UID: 1000,
			Name: fmt.Sprint("worker-", pid), Exe: "/usr/bin/worker", Args: []string{"/usr/bin/worker", "--number", fmt.Sprint(pid)}, Cgroup: "/system.slice/worker.service"}})
	}
	server := flow.EndpointFrom(netip.MustParseAddrPort("198.51.100.7:443"))
	for i := range n {
		s := Socket{Change: SocketOpen, ID: uint64(i + 1), Inode: uint64(40000 + i), Protocol: flow.TCP,
			Local: flow.Endpoint{Addr: flow.AddrFrom4(0xc0000200 + uint32(i>>16)), Port: uint16(i)}, Remote: server, HasRemote: true,
			State: "established", Owners: []ProcessID{{int32(i%50) + 1, at}}, Evidence: EvidencePoll, Since: at - 20_000_000}
		write(Event{Kind: KindSocket, Socket: &s})
		s.Change, s.State, s.Counters = SocketClose, "", &Counters{BytesSent: 1000, BytesReceived: 50_000, RTT: 120_000}
		write(Event{Kind: KindSocket, Socket: &s})
		if i%100 == 0 {
			write(Event{Kind: KindPoll, Poll: &Poll{Begin: at - 1_000_000, End: at, Sockets: 100}})
		}
	}
	write(Event{Kind: KindEnd, End: &End{Packets: 9}})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkRead(b *testing.B) {
	log := busy(b, 20_000)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		readAll(b, log)
	}
}

func readAll(b *testing.B, log []byte) {
	r := NewReader(bytes.NewReader(log), "x")
	for {
		if _, err := r.Next(); err == io.EOF {
			return
		} else if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAgainstJSON tells how many times as fast as encoding/json a log is
// read, one after the other in each round. encoding/json decodes each line once,
// into what a socket's line has, and makes no addresses nor events of it.
func BenchmarkAgainstJSON(b *testing.B) {
	log := busy(b, 20_000)
	var ours, theirs time.Duration
	for b.Loop() {
		begin := time.Now()
		readAll(b, log)
		between := time.Now()
		for line := range bytes.Lines(log) {
			var w struct {
				wireEvent
				wireSocket
			}
			if err := json.Unmarshal(line, &w); err != nil {
				b.Fatal(err)
			}
		}
		ours, theirs = ours+between.Sub(begin), theirs+time.Since(between)
	}
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-as-fast")
}

func BenchmarkWrite(b *testing.B) {
	r := NewReader(bytes.NewReader(busy(b, 1)), "x")
	var e *Event
	for e == nil || e.Kind != KindSocket {
		e, _ = r.Next()
	}
	w := NewWriter(io.Discard)
	b.SetBytes(int64(len(e.Append(nil))))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(e); err != nil {
			b.Fatal(err)
		}
	}
}
