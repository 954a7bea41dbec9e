package packet

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// pktap reads LINKTYPE_PKTAP: a little-endian header of its own length, which
// names the link type of the frame behind it, the direction and the process.
// The process is package pcapng's to read.
//
//	0 length · 4 record type · 8 link type · 12 interface name, 24 bytes ·
//	36 flags · 40 protocol family · 44 link header length · 48 trailer length ·
//	52 PID …
func pktap(data []byte, p *Packet) {
	const shortest, packetRecord = 40, 1
	if len(data) < shortest {
		return
	}
	le := binary.LittleEndian
	length, link := le.Uint32(data), le.Uint32(data[8:])
	if length < shortest || uint64(length) > uint64(len(data)) || link > 0xffff || link == uint32(pcapng.LinkPKTAP) {
		return
	}
	if le.Uint32(data[4:]) != packetRecord {
		p.Class = Link
		return
	}
	if p.Direction == DirectionUnknown { // flags: 1 inbound, 2 outbound
		p.Direction = Direction((data[36] & 3) % 3)
	}
	wire := p.WireLength
	p.WireLength = max(wire, length) - length
	full(uint16(link), data[length:], p)
	p.WireLength = wire
}
