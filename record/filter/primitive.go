package filter

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// link is what a frame begins with.
type link uint8

const (
	ethernet link = iota // an Ethernet header
	rawIP                // the IP header
)

// header returns the length of the link's header, in bytes.
func (l link) header() uint32 {
	if l == ethernet {
		return 14
	}
	return 0
}

// Numbers of protocols (IANA), and where headers have what (RFC 791, 8200, 826).
const (
	etherIP, etherIP6, etherARP, etherRARP = 0x0800, 0x86dd, 0x0806, 0x8035

	ipFragment, ipProtocol, ipSource, ipTarget = 6, 9, 12, 16
	ip6Next, ip6Source, ip6Target, ip6Length   = 6, 8, 24, 40
	arpSource, arpTarget                       = 14, 24

	fragmentHeader = 44
)

func load(at uint32, size int) []bpf.Instruction {
	return []bpf.Instruction{bpf.LoadAbsolute{Off: at, Size: size}}
}

// at compares a number of the network header.
func (l link) at(offset uint32, size int, value uint32) *condition {
	return &condition{loads: load(l.header()+offset, size), test: jumpEqual, value: value}
}

// masked compares some bits of a word of the network header.
func (l link) masked(offset, value, mask uint32) *condition {
	c := l.at(offset, 4, value)
	if mask != 1<<32-1 {
		c.loads = append(c.loads, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: mask})
	}
	return c
}

// carries is whether the frame's payload is of an ether type.
func (l link) carries(etherType uint32) *condition {
	if l == ethernet {
		return &condition{loads: load(12, 2), test: jumpEqual, value: etherType}
	}
	version := map[uint32]uint32{etherIP: 0x40, etherIP6: 0x60}[etherType]
	if version == 0 {
		return &condition{join: never}
	}
	return &condition{loads: append(load(0, 1), bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0}), test: jumpEqual, value: version}
}

// protocol4, protocol6 and protocol are whether a datagram carries a protocol:
// in IPv6 right behind its header or behind that of a fragment.
func (l link) protocol4(n uint32) *condition {
	return and(l.carries(etherIP), l.at(ipProtocol, 1, n))
}

func (l link) protocol6(n uint32) *condition {
	fragment := and(l.at(ip6Next, 1, fragmentHeader), l.at(ip6Length, 1, n))
	return and(l.carries(etherIP6), or(l.at(ip6Next, 1, n), fragment))
}

func (l link) protocol(n uint32) *condition { return or(l.protocol4(n), l.protocol6(n)) }

// firstFragment is whether an IPv4 datagram has the beginning of its payload.
func (l link) firstFragment() *condition {
	return not(&condition{loads: load(l.header()+ipFragment, 2), test: jumpSet, value: 0x1fff})
}

// directed joins what is said of the source and of the target.
func directed(direction string, source, target *condition) *condition {
	switch direction {
	case "src":
		return source
	case "dst":
		return target
	case "src and dst":
		return and(source, target)
	}
	return or(source, target)
}

// host4 is whether a network-layer protocol has an IPv4 address.
func (l link) host4(etherType, address, mask uint32, direction string) *condition {
	source, target := uint32(ipSource), uint32(ipTarget)
	if etherType != etherIP {
		source, target = arpSource, arpTarget
	}
	end := func(offset uint32) *condition {
		return and(l.carries(etherType), l.masked(offset, address, mask))
	}
	return directed(direction, end(source), end(target))
}

// host6 is whether IPv6 has an address within a network.
func (l link) host6(prefix netip.Prefix, direction string) *condition {
	address := prefix.Masked().Addr().As16()
	end := func(offset uint32) *condition {
		c := l.carries(etherIP6)
		for i := range 4 {
			bits := min(max(prefix.Bits()-32*i, 0), 32)
			mask := ^uint32(0) << (32 - bits)
			c = and(c, l.masked(offset+4*uint32(i), binary.BigEndian.Uint32(address[4*i:]), mask))
		}
		return c
	}
	return directed(direction, end(ip6Source), end(ip6Target))
}

// ether is whether a frame has an Ethernet address.
func (l link) ether(address [6]byte, direction string) *condition {
	if l != ethernet {
		return &condition{join: never}
	}
	end := func(offset uint32) *condition {
		low := &condition{loads: load(offset+2, 4), test: jumpEqual, value: binary.BigEndian.Uint32(address[2:])}
		high := &condition{loads: load(offset, 2), test: jumpEqual, value: uint32(binary.BigEndian.Uint16(address[:]))}
		return and(low, high)
	}
	return directed(direction, end(6), end(0))
}

// ports is whether one of the transport protocols has a port from low to high.
func (l link) ports(protocols []uint32, low, high uint32, direction string) *condition {
	within := func(loads []bpf.Instruction) *condition {
		if low == high {
			return &condition{loads: loads, test: jumpEqual, value: low}
		}
		return and(&condition{loads: loads, test: jumpGreaterOrEqual, value: low}, not(&condition{loads: loads, test: jumpGreater, value: high}))
	}
	var four, six *condition
	for _, n := range protocols {
		transport := func(offset uint32) *condition {
			return within([]bpf.Instruction{bpf.LoadMemShift{Off: l.header()}, bpf.LoadIndirect{Off: l.header() + offset, Size: 2}})
		}
		c := and(and(l.at(ipProtocol, 1, n), l.firstFragment()), directed(direction, transport(0), transport(2)))
		behind := func(offset uint32) *condition { return within(load(l.header()+ip6Length+offset, 2)) }
		d := and(l.at(ip6Next, 1, n), directed(direction, behind(0), behind(2)))
		if four == nil {
			four, six = c, d
			continue
		}
		four, six = or(four, c), or(six, d)
	}
	return or(and(l.carries(etherIP6), six), and(l.carries(etherIP), four))
}
