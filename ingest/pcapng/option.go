package pcapng

import (
	"encoding/binary"
	"errors"
	"iter"
)

// ByteOrder is the order of a section: binary.LittleEndian or
// binary.BigEndian.
type ByteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Option is one option of a block, as it stands there. Value is in the byte
// order of the section and valid as long as the block's body.
type Option struct {
	Code    uint16 // SectionOS, InterfaceName, … mean something in their blocks only
	Value   []byte // at most 65,535 bytes
	Padding []byte // to a multiple of 4; nil = zeros
}

// Options are the options of a block in their order, with the one that ends
// the list (OptionEnd) where the file has it.
type Options []Option

// Value returns the value of the first option with the code.
func (o Options) Value(code uint16) (value []byte, ok bool) {
	for i := range o {
		if o[i].Code == code {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Text returns the text of the first option with the code, "" where there is
// none.
func (o Options) Text(code uint16) string {
	v, _ := o.Value(code)
	return text(v)
}

// TextOption returns an option that holds text.
func TextOption(code uint16, s string) Option { return Option{Code: code, Value: []byte(s)} }

// append appends the options to a block's body.
func (o Options) append(b []byte, order ByteOrder) []byte {
	for i := range o {
		b = order.AppendUint16(b, o[i].Code)
		b = order.AppendUint16(b, uint16(len(o[i].Value)))
		b = appendPadded(b, o[i].Value, o[i].Padding)
	}
	return b
}

// appendPadded appends bytes and what fills them up to a multiple of 4.
func appendPadded(b, data, padding []byte) []byte {
	b = append(b, data...)
	if padding != nil {
		return append(b, padding...)
	}
	return append(b, "\x00\x00\x00"[:-len(data)&3]...)
}

var (
	errOptions = errors.New("an option is longer than what is left of its block")
	errBehind  = errors.New("bytes stand behind the end of the options")
)

// decodeOptions reads a list that fills b.
func decodeOptions(b []byte, order binary.ByteOrder) (o Options, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return o, errOptions
		}
		option := Option{Code: order.Uint16(b)}
		n := int(order.Uint16(b[2:]))
		if option.Value, option.Padding, b, err = cutPadded(b[4:], n); err != nil {
			return o, err
		}
		o = append(o, option)
		if option.Code == OptionEnd && len(b) > 0 {
			return o, errBehind
		}
	}
	return o, nil
}

// cutPadded cuts n bytes and what fills them up off b. Padding of zeros is nil.
func cutPadded(b []byte, n int) (data, padding, rest []byte, err error) {
	end := n + -n&3
	if n > len(b) || end > len(b) {
		return nil, nil, nil, errOptions
	}
	if p := b[n:end]; len(p) > 0 && string(p) != "\x00\x00\x00"[:len(p)] {
		padding = p
	}
	return b[:n:n], padding, b[end:], nil
}

// options yields code and value of each option; a malformed rest is left out.
func options(b []byte, order binary.ByteOrder) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= 4 {
			code, n := order.Uint16(b), int(order.Uint16(b[2:]))
			if code == OptionEnd || 4+n > len(b) || !yield(code, b[4:4+n]) {
				return
			}
			b = b[min(len(b), 4+(n+3)&^3):]
		}
	}
}
