package packet

// Ethertypes (IEEE 802 numbers, IANA).
const (
	etherIPv4     = 0x0800
	etherIPv6     = 0x86dd
	etherVLAN     = 0x8100 // 802.1Q
	etherQinQ     = 0x88a8 // 802.1ad
	etherQinQ9    = 0x9100 // its predecessor
	etherPPP      = 0x880b
	etherMPLS     = 0x8847
	etherMPLSm    = 0x8848
	etherPPPoE    = 0x8864
	etherMACsec   = 0x88e5
	etherNSH      = 0x894f
	etherMetadata = 0x8909 // Cisco's
	etherArista   = 0xd28b // a time stamp in front of the frame
	etherBridged  = 0x6558 // a whole Ethernet frame, in tunnels
	etherLength   = 0x0600 // smaller values are the length of an 802.3 frame
)

func ethernet(f part, p *Packet) {
	if rest, ok := f.behind(14); ok {
		afterType(rest, be.Uint16(f.data[12:]), p)
	}
}

// afterType reads what stands behind an ethertype, and is what that names.
func afterType(f part, kind uint16, p *Packet) {
	for kind == etherVLAN || kind == etherQinQ || kind == etherQinQ9 {
		rest, ok := f.behind(4)
		if !ok {
			return
		}
		f, kind = rest, be.Uint16(f.data[2:])
	}
	switch kind {
	case etherIPv4:
		ipv4(f, p)
	case etherIPv6:
		ipv6(f, p)
	case etherMPLS, etherMPLSm:
		mpls(f, p)
	case etherPPPoE:
		pppoe(f, p)
	case etherPPP:
		ppp(f, p)
	case etherBridged:
		ethernet(f, p)
	case etherNSH:
		nsh(f, p)
	case etherMACsec:
		macsec(f, p)
	case etherMetadata:
		tagged(f, 6, p)
	case etherArista:
		arista(f, p)
	default:
		if kind < etherLength {
			llc(f, p)
			return
		}
		p.noIP()
	}
}

// tagged reads a header of n bytes with an ethertype behind it.
func tagged(f part, n int, p *Packet) {
	if rest, ok := f.behind(n + 2); ok {
		afterType(rest, be.Uint16(f.data[n:]), p)
	}
}

// llc reads an LLC header with SNAP (RFC 1042), which gives an ethertype; other
// LLC carries no IP.
func llc(f part, p *Packet) {
	if len(f.data) >= 8 && string(f.data[:6]) == "\xaa\xaa\x03\x00\x00\x00" {
		tagged(f, 6, p)
		return
	}
	p.noIP()
}

// macsec reads the tag of IEEE 802.1AE section 9.3: control information, short
// length, packet number, and an identifier where a bit says so. What is
// encrypted stays unread.
func macsec(f part, p *Packet) {
	const identified, encrypted, changed = 0x20, 0x08, 0x04
	switch {
	case len(f.data) == 0:
	case f.data[0]&(encrypted|changed) != 0:
		p.noIP()
	case f.data[0]&identified != 0:
		tagged(f, 6+8, p)
	default:
		tagged(f, 6, p)
	}
}

// arista reads the time stamp that Arista's switches put in: subtype, version,
// and 64 or 48 bits of time.
func arista(f part, p *Packet) {
	switch {
	case len(f.data) < 4:
	case f.data[3]&0xf0 == 0x10:
		tagged(f, 4+8, p)
	case f.data[3]&0xf0 == 0x20:
		tagged(f, 4+6, p)
	default:
		p.noIP()
	}
}
