package chart

import (
	"fmt"
	"image/color"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/view"
)

const maxBars = 40

// What a bar is made of, and its colour.
var (
	lookupFill  = sky
	connectFill = orange
	tlsFill     = pink
	waitFill    = yellow
	clientFill  = blue
	serverFill  = green
	idleFill    = gray(185)
	badFill     = vermillion
)

// waterfall draws when the largest connections did what, a line each.
func waterfall(m *view.Measured) layout {
	const name = "Connections over time"
	bars, left, leftBytes := m.Bars(maxBars)
	if len(bars) == 0 {
		return none(name, "the result has no connections")
	}
	about := encode.Count(int64(len(bars)), "connection") + " of the capture"
	if left > 0 {
		about = fmt.Sprintf("the %d connections with the most bytes; %s in the other %s", len(bars), amount(float64(leftBytes), sizes), encode.Number(int64(left)))
	}
	const width, begin, right, top, row = 900.0, 330.0, 762.0, 96.0, 17.0
	bottom := top + row*float64(len(bars)) + 4
	x := axis{0, max(float64(m.Last()), 1), begin, right}
	return layout{name, width, bottom + 56, func(c canvas) {
		heading(c, width, name, about)
		key(c, 16, 66)
		u := fitting(times, x.to, 2)
		columns(c, x, linear(x.to, 6, u), top, bottom, x.at, "time since the first packet ("+u.name+")")
		heads := letters{size: 11, color: soft, anchor: end}
		c.text(point{right + 68, top - 8}, "bytes", heads)
		c.text(point{width - 16, top - 8}, "resent", heads)
		for i := range bars {
			middle := top + row*(float64(i)+0.5)
			if i%2 == 1 {
				rect(c, 16, middle-row/2, begin-4, middle+row/2, faint)
				rect(c, right+4, middle-row/2, width-12, middle+row/2, faint)
			}
			bar(c, &bars[i], x, middle)
		}
		c.line([]point{{begin, top}, {begin, bottom}, {right, bottom}}, stroke{color: ink, width: 1})
	}}
}

// key tells what the colours of bars are.
func key(c canvas, x, y float64) {
	for _, one := range []struct {
		name string
		fill color.RGBA
	}{{"name look-up", lookupFill}, {"connect", connectFill}, {"TLS", tlsFill}, {"wait for the first answer", waitFill},
		{"client sends", clientFill}, {"server sends", serverFill}, {"idle", idleFill}, {"reset, resent below", badFill}} {
		rect(c, x, y-9, x+11, y+2, one.fill)
		c.text(point{x + 16, y}, one.name, label)
		x += 32 + widthOf(one.name, label)
	}
}

// bar draws one connection, its name on the left, its bytes on the right.
func bar(c canvas, b *view.Bar, x axis, y float64) {
	names := letters{size: 11, color: ink}
	c.text(point{20, y + 4}, fitProcess(b.Client, 130, names), names)
	c.text(point{156, y + 4}, fit("→ "+b.Server, 166, names), names)
	part := func(from, to int64, above, below float64, fill color.RGBA) {
		left, right := x.at(max(float64(from), 0)), x.at(float64(to))
		if right > x.begin {
			rect(c, left, y-above, max(right, left+1), y+below, fill)
		}
	}
	part(b.First, b.Last, 1, 1, idleFill)
	if b.Lookup.Known() {
		part(b.Lookup.End, b.First, 0.5, 0.5, idleFill)
		part(b.Lookup.Begin, b.Lookup.End, 5.5, 5.5, lookupFill)
	}
	if b.Wait.Known() {
		part(b.Wait.Begin, b.Wait.End, 3, 3, waitFill)
	}
	for _, s := range b.Stretches {
		up := 11 * float64(s.Client) / max(1, float64(s.Client+s.Server))
		if up > 0 {
			part(s.Begin, s.End, 5.5, up-5.5, clientFill)
		}
		if up < 11 {
			part(s.Begin, s.End, 5.5-up, 5.5, serverFill)
		}
	}
	if b.Stretches == nil {
		part(b.First, b.Last, 4, 4, clientFill)
	}
	if b.TLS.Known() {
		part(b.TLS.Begin, b.TLS.End, 5.5, 5.5, tlsFill)
	}
	if b.Connect.Known() {
		part(b.Connect.Begin, b.Connect.End, 5.5, 5.5, connectFill)
	}
	for _, s := range b.ResentAt {
		part(s.Begin, s.End, -5.5, 8, badFill)
	}
	if b.Reset {
		part(b.Last, b.Last, 8, 8, badFill)
	}
	c.text(point{x.end + 68, y + 4}, amount(float64(b.Bytes), sizes), letters{size: 11, color: ink, anchor: end})
	if b.Resent > 0 {
		c.text(point{x.end + 122, y + 4}, encode.Number(b.Resent), letters{size: 11, color: badFill, anchor: end})
	}
}
