package packet

// Tunnels. Each reads what stands behind the header that names it, and leaves p
// as it is where that carries no IP packet: then it is a packet of the tunnel.

// Protocols of IP that are tunnels (IANA "Assigned Internet Protocol Numbers").
const (
	protoIPv4     = 4
	protoIPv6     = 41
	protoGRE      = 47
	protoAuth     = 51
	protoEtherIP  = 97
	protoMPLS     = 137 // RFC 4023
	protoEthernet = 143 // RFC 8986
)

// tunnelled reads what IP carries, where that is a tunnel.
func tunnelled(f part, protocol uint8, p *Packet) {
	switch protocol {
	case protoIPv4:
		ipv4(f, p)
	case protoIPv6:
		ipv6(f, p)
	case protoGRE:
		gre(f, p)
	case protoAuth:
		authenticated(f, p)
	case protoEtherIP:
		etherIP(f, p)
	case protoMPLS:
		mpls(f, p)
	case protoEthernet:
		ethernet(f, p)
	}
}

// UDP ports that tunnels are sent to (IANA "Service Name and Transport Protocol
// Port Number Registry").
const (
	portGTP       = 2152 // GTP-U, 3GPP TS 29.281
	portVXLAN     = 4789
	portVXLANGPE  = 4790
	portGeneve    = 6081
	portMPLS      = 6635 // RFC 7510
	portVXLANOnce = 8472 // VXLAN before it had a number, Linux's default
)

// isTunnel tells whether datagrams to a UDP port may be a tunnel's.
func isTunnel(port uint16) bool {
	switch port {
	case portGTP, portVXLAN, portVXLANGPE, portGeneve, portMPLS, portVXLANOnce:
		return true
	}
	return false
}

// datagram reads the payload of UDP that was sent to a tunnel's port.
func datagram(f part, port uint16, p *Packet) {
	switch port {
	case portGTP:
		gtp(f, p)
	case portVXLAN, portVXLANOnce:
		vxlan(f, p)
	case portVXLANGPE:
		vxlanGPE(f, p)
	case portGeneve:
		geneve(f, p)
	case portMPLS:
		mpls(f, p)
	}
}

// gre reads RFC 2784 with the key and the sequence number of RFC 2890, and
// version 1, PPTP's (RFC 2637 section 4.1).
func gre(f part, p *Packet) {
	const checksum, routing, key, sequence, acknowledgment, version = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080, 7
	if len(f.data) < 4 {
		return
	}
	flags, kind, n := be.Uint16(f.data), be.Uint16(f.data[2:]), 4
	if flags&version > 1 || flags&routing != 0 {
		return
	}
	for _, bit := range []uint16{checksum, key, sequence} {
		if flags&bit != 0 {
			n += 4
		}
	}
	if flags&version == 1 && flags&acknowledgment != 0 {
		n += 4
	}
	if rest, ok := f.behind(n); ok {
		inGRE(rest, kind, flags&sequence != 0, p)
	}
}

// inGRE reads what GRE carries: what an ethertype names, a frame that a switch
// mirrors (ERSPAN, draft-foschiano-erspan), or a packet that a router redirects
// (WCCP, draft-wilson-wrec-wccp-v2 section 4.12).
func inGRE(f part, kind uint16, sequence bool, p *Packet) {
	const erspan, erspan3, wccp = 0x88be, 0x22eb, 0x883e
	header := 0
	switch kind {
	case wccp:
		if len(f.data) > 0 && f.data[0]>>4 != 4 { // since version 2 a header, of zeros and two numbers
			f, _ = f.behind(4)
		}
		ipv4(f, p)
		return
	case erspan:
		if sequence { // type II; type I has no header
			header = 8
		}
	case erspan3:
		header = 12
		if len(f.data) >= header && f.data[11]&1 != 0 { // a platform-specific subheader
			header += 8
		}
	case etherMetadata: // here the ethertype is in front
		if rest, ok := f.behind(8); ok {
			afterType(rest, be.Uint16(f.data), p)
		}
		return
	default:
		afterType(f, kind, p)
		return
	}
	if rest, ok := f.behind(header); ok {
		ethernet(rest, p)
	}
}

// etherIP reads RFC 3378: a version, 3, and a frame.
func etherIP(f part, p *Packet) {
	if rest, ok := f.behind(2); ok && f.data[0]>>4 == 3 {
		ethernet(rest, p)
	}
}

