package packet

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// maxDepth bounds every chain of headers.
const maxDepth = 16

// Ethertypes (IEEE 802 numbers, IANA).
const (
	etherIPv4   = 0x0800
	etherIPv6   = 0x86dd
	etherVLAN   = 0x8100 // 802.1Q
	etherQinQ   = 0x88a8 // 802.1ad
	etherQinQ9  = 0x9100 // its predecessor
	etherMPLS   = 0x8847
	etherMPLSm  = 0x8848
	etherPPPoE  = 0x8864
	etherLength = 0x0600 // smaller values are the length of an 802.3 frame
)

// Decode fills p from the headers of a frame of the given link type
// (pcapng.Link…). Frame, Time, Interface and the two lengths must be set, and
// Direction where the capture tells it; everything else is overwritten. It
// keeps nothing of data, does not allocate for the link types of package
// pcapng's constants, and never panics.
func Decode(link uint16, data []byte, p *Packet) {
	if link != pcapng.LinkEthernet || !quick(data, p) {
		full(link, data, p)
	}
}

// full decodes any frame.
func full(link uint16, data []byte, p *Packet) {
	p.Hash = 0
	p.Class, p.IPVersion, p.Tuple, p.Payload = Undecoded, 0, flow.FiveTuple{}, 0
	p.Fragmented, p.FragmentMore, p.FragmentOffset, p.FragmentID = false, false, 0, 0
	p.TCPFlags, p.Window, p.Seq, p.Ack = 0, 0, 0, 0
	p.ICMPType, p.ICMPCode, p.HasQuoted = 0, 0, false
	switch link {
	case pcapng.LinkEthernet:
		ethernet(data, p)
	case pcapng.LinkNull, pcapng.LinkLoop:
		loopback(data, p)
	case pcapng.LinkRaw, pcapng.LinkIPv4, pcapng.LinkIPv6, linkRawBSD, linkRawOpenBSD:
		rawIP(data, int(p.WireLength), p)
	case pcapng.LinkSLL:
		sll(data, p)
	case pcapng.LinkSLL2:
		sll2(data, p)
	case pcapng.LinkPKTAP:
		pktap(data, p)
	default:
		layered(link, data, p)
	}
	if p.Class == Transport {
		p.Hash = p.Tuple.Hash()
	}
}

// Values of LINKTYPE_RAW that some systems wrote into files instead of 101.
const (
	linkRawBSD     = 12
	linkRawOpenBSD = 14
)

func ethernet(data []byte, p *Packet) {
	if len(data) < 14 {
		return
	}
	afterType(data, 14, binary.BigEndian.Uint16(data[12:]), p)
}

// afterType goes on at data[off:], which the ethertype names.
func afterType(data []byte, off int, kind uint16, p *Packet) {
	for range maxDepth {
		if kind != etherVLAN && kind != etherQinQ && kind != etherQinQ9 {
			break
		}
		if len(data) < off+4 {
			return
		}
		kind = binary.BigEndian.Uint16(data[off+2:])
		off += 4
	}
	if kind < etherLength && len(data) >= off+8 && string(data[off:off+6]) == "\xaa\xaa\x03\x00\x00\x00" { // LLC and SNAP, RFC 1042
		kind = binary.BigEndian.Uint16(data[off+6:])
		off += 8
	}
	switch kind {
	case etherIPv4:
		ipv4(data[off:], int(p.WireLength)-off, p)
	case etherIPv6:
		ipv6(data[off:], int(p.WireLength)-off, p)
	case etherMPLS, etherMPLSm, etherPPPoE:
		layeredType(kind, data[off:], int(p.WireLength)-off, p)
	case etherVLAN, etherQinQ, etherQinQ9: // deeper than maxDepth
	default:
		p.Class = Link
	}
}

// loopback reads the address family that BSD loopback interfaces put in front:
// in the byte order of the machine that wrote it, or in network order.
func loopback(data []byte, p *Packet) {
	if len(data) < 4 {
		return
	}
	family := binary.LittleEndian.Uint32(data)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(data)
	}
	switch family {
	case 2: // AF_INET everywhere
		ipv4(data[4:], int(p.WireLength)-4, p)
	case 10, 23, 24, 28, 30: // AF_INET6 of Linux, Windows, NetBSD and OpenBSD, FreeBSD, macOS
		ipv6(data[4:], int(p.WireLength)-4, p)
	default:
		p.Class = Link
	}
}

func rawIP(data []byte, wire int, p *Packet) {
	if len(data) == 0 {
		return
	}
	switch data[0] >> 4 {
	case 4:
		ipv4(data, wire, p)
	case 6:
		ipv6(data, wire, p)
	}
}

// sll reads LINKTYPE_LINUX_SLL: packet type, device type, address length,
// address, protocol.
func sll(data []byte, p *Packet) {
	if len(data) < 16 {
		return
	}
	cookedDirection(binary.BigEndian.Uint16(data), p)
	afterType(data, 16, binary.BigEndian.Uint16(data[14:]), p)
}

// sll2 reads LINKTYPE_LINUX_SLL2: protocol, reserved, interface index, device
// type, packet type, address length, address.
func sll2(data []byte, p *Packet) {
	if len(data) < 20 {
		return
	}
	cookedDirection(uint16(data[10]), p)
	afterType(data, 20, binary.BigEndian.Uint16(data), p)
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
