package packet

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// raw reads bytes in hexadecimal, with spaces between.
func raw(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// outer is an IP header of another packet than ip4 and ip6 make, with what it
// carries.
func outer(t testing.TB, version int, protocol layers.IPProtocol, body []byte) []byte {
	t.Helper()
	if version == 4 {
		return frame(t, &layers.IPv4{Version: 4, TTL: 9, Protocol: protocol, SrcIP: []byte{172, 16, 0, 1}, DstIP: []byte{172, 16, 0, 2}}, gopacket.Payload(body))
	}
	return frame(t, &layers.IPv6{Version: 6, NextHeader: protocol, SrcIP: b6, DstIP: b6}, gopacket.Payload(body))
}

// toPort is a datagram to a port, in an outer packet.
func toPort(t testing.TB, port layers.UDPPort, body []byte) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 9, Protocol: layers.IPProtocolUDP, SrcIP: []byte{172, 16, 0, 1}, DstIP: []byte{172, 16, 0, 2}}
	return frame(t, ip, &layers.UDP{SrcPort: 50000, DstPort: port}, gopacket.Payload(body))
}

// tunnels are packets that carry the same TCP segment, over IPv4 or IPv6, by
// what they carry it in.
func tunnels(t testing.TB) map[string][]byte {
	v4 := frame(t, ip4(layers.IPProtocolTCP), tcpLayer(), payload)
	v6 := frame(t, ip6(layers.IPProtocolTCP), tcpLayer(), payload)
	ethernet := frame(t, ether(layers.EthernetTypeIPv4), gopacket.Payload(v4))
	join := func(head string, body []byte) []byte { return append(raw(t, head), body...) }
	gre := func(head string, body []byte) []byte { return outer(t, 4, 47, join(head, body)) }
	return map[string][]byte{
		"IPv4 in IPv4":           outer(t, 4, 4, v4),
		"IPv6 in IPv4":           outer(t, 4, 41, v6),
		"IPv4 in IPv6":           outer(t, 6, 4, v4),
		"IPv6 in IPv6":           outer(t, 6, 41, v6),
		"three deep":             outer(t, 4, 41, outer(t, 6, 4, outer(t, 4, 4, v4))),
		"GRE":                    gre("0000 0800", v4),
		"GRE, IPv6":              gre("0000 86dd", v6),
		"GRE, key and sequence":  gre("b000 0800 0000 0000 00000007 00000001", v4),
		"GRE, Ethernet":          gre("2000 6558 00000700", ethernet),
		"GRE, PPP":               gre("3081 880b 0040 0001 00000001 00000000 ff03 0021", v4),
		"GRE, PPP, protocol cut": gre("3001 880b 0040 0001 00000001 21", v4),
		"GRE, MPLS":              gre("0000 8847 00003140", v4),
		"GRE, ERSPAN I":          gre("0000 88be", ethernet),
		"GRE, ERSPAN II":         gre("1000 88be 00000001 1001000000000000", ethernet),
		"GRE, ERSPAN III":        gre("1000 22eb 00000001 2001000000000000 00000000", ethernet),
		"GRE, ERSPAN III, more":  gre("1000 22eb 00000001 2001000000000000 00000001 0000000000000000", ethernet),
		"GRE, WCCP 1":            gre("0000 883e", v4),
		"GRE, WCCP 2":            gre("0000 883e 00010203", v4),
		"EtherIP":                outer(t, 4, 97, join("3000", ethernet)),
		"MPLS in IP":             outer(t, 4, 137, join("00003140", v4)),
		"Ethernet in IPv6":       outer(t, 6, 143, ethernet),
		"AH":                     frame(t, ip4(51), gopacket.Payload(join("06 04 0000 00000001 00000001 000000000000000000000000", v4[20:]))),
		"AH, tunnel":             outer(t, 4, 51, join("04 04 0000 00000001 00000001 000000000000000000000000", v4)),
		"VXLAN":                  toPort(t, 4789, join("08000000 00000100", ethernet)),
		"VXLAN, Linux":           toPort(t, 8472, join("08000000 00000100", ethernet)),
		"VXLAN-GPE, IPv6":        toPort(t, 4790, join("0c000002 00000100", v6)),
		"VXLAN-GPE, NSH":         toPort(t, 4790, join("0c000004 00000100 0fc2 0201 000001ff", v4)),
		"Geneve, Ethernet":       toPort(t, 6081, join("0000 6558 00000100", ethernet)),
		"Geneve, options, IPv6":  toPort(t, 6081, join("0240 86dd 00000100 0102800100000000", v6)),
		"GTP-U":                  toPort(t, 2152, join("30ff 0042 00000001", v4)),
		"GTP-U, sequence":        toPort(t, 2152, join("32ff 0046 00000001 0001 00 00", v4)),
		"GTP-U, extensions":      toPort(t, 2152, join("34ff 004e 00000001 0000 00 85 01 1009 c0 02 000000000000 00", v6)),
		"MPLS in UDP":            toPort(t, 6635, join("00003140", v6)),
	}
}

