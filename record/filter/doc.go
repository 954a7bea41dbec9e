// Package filter makes classic BPF programs, which the kernel runs over every
// frame that a packet socket may have, of filter expressions.
//
//  1. scan cuts the text of an expression into words, each with its column.
//  2. parser reads the grammar of pcap-filter(7), and makes a condition of every
//     primitive: loads of the frame, and a comparison.
//  3. assemble turns the tree of conditions into instructions, by short circuit,
//     with jumps of any length.
//  4. Compile does so for frames with an Ethernet header and for those that begin
//     with the IP header, and puts a jump by the hardware type in front.
//
// The meaning is libpcap's, primitive by primitive: what is accepted is what
// `tcpdump -ddd` accepts, frames that end early included (a load behind the end
// refuses the frame, even below "not"). Both are compared by the tests.
//
//	expression = [ "not" ] term { ( "and" | "or" ) term }      equal rank, from the left
//	term       = "(" expression ")" | protocol | qualifiers value
//	           | arithmetic relation arithmetic | "less" n | "greater" n
//	           | [ protocol ] ( "broadcast" | "multicast" )
//	qualifiers = [ protocol ] [ "src" | "dst" | "src or dst" | "src and dst" ]
//	             [ "host" | "net" | "port" | "portrange" | "proto" ]
//	arithmetic = n | "len" | protocol "[" arithmetic [ ":" size ] "]" | + - * / % & | ^ << >>
//
// A value alone takes the qualifiers of the one before: "port 80 or 443".
// Ports are those of TCP, UDP and SCTP in first fragments of IPv4, behind its
// options, and in IPv6 right behind its header. `tcp`, `udp` and `proto` also look
// behind an IPv6 fragment header; accessors such as tcp[13] read IPv4 alone. A
// relation is false, whatever its sign, for a frame that lacks one of the headers it
// reads: libpcap forgets those on the right of an arithmetic operator.
//
// # Limits
//
//   - Names of hosts, networks and ports are not looked up.
//   - vlan, mpls, pppoe, geneve, protochain, gateway, inbound, the words of link
//     types without an Ethernet header, and LLC are refused. The kernel takes VLAN
//     tags out of most frames before a filter sees them: the other primitives are
//     about what the tag was in front of. In a frame whose tag was left in, they
//     see the tag's protocol and no IP.
//   - A frame without an Ethernet header has no Ethernet address: "ether host" is
//     false for it. Frames of hardware that has neither (802.11) do not pass.
package filter
