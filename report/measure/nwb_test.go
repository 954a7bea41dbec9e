package measure

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// segment is a TCP segment of a generated capture.
type segment struct {
	time     int64
	from, to netip.AddrPort
	seq, ack uint32
	flags    uint8
	payload  int
}

func (s *segment) packet(length int) packet.Packet {
	return packet.Packet{Time: s.time, Class: packet.Transport, IPVersion: map[bool]uint8{true: 4, false: 6}[s.from.Addr().Is4()],
		Tuple: flow.FiveTuple{Source: flow.AddrFrom(s.from.Addr()), Destination: flow.AddrFrom(s.to.Addr()),
			SourcePort: s.from.Port(), DestinationPort: s.to.Port(), Protocol: flow.TCP},
		TCPFlags: s.flags, Seq: s.seq, Ack: s.ack, WireLength: uint32(length), CapturedLength: uint32(length)}
}

// frame is the segment as it is on an Ethernet.
func (s *segment) frame(t testing.TB) []byte {
	t.Helper()
	tcp := &layers.TCP{SrcPort: layers.TCPPort(s.from.Port()), DstPort: layers.TCPPort(s.to.Port()), Seq: s.seq, Ack: s.ack, Window: 1000,
		FIN: s.flags&packet.FIN != 0, SYN: s.flags&packet.SYN != 0, RST: s.flags&packet.RST != 0, PSH: s.flags&packet.PSH != 0, ACK: s.flags&packet.ACK != 0}
	link := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	var network gopacket.SerializableLayer = &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: s.from.Addr().AsSlice(), DstIP: s.to.Addr().AsSlice()}
	if s.from.Addr().Is6() {
		link.EthernetType = layers.EthernetTypeIPv6
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: s.from.Addr().AsSlice(), DstIP: s.to.Addr().AsSlice()}
	}
	if err := tcp.SetNetworkLayerForChecksum(network.(gopacket.NetworkLayer)); err != nil {
		t.Fatal(err)
	}
	out := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, link, network, tcp, gopacket.Payload(make([]byte, s.payload))); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// writeFrames writes a classic pcap file with nanoseconds.
