package packet

import (
	"bytes"
	"math"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"pgregory.net/rapid"
)

var (
	mac = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	a4  = net.IP{10, 0, 0, 1}
	b4  = net.IP{192, 0, 2, 9}
	a6  = net.ParseIP("2001:db8::1")
	b6  = net.ParseIP("2001:db8::9")
)

// frame serializes layers with lengths and checksums set.
func frame(t testing.TB, ls ...gopacket.SerializableLayer) []byte {
	t.Helper()
	var network gopacket.NetworkLayer
	for _, l := range ls {
		switch l := l.(type) {
		case *layers.IPv4:
			network = l
		case *layers.IPv6:
			network = l
		case *layers.TCP:
			l.SetNetworkLayerForChecksum(network)
		case *layers.UDP:
			l.SetNetworkLayerForChecksum(network)
		case *layers.ICMPv6:
			l.SetNetworkLayerForChecksum(network)
		}
	}
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(link uint16, data []byte) Packet {
	p := Packet{WireLength: uint32(len(data)), CapturedLength: uint32(len(data))}
	Decode(link, data, &p)
	return p
}

// held holds that what is at hand of p's payload is the payload of the tests, all of
// it where there is any, and returns p without.
func held(t testing.TB, name string, data []byte, p Packet) Packet {
	t.Helper()
	if p.Class == Transport && !bytes.Equal(data[p.Body:][:p.Held], payload[:p.Payload]) {
		t.Errorf("%s: %d bytes at %d are no payload", name, p.Held, p.Body)
	}
	p.Body, p.Held = 0, 0
	return p
}

func ip4(p layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: p, SrcIP: a4, DstIP: b4}
}

func ip6(p layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: p, SrcIP: a6, DstIP: b6}
}

func ether(t layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: mac, DstMAC: mac, EthernetType: t}
}

func tcpLayer() *layers.TCP {
	return &layers.TCP{SrcPort: 4000, DstPort: 443, Seq: 7, Ack: 9, SYN: true, ACK: true, Window: 99}
}

var payload = gopacket.Payload("0123456789")

func tuple4(p flow.Protocol) flow.FiveTuple {
	return flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0xc0000209), SourcePort: 4000, DestinationPort: 443, Protocol: p}
}

func tuple6(p flow.Protocol) flow.FiveTuple {
	return flow.FiveTuple{Source: flow.AddrFrom16(a6), Destination: flow.AddrFrom16(b6), SourcePort: 4000, DestinationPort: 443, Protocol: p}
}

func TestLinkTypes(t *testing.T) {
	ip := frame(t, ip4(layers.IPProtocolTCP), tcpLayer(), payload)
	v6 := frame(t, ip6(layers.IPProtocolTCP), tcpLayer(), payload)
	vlan := &layers.Dot1Q{VLANIdentifier: 5, Type: layers.EthernetTypeIPv4}
	tests := []struct {
		name string
		link uint16
		data []byte
		v6   bool
	}{
		{"ethernet", 1, frame(t, ether(layers.EthernetTypeIPv4), gopacket.Payload(ip)), false},
		{"ethernet, IPv6", 1, frame(t, ether(layers.EthernetTypeIPv6), gopacket.Payload(v6)), true},
		{"ethernet, padded", 1, append(frame(t, ether(layers.EthernetTypeIPv4), gopacket.Payload(ip)), "padding"...), false},
		{"802.1Q", 1, frame(t, ether(layers.EthernetTypeDot1Q), vlan, gopacket.Payload(ip)), false},
		{"802.1ad and 802.1Q", 1, frame(t, ether(layers.EthernetTypeQinQ), &layers.Dot1Q{Type: layers.EthernetTypeDot1Q}, vlan, gopacket.Payload(ip)), false},
		{"LLC and SNAP", 1, append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x00\x3a\xaa\xaa\x03\x00\x00\x00\x08\x00"), ip...), false},
		{"PPPoE", 1, frame(t, ether(layers.EthernetTypePPPoESession), &layers.PPPoE{Version: 1, Type: 1, Length: uint16(len(ip) + 2)}, &layers.PPP{PPPType: layers.PPPTypeIPv4}, gopacket.Payload(ip)), false},
		{"MPLS", 1, frame(t, ether(layers.EthernetTypeMPLSUnicast), &layers.MPLS{Label: 3, StackBottom: true}, gopacket.Payload(ip)), false},
		{"null, little-endian", 0, append([]byte{2, 0, 0, 0}, ip...), false},
		{"null, big-endian", 0, append([]byte{0, 0, 0, 2}, ip...), false},
		{"null, macOS IPv6", 0, append([]byte{30, 0, 0, 0}, v6...), true},
		{"loop", 108, append([]byte{0, 0, 0, 24}, v6...), true},
		{"raw", 101, ip, false},
		{"raw, BSD", 12, v6, true},
		{"raw IPv4", 228, ip, false},
		{"PPP", 9, append([]byte{0xff, 0x03, 0x00, 0x21}, ip...), false},
		{"SLL", 113, append([]byte("\x00\x04\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00"), ip...), false},
		{"SLL2", 276, append([]byte("\x86\xdd\x00\x00\x00\x00\x00\x01\x00\x01\x04\x06\x02\x00\x00\x00\x00\x01\x00\x00"), v6...), true},
	}
	for _, tt := range tests {
		got := held(t, tt.name, tt.data, decode(tt.link, tt.data))
		want := Packet{WireLength: uint32(len(tt.data)), CapturedLength: uint32(len(tt.data)), Class: Transport, IPVersion: 4, Tuple: tuple4(flow.TCP), Payload: 10,
			TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}
		if tt.v6 {
			want.IPVersion, want.Tuple = 6, tuple6(flow.TCP)
		}
		if strings.HasPrefix(tt.name, "SLL") {
			want.Direction = Outbound
		}
		want.Hash = want.Tuple.Hash()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", tt.name, d)
		}
	}
}

