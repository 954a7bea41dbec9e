package attribute

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// answer is a message of DNS that names addresses after a host, by way of another name.
func answer(t *testing.T, host string, addresses ...string) []byte {
	t.Helper()
	name, alias := dnsmessage.MustNewName(host+"."), dnsmessage.MustNewName("alias.example.")
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
		Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 1},
			Body: &dnsmessage.CNAMEResource{CNAME: alias}}}}
	for _, a := range addresses {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: alias, Class: dnsmessage.ClassINET, TTL: 1}}
		if ip := netip.MustParseAddr(a); ip.Is4() {
			r.Body = &dnsmessage.AResource{A: ip.As4()}
		} else {
			r.Body = &dnsmessage.AAAAResource{AAAA: ip.As16()}
		}
		m.Answers = append(m.Answers, r)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func addr(s string) flow.Addr { return flow.AddrFrom(netip.MustParseAddr(s)) }

// heard gives Names a packet that came to a host from a port of DNS.
func heard(n *Names, frame uint64, to string, protocol flow.Protocol, seq uint32, flags uint8, body []byte) {
	p := packet.Packet{Class: packet.Transport, Seq: seq, TCPFlags: flags, Held: uint16(len(body)), Payload: uint32(len(body)),
		Tuple: flow.FiveTuple{Source: addr("192.0.2.53"), Destination: addr(to), SourcePort: 53, DestinationPort: 4000, Protocol: protocol}}
	n.batch(&ingest.Batch{Packets: []packet.Packet{p}, Named: []uint32{0}, First: frame, Data: body})
}

// An answer names an address for who asked, from then on, until another one does.
func TestNames(t *testing.T) {
	log := owner.NewTimeline()
	log.Add(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Addresses: []string{"10.0.0.1/8", "2001:db8::1/64"}}})
	log.Seal()
	n := newNames(log)
	heard(n, 10, "10.0.0.1", flow.UDP, 0, 0, answer(t, "one.example", "198.51.100.1", "2001:db8:1::1"))
	heard(n, 20, "127.0.0.1", flow.UDP, 0, 0, answer(t, "two.example", "198.51.100.1"))
	heard(n, 30, "203.0.113.9", flow.UDP, 0, 0, answer(t, "other.example", "198.51.100.1"))
	heard(n, 35, "10.0.0.1", flow.UDP, 0, 0, answer(t, "two.example", "198.51.100.1")) // nothing new
	heard(n, 40, "224.0.0.251", flow.UDP, 0, 0, answer(t, "all.example", "198.51.100.1"))
	heard(n, 50, "10.0.0.1", flow.UDP, 0, 0, answer(t, "three.example", "198.51.100.1"))

	message := answer(t, "tcp.example", "198.51.100.7")
	stream := append([]byte{0, byte(len(message))}, message...)
	stream = append(stream, stream...) // two messages
	heard(n, 60, "10.0.0.1", flow.TCP, 100, packet.ACK, stream[:5])
	heard(n, 61, "10.0.0.1", flow.TCP, 100, packet.ACK, stream[:5]) // again
	heard(n, 62, "10.0.0.1", flow.TCP, 105, packet.ACK, stream[5:len(message)+9])
	heard(n, 63, "10.0.0.1", flow.TCP, 500, packet.ACK, stream[:7])

	for _, tt := range []struct {
		host, address string
		frame         uint64
		want          string
	}{
		{"10.0.0.1", "198.51.100.1", 10, ""},
		{"10.0.0.1", "198.51.100.1", 11, "one.example"},
		{"2001:db8::1", "2001:db8:1::1", 11, "one.example"},
		{"10.0.0.1", "198.51.100.1", 21, "two.example"},
		{"203.0.113.9", "198.51.100.1", 21, ""},
		{"203.0.113.9", "198.51.100.1", 31, "other.example"},
		{"10.0.0.1", "198.51.100.1", 39, "two.example"},
		{"203.0.113.9", "198.51.100.1", 41, "all.example"},
		{"10.0.0.1", "198.51.100.1", 41, "all.example"},
		{"10.0.0.1", "198.51.100.1", 51, "three.example"},
		{"10.0.0.1", "198.51.100.7", 62, ""},
		{"10.0.0.1", "198.51.100.7", 63, "tcp.example"},
	} {
		if got := n.At(addr(tt.host), addr(tt.address), tt.frame); got != tt.want {
			t.Errorf("%s knows %s at %d as %q, want %q", tt.host, tt.address, tt.frame, got, tt.want)
		}
	}
	if len(n.streams) != 0 || n.Left != 0 {
		t.Errorf("%d streams are left, %d answers left out", len(n.streams), n.Left)
	}
}

// What there is no room for is counted, and the rest stays.
func TestNamesAreBounded(t *testing.T) {
	n := newNames(nil)
	n.changes = maxNamings - 2
	for i := range 5 {
		heard(n, uint64(i), "10.0.0.1", flow.UDP, 0, 0, answer(t, fmt.Sprintf("h%d.example", i), fmt.Sprintf("198.51.100.%d", i)))
	}
	if n.Left != 3 || n.At(addr("10.0.0.1"), addr("198.51.100.1"), 9) != "h1.example" || n.At(addr("10.0.0.1"), addr("198.51.100.2"), 9) != "" {
		t.Errorf("%d answers left out: %v", n.Left, n.byHost)
	}
	for i := range 2 * maxNameStreams {
		p := packet.Packet{Class: packet.Transport, Held: 1, Payload: 1, Tuple: flow.FiveTuple{SourcePort: 53, DestinationPort: uint16(i), Protocol: flow.TCP}}
		n.batch(&ingest.Batch{Packets: []packet.Packet{p}, Named: []uint32{0}, Data: []byte{0}})
	}
	if len(n.streams) != maxNameStreams {
		t.Errorf("%d streams, want %d", len(n.streams), maxNameStreams)
	}
}
