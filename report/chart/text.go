package chart

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// maxText is how many bytes of a text are looked at.
const maxText = 2000

// fonts are the two, by whether they are bold.
var fonts = sync.OnceValue(func() (all [2]*opentype.Font) {
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		f, err := opentype.Parse(ttf)
		if err != nil {
			panic(err) // it is part of the program
		}
		all[i] = f
	}
	return all
})

// face returns the Go font with so many pixels to the em.
func face(size float64, bold bool) font.Face {
	n := 0
	if bold {
		n = 1
	}
	f, err := opentype.NewFace(fonts()[n], &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic(err) // it never fails
	}
	return f
}

// widthOf returns how wide a text is.
func widthOf(s string, f letters) float64 {
	return float64(font.MeasureString(face(f.size, f.bold), s)) / 64
}

// shown returns a text as charts show it: what is no printable character becomes U+FFFD.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// fit returns a text as charts show it, cut where it is wider than room, "" where there
// is room for nothing.
func fit(s string, room float64, f letters) string {
	s = shown(s[:min(len(s), maxText)])
	of := face(f.size, f.bold)
	advance := func(r rune) float64 {
		a, _ := of.GlyphAdvance(r)
		return float64(a) / 64
	}
	dots, width, end := advance('…'), 0.0, 0 // end: of what has room before dots
	for i, r := range s {
		if width += advance(r); width > room {
			if end == 0 {
				return ""
			}
			return s[:end] + "…"
		}
		if width+dots <= room {
			end = i + utf8.RuneLen(r)
		}
	}
	return s
}

// fitProcess cuts the name of a process, and leaves its number in brackets.
func fitProcess(s string, room float64, f letters) string {
	i := strings.LastIndexByte(s, '[')
	if i < 0 || i < len(s)-12 {
		return fit(s, room, f)
	}
	return fit(s[:i], room-widthOf(s[i:], f), f) + shown(s[i:])
}
