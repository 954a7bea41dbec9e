package packet

import "github.com/pcapwho/pcapwho/ingest/flow"

// quick decodes what captures are made of: an Ethernet frame, perhaps tagged,
// of whole TCP or UDP over IPv4 without fragments or IPv6 without extension
// headers. It tells whether it did; p is then as full would have left it, and
// otherwise of no meaning. It is worth its lines: most packets take half the
// time.
func quick(data []byte, p *Packet) bool {
	if len(data) < 14+20+8 {
		return false
	}
	if p.Class != Transport || p.Fragmented { // the packet before
		p.forgetRare()
	}
	whole, off := len(data), 14
	kind := be.Uint16(data[12:])
	if kind == etherVLAN {
		kind, off = be.Uint16(data[16:]), 18
	}
	room := max(int(p.WireLength), len(data)) - off
	data = data[off:]
	var source, destination flow.Addr
	var protocol flow.Protocol
	var n int // bytes that IP carries
	switch kind {
	case etherIPv4:
		if len(data) < 20+8 || data[0] != 0x45 || be.Uint16(data[6:])&0x3fff != 0 {
			return false
		}
		if n = int(be.Uint16(data[2:])); n == 0 || n > room {
			n = room
		}
		n -= 20
		p.IPVersion = 4
		source, destination = flow.AddrFrom4(be.Uint32(data[12:])), flow.AddrFrom4(be.Uint32(data[16:]))
		protocol = flow.Protocol(data[9])
		data = data[20:]
	case etherIPv6:
		if len(data) < 40+8 || data[0]>>4 != 6 {
			return false
		}
		if n = int(be.Uint16(data[4:])); n == 0 || n > room-40 {
			n = room - 40
		}
		p.IPVersion = 6
		source, destination = flow.AddrFrom16(data[8:]), flow.AddrFrom16(data[24:])
		protocol = flow.Protocol(data[6])
		data = data[40:]
	default:
		return false
	}
	header := 8
	switch protocol {
	case flow.TCP:
		if len(data) < 20 || data[12]>>4 < 5 {
			return false
		}
		p.Seq, p.Ack = be.Uint32(data[4:]), be.Uint32(data[8:])
		p.TCPFlags, p.Window = data[13], be.Uint16(data[14:])
		header = int(data[12]>>4) * 4
		p.Print = 0
		p.options(data, header)
	case flow.UDP:
		if isTunnel(be.Uint16(data[2:])) {
			return false
		}
		if length := int(be.Uint16(data[4:])); length >= 8 && length < n {
			n = length
		}
		p.Print = fingerprint(data)
		p.Seq, p.Ack, p.TCPFlags, p.Window = 0, 0, 0, 0
		p.TCPOptions, p.MSS = 0, 0
	default:
		return false
	}
	n = max(n-header, 0)
	p.Payload = uint32(n)
	p.Body, p.Held = 0, 0
	if held := min(len(data)-header, n, MaxHeld); held > 0 {
		p.Body, p.Held = uint32(whole-len(data)+header), uint16(held)
	}
	from, to := be.Uint16(data), be.Uint16(data[2:])
	p.Tuple.Source, p.Tuple.Destination, p.Tuple.SourcePort, p.Tuple.DestinationPort, p.Tuple.Protocol = source, destination, from, to, protocol
	p.Hash = flow.Hash(source, destination, from, to, protocol) // not of p.Tuple, whose memory may be another core's: that is waited for
	p.Class, p.Fragmented, p.HasQuoted = Transport, false, false
	return true
}
