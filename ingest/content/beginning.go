package content

// Beginning follows one connection until it has told what it is. Sides are 0 and
// 1. Give it what Recognizable or RecognizableDatagram is true of, and what is
// not the first of its side.
type Beginning struct {
	Facts
	heads [2]head
	quic  *quic
}

// Recognizable tells whether data may be how one side of a TCP connection begins
// to speak a protocol that is known here, as far as there is of it.
func Recognizable(data []byte) bool {
	return len(data) > 0 && (mayBeTLS(data) || mayBeSSL2(data) || mayBeText(data))
}

// Segment takes what a side sent, whose first byte has this offset in all that it
// sends. It returns false once that side needs no more.
func (b *Beginning) Segment(side, offset int, data []byte) (more bool) {
	h := &b.heads[side]
	if h.done {
		return false
	}
	if offset -= h.base; offset < 0 {
		skip := min(-offset, len(data))
		offset, data = offset+skip, data[skip:]
	}
	if offset < 0 || len(data) == 0 {
		return true
	}
	whole := data
	if offset > 0 || len(h.parts) > 0 {
		h.put(offset, data)
		if whole = h.whole(); len(whole) < max(h.need, 1) {
			return true
		}
	}
	passed := 0
	if !h.told {
		h.need = b.parse(whole, len(whole) >= maxHead)
		h.told = h.need == 0 && whole[0] == recordHandshake
	}
	if h.told {
		passed, h.need = b.records(h, whole)
	}
	switch {
	case h.need == 0:
		h.finish()
		return false
	case len(h.parts) > 0:
		h.skip(passed)
	default:
		h.base += passed
		h.put(0, data[min(passed, len(data)):])
	}
	return true
}

// Secured tells whether both ends of TLS have sent an encrypted record behind the
// server's hello: in the packet after which it is first true the handshake ends.
func (b *Beginning) Secured() bool { return b.heads[0].secured && b.heads[1].secured }

// End takes what there is, where no more comes.
func (b *Beginning) End() {
	for side := range b.heads {
		if whole := b.heads[side].whole(); len(whole) > 0 && !b.heads[side].told {
			b.parse(whole, true)
		}
		b.heads[side].finish()
	}
	b.quic.end(&b.Facts)
	b.quic = nil
}

// parse takes what the first bytes of one side tell, and returns how many it needs
// to tell more, 0 for none. With last there are no more.
func (b *Beginning) parse(data []byte, last bool) (need int) {
	switch {
	case mayBeTLS(data):
		return b.tls(data, last)
	case mayBeSSL2(data):
		return b.ssl2(data)
	case mayBeText(data):
		return b.text(data)
	}
	return 0
}

// recognize notes what the connection is, unless that is known: a connection is
// what its first message says.
func (f *Facts) recognize(a Application) {
	if f.Application == Unrecognized {
		f.Application = a
	}
}
