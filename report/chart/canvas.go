package chart

import "image/color"

// canvas is what charts are drawn on. Lengths and places are in pixels of SVG, of which 96
// are an inch, from the upper left corner.
type canvas interface {
	area(points []point, fill color.RGBA)
	line(points []point, l stroke)
	text(at point, s string, f letters)
}

type point struct{ x, y float64 }

// stroke is how a line looks.
type stroke struct {
	color color.RGBA
	width float64
	dash  []float64 // lengths of lines and gaps in turn; nil = none
}

// letters are how a text looks.
type letters struct {
	size   float64
	bold   bool
	anchor anchor
	color  color.RGBA
}

// anchor says which part of a text is at its place.
type anchor int

const (
	begin anchor = iota
	middle
	end
)

// rect fills a rectangle, whose sides may be given in any order.
func rect(c canvas, x0, y0, x1, y1 float64, fill color.RGBA) {
	c.area([]point{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}}, fill)
}