func TestHeaders(t *testing.T) {
	udp := func() *layers.UDP { return &layers.UDP{SrcPort: 4000, DstPort: 443} }
	raw := func(ls ...gopacket.SerializableLayer) []byte { return frame(t, ls...) }
	zeroLength := func(b []byte, at int) []byte { b[at], b[at+1] = 0, 0; return b }
	length := func(b []byte, at int) []byte { b[at], b[at+1] = 0xff, 0xf0; return b }
	hopByHop := []byte{6, 0, 1, 4, 0, 0, 0, 0}
	fragment6 := func(offset uint16) []byte { return []byte{17, 0, byte(offset >> 8), byte(offset) | 1, 0, 0, 0, 42} }
	quoted := raw(ip4(layers.IPProtocolUDP), udp(), payload)
	quoted6 := raw(ip6(layers.IPProtocolUDP), udp(), payload)
	fragment := ip4(layers.IPProtocolUDP)
	fragment.Id, fragment.Flags, fragment.FragOffset = 42, layers.IPv4MoreFragments, 185
	tests := []struct {
		name string
		data []byte
		want Packet
	}{
		{"UDP", raw(ip4(layers.IPProtocolUDP), udp(), payload), Packet{Class: Transport, IPVersion: 4, Tuple: tuple4(flow.UDP), Payload: 10}},
		{"UDP over IPv6", raw(ip6(layers.IPProtocolUDP), udp(), payload), Packet{Class: Transport, IPVersion: 6, Tuple: tuple6(flow.UDP), Payload: 10}},
		{"IPv4 total length 0", zeroLength(raw(ip4(layers.IPProtocolTCP), tcpLayer(), payload), 2),
			Packet{Class: Transport, IPVersion: 4, Tuple: tuple4(flow.TCP), Payload: 10, TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}},
		{"IPv6 payload length 0", zeroLength(raw(ip6(layers.IPProtocolTCP), tcpLayer(), payload), 4),
			Packet{Class: Transport, IPVersion: 6, Tuple: tuple6(flow.TCP), Payload: 10, TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}},
		{"IPv6 extension header", raw(ip6(0), gopacket.Payload(append(hopByHop, raw(tcpRaw(t))...))),
			Packet{Class: Transport, IPVersion: 6, Tuple: tuple6(flow.TCP), Payload: 10, TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}},
		{"IPv4 total length beyond the frame", length(raw(ip4(layers.IPProtocolTCP), tcpLayer(), payload), 2),
			Packet{Class: Transport, IPVersion: 4, Tuple: tuple4(flow.TCP), Payload: 10, TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}},
		{"IPv6 payload length beyond the frame", length(raw(ip6(layers.IPProtocolTCP), tcpLayer(), payload), 4),
			Packet{Class: Transport, IPVersion: 6, Tuple: tuple6(flow.TCP), Payload: 10, TCPFlags: SYN | ACK, Window: 99, Seq: 7, Ack: 9}},
		{"UDP length beyond the frame", length(raw(ip4(layers.IPProtocolUDP), udp(), payload), 24),
			Packet{Class: Transport, IPVersion: 4, Tuple: tuple4(flow.UDP), Payload: 10}},
		{"IPv6 mobility header", raw(ip6(135), gopacket.Payload("\x3b\x00\x05\x00\x00\x00\x00\x00")),
			Packet{Class: Network, IPVersion: 6, Tuple: portless(tuple6(135))}},
		{"later fragment", raw(fragment, payload),
			Packet{Class: Network, IPVersion: 4, Tuple: portless(tuple4(flow.UDP)), Payload: 10, Fragmented: true, FragmentMore: true, FragmentOffset: 1480, FragmentID: 42}},
		{"later IPv6 fragment", raw(ip6(44), gopacket.Payload(append(fragment6(1480), payload...))),
			Packet{Class: Network, IPVersion: 6, Tuple: portless(tuple6(flow.UDP)), Payload: 10, Fragmented: true, FragmentMore: true, FragmentOffset: 1480, FragmentID: 42}},
		{"ICMP error", raw(ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 3)}, gopacket.Payload(quoted)),
			Packet{Class: Network, IPVersion: 4, Tuple: portless(tuple4(flow.ICMP)), ICMPType: 3, ICMPCode: 3, HasQuoted: true, Quoted: tuple4(flow.UDP)}},
		{"ICMPv6 error", raw(ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(1, 4)}, gopacket.Payload(append([]byte{0, 0, 0, 0}, quoted6...))),
			Packet{Class: Network, IPVersion: 6, Tuple: portless(tuple6(flow.ICMPv6)), ICMPType: 1, ICMPCode: 4, HasQuoted: true, Quoted: tuple6(flow.UDP)}},
		{"echo", raw(ip4(layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77}, gopacket.Payload(quoted)),
			Packet{Class: Network, IPVersion: 4, Tuple: portless(tuple4(flow.ICMP)), ICMPType: 8, ICMPID: 77}},
		{"ICMPv6 echo reply", raw(ip6(layers.IPProtocolICMPv6), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(129, 0)}, gopacket.Payload{1, 2, 0, 0}),
			Packet{Class: Network, IPVersion: 6, Tuple: portless(tuple6(flow.ICMPv6)), ICMPType: 129, ICMPID: 258}},
	}
	for _, tt := range tests {
		tt.want.WireLength, tt.want.CapturedLength = uint32(len(tt.data)), uint32(len(tt.data))
		if tt.want.Class == Transport {
			tt.want.Hash = tt.want.Tuple.Hash()
		}
		if tt.want.Class == Transport && tt.want.Tuple.Protocol == flow.UDP {
			tt.want.Print = fingerprint(tt.data[len(tt.data)-len(payload)-8:])
		}
		if d := cmp.Diff(tt.want, held(t, tt.name, tt.data, decode(pcapng.LinkRaw, tt.data))); d != "" {
			t.Errorf("%s:\n%s", tt.name, d)
		}
	}
}

