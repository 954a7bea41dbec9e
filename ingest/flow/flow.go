package flow

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

// Protocol is an IP protocol number (IANA "Assigned Internet Protocol Numbers").
type Protocol uint8

// The protocols that pcapwho treats by name.
const (
	ICMP   Protocol = 1
	TCP    Protocol = 6
	UDP    Protocol = 17
	ICMPv6 Protocol = 58
	SCTP   Protocol = 132
)

// String returns the lower-case name, or the number where there is none.
func (p Protocol) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case ICMPv6:
		return "icmpv6"
	case SCTP:
		return "sctp"
	}
	return fmt.Sprintf("ip-%d", uint8(p))
}

// Addr is an IP address in its 16-byte form, as two big-endian halves. IPv4
// is held as IPv4-mapped IPv6 (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2), so
// that a v4-mapped socket and a v4 packet compare equal. Zones are dropped.
// The zero value is ::, the unspecified IPv6 address.
type Addr struct{ Hi, Lo uint64 }

const v4Prefix = 0xffff << 32

// AddrFrom4 packs an IPv4 address given in host order.
func AddrFrom4(a uint32) Addr { return Addr{Lo: v4Prefix | uint64(a)} }

// AddrFrom16 packs the 16 bytes of an IPv6 address as they stand on the wire.
// It panics when b is shorter.
func AddrFrom16(b []byte) Addr {
	_ = b[15]
	return Addr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

// AddrFrom packs a netip.Addr; an invalid one becomes the zero Addr.
func AddrFrom(a netip.Addr) Addr {
	if !a.IsValid() {
		return Addr{}
	}
	b := a.As16()
	return AddrFrom16(b[:])
}

// Is4 tells whether a is an IPv4 address.
func (a Addr) Is4() bool { return a.Hi == 0 && a.Lo>>32 == 0xffff }

// Netip returns the address, IPv4 unmapped.
func (a Addr) Netip() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.Hi)
	binary.BigEndian.PutUint64(b[8:], a.Lo)
	return netip.AddrFrom16(b).Unmap()
}

// String returns the RFC 5952 form.
func (a Addr) String() string { return a.Netip().String() }

// IsUnspecified tells whether a is 0.0.0.0 or ::.
func (a Addr) IsUnspecified() bool { return a.Hi == 0 && (a.Lo == 0 || a.Lo == v4Prefix) }

// IsLoopback tells whether a is in 127.0.0.0/8 or is ::1.
func (a Addr) IsLoopback() bool {
	if a.Is4() {
		return byte(a.Lo>>24) == 127
	}
	return a.Hi == 0 && a.Lo == 1
}

// IsMulticast tells whether a is in 224.0.0.0/4 or ff00::/8.
func (a Addr) IsMulticast() bool {
	if a.Is4() {
		return byte(a.Lo>>28)&0xf == 0xe
	}
	return a.Hi>>56 == 0xff
}

// IsBroadcast tells whether a is the limited broadcast 255.255.255.255.
func (a Addr) IsBroadcast() bool { return a == AddrFrom4(0xffffffff) }

// Compare orders addresses by their 16-byte form.
func (a Addr) Compare(b Addr) int {
	if c := cmp.Compare(a.Hi, b.Hi); c != 0 {
		return c
	}
	return cmp.Compare(a.Lo, b.Lo)
}

// Endpoint is one end of a connection: an address and a port, the port 0 for
// protocols that have none.
type Endpoint struct {
	Addr Addr
	Port uint16
}

// EndpointFrom packs a netip.AddrPort.
func EndpointFrom(ap netip.AddrPort) Endpoint {
	return Endpoint{AddrFrom(ap.Addr()), ap.Port()}
}

// String returns "192.0.2.1:80" or "[2001:db8::1]:80".
func (e Endpoint) String() string { return netip.AddrPortFrom(e.Addr.Netip(), e.Port).String() }

// Compare orders endpoints by address, then port.
func (e Endpoint) Compare(f Endpoint) int {
	if c := e.Addr.Compare(f.Addr); c != 0 {
		return c
	}
	return cmp.Compare(e.Port, f.Port)
}

// FiveTuple names the flow (one direction) that a packet belongs to. Ports
// are 0 for protocols that have none.
type FiveTuple struct {
	Source, Destination         Addr
	SourcePort, DestinationPort uint16
	Protocol                    Protocol
}

// From returns the sending endpoint.
func (t FiveTuple) From() Endpoint { return Endpoint{t.Source, t.SourcePort} }

// To returns the receiving endpoint.
func (t FiveTuple) To() Endpoint { return Endpoint{t.Destination, t.DestinationPort} }

