package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON returns the document as JSON that is smaller than so many bytes.
func (m *Measured) JSON(size int) ([]byte, error) {
	l := fullLimits()
	rest, err := json.Marshal(m.document(l, nil))
	if err != nil {
		return nil, err
	}
	throughput := m.throughput.within(max(size/3, size-len(escaped(rest))))
	d := m.document(l, throughput)
	for {
		data, err := json.Marshal(d)
		data = escaped(data)
		next := l.less()
		if err != nil || len(data) < size || l == next {
			return data, err
		}
		if coarser := next; coarser.stretches < l.stretches {
			coarser.stretches = l.stretches
			if coarser == l { // the rest is as it was
				d.Activity, l = m.activity(next), next
				continue
			}
		}
		d = m.document(next, throughput)
		l = next
	}
}

// escaped escapes what steers how a terminal, or an editor, shows other text: control
// characters, marks of writing direction. In JSON they are in strings alone.
func escaped(data []byte) []byte {
	steers := func(r rune) bool { return r >= 0x7f && r != utf8.RuneError && unicode.Is(unicode.C, r) }
	if !bytes.ContainsFunc(data, steers) {
		return data
	}
	out := make([]byte, 0, len(data)+len(data)/8)
	for len(data) > 0 {
		r, n := utf8.DecodeRune(data)
		if steers(r) {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		} else {
			out = append(out, data[:n]...)
		}
		data = data[n:]
	}
	return out
}
