package pcapng

import (
	"io"
	"math"
)

// classic is a variant of the classic pcap format (draft-ietf-opsawg-pcap, and
// what Wireshark reads beside it).
type classic struct {
	nanoseconds bool
	swapped     bool  // lengths in the other order, before version 2.3
	maybe       bool  // version 2.3: in either order
	header      uint8 // bytes of a record's header: 16, or more of the same and something else
	extra       uint8 // bytes behind the file's header
	patched     bool  // Alexey Kuznetsov's: the header has 24 bytes, or 28
}

// second returns how many units of time a second has.
func (c classic) second() uint32 {
	if c.nanoseconds {
		return 1e9
	}
	return 1e6
}

// classicMagic tells the variant and the byte order by the file's first bytes,
// of which there are at least 4.
func classicMagic(b []byte) (c classic, big, ok bool) {
	for _, big := range []bool{false, true} {
		switch order32(b, big) {
		case 0xa1b2c3d4:
			return classic{header: 16}, big, true
		case 0xa1b23c4d:
			return classic{header: 16, nanoseconds: true}, big, true
		case 0xa1b2cd34:
			return classic{header: 24, patched: true}, big, true
		case 0x1c0001ac: // lcap of Ixia's hardware: the length of all records behind the header
			return classic{header: 16, extra: 4, nanoseconds: true}, big, true
		case 0x1c0001ab: // and of its software
			return classic{header: 16, extra: 4}, big, true
		}
	}
	return classic{}, false, false
}

// classicBegins tells whether a classic file begins here, where a block or
// record should: files were put together. The time that its magic would be is
// in 2055, or in 1984; version and link type make sure.
func (r *Reader) classicBegins() bool {
	if _, _, ok := classicMagic(r.buf[r.lo:]); !ok || r.need(24) != nil {
		return false
	}
	b := r.buf[r.lo:]
	_, big, _ := classicMagic(b)
	version, link := order32(b[4:], big), order32(b[20:], big)&0x03ffffff
	if big {
		version = version<<16 | version>>16
	}
	return version&0xffff == 2 && version>>16 <= 4 && link <= math.MaxUint16
}

// readClassicHeader reads the 24 bytes of the file header.
func (r *Reader) readClassicHeader() error {
	if err := r.need(24); err != nil {
		return r.stop(err)
	}
	head := r.buf[r.lo:]
	r.format = FormatPcap
	r.pcap, r.big, _ = classicMagic(head)
	if err := r.need(24 + int(r.pcap.extra)); err != nil {
		return r.stop(err)
	}
	head = r.buf[r.lo:]
	major, minor := r.u16(head[4:]), r.u16(head[6:])
	if major < 2 {
		r.ended = io.EOF
		return r.malformed("version", "%d.%d, the oldest that is read is 2.0", major, minor)
	}
	r.pcap.swapped = major == 2 && minor < 3 || major == 543
	r.pcap.maybe = major == 2 && minor == 3
	link := r.u32(head[20:]) & 0x03ffffff // the rest tells about frame check sequences
	if link > math.MaxUint16 {
		link = math.MaxUint16 // none is assigned
	}
	r.section, r.timed = len(r.interfaces), false
	if len(r.interfaces) >= MaxInterfaces {
		err := r.malformed("interfaces", "more than %d, the limit", MaxInterfaces)
		r.skip(r.hi - r.lo)
		r.ended = io.EOF
		return err
	}
	r.interfaces = append(r.interfaces, Interface{LinkType: uint16(link), Snaplen: r.u32(head[16:]), clock: newClock(6, 0)})
	r.lo += 24 + int(r.pcap.extra)
	r.offset += 24 + int64(r.pcap.extra)
	r.guessHeader()
	return nil
}

// guessHeader takes the length of record headers that makes a chain, where the
// usual one does not: of 24 bytes in files of the patch that kept the usual
// magic, of 20 in Nokia's, of 28 in those of a later patch. It looks at what is
// buffered and reads nothing, so that a pipe does not wait.
func (r *Reader) guessHeader() {
	if r.chained(2) {
		return
	}
	usual := r.pcap.header
	others := []uint8{24, 20}
	if r.pcap.patched {
		others = []uint8{28}
	}
	for _, r.pcap.header = range others {
		if r.chained(resyncRow) {
			return
		}
	}
	r.pcap.header = usual
}