// Reverse returns the tuple of the opposite direction.
func (t FiveTuple) Reverse() FiveTuple {
	return FiveTuple{t.Destination, t.Source, t.DestinationPort, t.SourcePort, t.Protocol}
}

// String returns "tcp 192.0.2.1:4000 > 192.0.2.2:80".
func (t FiveTuple) String() string {
	return fmt.Sprintf("%v %v > %v", t.Protocol, t.From(), t.To())
}

// Side tells the two endpoints of a Key, or of a connection, apart.
type Side uint8

// A Key's endpoints in their canonical order: Low compares below High.
const (
	Low  Side = 0
	High Side = 1
)

// Other returns the opposite side.
func (s Side) Other() Side { return s ^ 1 }

// Key identifies the two directions of a five-tuple in one network namespace:
// the endpoints in canonical order. It is comparable and free of pointers.
type Key struct {
	addr      [2]Addr
	port      [2]uint16
	Protocol  Protocol
	Namespace uint16 // index that the caller gives a namespace; 0 where there is only one
}

// Key returns the connection key of t in namespace ns, and the side that
// sends. Equal endpoints (a socket talking to itself) send from Low.
func (t FiveTuple) Key(ns uint16) (k Key, s Side) {
	s = k.Set(&t, ns)
	return k, s
}

// Set makes k the key that t.Key returns, where it is, and returns the side. It has no
// branches: which endpoint compares lower cannot be predicted.
func (k *Key) Set(t *FiveTuple, ns uint16) Side {
	_, less := bits.Sub64(uint64(t.DestinationPort), uint64(t.SourcePort), 0)
	_, less = bits.Sub64(t.Destination.Lo, t.Source.Lo, less)
	_, less = bits.Sub64(t.Destination.Hi, t.Source.Hi, less)
	swap := -less // all bits, when the destination is the lower one
	hi, lo := (t.Source.Hi^t.Destination.Hi)&swap, (t.Source.Lo^t.Destination.Lo)&swap
	port := (t.SourcePort ^ t.DestinationPort) & uint16(swap)
	k.addr[Low], k.addr[High] = Addr{t.Source.Hi ^ hi, t.Source.Lo ^ lo}, Addr{t.Destination.Hi ^ hi, t.Destination.Lo ^ lo}
	k.port[Low], k.port[High] = t.SourcePort^port, t.DestinationPort^port
	k.Protocol, k.Namespace = t.Protocol, ns
	return Side(less)
}

// Hash returns a 64-bit hash of t, the same for both directions, and another one in
// each process: see seed.
func (t FiveTuple) Hash() uint64 {
	return Hash(t.Source, t.Destination, t.SourcePort, t.DestinationPort, t.Protocol)
}

// Equal tells whether k is o, as == does, without a branch a field.
func (k *Key) Equal(o *Key) bool {
	return (k.addr[0].Hi^o.addr[0].Hi)|(k.addr[0].Lo^o.addr[0].Lo)|(k.addr[1].Hi^o.addr[1].Hi)|(k.addr[1].Lo^o.addr[1].Lo)|
		uint64(k.port[0]^o.port[0])|uint64(k.port[1]^o.port[1])|uint64(k.Protocol^o.Protocol)|uint64(k.Namespace^o.Namespace) == 0
}

// Endpoint returns the endpoint on side s.
func (k Key) Endpoint(s Side) Endpoint { return Endpoint{k.addr[s&1], k.port[s&1]} }

// Hash returns what FiveTuple.Hash does for both directions of k; the
// namespace is not in it.
func (k Key) Hash() uint64 {
	return Hash(k.addr[0], k.addr[1], k.port[0], k.port[1], k.Protocol)
}

// Hash returns what FiveTuple.Hash does, of endpoints a with port p and b with port q.
func Hash(a, b Addr, p, q uint16, protocol Protocol) uint64 {
	x := mix(a.Hi^seed[0]^uint64(p)<<48, a.Lo^seed[1]^uint64(p))
	y := mix(b.Hi^seed[0]^uint64(q)<<48, b.Lo^seed[1]^uint64(q))
	return mix(x+y, seed[2]^uint64(protocol))
}

// seed is another one in each process, so that nobody can make captures or logs of
// keys that have one hash, which tables would take forever for.
var seed = [3]uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}

// Mix returns a hash of two numbers, another one in each process.
func Mix(a, b uint64) uint64 { return mix(a^seed[0], b^seed[1]) }

// mix folds the 128-bit product of a and b: one multiplication that spreads
// every input bit over the whole word.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