// mpls reads labels to the bottom of the stack (RFC 3032). What follows is not
// named: IP by its version, or Ethernet behind the control word of a pseudowire
// (RFC 4385), which begins with four zero bits.
func mpls(f part, p *Packet) {
	const bottom = 1
	for last := false; !last; {
		rest, ok := f.behind(4)
		if !ok {
			return
		}
		f, last = rest, f.data[2]&bottom != 0
	}
	switch {
	case len(f.data) == 0:
	case f.data[0]>>4 == 4, f.data[0]>>4 == 6:
		rawIP(f, p)
	case f.data[0]>>4 == 0:
		if rest, ok := f.behind(4); ok && pseudowire(rest.data) {
			ethernet(rest, p)
			return
		}
		p.noIP()
	default:
		p.noIP()
	}
}

// pseudowire tells whether a frame looks like Ethernet with IP in it.
func pseudowire(b []byte) bool {
	if len(b) < 15 {
		return false
	}
	switch be.Uint16(b[12:]) {
	case etherIPv4:
		return b[14]>>4 == 4
	case etherIPv6:
		return b[14]>>4 == 6
	case etherVLAN, etherQinQ:
		return true
	}
	return false
}

// vxlan reads RFC 7348: a flag that must be set, the network, a frame.
func vxlan(f part, p *Packet) {
	const valid = 0x08
	if rest, ok := f.behind(8); ok && f.data[0]&valid != 0 {
		ethernet(rest, p)
	}
}

// vxlanGPE reads draft-ietf-nvo3-vxlan-gpe, which names what it carries.
func vxlanGPE(f part, p *Packet) {
	if rest, ok := f.behind(8); ok {
		afterNext(rest, f.data[3], p)
	}
}

// nsh reads RFC 8300: flags, length in words, the kind of its metadata, and
// what it carries.
func nsh(f part, p *Packet) {
	if len(f.data) < 8 {
		return
	}
	if rest, ok := f.behind(max(8, int(f.data[1]&0x3f)*4)); ok {
		afterNext(rest, f.data[3], p)
	}
}

// afterNext reads what RFC 8300 section 11.2.5 numbers.
func afterNext(f part, next uint8, p *Packet) {
	switch next {
	case 1:
		ipv4(f, p)
	case 2:
		ipv6(f, p)
	case 3:
		ethernet(f, p)
	case 4:
		nsh(f, p)
	case 5:
		mpls(f, p)
	default:
		p.noIP()
	}
}

// geneve reads RFC 8926: version and length of the options in words, flags, an
// ethertype, the network.
func geneve(f part, p *Packet) {
	if len(f.data) < 8 || f.data[0]>>6 != 0 {
		return
	}
	if rest, ok := f.behind(8 + int(f.data[0]&0x3f)*4); ok {
		afterType(rest, be.Uint16(f.data[2:]), p)
	}
}

// gtp reads the user plane of 3GPP TS 29.281: flags, message type, length, the
// tunnel; and, where a flag says so, four bytes more, of which the last names an
// extension header. Each of these has its length in words and names the next.
func gtp(f part, p *Packet) {
	const version1, optional, extended, user = 0x30, 0x07, 0x04, 0xff
	if len(f.data) < 8 || f.data[0]&0xf0 != version1 || f.data[1] != user {
		return
	}
	n := 8
	if f.data[0]&optional != 0 {
		if n = 12; len(f.data) < n {
			return
		}
		next := f.data[11]
		for f.data[0]&extended != 0 && next != 0 {
			if len(f.data) <= n || f.data[n] == 0 {
				return
			}
			n += int(f.data[n]) * 4
			if len(f.data) < n {
				return
			}
			next = f.data[n-1]
		}
	}
	if rest, ok := f.behind(n); ok {
		rawIP(rest, p)
	}
}

// authenticated reads the header of RFC 4302 behind IPv4, which names what it
// protects. Behind IPv6 it is an extension header.
func authenticated(f part, p *Packet) {
	if len(f.data) < 2 {
		return
	}
	next := f.data[0]
	if rest, ok := f.behind((int(f.data[1]) + 2) * 4); ok {
		carried(rest, next, p)
	}
}
