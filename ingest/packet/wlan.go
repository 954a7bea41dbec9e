package packet

// wlan reads an IEEE 802.11 frame (IEEE Std 802.11 section 9.2): data that is
// not encrypted goes on with LLC, the first frame of an aggregate (A-MSDU) with
// its own header before that. The header is padded to a multiple of align.
func wlan(f part, align int, p *Packet) {
	const (
		data, noData, qos             = 2, 0x4, 0x8 // type; bits of the subtype
		bothSystems, protected, order = 0x03, 0x40, 0x80
		aggregate                     = 0x80
	)
	if len(f.data) < 2 {
		return
	}
	kind, subtype, flags := f.data[0]>>2&3, f.data[0]>>4, f.data[1]
	if kind != data || subtype&noData != 0 || flags&protected != 0 {
		p.noIP()
		return
	}
	n := 24
	if flags&bothSystems == bothSystems { // a fourth address
		n += 6
	}
	several := false
	if subtype&qos != 0 {
		several = len(f.data) > n && f.data[n]&aggregate != 0
		n += 2
		if flags&order != 0 { // HT control
			n += 4
		}
	}
	n = (n + align - 1) &^ (align - 1)
	if several {
		n += 14
	}
	if rest, ok := f.behind(n); ok {
		llc(rest, p)
	}
}

// radiotap reads www.radiotap.org: version, pad, length, words that tell which
// fields are there. Of these the flags tell whether the 802.11 header is padded.
func radiotap(f part, p *Packet) {
	const time, flags, more, padded = 1, 1 << 1, 1 << 31, 0x20
	if len(f.data) < 8 || f.data[0] != 0 {
		return
	}
	n, present, at := int(le.Uint16(f.data[2:])), le.Uint32(f.data[4:]), 8
	rest, ok := f.behind(n)
	if !ok {
		return
	}
	for word := present; word&more != 0 && at+4 <= n; at += 4 {
		word = le.Uint32(f.data[at:])
	}
	if present&time != 0 {
		at = (at+7)&^7 + 8
	}
	align := 1
	if present&flags != 0 && at < n && f.data[at]&padded != 0 {
		align = 4
	}
	wlan(rest, align, p)
}

// prism reads the header of Prism, in the byte order of the machine that wrote
// it, or the one of AVS, which begins with its version and is big-endian: both
// have their length behind four bytes.
func prism(f part, p *Packet) {
	if len(f.data) < 8 {
		return
	}
	n := be.Uint32(f.data[4:])
	if be.Uint32(f.data)&0xfffff000 != 0x80211000 && n > uint32(len(f.data)) {
		n = le.Uint32(f.data[4:])
	}
	if n < 8 || uint64(n) > uint64(len(f.data)) {
		return
	}
	if rest, ok := f.behind(int(n)); ok {
		wlan(rest, 1, p)
	}
}

// ppi reads LINKTYPE_PPI: version, flags, length, and the link type of what
// follows, little-endian.
func ppi(f part, p *Packet) {
	if len(f.data) < 8 {
		return
	}
	link := le.Uint32(f.data[4:])
	if rest, ok := f.behind(int(le.Uint16(f.data[2:]))); ok && link <= 0xffff {
		linked(uint16(link), rest, p)
	}
}
