package packet

import "github.com/pcapwho/pcapwho/ingest/pcapng"

// pktap reads LINKTYPE_PKTAP: a little-endian header of its own length, which
// names the link type of the frame behind it, the direction and the process.
// The process is package pcapng's to read.
//
//	0 length · 4 record type · 8 link type · 12 interface name, 24 bytes ·
//	36 flags · 40 protocol family · 44 link header length · 48 trailer length ·
//	52 PID …
func pktap(f part, p *Packet) {
	const shortest, packetRecord = 40, 1
	if len(f.data) < shortest {
		return
	}
	length, link := le.Uint32(f.data), le.Uint32(f.data[8:])
	if length < shortest || uint64(length) > uint64(len(f.data)) || link > 0xffff || link == uint32(pcapng.LinkPKTAP) {
		return
	}
	if le.Uint32(f.data[4:]) != packetRecord {
		p.noIP()
		return
	}
	if p.Direction == DirectionUnknown { // flags: 1 inbound, 2 outbound
		p.Direction = Direction((f.data[36] & 3) % 3)
	}
	if rest, ok := f.behind(int(length)); ok {
		linked(uint16(link), rest, p)
	}
}
