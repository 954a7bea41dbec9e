package pcapng

import "strings"

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
	}
	return false, nil // names, secrets, custom blocks, and whatever else is to come
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
	rec.Time = r.interfaces[rec.Interface].clock.nanoseconds(uint64(r.u32(body[4:]))<<32 | uint64(r.u32(body[8:])))
	rec.WireLength = r.u32(body[16:])
	if options := int(20 + (captured+3)&^3); options < len(body) {
		if v, ok := r.option(body[options:], packetFlags); ok && len(v) >= 4 {
			rec.Flags = r.u32(v)
		}
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
	rec.Time = r.interfaces[rec.Interface].clock.nanoseconds(uint64(r.u32(body[4:]))<<32 | uint64(r.u32(body[8:])))
	rec.WireLength = r.u32(body[16:])
	if options := int(20 + (captured+3)&^3); options < len(body) {
		if v, ok := r.option(body[options:], packetFlags); ok && len(v) >= 4 {
			rec.Flags = r.u32(v)
		}
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
	return nil
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
		return r.bad(body, "", "more than %d interfaces", MaxInterfaces)
	}
	i := Interface{LinkType: r.u16(body), Snaplen: r.u32(body[4:])}
	resolution, offset := byte(6), int64(0) // microseconds
	r.options(body[8:], func(code uint16, v []byte) {
		switch {
		case code == interfaceName:
			i.Name = text(v)
		case code == interfaceDescription:
			i.Description = text(v)
		case code == interfaceOS:
			i.OS = text(v)
		case code == interfaceFilter && len(v) > 1 && v[0] == 0:
			i.Filter = text(v[1:])
		case code == interfaceTsresol && len(v) >= 1:
			resolution = v[0]
		case code == interfaceTsoffset && len(v) >= 8:
			offset = int64(r.u64(v))
		}
	})
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
	r.options(body[12:], func(code uint16, v []byte) {
		switch {
		case code == statisticsReceived && len(v) >= 8:
			i.Received = Counted(r.u64(v))
		case code == statisticsDropped && len(v) >= 8:
			i.Dropped = Counted(r.u64(v))
		}
	})
	return nil
}

// parseSection reads section 4.1. Interfaces count anew in each section.
func (r *Reader) parseSection(body []byte) error {
	if len(body) < 16 {
		return r.bad(body, "total length", "%d, a section header needs at least 28", len(body)+12)
	}
	if major, minor := r.u16(body[4:]), r.u16(body[6:]); major != 1 {
		err := r.bad(body, "version", "%d.%d, this version reads 1.x", major, minor)
		r.fatal("", "") // what the blocks of another version mean is not known
		return err
	}
	r.section = len(r.interfaces)
	r.options(body[16:], func(code uint16, v []byte) {
		if code == optComment && r.comment == "" {
			r.comment = text(v)
		}
	})
	return nil
}

// options calls f with every option; a malformed rest is left out.
func (r *Reader) options(b []byte, f func(code uint16, value []byte)) {
	for len(b) >= 4 {
		code, n := r.u16(b), int(r.u16(b[2:]))
		if code == optEnd || 4+n > len(b) {
			return
		}
		f(code, b[4:4+n])
		b = b[min(len(b), 4+(n+3)&^3):]
	}
}

// option returns the value of the first option with the code.
func (r *Reader) option(b []byte, code uint16) (value []byte, ok bool) {
	for len(b) >= 4 {
		c, n := r.u16(b), int(r.u16(b[2:]))
		if c == optEnd || 4+n > len(b) {
			return nil, false
		}
		if c == code {
			return b[4 : 4+n], true
		}
		b = b[min(len(b), 4+(n+3)&^3):]
	}
	return nil, false
}

// text copies a string option; some writers end it with NUL.
func text(b []byte) string { return strings.TrimRight(string(b), "\x00") }