func writeFrames(t testing.TB, path string, segments []segment) {
	t.Helper()
	var out bytes.Buffer
	words := func(w ...uint32) {
		for _, x := range w {
			out.Write(binary.LittleEndian.AppendUint32(nil, x))
		}
	}
	words(0xa1b23c4d, 4<<16|2, 0, 0, 262144, 1)
	for i := range segments {
		frame := segments[i].frame(t)
		words(uint32(segments[i].time/1e9), uint32(segments[i].time%1e9), uint32(len(frame)), uint32(len(frame)))
		out.Write(frame)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

const epoch = 1_763_000_000_000_000_000 // some day in 2025

// traffic is any mixture of a few hosts, ports, sequence numbers and flags:
// connections interleave, ports are used again, SYNs come twice, times go back.
func traffic(r *rand.Rand, n int) []segment {
	hosts := []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("127.0.0.1"),
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")}
	ports := []uint16{80, 443, 40000, 40001, 40002}
	flags := []uint8{packet.SYN, packet.SYN, packet.SYN | packet.ACK, packet.ACK, packet.ACK, packet.ACK | packet.PSH, packet.ACK | packet.FIN, packet.RST, packet.RST | packet.ACK}
	now := int64(epoch)
	var all []segment
	for range n {
		a, b := hosts[r.IntN(len(hosts))], hosts[r.IntN(len(hosts))]
		if a.Is4() != b.Is4() {
			continue
		}
		now += r.Int64N(3_000_000) - 500_000
		all = append(all, segment{now, netip.AddrPortFrom(a, ports[r.IntN(len(ports))]), netip.AddrPortFrom(b, ports[r.IntN(len(ports))]),
			uint32(r.IntN(3)), uint32(r.IntN(3)), flags[r.IntN(len(flags))], r.IntN(20)})
	}
	return all
}

// sockets is a log in which one port pair is named for two processes.
func sockets() []connlog.Event {
	socket := func(at int64, pid int32, local, remote string) connlog.Event {
		return connlog.Event{Kind: connlog.KindSocket, Time: epoch + at, Socket: &connlog.Socket{Change: connlog.SocketOpen, Protocol: flow.TCP, HasRemote: true,
			Local: flow.EndpointFrom(netip.MustParseAddrPort(local)), Remote: flow.EndpointFrom(netip.MustParseAddrPort(remote)),
			Owners: []connlog.ProcessID{{PID: pid, Start: 1}, {PID: 99, Start: 1}}}}
	}
	return []connlog.Event{
		{Kind: connlog.KindHead, Time: epoch - 1_000_000_007, Head: &connlog.Head{Interfaces: []connlog.Interface{
			{Name: "lo", Addresses: []string{"::1/128", "127.0.0.1/8"}}, {Name: "eth0", Addresses: []string{"10.0.0.1/24", "10.0.0.2/24", "2001:db8::1/64"}}}}},
		socket(1, 7, "10.0.0.1:40000", "10.0.0.2:80"),
		socket(2, 7, "[2001:db8::1]:40001", "[2001:db8::2]:443"),
		socket(3, 7, "10.0.0.1:40002", "10.0.0.2:443"),
		socket(4, 8, "127.0.0.1:443", "127.0.0.1:40002"), // takes the pair from 7
		socket(5, 7, "127.0.0.1:80", "127.0.0.1:80"),
		{Kind: connlog.KindEnd, Time: epoch + 12_345_678_901, End: &connlog.End{}},
	}
}

func nwbOf(pid int32, events []connlog.Event, segments []segment, t testing.TB) *NWB {
	n := NewNWB(pid)
	for i := range events {
		n.Event(&events[i])
	}
	for i := range segments {
		p := segments[i].packet(len(segments[i].frame(t)))
		n.Packet(&p)
	}
	return n
}

// Every key, in every bit, is what the old rules give over tshark's fields.
func TestNWBAgainstTshark(t *testing.T) {
	tshark := need.Tool(t, "tshark")
	for seed := range uint64(6) {
		segments := traffic(rand.New(rand.NewPCG(seed, 1)), 1500)
		path := filepath.Join(t.TempDir(), "run.pcap")
		writeFrames(t, path, segments)
		out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-e", "tcp.srcport", "-e", "tcp.dstport",
			"-e", "frame.len", "-e", "ip.src", "-e", "tcp.time_delta").Output()
		if err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		if len(rows) != len(segments) {
			t.Fatalf("tshark tells %d frames, want %d", len(rows), len(segments))
		}
		for _, pid := range []int32{7, 8, 9} {
			want := oldRules(t, rows, pid)
			if got := string(nwbOf(pid, sockets(), segments, t).JSON()); got != want {
				t.Errorf("seed %d, pid %d: got\n%swant\n%s", seed, pid, got, want)
			}
		}
	}
}

// oldRules computes the nine keys from tshark's text, by the letter of the old
// tool and by none of our code.
func oldRules(t *testing.T, rows []string, pid int32) string {
	t.Helper()
	owner := map[string]int32{}
	for _, row := range []struct {
		local, remote string
		pid           int32
	}{{"40000", "80", 7}, {"40001", "443", 7}, {"40002", "443", 7}, {"443", "40002", 8}, {"80", "80", 7}} {
		owner[row.local+">"+row.remote] = row.pid
		owner[row.remote+">"+row.local] = row.pid
	}
	local := map[string]bool{"127.0.0.1": true, "10.0.0.1": true}
	var packets, web, down, up, size, downSize, upSize int
	var seconds float64
	for _, row := range rows {
		f := strings.Split(row, "\t")
		if len(f) != 5 {
			t.Fatalf("tshark tells %q", row)
		}
		if owner[f[0]+">"+f[1]] != pid {
			continue
		}
		length, err1 := strconv.Atoi(f[2])
		delta, err2 := strconv.ParseFloat(f[4], 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("tshark tells %q", row)
		}
		packets, size, seconds = packets+1, size+length, seconds+delta
		if f[1] == "80" || f[1] == "443" {
			web++
		}
		if f[3] != "" && local[f[3]] {
			up, upSize = up+1, upSize+length
		} else if f[3] != "" {
			down, downSize = down+1, downSize+length
		}
	}
	number := func(f float64) string { // repr of a number that needs no exponent
		if s := strconv.FormatFloat(f, 'f', -1, 64); strings.Contains(s, ".") {
			return s
		}
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return fmt.Sprintf(`{"samples": {"total_transfer_in_number_of_packets": %d, "total_traffic_in_number_of_web_packets": %d, `+
		`"amount_downloaded_in_number_of_packets": %d, "amount_uploaded_in_number_of_packets": %d, "total_transfer_in_bytes": %d, `+
		`"amount_downloaded_in_bytes": %d, "amount_uploaded_in_bytes": %d, "total_transfer_time_in_seconds": %s, `+
		`"network_total_time_in_seconds": %s}, "number": null}`+"\n",
		packets, web, down, up, size, downSize, upSize, number(seconds), "13.345678908")
}

// Python's json.dumps of the same numbers.
func TestPythonFloats(t *testing.T) {
	for f, want := range map[float64]string{0: "0.0", 12: "12.0", 1e-5: "1e-05", 0.0001: "0.0001", 0.00012345: "0.00012345", 1e15: "1000000000000000.0",
		1e16: "1e+16", 1.5e-9: "1.5e-09", math.Nextafter(0.3, 1): "0.30000000000000004", 1e22: "1e+22", -2.5: "-2.5", 1e-100: "1e-100", 123456789.123456789: "123456789.12345679"} {
		if got := python(f); got != want {
			t.Errorf("python(%g) = %q, want %q", f, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for ns, want := range map[int64]float64{0: 0, 1: 1e-9, -1: -1e-9, -1_500_000_000: -1.5, 1_763_000_000_123_456_789: 1763000000.123456789, -1 << 63: -9223372036.854775808} {
		if got := seconds(ns); got != want {
			t.Errorf("seconds(%d) = %v, want %v", ns, got, want)
		}
	}
}

// The document is JSON with the keys in their order.
func TestNWBJSON(t *testing.T) {
	doc := NewNWB(1).JSON()
	var parsed struct {
		Samples map[string]json.Number
		Number  *int
	}
	if err := json.Unmarshal(doc, &parsed); err != nil || len(parsed.Samples) != 9 || parsed.Number != nil {
		t.Errorf("%s: %v, %d samples", doc, err, len(parsed.Samples))
	}
}