// chained tells whether so many records follow each other in what is buffered,
// or two up to its end.
func (r *Reader) chained(rows int) bool {
	at := 0
	for row := range rows {
		rest := r.hi - r.lo - at
		if rest <= 0 {
			return row > 1 && rest == 0
		}
		b := r.buf[r.lo+at : r.hi]
		if len(b) < int(r.pcap.header) {
			return false
		}
		captured, wire := r.lengths(b)
		if captured > min(wire, MaxCaptured) || wire == 0 || r.u32(b[4:]) >= r.pcap.second() {
			return false
		}
		at += int(r.pcap.header) + int(captured)
	}
	return true
}

// lengths returns the two lengths of a record header.
func (r *Reader) lengths(head []byte) (captured, wire uint32) {
	captured, wire = r.u32(head[8:]), r.u32(head[12:])
	if r.pcap.swapped || r.pcap.maybe && captured > wire {
		captured, wire = wire, captured
	}
	return captured, wire
}

// nextClassic reads the next record. again is true where another file begins
// instead.
func (r *Reader) nextClassic(rec *Record) (again bool, err error) {
	size := int(r.pcap.header)
	if err := r.need(size); err != nil {
		return false, r.stop(err)
	}
	head := r.buf[r.lo:]
	captured, wire := r.lengths(head)
	if captured > MaxCaptured || wire == 0 || captured > wire {
		if again, err := r.odd(head, captured, wire); again || err != nil {
			return err == nil, err
		}
	}
	if err := r.need(size + int(captured)); err != nil {
		if err == io.ErrUnexpectedEOF && captured > wire {
			return false, r.cut("captured length", "%d, the file has %d bytes more", captured, r.hi-r.lo)
		}
		return false, r.stop(err)
	}
	head = r.buf[r.lo:]
	fraction := int64(r.u32(head[4:]))
	if !r.pcap.nanoseconds {
		fraction *= 1000
	}
	seconds := r.u32(head)
	if !r.timed {
		r.seconds, r.timed = seconds, true
	}
	*rec = Record{
		Interface:  uint32(r.section),
		Time:       int64(seconds)*1e9 + fraction,
		Data:       head[size : size+int(captured) : size+int(captured)],
		WireLength: wire, Block: r.block + 1, Offset: r.offset,
	}
	r.advance(size + int(captured))
	if r.interfaces[r.section].LinkType == LinkPKTAP {
		rec.Mark = r.pktap(rec.Data)
	}
	return false, nil
}

// hole is how many zeros are a hole in a file, as a crash leaves it, and not
// empty packets captured at time 0.
const hole = 4 << 10

// hole tells whether a hole begins here. Each byte is looked at once: solid
// keeps where the last look found something.
func (r *Reader) hole() bool {
	if r.solid >= r.offset || r.need(hole) != nil {
		return false
	}
	for i, c := range r.buf[r.lo : r.lo+hole] {
		if c != 0 {
			r.solid = r.offset + int64(i)
			return false
		}
	}
	return true
}

// odd looks closer at a header whose lengths are unusual. It may be that of
// another file, or malformed.
func (r *Reader) odd(head []byte, captured, wire uint32) (again bool, err error) {
	if le.Uint32(head) == blockSection {
		if _, ok := sectionOrder(head); ok {
			r.format = FormatPcapng
			return true, nil
		}
	}
	if r.classicBegins() {
		return true, r.readClassicHeader()
	}
	if captured > MaxCaptured {
		return false, r.damaged(0, "captured length", "%d, the limit is %d", captured, MaxCaptured)
	}
	if captured == 0 && le.Uint64(head) == 0 && r.hole() {
		return false, r.damaged(0, "", "%d zeros where a record should begin", hole)
	}
	// Some writers count less on the wire than they captured. Where nothing
	// follows such a record, it is a damaged one.
	next := int(r.pcap.header) + int(captured)
	if wire > 0 && r.need(next+int(r.pcap.header)) == nil {
		if after, _ := r.lengths(r.buf[r.lo+next:]); after > MaxCaptured {
			return false, r.damaged(0, "captured length", "%d, the wire length is %d, and no record follows", captured, wire)
		}
	}
	return false, nil
}