// A packet that a tunnel carries is what counts, wherever it is; lengths are
// those of its own headers.
func TestTunnels(t *testing.T) {
	for name, data := range tunnels(t) {
		for _, link := range []uint16{pcapng.LinkRaw, pcapng.LinkEthernet} {
			if link == pcapng.LinkEthernet { // the quick way must leave it, and padding counts for nothing
				kind := layers.EthernetTypeIPv4
				if data[0]>>4 == 6 {
					kind = layers.EthernetTypeIPv6
				}
				data = append(frame(t, ether(kind), gopacket.Payload(data)), 0, 0, 0, 0, 0, 0)
			}
			checkSegment(t, name, link, data)
		}
	}
}

// checkSegment holds that a frame gives the segment of TestLinkTypes, whole,
// and nothing of what is around it.
func checkSegment(t *testing.T, name string, link uint16, data []byte) {
	t.Helper()
	got := held(t, name, data, decode(link, data))
	want := Packet{WireLength: uint32(len(data)), CapturedLength: uint32(len(data)), Class: Transport, IPVersion: 4, Tuple: tuple4(flow.TCP), Payload: 10,
		TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}
	if got.IPVersion == 6 {
		want.IPVersion, want.Tuple = 6, tuple6(flow.TCP)
	}
	want.Hash = want.Tuple.Hash()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s, link type %d:\n%s", name, link, d)
	}
}

