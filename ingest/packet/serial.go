package packet

// The link headers of lines between two machines, and of networks that are no
// Ethernet.

// PPP protocol numbers (IANA "Point-to-Point (PPP) Protocol Field Assignments").
const (
	pppIPv4  = 0x0021
	pppIPv6  = 0x0057
	pppMPLS  = 0x0281
	pppMPLSm = 0x0283
)

// ppp reads RFC 1661 in the framing of RFC 1662: address and control, which may
// be left out, and a protocol of one or two bytes. The address of Cisco's HDLC,
// which LINKTYPE_PPP_HDLC may be too, is another, as is the direction that pppd
// puts in its place.
func ppp(f part, p *Packet) {
	if len(f.data) < 2 {
		return
	}
	n := 0
	switch f.data[0] {
	case 0x0f, 0x8f:
		hdlc(f, p)
		return
	case 0xff, 0x00, 0x01:
		if f.data[1] == 0x03 {
			n = 2
		}
	}
	if len(f.data) < n+2 {
		return
	}
	protocol, size := uint16(f.data[n]), 1
	if protocol&1 == 0 {
		protocol, size = be.Uint16(f.data[n:]), 2
	}
	rest, ok := f.behind(n + size)
	if !ok {
		return
	}
	switch protocol {
	case pppIPv4:
		ipv4(rest, p)
	case pppIPv6:
		ipv6(rest, p)
	case pppMPLS, pppMPLSm:
		mpls(rest, p)
	default:
		p.noIP()
	}
}

// pppoe reads RFC 2516: version and type, code, session, length; then PPP.
func pppoe(f part, p *Packet) {
	rest, ok := f.behind(6)
	switch {
	case !ok:
	case f.data[0] != 0x11 || f.data[1] != 0: // discovery
		p.noIP()
	default:
		if n := int(be.Uint16(f.data[4:])); n > 0 {
			rest = rest.first(n)
		}
		ppp(rest, p)
	}
}

// hdlc reads Cisco's HDLC: address, control, ethertype.
func hdlc(f part, p *Packet) { tagged(f, 2, p) }

// frameRelay reads RFC 2427: an address of Q.922, two to four bytes of which the
// last has its lowest bit set, control, and a network protocol; or, as Cisco
// does, an ethertype behind the address.
func frameRelay(f part, p *Packet) {
	const unnumbered, snap, inet, inet6 = 0x03, 0x80, 0xcc, 0x8e
	n := 0
	for n < len(f.data) && f.data[n]&1 == 0 {
		n++
	}
	n++
	if n < 2 || n > 4 || len(f.data) < n+3 {
		return
	}
	if f.data[n] != unnumbered {
		tagged(f, n, p)
		return
	}
	n++
	if f.data[n] == 0 && len(f.data) > n+1 { // a pad byte
		n++
	}
	rest, ok := f.behind(n + 1)
	if !ok {
		return
	}
	switch f.data[n] {
	case inet:
		ipv4(rest, p)
	case inet6:
		ipv6(rest, p)
	case snap:
		if len(rest.data) >= 3 && string(rest.data[:3]) == "\x00\x00\x00" {
			tagged(rest, 3, p)
			return
		}
		p.noIP()
	default:
		p.noIP()
	}
}

// atm reads RFC 2684: LLC and SNAP, or IP alone.
func atm(f part, p *Packet) {
	if len(f.data) > 0 && (f.data[0]>>4 == 4 || f.data[0]>>4 == 6) {
		rawIP(f, p)
		return
	}
	llc(f, p)
}

// arcnet reads RFC 1201, and its predecessor RFC 1051: the type stands at byte
// n, behind two addresses and, on Linux, an offset. Newer types are followed by
// a split flag and a sequence number, of a packet that was divided.
func arcnet(f part, n int, p *Packet) {
	const inetOld, arpOld, inet, inet6, exception = 240, 241, 212, 196, 0xff
	if len(f.data) < n+2 {
		return
	}
	kind, flag := f.data[n], f.data[n+1]
	n++
	if kind != inetOld && kind != arpOld {
		if flag == exception {
			n += 4
			if len(f.data) <= n {
				return
			}
			flag = f.data[n]
		}
		n += 3
		if flag != 0 && flag&1 == 0 {
			return // a later part
		}
	}
	rest, ok := f.behind(n)
	switch {
	case !ok:
	case kind == inet, kind == inetOld:
		ipv4(rest, p)
	case kind == inet6:
		ipv6(rest, p)
	default:
		p.noIP()
	}
}

// ipoib reads LINKTYPE_IPOIB: 40 bytes in the place of InfiniBand's addresses,
// then RFC 4391's ethertype and two reserved bytes.
func ipoib(f part, p *Packet) {
	if rest, ok := f.behind(44); ok {
		afterType(rest, be.Uint16(f.data[40:]), p)
	}
}
