package pcapng

import (
	"fmt"
	"io"
)

// Limits of the search for the next block or record.
const (
	maxResync  = 1 << 20          // bytes of a block that is looked for
	maxOptions = 128 << 10        // bytes of options of a packet that is looked for
	maxOwn     = 4 << 10          // bytes of options of a damaged packet
	resyncRow  = 4                // classic records in a row that are believed
	resyncTime = 86_400           // seconds between two of them
	resyncSpan = 366 * resyncTime // and from the first of the file
)

// damaged reports what is wrong with the block or record that begins here, and
// moves to the next that can be found. end is how long this one is, if that is
// known; else 0.
//
// A block is believed when its type is a known one, its two lengths agree, its
// fields fit, and the header behind it fits too, or the file ends there. Every
// byte is looked at once as a beginning, and that takes no more of the file
// than two blocks of maxResync into memory.
func (r *Reader) damaged(end int, field, format string, args ...any) *FormatError {
	e := &FormatError{File: r.name, Block: r.block + 1, Offset: r.offset, Field: field}
	text := fmt.Sprintf(format, args...)
	before := r.skipped
	found := r.resync(end)
	r.block++
	e.Skipped = r.skipped - before
	e.Text = fmt.Sprintf("%s; %d bytes skipped", text, e.Skipped)
	if !found {
		e.Text += " to the end"
	}
	return e
}

// resync skips to the next block or record, or to the end.
func (r *Reader) resync(end int) bool {
	if end = max(end, r.ownEnd()); end > 0 && r.follows(end) {
		r.skip(end)
		return true
	}
	at := 1
	if r.lost {
		at = 0 // the damaged block is behind
	}
	for r.need(at+12) == nil {
		b := r.buf[r.lo+at : r.hi]
		n := r.search(b)
		if at += n; n+12 <= len(b) {
			if r.follows(at) {
				r.skip(at)
				return true
			}
			at++
		}
		r.skip(at)
		at = 0
	}
	r.skip(r.hi - r.lo)
	return r.srcErr != io.EOF // then Next tells what is wrong with the source
}

// ownEnd returns where a packet ends whose length is damaged: where the length
// at its end tells how far it is, behind what was captured. Packets may hold
// captures, so that their bytes are no place to look for blocks. 0 = not known.
func (r *Reader) ownEnd() int {
	const header = 28
	if r.format != FormatPcapng || r.lost || r.need(header) != nil {
		return 0
	}
	b := r.buf[r.lo:]
	captured := r.u32(b[20:])
	if r.u32(b) != blockEnhanced || !r.knows(r.u32(b[8:])) || captured > MaxCaptured {
		return 0
	}
	first := header + int(captured+3)&^3 + 4
	r.need(first + maxOwn) // or as much as there is
	b = r.buf[r.lo:r.hi]
	for end := first; end <= min(len(b), first+maxOwn); end += 4 {
		if r.u32(b[end-4:]) == uint32(end) {
			return end
		}
	}
	return 0
}

// knows tells whether the section has described the interface.
func (r *Reader) knows(iface uint32) bool { return uint64(iface) < uint64(len(r.interfaces)-r.section) }

// search returns where in b the next block or record can begin, and rules most
// bytes out; where none does, less than 12 bytes are left.
func (r *Reader) search(b []byte) (n int) {
	for n+12 <= len(b) {
		switch {
		case le.Uint64(b[n:]) == 0 && le.Uint32(b[n+8:]) == 0:
			n += 5 // a hole: no block has type 0, no record was captured at time 0
		case r.begins(b[n:]):
			return n
		default:
			n++
		}
	}
	return n
}

