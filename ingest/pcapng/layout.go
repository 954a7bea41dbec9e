package pcapng

import (
	"encoding/binary"
	"io"
)

// Layout is how the packets of a stretch of a file are laid out: enough to
// read them without the Reader, in any order and by several goroutines. It
// holds until a block comes that is no packet.
type Layout struct {
	format     Format
	big        bool
	pcap       classic
	interfaces int     // how many the Reader knew
	section    int     // index of the section's first interface
	clocks     []clock // of the section's interfaces
	marks      bool    // frames name processes: they need the Reader
}

// Layout returns the layout of what Next reads next.
func (r *Reader) Layout() *Layout {
	l := &Layout{format: r.format, big: r.big, pcap: r.pcap, interfaces: len(r.interfaces), section: r.section}
	for _, i := range r.interfaces[r.section:] {
		l.clocks = append(l.clocks, i.clock)
		l.marks = l.marks || i.LinkType == LinkPKTAP
	}
	return l
}

// Holds tells whether l still is the layout of what Next reads next.
func (l *Layout) Holds(r *Reader) bool {
	return l.format == r.format && l.big == r.big && l.pcap == r.pcap && l.interfaces == len(r.interfaces) && l.section == r.section
}

// Continue makes Next go on with src, which begins at the given offset of the
// file, behind so many blocks of it. It is for a file whose packets in between
// were read by a Layout.
func (r *Reader) Continue(src io.Reader, offset int64, blocks uint64) {
	r.src, r.srcErr = src, nil
	r.lo, r.hi, r.offset, r.block = 0, 0, offset, blocks
}

// Header returns how many bytes of a packet's block or record stand before its
// frame.
func (l *Layout) Header() int {
	if l.format == FormatPcap {
		return int(l.pcap.header)
	}
	return 28
}

// Packet reads the packet at the beginning of b into rec, all but Block and
// Offset, and returns the length of its block or record. It returns 0 where
// something else stands there, not all of the packet, or one that needs the
// Reader: malformed, or with options other than its flags.
func (l *Layout) Packet(b []byte, rec *Record) int {
	if l.marks {
		return 0
	}
	if l.format == FormatPcap {
		return l.classicPacket(b, rec)
	}
	if l.big {
		return l.bigPacket(b, rec)
	}
	le := binary.LittleEndian
	if len(b) < 32 || le.Uint32(b) != blockEnhanced {
		return 0
	}
	length, iface, captured := le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[20:])
	if length < 32 || length&3 != 0 || uint64(length) > uint64(len(b)) || captured > length-32 || captured > MaxCaptured ||
		uint64(iface) >= uint64(len(l.clocks)) || le.Uint32(b[length-4:]) != length {
		return 0
	}
	rec.Flags = 0
	if options := 28 + (captured+3)&^3; options < length-4 {
		if o := b[options : length-4]; len(o) == 12 && le.Uint16(o) == PacketFlags && le.Uint16(o[2:]) == 4 && le.Uint16(o[8:]) == OptionEnd {
			rec.Flags = le.Uint32(o[4:]) // what most packets have, and no more
		} else if !plainOptions(o, le, rec) {
			return 0
		}
	}
	rec.Interface = uint32(l.section) + iface
	rec.Time = l.clocks[iface].nanoseconds(uint64(le.Uint32(b[12:]))<<32 | uint64(le.Uint32(b[16:])))
	rec.Data, rec.WireLength = b[28:28+captured:28+captured], le.Uint32(b[24:])
	return int(length)
}

