package filter

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with an expression.
type Error struct {
	Column  int // of the word that is wrong, in characters from 1
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// kind is what a token is.
type kind uint8

const (
	end      kind = iota // of the text
	word                 // letters first
	number               // value
	dotted               // 10.1.2, 10.1.2.3
	address6             // an IPv6 address
	hardware             // an Ethernet address
	symbol               // ( ) [ ] : / and operators
)

// token is a word of an expression.
type token struct {
	kind   kind
	text   string
	at     int // byte of the text
	value  uint32
	quoted bool // \tcp: a name, not the keyword
}

var (
	spaces      = regexp.MustCompile(`^[ \t\r\n]+`)
	colons      = regexp.MustCompile(`^[0-9A-Fa-f:.]+`)
	etherForm   = regexp.MustCompile(`^(?:[0-9A-Fa-f]{1,2}:){5}[0-9A-Fa-f]{1,2}$`)
	dottedForm  = regexp.MustCompile(`^[0-9]+(?:\.[0-9]+){1,3}`)
	numberForm  = regexp.MustCompile(`^(?:0[xX][0-9A-Fa-f]+|[0-9]+)`)
	wordForm    = regexp.MustCompile(`^[A-Za-z][-A-Za-z0-9_.]*`)
	digitWord   = regexp.MustCompile(`^[0-9][-A-Za-z0-9_.]*`)
	symbolForm  = regexp.MustCompile(`^(?:&&|\|\||>=|<=|==|!=|<<|>>|[][()!:/=<>+*%&|^-])`)
	wordFollows = regexp.MustCompile(`^[A-Za-z0-9_.]`)
)

// maxText bounds the length of an expression, in bytes.
const maxText = 16 << 10

// scan cuts an expression into tokens; the last one is its end.
func scan(text string) ([]token, error) {
	if len(text) > maxText {
		return nil, &Error{1, fmt.Sprintf("the expression has %d bytes, at most %d are read", len(text), maxText)}
	}
	var list []token
	for at := 0; ; {
		blank := len(spaces.FindString(text[at:]))
		if at+blank == len(text) {
			return append(list, token{kind: end, at: at}), nil
		}
		at += blank
		t, length, err := next(text, at)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		at += length
	}
}

// next reads the token at a place, and how many bytes it takes.
func next(text string, at int) (token, int, error) {
	rest := text[at:]
	is := func(k kind, s string) (token, int, error) { return token{kind: k, text: s, at: at}, len(s), nil }
	if s := colons.FindString(rest); strings.Count(s, ":") >= 2 {
		if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
			return is(address6, s)
		}
		if etherForm.MatchString(s) {
			return is(hardware, s)
		}
	}
	for _, form := range []*regexp.Regexp{dottedForm, numberForm} {
		s := form.FindString(rest)
		if s == "" {
			continue
		}
		if wordFollows.MatchString(rest[len(s):]) {
			return token{}, 0, wrong(text, at, "%q is neither a number nor an address; names are not looked up", digitWord.FindString(rest))
		}
		if form == dottedForm {
			return is(dotted, s)
		}
		v, err := strconv.ParseUint(s, 0, 32)
		if err != nil {
			return token{}, 0, wrong(text, at, "%q is no number of 32 bits", s)
		}
		return token{kind: number, text: s, at: at, value: uint32(v)}, len(s), nil
	}
	if s := wordForm.FindString(rest); s != "" {
		return is(word, s)
	}
	if s := wordForm.FindString(strings.TrimPrefix(rest, `\`)); s != "" {
		return token{kind: word, text: s, at: at, quoted: true}, len(s) + 1, nil
	}
	if s := symbolForm.FindString(rest); s != "" {
		return is(symbol, s)
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, 0, wrong(text, at, "%q begins no word of an expression", r)
}

// wrong makes an error of the word at a byte of the text.
func wrong(text string, at int, format string, args ...any) *Error {
	return &Error{utf8.RuneCountInString(text[:at]) + 1, fmt.Sprintf(format, args...)}
}