// begins tells whether a block or record can begin at b, which has 12 bytes.
func (r *Reader) begins(b []byte) bool {
	if r.format == FormatPcap {
		if le.Uint32(b) == blockSection {
			return true
		}
		captured := r.u32(b[8:])
		return r.u32(b[4:]) < r.pcap.second() && (captured <= MaxCaptured || r.pcap.swapped)
	}
	switch kind := r.u32(b); kind {
	case blockInterface, blockPacket, blockSimple, blockNames, blockStatistics, blockEnhanced, blockJournal, blockSecrets,
		blockCustom, blockCustomNoCopy, blockApple:
		return !r.lost
	default:
		return kind == blockSection
	}
}

// follows tells whether blocks or records begin at buf[lo+at:].
func (r *Reader) follows(at int) bool {
	if r.format == FormatPcap && (r.need(at+12) != nil || le.Uint32(r.buf[r.lo+at:]) != blockSection) {
		return r.recordsFollow(at)
	}
	big := r.big
	for row := range 2 {
		if r.need(at+12) != nil {
			return row > 0 && r.hi-r.lo == at
		}
		length := 0
		length, big = r.plausible(r.buf[r.lo+at:r.hi], big, row == 0)
		if length == 0 {
			return false
		}
		if r.need(at+length) != nil {
			return row > 0 // it is cut
		}
		if at += length; int64(order32(r.buf[r.lo+at-4:], big)) != int64(length) {
			return false
		}
	}
	return true
}

// plausible returns the length of the block at the beginning of b, which may
// be cut and has at least 12 bytes, and its byte order; 0 where none can be.
// own says that it is of the section that is being read.
func (r *Reader) plausible(b []byte, big, own bool) (length int, order bool) {
	kind := order32(b, big)
	if kind == blockSection {
		var ok bool
		if big, ok = sectionOrder(b); !ok {
			return 0, big
		}
	}
	n := order32(b[4:], big)
	if n&3 != 0 || n < least(kind) || n > maxResync || own && r.lost && kind != blockSection {
		return 0, big
	}
	ok := true
	switch kind {
	case blockEnhanced, blockPacket:
		if len(b) >= 24 {
			captured := order32(b[20:], big)
			ok = captured <= MaxCaptured && 32+captured <= n && n-32-captured <= maxOptions
		}
		ok = ok && (!own || kind == blockPacket || r.knows(order32(b[8:], big)))
	case blockStatistics:
		ok = !own || r.knows(order32(b[8:], big))
	case blockSimple:
		ok = n-16 <= (order32(b[8:], big)|3)+1
	case blockInterface:
		ok = b[10]|b[11] == 0 // reserved
	}
	if !ok {
		return 0, big
	}
	return int(n), big
}

// least returns how long a block of the kind is at least; kinds that nobody
// knows are never believed.
func least(kind uint32) uint32 {
	switch kind {
	case blockSection:
		return 28
	case blockEnhanced, blockPacket:
		return 32
	case blockStatistics:
		return 24
	case blockInterface, blockSecrets:
		return 20
	case blockSimple, blockCustom, blockCustomNoCopy, blockApple, blockNames, blockJournal:
		return 16
	}
	return maxResync + 1
}

// recordsFollow is follows for a classic file.
func (r *Reader) recordsFollow(at int) bool {
	size := int(r.pcap.header)
	last, most := r.seconds, uint32(resyncSpan)
	for row := range resyncRow {
		if r.need(at+size) != nil {
			return row > 0 && r.hi-r.lo == at
		}
		b := r.buf[r.lo+at:]
		seconds := r.u32(b)
		captured, wire := r.lengths(b)
		distance := max(seconds, last) - min(seconds, last)
		if r.u32(b[4:]) >= r.pcap.second() || captured > min(wire, MaxCaptured) || wire == 0 || distance > most && (row > 0 || r.timed) {
			return false
		}
		if at += size + int(captured); r.need(at) != nil {
			return row > 1 // it is cut
		}
		last, most = seconds, resyncTime
	}
	return true
}

func order32(b []byte, big bool) uint32 {
	if big {
		return be.Uint32(b)
	}
	return le.Uint32(b)
}
