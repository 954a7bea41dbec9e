package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"strconv"
	"strings"
)

// svg writes elements of SVG 1.1.
type svg struct{ bytes.Buffer }

func newSVG(title, doc string, width, height float64) *svg {
	s := &svg{}
	fmt.Fprintf(s, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" role="img" font-family="Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif">`+"\n<title>%s</title>\n<desc>%s</desc>\n",
		short(width), short(height), escaped(title), escaped(doc))
	return s
}

// finish ends the document.
func (s *svg) finish() []byte {
	s.WriteString("</svg>\n")
	return s.Bytes()
}

func (s *svg) area(points []point, fill color.RGBA) {
	if len(points) == 4 && points[0].y == points[1].y && points[1].x == points[2].x && points[2].y == points[3].y && points[3].x == points[0].x {
		x0, x1 := min(points[0].x, points[1].x), max(points[0].x, points[1].x)
		y0, y1 := min(points[0].y, points[2].y), max(points[0].y, points[2].y)
		fmt.Fprintf(s, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", short(x0), short(y0), short(x1-x0), short(y1-y0), hex(fill))
		return
	}
	fmt.Fprintf(s, `<path d="%sZ" fill="%s"/>`+"\n", path(points), hex(fill))
}

func (s *svg) line(points []point, l stroke) {
	dash := ""
	for i, d := range l.dash {
		dash += []string{` stroke-dasharray="`, " "}[min(i, 1)] + short(d)
	}
	if dash != "" {
		dash += `"`
	}
	fmt.Fprintf(s, `<path d="%s" fill="none" stroke="%s" stroke-width="%s"%s/>`+"\n", path(points), hex(l.color), short(l.width), dash)
}

func (s *svg) text(at point, text string, f letters) {
	weight := ""
	if f.bold {
		weight = ` font-weight="bold"`
	}
	fmt.Fprintf(s, `<text x="%s" y="%s" font-size="%s" text-anchor="%s" fill="%s"%s>%s</text>`+"\n", short(at.x), short(at.y), short(f.size),
		[]string{"start", "middle", "end"}[f.anchor], hex(f.color), weight, escaped(text))
}

func path(points []point) string {
	var b strings.Builder
	for i, p := range points {
		switch {
		case i == 0:
			b.WriteString("M" + short(p.x) + " " + short(p.y))
		case p.y == points[i-1].y:
			b.WriteString("H" + short(p.x))
		case p.x == points[i-1].x:
			b.WriteString("V" + short(p.y))
		default:
			b.WriteString("L" + short(p.x) + " " + short(p.y))
		}
	}
	return b.String()
}

// short writes a number with at most two digits behind the point.
func short(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

func escaped(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) //nolint:errcheck // a Builder takes all
	return b.String()
}
