package pcapng

import (
	"bytes"
	"fmt"
	"strings"
)

// parse takes a block in; it tells whether it is a packet, now in rec.
func (r *Reader) parse(kind uint32, body []byte, rec *Record) (packet bool, err error) {
	switch kind {
	case blockEnhanced:
		return true, r.parseEnhanced(body, rec)
	case blockSimple:
		return true, r.parseSimple(body, rec)
	case blockPacket:
		return true, r.parseObsolete(body, rec)
	case blockInterface:
		return false, r.parseInterface(body)
	case blockStatistics:
		return false, r.parseStatistics(body)
	case blockSection:
		return false, r.parseSection(body)
	case blockCustom, blockCustomNoCopy:
		r.parseWireshark(body)
	case blockApple:
		r.parseApple(body)
	}
	return false, nil // names, secrets, and whatever else is to come
}

// parseEnhanced reads section 4.3 of the draft.
func (r *Reader) parseEnhanced(body []byte, rec *Record) error {
	if len(body) < 20 {
		return r.bad(body, "total length", "%d, an enhanced packet block needs at least 32", len(body)+12)
	}
	captured := r.u32(body[12:])
	if err := r.fill(rec, body, r.u32(body), captured, body[20:]); err != nil {
		return err
	}
	i := &r.interfaces[rec.Interface]
	rec.Time = i.clock.nanoseconds(uint64(r.u32(body[4:]))<<32 | uint64(r.u32(body[8:])))
	if i.LinkType == LinkPKTAP {
		rec.Mark = r.pktap(rec.Data)
	}
	rec.WireLength = r.u32(body[16:])
	if options := int(20 + (captured+3)&^3); options < len(body) {
		r.packetOptions(body[options:], rec)
	}
	return nil
}

// parseObsolete reads the packet block of appendix A.
func (r *Reader) parseObsolete(body []byte, rec *Record) error {
	if len(body) < 20 {
		return r.bad(body, "total length", "%d, a packet block needs at least 32", len(body)+12)
	}
	captured := r.u32(body[12:])
	if err := r.fill(rec, body, uint32(r.u16(body)), captured, body[20:]); err != nil {
		return err
	}
	i := &r.interfaces[rec.Interface]
	rec.Time = i.clock.nanoseconds(uint64(r.u32(body[4:]))<<32 | uint64(r.u32(body[8:])))
	if i.LinkType == LinkPKTAP {
		rec.Mark = r.pktap(rec.Data)
	}
	rec.WireLength = r.u32(body[16:])
	if options := int(20 + (captured+3)&^3); options < len(body) {
		r.packetOptions(body[options:], rec)
	}
	return nil
}

// parseSimple reads section 4.4: no time, and the length that was captured
// follows from the first interface's snaplen.
func (r *Reader) parseSimple(body []byte, rec *Record) error {
	if len(body) < 4 {
		return r.bad(body, "total length", "%d, a simple packet block needs at least 16", len(body)+12)
	}
	wire := r.u32(body)
	captured := min(wire, uint32(len(body)-4))
	if r.section < len(r.interfaces) {
		if snaplen := r.interfaces[r.section].Snaplen; snaplen != 0 {
			captured = min(captured, snaplen)
		}
	}
	if err := r.fill(rec, body, 0, captured, body[4:]); err != nil {
		return err
	}
	rec.Time, rec.WireLength = 0, wire
	if r.interfaces[rec.Interface].LinkType == LinkPKTAP {
		rec.Mark = r.pktap(rec.Data)
	}
	return nil
}

// packetOptions takes the flags and the process out of a packet's options. The
// first of each code counts.
func (r *Reader) packetOptions(b []byte, rec *Record) {
	var p packetMark
	flagged := false
	for len(b) >= 4 {
		code, n := r.u16(b), int(r.u16(b[2:]))
		if code == OptionEnd || 4+n > len(b) {
			break
		}
		v := b[4 : 4+n]
		switch {
		case code == PacketFlags && n >= 4 && !flagged:
			rec.Flags, flagged = r.u32(v), true
		case code == PacketProcess && n >= 8 && p.pid == 0:
			p.pid, p.tid = pidOf(r.u32(v)), pidOf(r.u32(v[4:]))
		case code == appleProcess && n >= 4 && p.block == 0:
			p.block = pidOf(r.u32(v)) + 1
		case code == appleEffective && n >= 4 && p.effect == 0:
			p.effect = pidOf(r.u32(v)) + 1
		case code == OptionComment && namesProcess(v):
			r.marks.addComment(v, !p.comments)
			p.comments = true
		}
		b = b[min(len(b), 4+(n+3)&^3):]
	}
	if p.pid > 0 || p.block > 0 || p.comments {
		rec.Mark = r.marked(r.marks.of(&p, rec.Time))
	}
}

