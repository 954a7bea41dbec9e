package pcapng

import (
	"encoding/binary"
	"fmt"
	"math"
)

// classic is a variant of the classic pcap format (draft-ietf-opsawg-pcap).
type classic struct {
	nanoseconds bool
	patched     bool // Alexey Kuznetzov's: record headers of 24 bytes
	swapped     bool // lengths in the other order, before version 2.3
	maybe       bool // version 2.3: in either order
}

// classicMagic tells the variant and the byte order by the file's first bytes.
func classicMagic(b [4]byte) (c classic, big, ok bool) {
	little, bigEndian := binary.LittleEndian.Uint32(b[:]), binary.BigEndian.Uint32(b[:])
	for magic, c := range map[uint32]classic{
		0xa1b2c3d4: {},
		0xa1b23c4d: {nanoseconds: true},
		0xa1b2cd34: {patched: true},
	} {
		if little == magic || bigEndian == magic {
			return c, bigEndian == magic, true
		}
	}
	return classic{}, false, false
}

// readClassicHeader reads the 24 bytes of the file header.
func (r *Reader) readClassicHeader() error {
	if err := r.need(24); err != nil {
		return r.end(err)
	}
	head := r.buf[r.lo:]
	major, minor := r.u16(head[4:]), r.u16(head[6:])
	if major < 2 {
		return r.fatal("version", fmt.Sprintf("%d.%d, the oldest that is read is 2.0", major, minor))
	}
	r.pcap.swapped = major == 2 && minor < 3 || major == 543
	r.pcap.maybe = major == 2 && minor == 3
	link := r.u32(head[20:]) & 0x03ffffff // the rest tells about frame check sequences
	if link > math.MaxUint16 {
		link = math.MaxUint16 // none is assigned
	}
	r.interfaces = append(r.interfaces, Interface{LinkType: uint16(link), Snaplen: r.u32(head[16:])})
	r.lo += 24
	r.offset += 24
	return nil
}

// nextClassic reads the next record. A record of impossible length ends the
// reading, for nothing tells where the next one begins.
func (r *Reader) nextClassic(rec *Record) error {
	size := 16
	if r.pcap.patched {
		size = 24
	}
	if err := r.need(size); err != nil {
		return r.end(err)
	}
	head := r.buf[r.lo:]
	captured, wire := r.u32(head[8:]), r.u32(head[12:])
	if r.pcap.swapped || r.pcap.maybe && captured > wire {
		captured, wire = wire, captured
	}
	if captured > MaxCaptured {
		return r.fatal("captured length", fmt.Sprintf("%d, the limit is %d", captured, MaxCaptured))
	}
	if err := r.need(size + int(captured)); err != nil {
		return r.end(err)
	}
	head = r.buf[r.lo:]
	fraction := int64(r.u32(head[4:]))
	if !r.pcap.nanoseconds {
		fraction *= 1000
	}
	*rec = Record{
		Time:       int64(r.u32(head))*1e9 + fraction,
		Data:       head[size : size+int(captured) : size+int(captured)],
		WireLength: wire, Block: r.block + 1, Offset: r.offset,
	}
	r.advance(size + int(captured))
	return nil
}
