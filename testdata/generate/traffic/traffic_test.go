package traffic_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// each runs a test with a small recording of each kind, and what is true of it.
func each(t *testing.T, format string, test func(t *testing.T, capture string, truth *traffic.Truth, connections map[int64]traffic.Connection)) {
	for _, k := range traffic.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			dir, connections := t.TempDir(), map[int64]traffic.Connection{}
			scale := map[string]float64{"bulk": 0.02, "small": 0.002, "mixed": 0.02}[k.Name]
			truth, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 7, Scale: scale, Format: format,
				Ended: func(c traffic.Connection) { connections[c.Frame] = c }})
			if err != nil {
				t.Fatal(err)
			}
			test(t, filepath.Join(dir, k.Name+"."+format), truth, connections)
		})
	}
}

// result is the part of an analysis that the truth is about.
type result struct {
	Capture struct {
		Packets          int64 `json:"packets"`
		WireBytes        int64 `json:"wire_bytes"`
		CapturedBytes    int64 `json:"captured_bytes"`
		FirstNs          int64 `json:"first_ns"`
		LastNs           int64 `json:"last_ns"`
		DroppedPackets   int64 `json:"dropped_packets"`
		UndecodedPackets int64 `json:"undecoded_packets"`
	}
	Coverage []struct {
		Side, Reason string
		Packets      int64
	}
	Damage      []any
	Processes   []*traffic.Process
	Connections []connection
}

// connection is a row of the connections table.
type connection struct {
	ID            int64  `json:"connection_id"`
	Protocol      string `json:"protocol"`
	ClientIP      string `json:"client_ip"`
	ClientPort    uint16 `json:"client_port"`
	ServerIP      string `json:"server_ip"`
	ServerPort    uint16 `json:"server_port"`
	ClientPackets int64  `json:"client_packets"`
	ServerPackets int64  `json:"server_packets"`
	ClientWire    int64  `json:"client_wire_bytes"`
	ServerWire    int64  `json:"server_wire_bytes"`
	ClientPayload int64  `json:"client_payload_bytes"`
	ServerPayload int64  `json:"server_payload_bytes"`
	ClientUnique  int64  `json:"client_unique_payload_bytes"`
	ServerUnique  int64  `json:"server_unique_payload_bytes"`
	ClientPID     *int32 `json:"client_pid"`
	ServerPID     *int32 `json:"server_pid"`
	ClientReason  string `json:"client_reason"`
	ServerReason  string `json:"server_reason"`
}

func analyze(t *testing.T, capture string) *result {
	t.Helper()
	r, err := report.Analyze(context.Background(), report.Config{Captures: []string{capture}, Logs: []string{strings.TrimSuffix(capture, filepath.Ext(capture)) + ".conns.jsonl"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text bytes.Buffer
	if err := r.Write(context.Background(), report.Output{Format: report.JSON, Stdout: &text}); err != nil {
		t.Fatal(err)
	}
	var got result
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	return &got
}

// The analysis of a recording is its truth: every packet, every connection
// with its owners, every byte of every process.
func TestAnalysisIsTheTruth(t *testing.T) {
	for _, format := range []string{"pcapng", "pcap"} {
		t.Run(format, func(t *testing.T) {
			each(t, format, func(t *testing.T, capture string, truth *traffic.Truth, connections map[int64]traffic.Connection) {
				got := analyze(t, capture)
				c := &got.Capture
				if c.Packets != truth.Packets || c.WireBytes != truth.WireBytes || c.CapturedBytes != truth.WireBytes || c.FirstNs != truth.FirstNs || c.LastNs != truth.LastNs {
					t.Errorf("the capture is %+v, want %+v", c, truth)
				}
				if c.DroppedPackets != 0 || c.UndecodedPackets != 0 || len(got.Damage) > 0 {
					t.Errorf("dropped %d, undecoded %d, damage %v", c.DroppedPackets, c.UndecodedPackets, got.Damage)
				}
				compareCoverage(t, got, truth)
				compareConnections(t, got, truth, connections)
				owned := cmpopts.SortSlices(func(a, b *traffic.Process) bool { return a.PID < b.PID })
				if diff := cmp.Diff(truth.Processes, got.Processes, owned, cmpopts.IgnoreUnexported(traffic.Process{})); diff != "" {
					t.Errorf("processes (-truth +analysis):\n%s", diff)
				}
			})
		})
	}
}

func compareCoverage(t *testing.T, got *result, truth *traffic.Truth) {
	t.Helper()
	sum := map[string]int64{}
	for _, c := range got.Coverage {
		switch c.Reason {
		case "exact", "stream", "wildcard":
			sum[c.Side] += c.Packets
		case "remote":
			sum[c.Side+" remote"] += c.Packets
		default:
			if c.Packets > 0 {
				t.Errorf("%d packets whose %s is %s", c.Packets, c.Side, c.Reason)
			}
		}
	}
	want := map[string]int64{"source": truth.OwnedSources, "destination": truth.OwnedDestinations,
		"source remote": truth.Packets - truth.OwnedSources, "destination remote": truth.Packets - truth.OwnedDestinations}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("coverage (-truth +analysis):\n%s", diff)
	}
}

func compareConnections(t *testing.T, got *result, truth *traffic.Truth, connections map[int64]traffic.Connection) {
	t.Helper()
	if len(connections) != int(truth.Connections) || len(got.Connections) != len(connections) {
		t.Errorf("%d connections, of which %d were told; the analysis has %d", truth.Connections, len(connections), len(got.Connections))
	}
	bad := 0
	for _, row := range got.Connections {
		c, ok := connections[row.ID]
		if !ok {
			t.Fatalf("connection %d is none", row.ID)
		}
		row.ClientReason, row.ServerReason = owned(row.ClientReason), owned(row.ServerReason)
		if diff := cmp.Diff(rowOf(&c), row); diff != "" {
			if bad++; bad <= 5 {
				t.Errorf("connection %d (-truth +analysis):\n%s", row.ID, diff)
			}
		}
	}
}

// owned is any reason that names an owner.
func owned(reason string) string {
	switch reason {
	case "exact", "stream", "wildcard":
		return "owned"
	}
	return reason
}

// rowOf is the row that a connection must have.
func rowOf(c *traffic.Connection) connection {
	row := connection{
		ID: c.Frame, Protocol: "udp",
		ClientIP: c.Endpoint[0].Addr().String(), ClientPort: c.Endpoint[0].Port(), ServerIP: c.Endpoint[1].Addr().String(), ServerPort: c.Endpoint[1].Port(),
		ClientPackets: c.Packets[0], ServerPackets: c.Packets[1], ClientWire: c.Wire[0], ServerWire: c.Wire[1],
		ClientPayload: c.Payload[0], ServerPayload: c.Payload[1], ClientUnique: c.Unique[0], ServerUnique: c.Unique[1],
	}
	if c.TCP {
		row.Protocol = "tcp"
	}
	owner := func(end int) (*int32, string) {
		switch {
		case c.Owner[end] == nil:
			return nil, "remote"
		case c.Former[end] != nil:
			return nil, "ambiguous"
		}
		return &c.Owner[end].PID, "owned"
	}
	row.ClientPID, row.ClientReason = owner(traffic.Client)
	row.ServerPID, row.ServerReason = owner(traffic.Server)
	return row
}

// Wireshark's tools read every file, count the same packets and bytes, and
// find nothing to complain of.
func TestWireshark(t *testing.T) {
	capinfos, tshark := need.Tool(t, "capinfos"), need.Tool(t, "tshark")
	for _, format := range []string{"pcapng", "pcap"} {
		t.Run(format, func(t *testing.T) {
			each(t, format, func(t *testing.T, capture string, truth *traffic.Truth, _ map[int64]traffic.Connection) {
				// Packets, bytes, whether in order of time; tab-separated.
				got := strings.Fields(output(t, capinfos, "-T", "-M", "-r", "-c", "-d", "-o", capture))
				want := []string{capture, strconv.FormatInt(truth.Packets, 10), strconv.FormatInt(truth.WireBytes, 10), "True"}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("capinfos (-truth +capinfos):\n%s", diff)
				}
				bad := "_ws.malformed || _ws.short || ip.checksum.status == 0 || ip.len > frame.len || tcp.hdr_len < 20"
				out := output(t, tshark, "-r", capture, "-o", "ip.check_checksum:TRUE", "-Y", bad, "-T", "fields", "-e", "frame.number")
				if out != "" {
					t.Errorf("tshark: malformed frames:\n%.300s", out)
				}
			})
		})
	}
}

// output runs a program that must print no error.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	warnings := strings.ReplaceAll(stderr.String(), "Running as user \"root\" and group \"root\". This could be dangerous.\n", "")
	if err != nil || strings.TrimSpace(warnings) != "" {
		t.Fatalf("%s: %v\n%s", name, err, warnings)
	}
	return stdout.String()
}