// pktap returns the mark that a frame of link type PKTAP begins with.
func (r *Reader) pktap(frame []byte) int32 { return r.marked(r.marks.pktap(frame)) }

// marked returns mark, and tells once when there are too many.
func (r *Reader) marked(mark int32) int32 {
	if r.marks.full && !r.marks.told {
		r.marks.told = true
		r.tell(&FormatError{File: r.name, Block: r.block, Offset: r.offset, Field: "processes",
			Text: fmt.Sprintf("named: more than %d, or more than %d bytes of text; further ones are left out", maxMarks, maxMarkText)})
	}
	return mark
}

// fill sets what all packet blocks have: the interface, by its number in the
// section, and the bytes.
func (r *Reader) fill(rec *Record, body []byte, iface, captured uint32, data []byte) error {
	switch known := len(r.interfaces) - r.section; {
	case uint64(iface) >= uint64(known):
		return r.bad(body, "interface ID", "%d, the section describes %d interfaces so far", iface, known)
	case captured > MaxCaptured:
		return r.bad(body, "captured length", "%d, the limit is %d", captured, MaxCaptured)
	case int(captured) > len(data):
		return r.bad(body, "captured length", "%d, the block holds %d bytes", captured, len(data))
	}
	*rec = Record{Interface: uint32(r.section) + iface, Data: data[:captured:captured], Block: r.block, Offset: r.offset - int64(len(body)) - 12}
	return nil
}

// parseInterface reads section 4.2. The description is kept even where an
// option is malformed, for packets refer to it by its number.
func (r *Reader) parseInterface(body []byte) error {
	if len(body) < 8 {
		return r.bad(body, "total length", "%d, an interface description needs at least 20", len(body)+12)
	}
	if len(r.interfaces) >= MaxInterfaces {
		return r.bad(body, "interfaces", "more than %d, the limit", MaxInterfaces)
	}
	i := Interface{LinkType: r.u16(body), Snaplen: r.u32(body[4:])}
	resolution, offset := byte(6), int64(0) // microseconds
	for code, v := range options(body[8:], r.order()) {
		switch {
		case code == InterfaceName:
			i.Name = text(v)
		case code == InterfaceDescribed:
			i.Description = text(v)
		case code == InterfaceOS:
			i.OS = text(v)
		case code == InterfaceFilter && len(v) > 1 && v[0] == 0:
			i.Filter = text(v[1:])
		case code == InterfaceTsresol && len(v) >= 1:
			resolution = v[0]
		case code == InterfaceTsoffset && len(v) >= 8:
			offset = int64(r.u64(v))
		}
	}
	i.clock = newClock(resolution, offset)
	r.interfaces = append(r.interfaces, i)
	return nil
}

// parseStatistics reads section 4.6; the last counters of an interface count.
func (r *Reader) parseStatistics(body []byte) error {
	if len(body) < 12 {
		return r.bad(body, "total length", "%d, interface statistics need at least 24", len(body)+12)
	}
	id, known := r.u32(body), len(r.interfaces)-r.section
	if uint64(id) >= uint64(known) {
		return r.bad(body, "interface ID", "%d, the section describes %d interfaces so far", id, known)
	}
	i := &r.interfaces[r.section+int(id)]
	for code, v := range options(body[12:], r.order()) {
		switch {
		case code == StatisticsReceived && len(v) >= 8:
			i.Received = Counted(r.u64(v))
		case code == StatisticsDropped && len(v) >= 8:
			i.Dropped = Counted(r.u64(v))
		}
	}
	return nil
}

// parseSection reads section 4.1. Interfaces count anew in each section.
func (r *Reader) parseSection(body []byte) error {
	if len(body) < 16 {
		return r.bad(body, "total length", "%d, a section header needs at least 28", len(body)+12)
	}
	r.section = len(r.interfaces)
	r.marks.section()
	if major, minor := r.u16(body[4:]), r.u16(body[6:]); major != 1 {
		e := r.bad(body, "version", "%d.%d, this version reads 1.x", major, minor)
		r.lost = true // what its blocks mean is not known
		r.resync(0)
		e.Skipped = r.offset - e.Offset
		e.Text += fmt.Sprintf("; %d bytes skipped", e.Skipped)
		return e
	}
	for code, v := range options(body[16:], r.order()) {
		if code == OptionComment && r.comment == "" {
			r.comment = text(v)
		}
		if code == SectionOS || code == SectionApplication {
			r.marks.windows = r.marks.windows || bytes.Contains(v, []byte("Windows")) || bytes.Contains(v, []byte("pktmon"))
		}
	}
	return nil
}

// text copies a string option; some writers end it with NUL.
func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }
