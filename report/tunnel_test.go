package report

import (
	"net"
	"strconv"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Packets in a tunnel have the owners that they would have without it: the
// tunnel costs bytes on the wire, and nothing else.
func TestTunnelledOwners(t *testing.T) {
	const client, server = "127.0.0.1:40000", "127.0.0.1:80"
	var rows []row
	for _, tunnel := range []func([]byte) []byte{nil, vxlan(t), gre(t)} {
		r := record(t)
		r.tunnel = tunnel
		r.conversation(client, server)
		read := tables(t, analyze(t, Config{Captures: []string{r.end()}, Tables: all()}), JSON)
		checkCoverage(t, read)
		if len(read["connections"]) != 1 {
			t.Fatalf("%d connections, want 1", len(read["connections"]))
		}
		rows = append(rows, read["connections"][0])
	}
	for i, overhead := range []int{0, 14 + 20 + 8 + 8, 20 + 4} {
		for column, want := range rows[0] {
			got := rows[i][column]
			if column == "client_wire_bytes" || column == "server_wire_bytes" {
				bytes, _ := strconv.Atoi(want)
				packets, _ := strconv.Atoi(rows[0][column[:7]+"packets"])
				want = strconv.Itoa(bytes + packets*overhead)
			}
			if got != want {
				t.Errorf("tunnel %d: %s is %s, want %s", i, column, got, want)
			}
		}
	}
	if rows[0]["client_pid"] != "100" || rows[0]["server_pid"] != "200" {
		t.Errorf("owners are %v", rows[0])
	}
}

// vxlan puts a frame into a datagram between two hosts.
func vxlan(t *testing.T) func([]byte) []byte {
	return func(frame []byte) []byte {
		return between(t, layers.IPProtocolUDP, &layers.UDP{SrcPort: 50000, DstPort: 4789}, &layers.VXLAN{ValidIDFlag: true, VNI: 7}, gopacket.Payload(frame))
	}
}

// gre puts the packet of a frame into one between two hosts.
func gre(t *testing.T) func([]byte) []byte {
	return func(frame []byte) []byte {
		return between(t, layers.IPProtocolGRE, &layers.GRE{Protocol: layers.EthernetTypeIPv4}, gopacket.Payload(frame[14:]))
	}
}

// between is a frame from one host to another.
func between(t *testing.T, protocol layers.IPProtocol, above ...gopacket.SerializableLayer) []byte {
	t.Helper()
	out := gopacket.NewSerializeBuffer()
	must(t, gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true}, append([]gopacket.SerializableLayer{
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}}, above...)...))
	return out.Bytes()
}