// What a tunnel carries that is no IP, malformed or cut leaves the packet to
// the tunnel.
func TestTunnelsWithoutPackets(t *testing.T) {
	arp := frame(t, ether(layers.EthernetTypeARP), gopacket.Payload("whatever"))
	vxlan := toPort(t, 4789, append(raw(t, "08000000 00000100"), arp...))
	for name, data := range map[string][]byte{
		"ARP":                  vxlan,
		"no VXLAN":             toPort(t, 4789, append(raw(t, "00000000 00000100"), frame(t, ether(layers.EthernetTypeIPv4), ip4(6), tcpLayer())...)),
		"GTP-U, echo":          toPort(t, 2152, raw(t, "3201 0004 00000000 0001 0000")),
		"GTP-U, extension":     toPort(t, 2152, append(raw(t, "34ff 0046 00000001 0000 00 85 00"), make([]byte, 60)...)),
		"Geneve, OAM":          toPort(t, 6081, raw(t, "0080 88dc 00000100 00000000")),
		"GRE, keepalive":       outer(t, 4, 47, raw(t, "0000 0000")),
		"GRE, routing":         outer(t, 4, 47, append(raw(t, "4000 0800 00000000 00000000"), frame(t, ip4(6), tcpLayer())...)),
		"GRE, acknowledgment":  outer(t, 4, 47, raw(t, "2081 880b 0000 0001 00000001")),
		"EtherIP, version":     outer(t, 4, 97, append(raw(t, "2000"), frame(t, ether(layers.EthernetTypeIPv4), ip4(6), tcpLayer())...)),
		"MPLS without bottom":  outer(t, 4, 137, raw(t, "00003040 00003040")),
		"MPLS, pseudowire":     outer(t, 4, 137, append(raw(t, "00003140 00000000"), arp...)),
		"MPLS, associated":     outer(t, 4, 137, raw(t, "00003140 10000021 45000000")),
		"IPv4, cut":            outer(t, 4, 4, frame(t, ip4(6), tcpLayer())[:19]),
		"IPv6 of version 4":    outer(t, 4, 41, frame(t, ip4(6), tcpLayer(), gopacket.Payload(make([]byte, 40)))),
		"authentication, cut":  outer(t, 4, 51, raw(t, "06 04 0000 00000001")),
		"NSH, unknown carried": toPort(t, 4790, raw(t, "0c000004 00000100 0fc2 0207 000001ff 00")),
	} {
		p := decode(pcapng.LinkRaw, data)
		if p.Class < Network || p.Tuple.Source != flow.AddrFrom4(0xac100001) || p.Tuple.Destination != flow.AddrFrom4(0xac100002) {
			t.Errorf("%s: %+v", name, p)
		}
		if p.Tuple.Protocol == flow.UDP && (p.Class != Transport || p.Payload != uint32(len(data)-28)) {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A tunnel's packet cut at every length is the tunnel's, or the one that it
// carries, and never anything else.
func TestCutTunnels(t *testing.T) {
	for name, data := range tunnels(t) {
		whole := decode(pcapng.LinkRaw, data)
		outside := data[0] >> 4
		for n := range data {
			p := Packet{WireLength: uint32(len(data))}
			Decode(pcapng.LinkRaw, data[:n], &p)
			inner := p.Tuple.Source == whole.Tuple.Source && p.Tuple.Destination == whole.Tuple.Destination
			switch {
			case p.Class == Undecoded:
				if n >= 40 {
					t.Errorf("%s: %d bytes: undecoded", name, n)
				}
			case p.Class == Link:
				t.Errorf("%s: %d bytes: no IP", name, n)
			case inner && p.Class == Transport && (p.Tuple != whole.Tuple || p.Payload != whole.Payload):
				t.Errorf("%s: %d bytes: %+v, whole %+v", name, n, p, whole)
			case !inner && p.IPVersion != outside && name != "three deep":
				t.Errorf("%s: %d bytes: %+v", name, n, p)
			}
		}
	}
}

// TestDepth wraps a packet in more and more headers: those behind maxDepth are
// not followed.
func TestDepth(t *testing.T) {
	for n := range 100 {
		data := frame(t, ip4(layers.IPProtocolTCP), tcpLayer())
		for i := range n {
			ip := &layers.IPv4{Version: 4, Protocol: layers.IPProtocolIPv4, SrcIP: []byte{10, 9, 0, byte(n - i)}, DstIP: b4}
			data = frame(t, ip, gopacket.Payload(data))
		}
		p := decode(pcapng.LinkRaw, data)
		want := flow.AddrFrom4(0x0a000001)
		if n > maxDepth { // the seventeenth header: it has sixteen before it
			want = flow.AddrFrom4(0x0a090000 + maxDepth + 1)
		}
		if p.Tuple.Source != want {
			t.Errorf("%d headers around a packet: it comes from %v, want %v", n, p.Tuple.Source, want)
		}
	}
	tags := append(make([]byte, 12), strings.Repeat("\x81\x00\x00\x01", 40)+"\x08\x00"...)
	if p := decode(pcapng.LinkEthernet, append(tags, frame(t, ip4(6), tcpLayer())...)); p.Class != Undecoded {
		t.Errorf("behind 40 tags: %+v", p)
	}
}

// Fragments of a tunnel's packet: the first has what is carried, the others
// belong to the tunnel.
func TestFragmentedTunnel(t *testing.T) {
	data := outer(t, 4, 47, append(raw(t, "0000 0800"), frame(t, ip4(6), tcpLayer(), payload)...))
	data[6] = 0x20 // more fragments
	if p := decode(pcapng.LinkRaw, data); p.Class != Transport || p.Tuple != tuple4(flow.TCP) || p.Fragmented {
		t.Errorf("the first: %+v", p)
	}
	data[7] = 9
	if p := decode(pcapng.LinkRaw, data); p.Class != Network || p.Tuple.Protocol != 47 || !p.Fragmented || p.FragmentOffset != 72 {
		t.Errorf("a later: %+v", p)
	}
}
