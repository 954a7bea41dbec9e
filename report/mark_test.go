package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

const inbound, outbound = 1, 2

// by makes the packets to come those of a process, as Wireshark marks them;
// 0 = of none.
func (r *recording) by(pid uint32, direction byte) {
	r.options = pcapng.Options{{Code: pcapng.PacketFlags, Value: []byte{direction, 0, 0, 0}}}
	if pid > 0 {
		r.options = append(r.options, pcapng.Option{Code: pcapng.PacketProcess, Value: binary.LittleEndian.AppendUint64(nil, uint64(pid))})
	}
}

// process writes Wireshark's block that describes one.
func (r *recording) process(pid uint32, name string, start uint64) {
	r.t.Helper()
	le := binary.LittleEndian
	entry := le.AppendUint16(le.AppendUint16(le.AppendUint32(nil, pid), 2), uint16(len(name)))
	entry = append(entry, name...)
	entry = append(entry, make([]byte, -len(name)&3)...)
	if start > 0 {
		entry = le.AppendUint64(le.AppendUint16(le.AppendUint16(entry, 9), 8), start)
	}
	data := append(le.AppendUint32(le.AppendUint32(nil, 3), uint32(len(entry))), entry...)
	must(r.t, r.writer.WriteBlock(&pcapng.CustomBlock{Enterprise: 32622, Data: data}))
}

// alone writes the capture without a log.
func (r *recording) alone() string {
	r.t.Helper()
	must(r.t, r.writer.Flush())
	path := filepath.Join(r.t.TempDir(), "marks.pcapng")
	must(r.t, os.WriteFile(path, r.capture.Bytes(), 0o600))
	return path
}

// Processes that the capture alone names are rows, and own their connections.
func TestMarkedOwners(t *testing.T) {
	r := record(t)
	client, server := "10.0.0.1:40000", "203.0.113.9:443"
	r.process(7, "curl", epoch-5e9)
	r.by(7, outbound)
	r.tcp(client, server, 100, 0, "S", 0)
	r.by(0, inbound)
	r.tcp(server, client, 500, 101, "SA", 0)
	r.by(7, outbound)
	r.tcp(client, server, 101, 501, "A", 40)
	r.by(0, inbound)
	r.tcp(server, client, 501, 141, "A", 1000)
	r.by(8, outbound)
	r.udp("10.0.0.1:5000", "203.0.113.53:53", 30)
	read := tables(t, analyze(t, Config{Captures: []string{r.alone()}, Tables: all()}), JSON)
	want := []row{{"pid": "7", "start_ns": fmt.Sprint(int64(epoch - 5e9)), "name": "curl", "connections": "1", "sent_packets": "2", "received_packets": "2", "received_payload_bytes": "1000"},
		{"pid": "8", "start_ns": "", "name": "", "connections": "1", "sent_packets": "1", "received_packets": "0", "sent_payload_bytes": "30"}}
	check := func(name string, got, want []row) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%d %s, want %d: %v", len(got), name, len(want), got)
		}
		for i := range want {
			for column, v := range want[i] {
				if got[i][column] != v {
					t.Errorf("%s %d: %s is %q, want %q", name, i, column, got[i][column], v)
				}
			}
		}
	}
	check("processes", read["processes"], want)
	check("connections", read["connections"], []row{{"client_pid": "7", "client_name": "curl", "client_reason": "packet", "server_pid": "", "server_reason": "unknown", "local_side": ""},
		{"client_pid": "8", "client_name": "", "client_start_ns": "", "client_reason": "packet"}})
	check("packets", read["packets"], []row{{"source_pid": "7", "source_reason": "packet", "destination_reason": "unknown"}, {"destination_pid": "7", "destination_reason": "stream"},
		{"source_reason": "packet"}, {"destination_reason": "stream"}, {"source_pid": "8", "source_reason": "packet"}})
}