// The same seed makes the same capture on every machine, and another seed
// another one. Where the traffic is meant to change, so do these sums.
func TestDeterministic(t *testing.T) {
	want := map[string]string{"bulk": "a3be46f4", "small": "dae9467e", "mixed": "0981a192"}
	for _, k := range traffic.Kinds() {
		sums := func(seed uint64) (capture, log string) {
			c, l := sha256.New(), sha256.New()
			if _, err := traffic.Generate(c, l, traffic.Config{Kind: k, Seed: seed, Scale: 0.001}); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%.4x", c.Sum(nil)), fmt.Sprintf("%x", l.Sum(nil))
		}
		capture, log := sums(1)
		if capture != want[k.Name] {
			t.Errorf("%s: the capture's sum is %s, want %s", k.Name, capture, want[k.Name])
		}
		if c, l := sums(1); c != capture || l != log {
			t.Errorf("%s: two runs differ", k.Name)
		}
		if c, l := sums(2); c == capture || l == log {
			t.Errorf("%s: two seeds make the same", k.Name)
		}
	}
}

// However long the capture, no more connections are alive than were asked for.
func TestLive(t *testing.T) {
	const live = 25
	k, _ := traffic.Lookup("mixed")
	change := map[int64]int{} // of the number alive, by frame
	truth, err := traffic.Generate(io.Discard, io.Discard, traffic.Config{Kind: k, Scale: 0.02, Live: live, Ended: func(c traffic.Connection) {
		change[c.Frame]++
		change[c.Last+1]--
	}})
	if err != nil {
		t.Fatal(err)
	}
	alive, most := 0, 0
	for frame := range truth.Packets {
		alive += change[frame]
		most = max(most, alive)
	}
	if most > live || most < live*2/3 {
		t.Errorf("%d connections were alive, want %d", most, live)
	}
}

// Addresses are loopback, private, or those set apart for documentation and
// benchmarks; two connections have the same endpoints only where a port is
// used again.
func TestEndpoints(t *testing.T) {
	for _, k := range traffic.Kinds() {
		seen, again := map[[2]netip.AddrPort]traffic.Connection{}, 0
		_, err := traffic.Generate(io.Discard, io.Discard, traffic.Config{Kind: k, Scale: 0.1, Ended: func(c traffic.Connection) {
			for _, e := range c.Endpoint {
				if a := e.Addr(); !netip.MustParsePrefix("198.18.0.0/15").Contains(a) && !netip.MustParsePrefix("2001:db8::/32").Contains(a) && !a.IsLoopback() && !a.IsPrivate() {
					t.Errorf("%s: address %v", k.Name, a)
				}
			}
			if former, ok := seen[c.Endpoint]; ok {
				if again++; !c.TCP || former.Last > c.Frame {
					t.Errorf("%s: %v in frames %d to %d and from %d on", k.Name, c.Endpoint, former.Frame, former.Last, c.Frame)
				}
			}
			seen[c.Endpoint] = c
		}})
		if err != nil {
			t.Fatal(err)
		}
		if (k.Name != "bulk") != (again > 0) {
			t.Errorf("%s: %d reused ports", k.Name, again)
		}
	}
}
