// Package packet reads the headers of one frame into a Packet.
//
//  1. Decode picks the link layer by its type and strips it: Ethernet with
//     VLAN tags, BSD loopback, raw IP, Linux cooked captures, in own code that
//     allocates nothing; all others through gopacket's layers.
//  2. The IP header gives addresses, protocol and fragment, with IPv6
//     extension headers followed.
//  3. The transport header gives ports, TCP's fields and the payload length;
//     an ICMP error the five-tuple of the packet that it quotes.
//
// The headers, and where each is read (RFC 791, 8200, 9293, 768):
//
//	Ethernet ─ 802.1Q… ─┐                  ┌ IPv4 ──────────────┐   ┌ TCP
//	SLL, SLL2, null ────┼─ link, afterType ┤                    ├───┼ UDP, SCTP
//	PPP, 802.11, MPLS… ─┘ layered          └ IPv6 ─ extensions ─┘   └ ICMP ─ quoted
//
// Lengths are those of the headers, not of what was captured: a packet that
// was cut by the snaplen still counts all its payload; but never more than the
// frame had on the wire. What a tunnel (GRE,
// IP in IP, VXLAN) carries is payload of the outer packet.
//
// A frame cut inside its headers gives what it holds: Class tells how far.
//
// Limits: at most maxDepth VLAN tags, IPv6 extension headers or layers.
package packet