// However many workers read a capture with marks, the result is the same, and
// its packets one by one are what its coverage says.
func TestMarksOfManyPieces(t *testing.T) {
	r := record(t)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 6000 {
		if n%1000 == 500 {
			r.process(uint32(1+n/1000), fmt.Sprint("p", n), 0)
		}
		k := random.IntN(40)
		a, b := fmt.Sprintf("10.0.0.1:%d", 40000+k), fmt.Sprintf("203.0.113.%d:443", 1+k)
		if k%10 == 0 { // of one host
			b = "10.0.0.1:443"
		}
		direction := byte(outbound)
		if random.IntN(2) == 0 {
			a, b, direction = b, a, inbound
		}
		r.options = nil
		if n%3000 > 1000 && random.IntN(3) > 0 {
			pid := uint32(1 + k%3)
			if k%8 == 0 { // more than are kept apart
				pid = 1 + random.Uint32N(500)
			}
			r.by(pid*random.Uint32N(2), direction)
		}
		if k%2 == 0 {
			r.tcp(a, b, uint32(n), 1, "A", random.IntN(700))
		} else {
			r.udp(a, b, random.IntN(700))
		}
	}
	path := r.alone()
	var first string
	for _, workers := range []int{1, 2, 3, 7} {
		res := analyze(t, Config{Captures: []string{path}, Tables: all(), Workers: workers})
		var out bytes.Buffer
		must(t, res.Write(context.Background(), Output{Format: JSON, Stdout: &out}))
		if first == "" {
			first = out.String()
		}
		if out.String() != first {
			t.Errorf("another result with %d workers", workers)
		}
	}
	read := fromJSON(t, []byte(first))
	checkCoverage(t, read)
	reasons := map[string]bool{}
	for _, p := range read["packets"] {
		reasons[p["source_reason"]] = true
	}
	if len(reasons) != 4 {
		t.Errorf("reasons %v, want packet, stream, ambiguous and unknown", reasons)
	}
}

// checkCoverage holds coverage and processes against the packets one by one.
func checkCoverage(t *testing.T, read map[string][]row) {
	t.Helper()
	for _, c := range read["coverage"] {
		of := func(p row) bool { return p[c["side"]+"_reason"] == c["reason"] }
		if bytes := sum(t, read["packets"], "wire_length", of); fmt.Sprint(bytes) != c["wire_bytes"] {
			t.Errorf("%s %s: %d bytes of packets, coverage says %s", c["side"], c["reason"], bytes, c["wire_bytes"])
		}
	}
	for _, p := range read["processes"] {
		sent := func(q row) bool { return q["source_pid"] == p["pid"] }
		if bytes := sum(t, read["packets"], "wire_length", sent); fmt.Sprint(bytes) != p["sent_wire_bytes"] {
			t.Errorf("process %s: %d bytes of packets, the table says %s", p["pid"], bytes, p["sent_wire_bytes"])
		}
	}
}

// ptcpdump's own captures: each connection is of the process that their
// comments name, and of nobody for certain where both ends are of one host.
func TestMarksOfPtcpdump(t *testing.T) {
	folder := need.Env(t, need.Corpora, "a folder of third-party captures")
	for name, want := range map[string]row{
		"curl-thread": {"client_pid": "122868", "client_name": "curl", "client_reason": "packet", "server_reason": "unknown"},
		"curl-user":   {"client_pid": "99722", "client_name": "curl", "client_reason": "packet", "server_reason": "unknown"},
		"dns":         {"client_pid": "380281", "client_name": "dig", "client_reason": "packet", "server_reason": "unknown"},
		"tcp":         {"client_pid": "", "client_reason": "ambiguous", "server_pid": "", "server_reason": "ambiguous"},
	} {
		path := filepath.Join(folder, "ptcpdump", "testdata", "format", name+".pcapng")
		read := tables(t, analyze(t, Config{Captures: []string{path}}), JSON)["connections"]
		if len(read) != 1 {
			t.Fatalf("%s: %d connections, want 1", name, len(read))
		}
		for column, v := range want {
			if read[0][column] != v {
				t.Errorf("%s: %s is %q, want %q", name, column, read[0][column], v)
			}
		}
	}
}