// bigPacket is Packet for a section in big-endian order.
func (l *Layout) bigPacket(b []byte, rec *Record) int {
	be := binary.BigEndian
	if len(b) < 32 || be.Uint32(b) != blockEnhanced {
		return 0
	}
	length, iface, captured := be.Uint32(b[4:]), be.Uint32(b[8:]), be.Uint32(b[20:])
	if length < 32 || length&3 != 0 || uint64(length) > uint64(len(b)) || captured > length-32 || captured > MaxCaptured ||
		uint64(iface) >= uint64(len(l.clocks)) || be.Uint32(b[length-4:]) != length {
		return 0
	}
	rec.Flags = 0
	if options := 28 + (captured+3)&^3; options < length-4 {
		if !plainOptions(b[options:length-4], be, rec) {
			return 0
		}
	}
	rec.Interface = uint32(l.section) + iface
	rec.Time = l.clocks[iface].nanoseconds(uint64(be.Uint32(b[12:]))<<32 | uint64(be.Uint32(b[16:])))
	rec.Data, rec.WireLength = b[28:28+captured:28+captured], be.Uint32(b[24:])
	return int(length)
}

// plainOptions takes the flags out of a packet's options; it returns false
// where an option may name a process.
func plainOptions(b []byte, order binary.ByteOrder, rec *Record) bool {
	for found := false; len(b) >= 4; {
		code, n := order.Uint16(b), int(order.Uint16(b[2:]))
		if code == OptionEnd || 4+n > len(b) {
			return true
		}
		switch {
		case code == PacketFlags && n >= 4 && !found:
			rec.Flags, found = order.Uint32(b[4:]), true
		case code == PacketFlags || code >= 3 && code <= 7: // hash, drop count, packet id, queue, verdict
		default:
			return false
		}
		b = b[min(len(b), 4+(n+3)&^3):]
	}
	return true
}

// classicPacket is Packet for a classic file.
func (l *Layout) classicPacket(b []byte, rec *Record) int {
	size := int(l.pcap.header)
	if len(b) < size {
		return 0
	}
	u32 := binary.LittleEndian.Uint32
	if l.big {
		u32 = binary.BigEndian.Uint32
	}
	captured, wire := u32(b[8:]), u32(b[12:])
	if l.pcap.swapped || l.pcap.maybe && captured > wire {
		captured, wire = wire, captured
	}
	if captured > MaxCaptured || captured > wire || wire == 0 || size+int(captured) > len(b) {
		return 0
	}
	fraction := int64(u32(b[4:]))
	if !l.pcap.nanoseconds {
		fraction *= 1000
	}
	rec.Interface, rec.Flags = uint32(l.section), 0
	rec.Time = int64(u32(b))*1e9 + fraction
	rec.Data, rec.WireLength = b[size:size+int(captured):size+int(captured)], wire
	return size + int(captured)
}

// chain is how many packets in a row make the beginning of a block credible.
// A wrong guess costs time and nothing else: whoever uses Find compares it with
// where the packet before ends.
const chain = 4

// Find returns where in b, which is no more than a piece of the file, a packet
// begins that others follow to the end of b or for a while; -1 where none does.
// align is the offset of b in the file, which tells where pcapng blocks can
// begin.
func (l *Layout) Find(b []byte, align int64) int {
	step, at := 1, 0
	if l.format == FormatPcapng {
		step, at = 4, int(-align&3)
	}
	var rec Record
	for ; at < len(b); at += step {
		if l.format == FormatPcap && !l.plausible(b[at:]) {
			continue
		}
		next := at
		for n := 0; ; n++ {
			length := l.Packet(b[next:], &rec)
			if length == 0 {
				break
			}
			if next += length; n+1 == chain || next == len(b) {
				return at
			}
		}
	}
	return -1
}

// plausible tells whether a classic record can begin at b: most bytes cannot,
// by the fraction of the second or the two lengths.
func (l *Layout) plausible(b []byte) bool {
	if len(b) < 16 {
		return false
	}
	u32 := binary.LittleEndian.Uint32
	if l.big {
		u32 = binary.BigEndian.Uint32
	}
	limit := uint32(1e6)
	if l.pcap.nanoseconds {
		limit = 1e9
	}
	captured, wire := u32(b[8:]), u32(b[12:])
	return u32(b[4:]) < limit && captured > 0 && captured <= MaxCaptured && wire <= MaxCaptured
}

// Blocks returns how many blocks or records of the file have been used.
func (r *Reader) Blocks() uint64 { return r.block }
