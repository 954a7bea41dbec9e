package content

import "slices"

// maxHead is how many bytes each side of a connection is looked at for; TLS has
// no longer records (RFC 8446 section 5.1). maxParts is how many parts of them may
// be there with holes between.
const (
	maxHead  = 1 << 14
	maxParts = 64
)

// head puts the first bytes of one side of a connection together, in whatever
// order they come. What came first counts.
type head struct {
	bytes []byte // from the beginning on, with holes
	parts []part // what of it is there: ascending, with holes between
	need  int    // how many bytes without a hole are worth another look
	done  bool   // nothing more is wanted

	base    int  // offset of the first byte, in all that the side sends
	told    bool // its first message of TLS: what is wanted are records
	changed bool // a record said that what follows is encrypted
	secured bool // an encrypted record was there
}

// part is a range of bytes, without the one at end.
type part struct{ begin, end int }

// whole returns the bytes before the first hole.
func (h *head) whole() []byte {
	if len(h.parts) == 0 || h.parts[0].begin > 0 {
		return nil
	}
	return h.bytes[:h.parts[0].end]
}

// put adds data, which begins at an offset.
func (h *head) put(offset int, data []byte) {
	if offset >= maxHead || len(data) == 0 {
		return
	}
	end := min(offset+len(data), maxHead)
	if end > len(h.bytes) {
		h.bytes = append(h.bytes, make([]byte, end-len(h.bytes))...)
	}
	i := 0 // the first part that ends behind offset, or touches it
	for i < len(h.parts) && h.parts[i].end < offset {
		i++
	}
	grown := part{offset, end}
	at := offset // data before it is there
	k := i
	for ; k < len(h.parts) && h.parts[k].begin <= end; k++ {
		p := h.parts[k]
		if at < p.begin {
			copy(h.bytes[at:p.begin], data[at-offset:])
		}
		at = max(at, p.end)
		grown = part{min(grown.begin, p.begin), max(grown.end, p.end)}
	}
	if at < end {
		copy(h.bytes[at:end], data[at-offset:])
	}
	if k == i && len(h.parts) == maxParts {
		return
	}
	h.parts = slices.Replace(h.parts, i, k, grown)
}

// skip forgets the first n bytes, which may not be there yet.
func (h *head) skip(n int) {
	h.base += n
	h.bytes = h.bytes[min(n, len(h.bytes)):]
	kept := h.parts[:0]
	for _, p := range h.parts {
		if p.end > n {
			kept = append(kept, part{max(p.begin-n, 0), p.end - n})
		}
	}
	h.parts = kept
}

// finish frees what is not needed any more.
func (h *head) finish() { *h = head{done: true, secured: h.secured} }
