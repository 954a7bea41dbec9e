package packet

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

var be = binary.BigEndian

// ipv4 reads the header of RFC 791 at the beginning of data; wire is how many
// bytes there were on the wire from there on.
func ipv4(data []byte, wire int, p *Packet) {
	if len(data) < 20 || data[0]>>4 != 4 {
		return
	}
	header, total := int(data[0]&15)*4, int(be.Uint16(data[2:]))
	if header < 20 {
		return
	}
	if room := max(wire, len(data)); total == 0 || total > room {
		total = room // segmentation offload, a super-packet longer than 65,535 bytes, or a length that lies
	}
	p.Class, p.IPVersion = Network, 4
	p.Tuple.Source = flow.AddrFrom4(be.Uint32(data[12:]))
	p.Tuple.Destination = flow.AddrFrom4(be.Uint32(data[16:]))
	p.Tuple.Protocol = flow.Protocol(data[9])
	if f := be.Uint16(data[6:]); f&0x3fff != 0 {
		p.Fragmented, p.FragmentMore = true, f&0x2000 != 0
		p.FragmentOffset, p.FragmentID = f&0x1fff*8, uint32(be.Uint16(data[4:]))
	}
	transport(data[min(header, len(data)):], total-header, p)
}

// Next header values that are extension headers (IANA "Internet Protocol
// Version 6 Parameters"), but for mobility (RFC 6275) and HIP (RFC 7401), which
// nothing follows: they are what the packet carries.
const (
	extHopByHop    = 0
	extRouting     = 43
	extFragment    = 44
	extAuth        = 51
	extDestination = 60
	extShim6       = 140
)

// ipv6 reads the header of RFC 8200 and its extension headers.
func ipv6(data []byte, wire int, p *Packet) {
	if len(data) < 40 || data[0]>>4 != 6 {
		return
	}
	n := int(be.Uint16(data[4:]))
	if room := max(wire, len(data)) - 40; n == 0 || n > room {
		n = room // a jumbogram (RFC 2675), a super-packet, or a length that lies
	}
	p.Class, p.IPVersion = Network, 6
	p.Tuple.Source, p.Tuple.Destination = flow.AddrFrom16(data[8:]), flow.AddrFrom16(data[24:])
	rest, protocol, whole := extensions(data[40:], data[6], p)
	p.Tuple.Protocol = flow.Protocol(protocol)
	if whole {
		transport(rest, n-(len(data)-40-len(rest)), p)
	}
}

// extensions follows extension headers from data on, the first named by next.
// It returns what comes after them and its protocol; whole tells that none was
// cut. p, where it is not nil, takes the fragment header.
func extensions(data []byte, next uint8, p *Packet) (rest []byte, protocol uint8, whole bool) {
	for range maxDepth {
		var n int
		switch next {
		case extHopByHop, extRouting, extDestination, extShim6:
			if len(data) < 2 {
				return data, next, false
			}
			n = int(data[1])*8 + 8
		case extAuth:
			if len(data) < 2 {
				return data, next, false
			}
			n = int(data[1])*4 + 8
		case extFragment:
			n = 8
			if len(data) < n {
				return data, next, false
			}
			if f := be.Uint16(data[2:]); p != nil && f&0xfff9 != 0 {
				p.Fragmented, p.FragmentMore = true, f&1 != 0
				p.FragmentOffset, p.FragmentID = f&0xfff8, be.Uint32(data[4:])
			}
			if be.Uint16(data[2:])&0xfff8 != 0 {
				return data[8:], data[0], true
			}
		default:
			return data, next, true
		}
		if len(data) < n {
			return data, next, false
		}
		next, data = data[0], data[n:]
	}
	return data, next, false
}