func portless(t flow.FiveTuple) flow.FiveTuple {
	t.SourcePort, t.DestinationPort = 0, 0
	return t
}

// tcpRaw is a TCP segment without its IP header.
func tcpRaw(t testing.TB) gopacket.SerializableLayer {
	return gopacket.Payload(frame(t, ip6(layers.IPProtocolTCP), tcpLayer(), payload)[40:])
}

// TestCutHeaders cuts one frame at every length: what is told must be what
// the whole frame has, or nothing.
func TestCutHeaders(t *testing.T) {
	whole := frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), tcpLayer(), payload)
	want := decode(pcapng.LinkEthernet, whole)
	for n := range whole {
		p := Packet{WireLength: uint32(len(whole))}
		Decode(pcapng.LinkEthernet, whole[:n], &p)
		switch {
		case n < 34:
			if p.Class != Undecoded {
				t.Errorf("%d bytes: class %d", n, p.Class)
			}
		case n < 48:
			if p.Class != Network || p.Tuple != portless(want.Tuple) {
				t.Errorf("%d bytes: class %d tuple %v", n, p.Class, p.Tuple)
			}
		default:
			if p.Class != Transport || p.Tuple != want.Tuple || p.Payload != want.Payload || p.Seq != want.Seq || p.TCPFlags != want.TCPFlags {
				t.Errorf("%d bytes: %+v", n, p)
			}
			window, options := want.Window, 34+int(whole[46]>>4)*4
			if n < 50 {
				window = math.MaxUint16
			}
			if p.Window != window || p.TCPOptions.Cut() != (n < options) {
				t.Errorf("%d bytes, and options end at %d: window %d, cut %v", n, options, p.Window, p.TCPOptions.Cut())
			}
		}
	}
}

