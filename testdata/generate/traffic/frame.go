package traffic

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

var be = binary.BigEndian

// appendFrame appends an Ethernet frame of c with this payload; for TCP, with
// these flags and this sequence number.
func (g *generator) appendFrame(b []byte, c *connection, from int, flags uint8, seq uint32, payload []byte) []byte {
	b = appendEthernet(b, c, from)
	header, protocol := 8, byte(flow.UDP)
	if !c.udp {
		header, protocol = 20+len(tcpOptions(flags)), byte(flow.TCP)
	}
	source, destination := &c.endpoint[from], &c.endpoint[1-from]
	b = g.appendIP(b, source.Addr, destination.Addr, protocol, header+len(payload))
	b = be.AppendUint16(b, source.Port)
	b = be.AppendUint16(b, destination.Port)
	if c.udp {
		b = be.AppendUint16(b, uint16(header+len(payload)))
		b = append(b, 0, 0)
		return append(b, payload...)
	}
	b = be.AppendUint32(b, seq)
	acknowledged := uint32(0)
	if flags&ack != 0 {
		acknowledged = c.seq[1-from]
	}
	b = be.AppendUint32(b, acknowledged)
	b = append(b, byte(header/4)<<4, flags, 0xfa, 0xf0, 0, 0, 0, 0) // window 64240
	b = append(b, tcpOptions(flags)...)
	be.PutUint32(b[len(b)-8:], uint32(g.now/1e6))
	return append(b, payload...)
}

// tcpOptions returns the options that Linux sends; they end with the values of
// the timestamp.
func tcpOptions(flags uint8) string {
	if flags&syn != 0 { // MSS 1460, window scale 7, SACK permitted
		return "\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x08\x0a\x00\x00\x00\x00\x00\x00\x00\x00"
	}
	return "\x01\x01\x08\x0a\x00\x00\x00\x00\x00\x00\x00\x00"
}

func appendEthernet(b []byte, c *connection, from int) []byte {
	switch {
	case c.loop:
		b = append(b, "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	case c.owner[from] != nil:
		b = append(b, "\x02\x00\x00\x00\x00\xfe\x02\x00\x00\x00\x00\x01"...)
	default:
		b = append(b, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\xfe"...)
	}
	if c.vlan != 0 {
		b = be.AppendUint16(b, 0x8100)
		b = be.AppendUint16(b, c.vlan)
	}
	if c.endpoint[from].Addr.Is4() {
		return be.AppendUint16(b, 0x0800)
	}
	return be.AppendUint16(b, 0x86dd)
}

// appendIP appends the header of a packet that carries length bytes.
func (g *generator) appendIP(b []byte, source, destination flow.Addr, protocol byte, length int) []byte {
	if !source.Is4() {
		b = append(b, 0x60, 0, 0, 0)
		b = be.AppendUint16(b, uint16(length))
		b = append(b, protocol, 64)
		b = be.AppendUint64(be.AppendUint64(b, source.Hi), source.Lo)
		return be.AppendUint64(be.AppendUint64(b, destination.Hi), destination.Lo)
	}
	g.id++
	start := len(b)
	b = append(b, 0x45, 0)
	b = be.AppendUint16(b, uint16(20+length))
	b = be.AppendUint16(b, g.id)
	b = append(b, 0x40, 0, 64, protocol, 0, 0) // don't fragment
	b = be.AppendUint32(b, uint32(source.Lo))
	b = be.AppendUint32(b, uint32(destination.Lo))
	sum := uint32(0)
	for h := b[start:]; len(h) >= 2; h = h[2:] {
		sum += uint32(be.Uint16(h))
	}
	sum = sum>>16 + sum&0xffff
	be.PutUint16(b[start+10:], ^uint16(sum+sum>>16))
	return b
}

// appendDNS appends a query for the address of the connection's own name, or
// the answer (RFC 1035 section 4.1).
func appendDNS(b []byte, c *connection, from int) []byte {
	id := c.endpoint[Client].Port
	b = be.AppendUint16(b, id)
	if from == Client {
		b = append(b, "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"...)
	} else {
		b = append(b, "\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00"...)
	}
	b = append(b, 5, 'h')
	for shift := 12; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[id>>shift&0xf])
	}
	b = append(b, "\x07example\x00\x00\x01\x00\x01"...)
	if from == Server {
		b = append(b, "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x12"...)
		b = be.AppendUint16(b, id)
	}
	return b
}
