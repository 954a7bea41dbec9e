package packet

import (
	"fmt"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// linkFrame is a frame of a link type.
type linkFrame struct {
	name string
	link uint16
	data []byte
}

// links are frames of all link types with own code, beside those of
// TestLinkTypes: each carries the same TCP segment.
func links(t testing.TB) []linkFrame {
	v4 := frame(t, ip4(layers.IPProtocolTCP), tcpLayer(), payload)
	v6 := frame(t, ip6(layers.IPProtocolTCP), tcpLayer(), payload)
	ethernet := frame(t, ether(layers.EthernetTypeIPv4), gopacket.Payload(v4))
	const (
		snap4, snap6 = " aaaa03 000000 0800", " aaaa03 000000 86dd"
		three        = "ffffffffffff 020000000001 020000000002 1000 " // addresses and sequence of 802.11
		grh          = "00000000000000000000 00000000000000000000 000000010000000000000000 0000000000000000"
	)
	var all []linkFrame
	add := func(name string, link uint16, head string, body []byte) {
		all = append(all, linkFrame{name, link, append(raw(t, head), body...)})
	}
	add("PPP without address", 9, "0021", v4)
	add("PPP, short protocol", 9, "ff03 57", v6)
	add("PPP, MPLS", 9, "ff03 0281 00003140", v4)
	add("PPP or HDLC, PPP", 50, "ff03 0021", v4)
	add("PPP or HDLC, HDLC", 50, "8f00 86dd", v6)
	add("PPPoE alone", 51, fmt.Sprintf("1100 0007 %04x 0021", len(v4)+2), append(v4, "padding"...))
	add("pppd", 166, "0003 0021", v4)
	add("pppd, out", 166, "0103 0021", v4)
	add("PPP with direction", 204, "01 ff03 0021", v4)
	add("HDLC", 104, "0f00 0800", v4)
	add("frame relay", 107, "1841 03 cc", v4)
	add("frame relay, IPv6", 107, "1841 03 8e", v6)
	add("frame relay, 4 bytes", 107, "18404041 03 00 80 000000 0800", v4)
	add("frame relay, Cisco", 107, "1861 0800", v4)
	add("ATM", 100, snap4, v4)
	add("ATM, IP over it", 106, snap6, v6)
	add("ATM, IP alone", 106, "", v4)
	add("ARCNET", 7, "0102 d4 00 0001", v4)
	add("ARCNET, RFC 1051", 7, "0102 f0", v4)
	add("ARCNET, exception", 7, "0102 d4 ff000000 000001", v4)
	add("ARCNET, Linux", 129, "0102 0000 c4 00 0001", v6)
	add("Juniper", 178, "4d4743 80 0002 0101", ethernet)
	add("Juniper, not extended", 178, "4d4743 00", ethernet)
	add("PPI", 192, "00 00 0800 01000000", ethernet)
	add("IPNET", 226, "0102 0000 00000054 00000002 00000000 ffffffff 00000000", v4)
	add("NFLOG", 239, fmt.Sprintf("02000000 0500 0a00 00000000 %02x00 0900", len(v4)+4), v4)
	add("NFLOG, big-endian", 239, fmt.Sprintf("0a000000 0005 000a 00000000 00%02x 0009", len(v6)+4), v6)
	add("InfiniBand", 242, grh+"0800 0000", v4)
	add("PKTAP", 258, "6c000000 01000000 01000000"+fmt.Sprintf("%0192x", 0), ethernet)
	add("MACsec", 1, "020000000001 020000000002 88e5 0000 00000001 0800", v4)
	add("MACsec, identified", 1, "020000000001 020000000002 88e5 2000 00000001 0200000000010001 86dd", v6)
	add("NSH", 1, "020000000001 020000000002 894f 0fc6 0101 00004500 00000000000000000000000000000000", v4)
	add("metadata", 1, "020000000001 020000000002 8909 000000000000 0800", v4)
	add("Arista, 64 bits", 1, "020000000001 020000000002 d28b 0001 0010 5ceeed57384f59c8 0800", v4)
	add("Arista, 48 bits", 1, "020000000001 020000000002 d28b 0001 0120 5ceeed573859 0800", v4)
	add("pseudowire", 1, "020000000001 020000000002 8847 00003040 00003140 00000000", ethernet)
	add("802.11", 105, "0802 0000 "+three+snap4, v4)
	add("802.11, four addresses", 105, "0803 0000 "+three+"020000000003"+snap6, v6)
	add("802.11, QoS", 105, "8801 0000 "+three+"0000"+snap4, v4)
	add("802.11, HT control", 105, "8881 0000 "+three+"0000 00000000"+snap4, v4)
	add("802.11, aggregate", 105, "8801 0000 "+three+"8000 020000000001020000000002 0046"+snap4, v4)
	add("radiotap", 127, "00 00 0800 00000000 0802 0000 "+three+snap4, v4)
	add("radiotap, padded", 127, "00 00 1900 03000080 00000000 00000000 0102030405060708 20 8801 0000 "+three+"0000 0000"+snap4, v4)
	add("Prism", 119, "44000000 0c000000 00000000 0802 0000 "+three+snap4, v4)
	add("AVS", 163, "80211001 0000000c 00000000 0802 0000 "+three+snap4, v4)
	add("FDDI", 10, "50 020000000001 020000000002"+snap4, v4)
	return all
}

// TestLinks reads them.
func TestLinks(t *testing.T) {
	for _, l := range links(t) {
		checkSegment(t, l.name, l.link, l.data)
	}
}

// Each of them cut at every length has nothing, or what the whole frame has.
func TestCutLinks(t *testing.T) {
	for _, l := range links(t) {
		whole := decode(l.link, l.data)
		for n := range l.data {
			p := Packet{WireLength: uint32(len(l.data))}
			Decode(l.link, l.data[:n], &p)
			if p.Class >= Network && (p.Tuple.Source != whole.Tuple.Source || p.Tuple.Destination != whole.Tuple.Destination) ||
				p.Class == Transport && (p.Tuple != whole.Tuple || p.Payload != whole.Payload) {
				t.Errorf("%s: %d bytes: %+v", l.name, n, p)
			}
		}
	}
}

// What carries no IP, or not so that it can be read, says so.
func TestLinksWithoutIP(t *testing.T) {
	const three = "ffffffffffff 020000000001 020000000002 1000 "
	for _, l := range []struct {
		name string
		link uint16
		head string
		want Class
	}{
		{"802.11, encrypted", 105, "0841 0000 " + three + "aaaa03 000000 0800 45", Link},
		{"802.11, beacon", 105, "8000 0000 " + three + "00", Link},
		{"802.11, no data", 105, "4801 0000 " + three, Link},
		{"radiotap of another version", 127, "01 00 0800 00000000 0802", Undecoded},
		{"radiotap longer than the frame", 127, "00 00 ffff 00000000 0802", Undecoded},
		{"Prism without a length", 119, "44000000 00000000 00000000", Undecoded},
		{"PPP, link control", 9, "ff03 c021 0101", Link},
		{"PPPoE, discovery", 51, "1109 0000 0000", Link},
		{"frame relay, local management", 107, "0001 03 08 00", Link},
		{"frame relay, SNAP of another", 107, "1841 03 80 00000c 2000", Link},
		{"frame relay, address without end", 107, "18181818 18 03 cc 45", Undecoded},
		{"ATM, not SNAP", 100, "fefe03", Link},
		{"ARCNET, a later part", 7, "0102 d4 02 0001 4500", Undecoded},
		{"ARCNET, ARP", 7, "0102 f1 00", Link},
		{"Juniper, no magic", 178, "4d4744 00 0000", Undecoded},
		{"NFLOG, no packet", 239, "02000000 0500 0a00 00000000", Link},
		{"NFLOG, ARP", 239, "03000000 0800 0900 45000000", Link},
		{"NFLOG, a length that lies", 239, "02000000 0300 0a00 00000000", Undecoded},
		{"InfiniBand, ARP", 242, "00000000000000000000 00000000000000000000 00000000000000000000 00000000000000000000 0806 0000", Link},
		{"PPI in PPI in PPI", 192, "00 00 0800 c0000000 00 00 0800 c0000000 00 00 0800 c0000000", Undecoded},
		{"MACsec, encrypted", 1, "020000000001 020000000002 88e5 0c00 00000001 0800", Link},
		{"Arista, another version", 1, "020000000001 020000000002 d28b 0001 0040 5ceeed57384f59c8 0800", Link},
		{"NSH, metadata alone", 1, "020000000001 020000000002 894f 0fc2 0200 00004500", Link},
		{"unknown ethertype", 1, "020000000001 020000000002 88cc 0000", Link},
	} {
		if p := decode(l.link, raw(t, l.head)); p.Class != l.want {
			t.Errorf("%s: class %d, want %d", l.name, p.Class, l.want)
		}
	}
	if p := decode(pcapng.LinkNull, raw(t, "07000000 0000")); p.Class != Link {
		t.Errorf("loopback of another family: class %d", p.Class)
	}
}