func TestOtherFrames(t *testing.T) {
	arp := frame(t, ether(layers.EthernetTypeARP), &layers.ARP{AddrType: 1, Protocol: 0x800, HwAddressSize: 6, ProtAddressSize: 4, SourceHwAddress: mac, DstHwAddress: mac, SourceProtAddress: a4, DstProtAddress: b4})
	if p := decode(1, arp); p.Class != Link {
		t.Errorf("ARP: class %d", p.Class)
	}
	for link, data := range map[uint16]string{1: "short", 101: "", 113: "short", 276: "short", 0: "abc", 9999: "whatever", 105: "\x08", 127: "\x00\x00\xff\xff"} {
		if p := decode(link, []byte(data)); p.Class != Undecoded {
			t.Errorf("link type %d, %q: class %d", link, data, p.Class)
		}
	}
}

// TestAgainstGopacket compares random frames with gopacket's own decoding.
func TestAgainstGopacket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tcp := &layers.TCP{SrcPort: layers.TCPPort(rapid.Uint16().Draw(t, "source")), DstPort: layers.TCPPort(rapid.Uint16().Draw(t, "destination")),
			Seq: rapid.Uint32().Draw(t, "seq"), Ack: rapid.Uint32().Draw(t, "ack"), Window: rapid.Uint16().Draw(t, "window"),
			FIN: rapid.Bool().Draw(t, "fin"), PSH: rapid.Bool().Draw(t, "psh"), RST: rapid.Bool().Draw(t, "rst")}
		for range rapid.IntRange(0, 9).Draw(t, "options") {
			tcp.Options = append(tcp.Options, layers.TCPOption{OptionType: layers.TCPOptionKindNop})
		}
		body := gopacket.Payload(rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(t, "payload"))
		b := gopacket.NewSerializeBuffer()
		ip := ip4(layers.IPProtocolTCP)
		ip.Options = make([]layers.IPv4Option, rapid.IntRange(0, 8).Draw(t, "IP options"))
		for i := range ip.Options {
			ip.Options[i].OptionType = 1
		}
		tcp.SetNetworkLayerForChecksum(ip)
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ether(layers.EthernetTypeIPv4), ip, tcp, body); err != nil {
			t.Fatal(err)
		}
		want := gopacket.NewPacket(b.Bytes(), layers.LayerTypeEthernet, gopacket.Default)
		l := want.Layer(layers.LayerTypeTCP).(*layers.TCP)
		p := decode(1, b.Bytes())
		if p.Class != Transport || p.Tuple.SourcePort != uint16(l.SrcPort) || p.Tuple.DestinationPort != uint16(l.DstPort) ||
			p.Seq != l.Seq || p.Ack != l.Ack || p.Window != l.Window || int(p.Payload) != len(body) ||
			p.TCPFlags != b.Bytes()[14+int(ip.IHL)*4+13] {
			t.Fatalf("got %+v, gopacket says %+v with %d bytes", p, l, len(body))
		}
	})
}

// Own code allocates nothing, whatever carries the packet.
func TestDecodeDoesNotAllocate(t *testing.T) {
	frames := links(t)
	for name, data := range tunnels(t) {
		frames = append(frames, linkFrame{name, pcapng.LinkRaw, data})
	}
	frames = append(frames, linkFrame{"Ethernet", pcapng.LinkEthernet, frame(t, ether(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP), tcpLayer(), payload)})
	for _, f := range frames {
		var p Packet
		if n := testing.AllocsPerRun(100, func() { Decode(f.link, f.data, &p) }); (n != 0) != (f.name == "FDDI") {
			t.Errorf("%s: %v allocations a packet", f.name, n)
		}
	}
}
