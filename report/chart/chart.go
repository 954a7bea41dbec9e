package chart

import (
	"image/color"
	"io"

	"github.com/pcapwho/pcapwho/report/view"
)

// drawing is one chart.
type drawing struct {
	name string
	doc  string
	lay  func(*view.Measured) layout
}

// layout is what a chart shows, and how large it is, in pixels of SVG.
type layout struct {
	title         string
	width, height float64
	draw          func(canvas)
}

func drawings() []drawing {
	return []drawing{
		{"throughput", "what each process sent, over time", throughput},
		{"received", "what was sent to each process, over time", received},
		{"waterfall", "when the largest connections did what", waterfall},
		{"rtt", "distributions of round-trip times", roundTrips},
		{"size", "distributions of the bytes of connections", connectionSizes},
	}
}

// Names returns the charts in the order of the documentation.
func Names() (names []string) {
	for _, d := range drawings() {
		names = append(names, d.name)
	}
	return names
}

// Write writes a chart, by its name, as SVG or as PNG. Errors are those of w.
func Write(w io.Writer, name string, png bool, m *view.Measured) error {
	for _, d := range drawings() {
		if d.name == name {
			return write(w, png, d.lay(m), d.doc)
		}
	}
	panic("no chart " + name)
}

func write(w io.Writer, png bool, l layout, doc string) error {
	var encoded []byte
	if png {
		r := newRaster(l.width, l.height)
		l.draw(r)
		var err error
		if encoded, err = r.finish(); err != nil {
			return err
		}
	} else {
		s := newSVG(l.title, doc, l.width, l.height)
		rect(s, 0, 0, l.width, l.height, white)
		l.draw(s)
		encoded = s.finish()
	}
	_, err := w.Write(encoded)
	return err
}

var (
	white = gray(255)
	ink   = gray(30)
	soft  = gray(95)
	grid  = gray(222)
	faint = gray(240)

	title  = letters{size: 15, bold: true, color: ink}
	note   = letters{size: 12, color: soft}
	label  = letters{size: 12, color: ink}
	labelR = letters{size: 12, color: ink, anchor: end}
	labelM = letters{size: 12, color: ink, anchor: middle}
)

// The colours of Okabe and Ito (Color Universal Design, 2008), in an order in which
// neighbours differ in lightness too.
var palette = []color.RGBA{blue, orange, green, sky, vermillion, yellow, pink}

var (
	blue, orange, green = rgb(0x0072b2), rgb(0xe69f00), rgb(0x009e73)
	sky, vermillion     = rgb(0x56b4e9), rgb(0xd55e00)
	yellow, pink        = rgb(0xf0e442), rgb(0xcc79a7)
)

func rgb(v uint32) color.RGBA { return color.RGBA{byte(v >> 16), byte(v >> 8), byte(v), 255} }

func gray(v byte) color.RGBA { return color.RGBA{v, v, v, 255} }

// axis maps values to places.
type axis struct {
	from, to float64 // values
	begin    float64 // their places
	end      float64
}

func (a axis) at(v float64) float64 { return a.begin + (v-a.from)/(a.to-a.from)*(a.end-a.begin) }

// heading draws the title of a chart and what is to be known of it.
func heading(c canvas, width float64, name, about string) {
	c.text(point{16, 26}, fit(name, width-32, title), title)
	c.text(point{16, 44}, fit(about, width-32, note), note)
}

// none is a chart of what is not known.
func none(name, why string) layout {
	return layout{name, 640, 120, func(c canvas) {
		heading(c, 640, name, "")
		c.text(point{320, 74}, why, letters{size: 13, color: soft, anchor: middle})
	}}
}

// columns draws a vertical line and its label for each tick of a horizontal axis.
func columns(c canvas, a axis, ticks []tick, top, bottom float64, place func(float64) float64, name string) {
	for _, t := range ticks {
		x := place(t.value)
		c.line([]point{{x, top}, {x, bottom}}, stroke{color: grid, width: 1})
		c.text(point{x, bottom + 17}, t.label, labelM)
	}
	c.text(point{(a.begin + a.end) / 2, bottom + 36}, name, labelM)
}

// rows draws a horizontal line and its label for each tick of a vertical axis, and the
// name of the axis above.
func rows(c canvas, a axis, ticks []tick, left, right float64, name string) {
	for _, t := range ticks {
		y := a.at(t.value)
		c.line([]point{{left, y}, {right, y}}, stroke{color: grid, width: 1})
		c.text(point{left - 7, y + 4}, t.label, labelR)
	}
	c.text(point{16, a.end - 12}, name, label)
}
