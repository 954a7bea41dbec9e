package main

import (
	"fmt"
	"strings"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/measure"
)

// toType returns a command line of this program as a user types it into a
// shell. No terminal obeys it, whatever the words are.
func toType(words ...string) string {
	line := "pcapwho"
	for _, w := range words {
		if encode.Escape(w) == w {
			line += " " + measure.Quote([]string{w})
		} else {
			line += " " + dollarQuote(w)
		}
	}
	return line
}

// dollarQuote returns a word as $'…', with what is not plain ASCII in octal:
// of the escapes of that form all shells read these alike.
func dollarQuote(word string) string {
	var b strings.Builder
	b.WriteString("$'")
	for _, c := range []byte(word) {
		if c < ' ' || c > '~' || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String() + "'"
}

// fileArgument returns the name of a file so that it is none of a flag.
func fileArgument(name string) string {
	if strings.HasPrefix(name, "-") {
		return "./" + name
	}
	return name
}
