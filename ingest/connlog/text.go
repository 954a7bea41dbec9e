package connlog

import (
	"strings"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// appendText appends s as a JSON string (RFC 8259 section 7). Bytes that are
// not UTF-8, which JSON cannot hold, become \xNN, and so does a backslash that
// begins what looks like that: the log's own escape, made before JSON's and
// undone by Unescape.
// Control characters, and those that end a line or turn its direction in a
// terminal, are written as \u escapes.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0 // s[plain:i] needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		if c == '\\' && !isEscape(s[i:]) {
			b = append(append(b, s[plain:i]...), `\\`...)
			i++
			plain = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if c >= 0x80 && n > 1 && printable(r) {
			i += n
			continue
		}
		b = append(b, s[plain:i]...)
		b = appendEscape(b, r, c, n)
		i += n
		plain = i
	}
	b = append(b, s[plain:]...)
	return append(b, '"')
}

// appendEscape appends the rune r, which took n bytes and began with c.
func appendEscape(b []byte, r rune, c byte, n int) []byte {
	switch {
	case c == '\\' || r == utf8.RuneError && n == 1:
		return append(b, '\\', '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
	case c == '"':
		return append(b, `\"`...)
	case r >= 0x10000: // none of those that printable refuses
		return utf8.AppendRune(b, r)
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// printable tells whether r may stand in a line that a terminal shows: no C1
// control, line or paragraph separator, or bidirectional control (UAX #9).
func printable(r rune) bool {
	switch {
	case r >= 0x80 && r < 0xa0, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c, r == 0xfeff:
		return false
	}
	return true
}

// Unescape undoes the log's own escape of a string that JSON has decoded:
// each \xNN, with lower-case digits, is the byte NN. Readers keep strings
// escaped, for what they are written to is UTF-8 too; use it where the exact
// bytes matter.
func Unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if isEscape(s[i:]) {
			b.WriteByte(byte(unhex(s[i+2])<<4 | unhex(s[i+3])))
			i += 3
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// isEscape tells whether s begins with an escape.
func isEscape(s string) bool {
	return len(s) >= 4 && s[0] == '\\' && s[1] == 'x' && unhex(s[2]) >= 0 && unhex(s[3]) >= 0
}

func unhex(c byte) int { return strings.IndexByte(hexDigits, c) }

// Escape returns s as the log's own escape writes it: UTF-8, from which Unescape
// gets s back.
func Escape(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 || isEscape(s[i:]) {
			b.Write([]byte{'\\', 'x', hexDigits[s[i]>>4], hexDigits[s[i]&15]})
		} else {
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
