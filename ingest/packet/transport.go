package packet

import (
	"math"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// carried reads what IP carries.
func carried(f part, protocol uint8, p *Packet) {
	p.Tuple.Protocol = flow.Protocol(protocol)
	switch p.Tuple.Protocol {
	case flow.TCP, flow.UDP:
		p.Payload = uint32(max(f.bytes, 0)) // until the header is known, and for later fragments
	}
	if p.Fragmented && p.FragmentOffset > 0 {
		return
	}
	switch p.Tuple.Protocol {
	case flow.TCP:
		tcp(f.data, f.wire(), p)
	case flow.UDP:
		udp(f, p)
	case flow.SCTP:
		if len(f.data) >= 4 {
			ports(f.data, p)
		}
	case flow.ICMP, flow.ICMPv6:
		icmp(f.data, p)
	default:
		if f.depth <= maxDepth {
			tunnelled(f.unpadded(), protocol, p)
		}
	}
}

func ports(data []byte, p *Packet) {
	p.Class = Transport
	p.Tuple.SourcePort, p.Tuple.DestinationPort = be.Uint16(data), be.Uint16(data[2:])
}

// tcp reads RFC 9293 section 3.1, as far as the flags. A header that was cut
// before them gives no ports either: without a SYN that can be seen, the packet
// may be of another connection than it seems.
func tcp(data []byte, n int, p *Packet) {
	p.Payload = 0
	if len(data) < 14 {
		return
	}
	ports(data, p)
	p.Seq, p.Ack, p.TCPFlags = be.Uint32(data[4:]), be.Uint32(data[8:]), data[13]
	if p.Window = math.MaxUint16; len(data) >= 16 {
		p.Window = be.Uint16(data[14:])
	}
	if header := int(data[12]>>4) * 4; header >= 20 {
		p.Payload = uint32(max(n-header, 0))
		p.options(data, header)
		if header < len(data) {
			p.hold(data[header:])
		}
	}
}

// udp reads RFC 768. Its own length counts, where it is not 0 (a jumbogram, RFC
// 2675) nor more than IP carried (the first of several fragments).
func udp(f part, p *Packet) {
	p.Payload = 0
	if len(f.data) < 4 {
		return
	}
	ports(f.data, p)
	if len(f.data) >= 6 {
		if length := int(be.Uint16(f.data[4:])); length >= 8 && length < f.wire() {
			f.bytes = int32(length)
		}
	}
	if len(f.data) >= 8 {
		p.Print = fingerprint(f.data)
	}
	p.Payload = uint32(max(f.bytes-8, 0))
	if len(f.data) > 8 {
		p.hold(f.data[8:])
	}
	if port := p.Tuple.DestinationPort; isTunnel(port) {
		if rest, ok := f.unpadded().behind(8); ok {
			datagram(rest, port, p)
		}
	}
}

// fingerprint returns a hash of the checksum of UDP and of the first bytes behind its
// header, of which there are at least 8.
func fingerprint(datagram []byte) uint16 {
	x := uint64(be.Uint16(datagram[6:]))
	if len(datagram) >= 16 {
		x ^= be.Uint64(datagram[8:]) << 1
	}
	return uint16(x * 0x9e3779b97f4a7c15 >> 48)
}

// icmp reads the type, and from errors the packet that they quote (RFC 792,
// RFC 4443 section 3).
func icmp(data []byte, p *Packet) {
	if len(data) < 2 {
		return
	}
	p.ICMPType, p.ICMPCode = data[0], data[1]
	if len(data) < 8 {
		return
	}
	if p.Echoes() {
		p.ICMPID = be.Uint16(data[4:])
		return
	}
	if p.Tuple.Protocol == flow.ICMPv6 {
		if p.ICMPType >= 1 && p.ICMPType <= 4 { // unreachable, too big, time exceeded, parameter problem
			p.Quoted, p.HasQuoted = quoted6(data[8:])
		}
		return
	}
	switch p.ICMPType {
	case 3, 4, 5, 11, 12: // unreachable, quench, redirect, time exceeded, parameter problem
		p.Quoted, p.HasQuoted = quoted4(data[8:])
	}
}

// The ICMP messages of ping(8), RFC 792 and RFC 4443 section 4.
const (
	echoReply, echoRequest   = 0, 8
	echoRequest6, echoReply6 = 128, 129
)

// Asks tells whether p is an echo request.
func (p *Packet) Asks() bool {
	return p.Tuple.Protocol == flow.ICMP && p.ICMPType == echoRequest || p.Tuple.Protocol == flow.ICMPv6 && p.ICMPType == echoRequest6
}

// Answers tells whether p is an echo reply.
func (p *Packet) Answers() bool {
	return p.Tuple.Protocol == flow.ICMP && p.ICMPType == echoReply || p.Tuple.Protocol == flow.ICMPv6 && p.ICMPType == echoReply6
}

// Echoes tells whether p is an echo request or reply.
func (p *Packet) Echoes() bool { return p.Asks() || p.Answers() }

func quoted4(data []byte) (t flow.FiveTuple, ok bool) {
	if len(data) < 20 || data[0]>>4 != 4 || be.Uint16(data[6:])&0x1fff != 0 {
		return t, false
	}
	t.Source, t.Destination = flow.AddrFrom4(be.Uint32(data[12:])), flow.AddrFrom4(be.Uint32(data[16:]))
	return quotedPorts(t, data[9], data[min(len(data), max(20, int(data[0]&15)*4)):])
}

func quoted6(data []byte) (t flow.FiveTuple, ok bool) {
	if len(data) < 40 || data[0]>>4 != 6 {
		return t, false
	}
	t.Source, t.Destination = flow.AddrFrom16(data[8:]), flow.AddrFrom16(data[24:])
	var fragment Packet
	rest, protocol, whole := extensions(data[40:], data[6], &fragment)
	if !whole || fragment.FragmentOffset > 0 {
		return t, false
	}
	return quotedPorts(t, protocol, rest)
}

func quotedPorts(t flow.FiveTuple, protocol uint8, data []byte) (flow.FiveTuple, bool) {
	t.Protocol = flow.Protocol(protocol)
	switch t.Protocol {
	case flow.TCP, flow.UDP, flow.SCTP:
		if len(data) >= 4 {
			t.SourcePort, t.DestinationPort = be.Uint16(data), be.Uint16(data[2:])
			return t, true
		}
	}
	return t, false
}
