package expression

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error is a text that is no expression, or none of the fields that there are.
type Error struct {
	Text    string
	Column  int // in characters, from 1
	Message string
	Hint    string // what to do about it; "" = nothing
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Message) }

// Remedy returns Hint.
func (e *Error) Remedy() string { return e.Hint }

// kinds of tokens.
type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenNumber
	tokenText
	tokenSign // an operator or a bracket
)

// token is a part of a text.
type token struct {
	kind   tokenKind
	text   string // of tokenText without quotes and escapes
	column int
}

// String words the token for messages.
func (t token) String() string {
	if t.kind == tokenEnd {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// signs are the operators and brackets, the longer ones first.
var signs = []string{"&&", "||", "==", "!=", "<=", ">=", "<", ">", "~", "!", "(", ")", ","}

// tokens divides a text.
func tokens(text string) (list []token, err error) {
	column := 1
	for rest := text; ; {
		trimmed := strings.TrimLeftFunc(rest, unicode.IsSpace)
		column += utf8.RuneCountInString(rest[:len(rest)-len(trimmed)])
		if rest = trimmed; rest == "" {
			return append(list, token{tokenEnd, "", column}), nil
		}
		t, n, err := next(text, rest, column)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
		column += utf8.RuneCountInString(rest[:n])
		rest = rest[n:]
	}
}

// next returns the token that rest begins with, and its length in bytes.
func next(text, rest string, column int) (t token, n int, err error) {
	switch c, _ := utf8.DecodeRuneInString(rest); {
	case c == '"' || c == '\'':
		s, n, ok := quoted(rest)
		if !ok {
			return t, 0, &Error{text, column, "the quotes do not end", "close them; \\\" and \\\\ stand for themselves"}
		}
		return token{tokenText, s, column}, n, nil
	case c >= '0' && c <= '9':
		n := strings.IndexFunc(rest, func(c rune) bool {
			return c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		})
		if n < 0 {
			n = len(rest)
		}
		return token{tokenNumber, rest[:n], column}, n, nil
	case c == '_' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(c rune) bool {
			return c != '.' && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c)
		})
		if n < 0 {
			n = len(rest)
		}
		return token{tokenWord, rest[:n], column}, n, nil
	default:
		for _, s := range signs {
			if strings.HasPrefix(rest, s) {
				return token{tokenSign, s, column}, len(s), nil
			}
		}
		if c == '=' {
			return t, 0, &Error{text, column, "= alone compares nothing", "say =="}
		}
		return t, 0, &Error{text, column, fmt.Sprintf("%q means nothing here", c), ""}
	}
}

// quoted reads a text in quotes: a backslash takes the next character as it is.
func quoted(rest string) (s string, n int, ok bool) {
	var b strings.Builder
	quote := rest[0]
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == quote:
			return b.String(), i + 1, true
		case c == '\\' && i+1 < len(rest):
			i++
			if rest[i] != quote && rest[i] != '\\' { // of a regular expression
				b.WriteByte('\\')
			}
			b.WriteByte(rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
