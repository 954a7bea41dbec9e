package filter

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// value reads the value that qualifiers are about.
func (p *parser) value(q qualifiers) (*condition, error) {
	switch q.kind {
	case "port", "portrange":
		return p.ports(q)
	case "proto":
		return p.proto(q)
	case "net":
		return p.network(q)
	}
	return p.host(q)
}

// host reads an address of any kind.
func (p *parser) host(q qualifiers) (*condition, error) {
	t := p.take()
	if p.peek().is("/") {
		return nil, p.wrong(p.peek(), `a prefix length needs "net" in front of the address`)
	}
	if q.protocol == "ether" || t.kind == hardware {
		mac, err := net.ParseMAC(wide(t.text))
		if t.kind != hardware || err != nil {
			return nil, p.unexpected(t, "an Ethernet address")
		}
		if q.protocol != "ether" {
			return nil, p.wrong(t, `an Ethernet address needs "ether" in front: ether host %s`, t.text)
		}
		return p.link.ether([6]byte(mac), q.direction), nil
	}
	if a, err := netip.ParseAddr(t.text); err == nil && (t.kind == dotted || t.kind == address6) {
		return p.within(t, q, netip.PrefixFrom(a, a.BitLen()))
	}
	if t.kind == word {
		return nil, p.wrong(t, "%q is no address; names are not looked up", t.text)
	}
	return nil, p.unexpected(t, "an address")
}

// wide gives each byte of an Ethernet address two digits.
func wide(text string) string {
	parts := strings.Split(text, ":")
	for i, s := range parts {
		parts[i] = strings.Repeat("0", max(2-len(s), 0)) + s
	}
	return strings.Join(parts, ":")
}

// network reads 10.1, 10.1.0.0/16, 10.1.0.0 mask 255.255.0.0, 2001:db8::/32.
func (p *parser) network(q qualifiers) (*condition, error) {
	t := p.take()
	if t.kind == address6 {
		a, err := netip.ParseAddr(t.text)
		if err != nil {
			return nil, p.unexpected(t, "an address")
		}
		bits := 128
		if p.peek().is("/") {
			if bits, err = p.prefixLength(128); err != nil {
				return nil, err
			}
		}
		return p.within(t, q, netip.PrefixFrom(a, bits))
	}
	address, mask, err := p.short(t)
	if err != nil {
		return nil, err
	}
	switch {
	case p.peek().is("/"):
		bits, err := p.prefixLength(32)
		if err != nil {
			return nil, err
		}
		mask = ^uint32(0) << (32 - bits)
	case p.peek().is("mask"):
		p.take()
		m := p.take()
		if mask, _, err = p.short(m); err != nil {
			return nil, err
		}
	}
	if address&^mask != 0 {
		return nil, p.wrong(t, "%q has bits behind the mask", t.text)
	}
	return p.masked4(t, q, address, mask)
}

func (p *parser) prefixLength(most int) (int, error) {
	p.take()
	t := p.take()
	if t.kind != number || t.value > uint32(most) {
		return 0, p.unexpected(t, "a prefix length up to "+strconv.Itoa(most))
	}
	return int(t.value), nil
}

// short reads an IPv4 address of which the last numbers may be missing, and the
// mask of those that are there.
func (p *parser) short(t token) (address, mask uint32, err error) {
	if t.kind == word {
		return 0, 0, p.wrong(t, "%q is no network; names are not looked up", t.text)
	}
	if t.kind != dotted && t.kind != number {
		return 0, 0, p.unexpected(t, "a network")
	}
	parts := strings.Split(t.text, ".")
	for i, s := range parts {
		n, err := strconv.ParseUint(s, 10, 8)
		if err != nil {
			return 0, 0, p.wrong(t, "%q is no network", t.text)
		}
		address |= uint32(n) << (24 - 8*i)
		mask |= 0xff << (24 - 8*i)
	}
	return address, mask, nil
}

// within is about an address, or all of a network.
func (p *parser) within(t token, q qualifiers, prefix netip.Prefix) (*condition, error) {
	if !prefix.Addr().Is4() {
		switch {
		case q.protocol != "" && q.protocol != "ip6":
			return nil, p.wrong(t, "an IPv6 address does not go with %q", q.protocol)
		case prefix.Addr().Zone() != "" || prefix.Masked().Addr() != prefix.Addr():
			return nil, p.wrong(t, "%q has bits behind its prefix of %d", t.text, prefix.Bits())
		}
		return p.link.host6(prefix, q.direction), nil
	}
	address := prefix.Addr().As4()
	return p.masked4(t, q, binary.BigEndian.Uint32(address[:]), 1<<32-1)
}

func (p *parser) masked4(t token, q qualifiers, address, mask uint32) (*condition, error) {
	of := func(etherType uint32) *condition { return p.link.host4(etherType, address, mask, q.direction) }
	switch q.protocol {
	case "":
		return or(or(of(etherIP), of(etherARP)), of(etherRARP)), nil
	case "ip6":
		return nil, p.wrong(t, `an IPv4 address does not go with "ip6"`)
	}
	return of(p.known[q.protocol].etherType), nil
}

// ports reads a port, or the first and the last of a range.
func (p *parser) ports(q qualifiers) (*condition, error) {
	low, err := p.port()
	if err != nil {
		return nil, err
	}
	high := low
	if q.kind == "portrange" && p.accept("-") {
		if high, err = p.port(); err != nil {
			return nil, err
		}
	}
	var of []uint32
	for _, name := range []string{"tcp", "udp", "sctp"} {
		if q.protocol == "" || q.protocol == name {
			of = append(of, p.known[name].number)
		}
	}
	return p.link.ports(of, min(low, high), max(low, high), q.direction), nil
}

func (p *parser) port() (uint32, error) {
	switch t := p.take(); {
	case t.kind == word:
		return 0, p.wrong(t, "%q is no port; names are not looked up", t.text)
	case t.kind != number || t.value > 65535:
		return 0, p.unexpected(t, "a port from 0 to 65535")
	default:
		return t.value, nil
	}
}

// proto reads the number or name of what IP or Ethernet carries.
func (p *parser) proto(q qualifiers) (*condition, error) {
	t := p.take()
	n := t.value
	if t.kind == word {
		known := p.known[synonym(t.text)]
		if n = known.number; q.protocol == "ether" {
			n = known.etherType
		}
		if n == 0 {
			return nil, p.unexpected(t, "a protocol that is carried by this one")
		}
	} else if t.kind != number {
		return nil, p.unexpected(t, "the number of a protocol")
	}
	if q.protocol == "ether" {
		// What is no type but a length means LLC; two others libpcap looks for in SNAP.
		if n <= 1500 || n > 65535 || n == 0x809b || n == 0x80f3 {
			return nil, p.wrong(t, "Ethernet type %s is not supported: they go from 1501 to 65535", t.text)
		}
		return p.link.carries(n), nil
	}
	if n > 255 {
		return nil, p.unexpected(t, "a protocol from 0 to 255")
	}
	switch q.protocol {
	case "ip":
		return p.link.protocol4(n), nil
	case "ip6":
		return p.link.protocol6(n), nil
	}
	return p.link.protocol(n), nil
}
