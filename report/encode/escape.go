package encode

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// steers tells whether a character changes how a terminal shows the others
// without being seen itself: controls, marks of writing direction and other
// format characters, line and paragraph separators.
func steers(r rune) bool {
	return unicode.Is(unicode.C, r) && r != unicode.ReplacementChar || r == '\u2028' || r == '\u2029'
}

// Escape returns s so that a terminal shows it and nothing else: characters
// that cannot be seen become \x1b, \u202e or \U000e0001, bytes that are no
// UTF-8 \x9b, and a backslash becomes two where s has any of these. What it
// returns is UTF-8.
func Escape(s string) string {
	if strings.IndexFunc(s, hidden) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\\':
			b.WriteString(`\\`)
		case !hidden(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return steers(r) || !unicode.IsPrint(r) }

// columns returns how many columns of a terminal s takes, which must be
// escaped.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// fit returns s in exactly n columns: cut, with … in place of what is lost,
// or filled up with spaces at its end.
func fit(s string, n int) string {
	if free := n - columns(s); free >= 0 {
		return s + strings.Repeat(" ", free)
	}
	used, end := 0, 0
	for i, r := range s {
		if used+columnsOf(r) > n-1 {
			break
		}
		used += columnsOf(r)
		end = i + len(string(r))
	}
	return s[:end] + "…" + strings.Repeat(" ", max(n-used-1, 0))
}
