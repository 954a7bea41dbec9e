package packet

import (
	"runtime"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// FuzzDecode holds what is true of any frame: what is told is what its class
// allows, no length exceeds the frame, the quick way and the full one agree, so
// do both byte orders where a link header has one, headers are followed no
// deeper than maxDepth, and memory is bounded.
func FuzzDecode(f *testing.F) {
	f.Add(pcapng.LinkEthernet, uint16(0), frame(f, ether(layers.EthernetTypeIPv6), ip6(layers.IPProtocolTCP), tcpLayer(), payload))
	f.Add(pcapng.LinkEthernet, uint16(9), frame(f, ether(layers.EthernetTypePPPoESession), &layers.PPPoE{Version: 1, Type: 1}, &layers.PPP{PPPType: layers.PPPTypeIPv4}, payload))
	f.Add(pcapng.LinkNull, uint16(0), append([]byte{2, 0, 0, 0}, frame(f, ip4(layers.IPProtocolTCP), tcpLayer())...))
	for _, data := range tunnels(f) {
		f.Add(pcapng.LinkRaw, uint16(0), data)
	}
	for _, link := range links(f) {
		f.Add(link.link, uint16(0), link.data)
	}
	packets := packetsBefore()
	f.Fuzz(func(t *testing.T, link, cut uint16, data []byte) {
		p := Packet{WireLength: uint32(len(data)) + uint32(cut), Direction: Inbound}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		Decode(link, data, &p)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 16*uint64(len(data))+16<<20 {
			t.Fatalf("%d bytes were allocated for a frame of %d", n, len(data))
		}
		checkValid(t, &p)
		if p.Held > 0 && (p.Class != Transport || uint32(p.Held) > p.Payload || int(p.Body)+int(p.Held) > len(data)) {
			t.Fatalf("%d bytes of the payload at %d of %d: %+v", p.Held, p.Body, len(data), p)
		}
		for _, used := range packets {
			used.WireLength, used.Direction = p.WireLength, Inbound
			if Decode(link, data, &used); !same(used, p) {
				t.Fatalf("a reused Packet differs: %+v and %+v", used, p)
			}
		}
		slow := Packet{WireLength: p.WireLength, Direction: Inbound}
		if full(link, data, &slow); !same(slow, p) {
			t.Fatalf("the quick way gives %+v, the full one %+v", p, slow)
		}
		checkTwin(t, link, data, &p)
		checkDepth(t, data)
	})
}

// same compares what is valid in two packets.
func same(p, q Packet) bool {
	if !p.HasQuoted {
		p.Quoted = q.Quoted
	}
	return p == q
}

// checkValid holds that a packet tells what its class allows, and no length
// beyond the frame's.
func checkValid(t *testing.T, p *Packet) {
	t.Helper()
	switch {
	case p.Class < Network && (p.Tuple != flow.FiveTuple{} || p.IPVersion != 0 || p.Payload != 0 || p.Fragmented || p.HasQuoted):
		t.Fatalf("a frame without IP has %+v", p)
	case p.Class >= Network && p.IPVersion != 4 && p.IPVersion != 6:
		t.Fatalf("an IP packet of version %d", p.IPVersion)
	case p.Class == Network && (p.Tuple.SourcePort != 0 || p.Tuple.DestinationPort != 0 || p.TCPFlags != 0 || p.Hash != 0):
		t.Fatalf("a packet without ports has %+v", p)
	case p.Class == Transport && (p.Hash != p.Tuple.Hash() || p.FragmentOffset != 0):
		t.Fatalf("a packet with ports has %+v", p)
	case p.Class > Transport, p.Payload > p.WireLength, !p.Fragmented && (p.FragmentMore || p.FragmentOffset != 0 || p.FragmentID != 0):
		t.Fatalf("%+v", p)
	}
}

// checkTwin holds that the family of a loopback frame counts in either byte
// order.
func checkTwin(t *testing.T, link uint16, data []byte, p *Packet) {
	t.Helper()
	if link != pcapng.LinkNull || len(data) < 4 || data[0] == 0 || data[1] != 0 || data[2] != 0 || data[3] != 0 {
		return
	}
	twin := append([]byte{0, 0, 0, data[0]}, data[4:]...)
	q := Packet{WireLength: p.WireLength, Direction: Inbound}
	if Decode(link, twin, &q); !same(q, *p) {
		t.Fatalf("in the other byte order it is %+v, and not %+v", q, p)
	}
}

// checkDepth holds that what is behind more than maxDepth headers is not read.
func checkDepth(t *testing.T, data []byte) {
	t.Helper()
	if len(data) > 1<<15 {
		return
	}
	for i := range maxDepth + 1 {
		ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 9, 4, 0, 0, 10, 9, 0, byte(i), 10, 0, 0, 1}
		data = append(ip, data...)
	}
	q := Packet{WireLength: uint32(len(data))}
	if Decode(pcapng.LinkRaw, data, &q); q.Tuple.Source != flow.AddrFrom4(0x0a090000) || q.Tuple.Protocol != 4 {
		t.Fatalf("behind %d headers: %+v", maxDepth+1, q)
	}
}

// Frames of link types that only gopacket reads may make it panic: they stay
// undecoded.
func TestLayersPanic(t *testing.T) {
	panics := 0
	for link := range uint16(256) {
		for n := range 40 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(link) * byte(i+n)
			}
			if p := decode(link, data); p.Class < Network {
				checkValid(t, &p)
			}
			if panicsIn(func() {
				gopacket.NewPacket(data, layers.LinkType(link), gopacket.DecodeOptions{SkipDecodeRecovery: true})
			}) {
				panics++
			}
		}
	}
	if panics == 0 {
		t.Error("gopacket panicked nowhere")
	}
}

func panicsIn(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}
