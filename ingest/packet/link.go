package packet

// The link headers of single machines: what stands in front of IP there is
// written by the capturing system itself.

// loopback reads the address family that BSD loopback interfaces put in front:
// in the byte order of the machine that wrote it, or in network order.
func loopback(f part, p *Packet) {
	rest, ok := f.behind(4)
	if !ok {
		return
	}
	family := le.Uint32(f.data)
	if family > 0xffff {
		family = be.Uint32(f.data)
	}
	switch family {
	case 2: // AF_INET everywhere
		ipv4(rest, p)
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		ipv6(rest, p)
	default:
		p.noIP()
	}
}

// rawIP reads an IP header of either version.
func rawIP(f part, p *Packet) {
	if len(f.data) == 0 {
		return
	}
	switch f.data[0] >> 4 {
	case 4:
		ipv4(f, p)
	case 6:
		ipv6(f, p)
	}
}

// sll reads LINKTYPE_LINUX_SLL: packet type, device type, address length,
// address, protocol.
func sll(f part, p *Packet) {
	if rest, ok := f.behind(16); ok {
		cookedDirection(be.Uint16(f.data), p)
		afterType(rest, be.Uint16(f.data[14:]), p)
	}
}

// sll2 reads LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, device
// type, packet type, address length, address.
func sll2(f part, p *Packet) {
	if rest, ok := f.behind(20); ok {
		cookedDirection(uint16(f.data[10]), p)
		afterType(rest, be.Uint16(f.data), p)
	}
}

// cookedDirection takes the direction from a cooked capture's packet type
// (PACKET_OUTGOING is 4, include/uapi/linux/if_packet.h).
func cookedDirection(kind uint16, p *Packet) {
	switch {
	case p.Direction != DirectionUnknown:
	case kind == 4:
		p.Direction = Outbound
	case kind < 4:
		p.Direction = Inbound
	}
}

// ipnet reads LINKTYPE_IPNET of Solaris: a header of 24 bytes.
func ipnet(f part, p *Packet) {
	if rest, ok := f.behind(24); ok {
		rawIP(rest, p)
	}
}

// nflog reads LINKTYPE_NFLOG: family, version, resource, and attributes of a
// length and a type in the writer's byte order, one of which is the packet.
func nflog(f part, p *Packet) {
	const inet, inet6, payload = 2, 10, 9
	if len(f.data) < 8 {
		return
	}
	family, u16 := f.data[0], le.Uint16
	if n := int(le.Uint16(f.data[4:])); n < 4 || n > max(f.wire(), len(f.data)) {
		u16 = be.Uint16
	}
	f.data, f.bytes = f.data[4:], f.bytes-4
	for len(f.data) >= 4 {
		n, kind := int(u16(f.data)), u16(f.data[2:])&0x7fff
		if n < 4 {
			return
		}
		if kind == payload {
			if rest, ok := f.first(n).behind(4); ok && (family == inet || family == inet6) {
				rawIP(rest, p)
				return
			}
			break
		}
		if n > len(f.data) {
			return
		}
		n = min((n+3)&^3, len(f.data))
		f.data, f.bytes = f.data[n:], f.bytes-int32(n)
	}
	p.noIP()
}

// juniper reads LINKTYPE_JUNIPER_ETHER: "MGC", flags, and extensions of a total
// length where a flag says so; then a frame.
func juniper(f part, p *Packet) {
	const extended = 0x80
	if len(f.data) < 6 || string(f.data[:3]) != "MGC" {
		return
	}
	n := 4
	if f.data[3]&extended != 0 {
		n = 6 + int(be.Uint16(f.data[4:]))
	}
	if rest, ok := f.behind(n); ok {
		ethernet(rest, p)
	}
}
