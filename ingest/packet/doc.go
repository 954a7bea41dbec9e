// Package packet reads the headers of one frame into a Packet.
//
//  1. Decode picks the link layer by its type and strips it. Nearly all have
//     own code that allocates nothing; gopacket's layers read the others.
//  2. The IP header gives addresses, protocol and fragment, with IPv6
//     extension headers followed.
//  3. The transport header gives ports, TCP's fields and the payload length;
//     an ICMP error the five-tuple of the packet that it quotes.
//  4. Where IP or UDP carries a tunnel, what is behind its header is read from
//     step 1 or 2 on. A packet in it takes the place of the one around it.
//
// The headers, and where each is read (RFC 791, 8200, 9293, 768):
//
//	Ethernet ─ 802.1Q… ──┐                       ┌ IPv4 ──────────────┐   ┌ TCP
//	SLL, SLL2, null ─────┼ linked ─── afterType ─┤                    ├───┼ UDP, SCTP
//	PPP, HDLC, 802.11… ──┤              ▲        └ IPv6 ─ extensions ─┘   ├ ICMP ─ quoted
//	others: gopacket ────┘              │                                 │
//	                                    └─ tunnelled: IP in IP, GRE ──────┤
//	                                       datagram: VXLAN, GTP-U… ───────┘
//
// A packet in a tunnel is what a process sent; the headers around it are those
// of whoever runs the tunnel, mostly the kernel. So Tuple, lengths and flags are
// those of the innermost packet that can be read. Where what a tunnel carries is
// no IP packet, encrypted or cut, the packet stays that of the tunnel. A UDP
// tunnel is known by the port that it is sent to (see isTunnel), and by its
// header.
//
// Lengths are those of the headers, not of what was captured: a packet that
// was cut by the snaplen still counts all its payload; but never more than the
// frame had on the wire.
//
// A frame cut inside its headers gives what it holds: Class tells how far.
//
// Limits: at most maxDepth headers before one that is read, and as many IPv6
// extension headers in a row.
package packet
