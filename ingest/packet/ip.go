package packet

import "github.com/pcapwho/pcapwho/ingest/flow"

// begin makes p that of an IP packet, whatever it was before: what a tunnel
// carries takes the place of the tunnel.
func (p *Packet) begin(version uint8) {
	if p.Class != Undecoded {
		p.forget()
	}
	p.Class, p.IPVersion = Network, version
}

// ipv4 reads the header of RFC 791.
func ipv4(f part, p *Packet) {
	data := f.data
	if len(data) < 20 || data[0]>>4 != 4 {
		return
	}
	header, total := int(data[0]&15)*4, int(be.Uint16(data[2:]))
	if header < 20 {
		return
	}
	if room := max(f.wire(), len(data)); total == 0 || total > room {
		total = room // segmentation offload, a super-packet longer than 65,535 bytes, or a length that lies
	}
	p.begin(4)
	p.Tuple.Source = flow.AddrFrom4(be.Uint32(data[12:]))
	p.Tuple.Destination = flow.AddrFrom4(be.Uint32(data[16:]))
	if flags := be.Uint16(data[6:]); flags&0x3fff != 0 {
		p.Fragmented, p.FragmentMore = true, flags&0x2000 != 0
		p.FragmentOffset, p.FragmentID = flags&0x1fff*8, uint32(be.Uint16(data[4:]))
	}
	carried(part{data[min(header, len(data)):], int32(total - header), f.depth + 1}, data[9], p)
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
func ipv6(f part, p *Packet) {
	data := f.data
	if len(data) < 40 || data[0]>>4 != 6 {
		return
	}
	n := int(be.Uint16(data[4:]))
	if room := max(f.wire(), len(data)) - 40; n == 0 || n > room {
		n = room // a jumbogram (RFC 2675), a super-packet, or a length that lies
	}
	p.begin(6)
	p.Tuple.Source, p.Tuple.Destination = flow.AddrFrom16(data[8:]), flow.AddrFrom16(data[24:])
	rest, protocol, whole := extensions(data[40:], data[6], p)
	p.Tuple.Protocol = flow.Protocol(protocol)
	if whole {
		carried(part{rest, int32(n - (len(data) - 40 - len(rest))), f.depth + 1}, protocol, p)
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
