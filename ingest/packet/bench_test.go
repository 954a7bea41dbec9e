package packet

import (
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

func BenchmarkDecode(b *testing.B) {
	tcp := frame(b, ip4(layers.IPProtocolTCP), tcpLayer(), payload)
	udp := frame(b, ip6(layers.IPProtocolUDP), &layers.UDP{SrcPort: 4000, DstPort: 443}, payload)
	ethernet := frame(b, ether(layers.EthernetTypeIPv4), gopacket.Payload(tcp))
	for _, bb := range []struct {
		name string
		link uint16
		data []byte
	}{
		{"TCP", pcapng.LinkEthernet, ethernet},
		{"UDP", pcapng.LinkEthernet, frame(b, ether(layers.EthernetTypeIPv6), gopacket.Payload(udp))},
		{"SLL", pcapng.LinkSLL, append([]byte("\x00\x04\x00\x01\x00\x06\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00"), tcp...)},
		{"PPP", 9, append([]byte{0xff, 0x03, 0x00, 0x21}, tcp...)},
		{"VXLAN", pcapng.LinkRaw, frame(b, ip4(layers.IPProtocolUDP), &layers.UDP{SrcPort: 4000, DstPort: 4789}, gopacket.Payload("\x08\x00\x00\x00\x00\x00\x01\x00"), gopacket.Payload(ethernet))},
		{"FDDI", 10, append([]byte("\x50\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\xaa\xaa\x03\x00\x00\x00\x08\x00"), tcp...)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := Packet{WireLength: uint32(len(bb.data))}
			b.SetBytes(int64(len(bb.data)))
			b.ReportAllocs()
			for b.Loop() {
				Decode(bb.link, bb.data, &p)
			}
		})
	}
}
