package chart

import (
	"fmt"
	"image/color"
	"math"

	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/report/view"
)

// curve is a distribution as a chart shows it.
type curve struct {
	histogram *view.Histogram
	name      string
	color     color.RGBA
	dash      []float64
}

func roundTrips(m *view.Measured) layout {
	return distribution("Round-trip times", "of TCP connections; to the server and client: the median of each connection's timed segments", "round-trip time", times, curves(m, []string{"initial RTT", "RTT to the server", "RTT to the client"}, []string{"handshake", "to the server", "to the client"}))
}

func connectionSizes(m *view.Measured) layout {
	return distribution("Bytes of connections", "bytes on the wire, link headers included", "bytes of a connection", sizes, curves(m, []string{"bytes", "bytes of the client", "bytes of the server"}, []string{"both directions", "the client sent", "the server sent"}))
}

func curves(m *view.Measured, of, names []string) (all []curve) {
	looks := []curve{{color: blue}, {color: vermillion, dash: []float64{9, 4}}, {color: green, dash: []float64{2.5, 3}}}
	for _, h := range m.Histograms() {
		for i, name := range of {
			if h.Name == name && len(h.Fine) > 0 {
				c := looks[i]
				c.histogram, c.name = h, names[i]
				all = append(all, c)
			}
		}
	}
	return all
}

// count returns how many connections a distribution has.
func (c *curve) count() (n int64) {
	for _, v := range c.histogram.Fine {
		n += v
	}
	return n
}

// median returns the middle of the bin that has the median.
func (c *curve) median() float64 {
	var below int64
	half := (c.count() + 1) / 2
	for i, v := range c.histogram.Fine {
		if below += v; below >= half {
			from, to := view.FineBounds(i)
			if to-from <= 1 {
				return from
			}
			return math.Sqrt(from * to)
		}
	}
	return 0
}

// span returns bounds of all values but 0, of whole decades.
func span(all []curve) (from, to float64) {
	from, to = math.Inf(1), 10
	for i := range all {
		for n, v := range all[i].histogram.Fine {
			if low, high := view.FineBounds(n); v > 0 && high > 1 {
				from, to = min(from, low), max(to, high)
			}
		}
	}
	from = math.Pow(10, math.Floor(math.Log10(max(1, min(from, to/10)))))
	return from, math.Pow(10, math.Ceil(math.Log10(to)-1e-9))
}

// distribution draws which part of connections has at most so much.
func distribution(name, about, axisName string, units []unit, all []curve) layout {
	if len(all) == 0 {
		return none(name, "no connection of the result has it")
	}
	const width, bottom = 640.0, 344.0
	from, to := span(all)
	x, y := axis{math.Log10(from), math.Log10(to), 64, width - 24}, axis{0, 100, bottom, 84}
	place := func(v float64) float64 { return x.at(math.Log10(min(max(v, from), to))) }
	return layout{name, width, bottom + 60 + 19*float64(len(all)), func(c canvas) {
		heading(c, width, name, about)
		columns(c, x, decades(from, to, 9, units), y.end, y.begin, place, axisName+" (logarithmic)")
		rows(c, y, linear(100, 5, unit{"", 1}), x.begin, x.end, "% of connections")
		for i := range all {
			c.line(all[i].steps(place, y), stroke{all[i].color, 2, all[i].dash})
		}
		c.line([]point{{x.begin, y.end}, {x.begin, y.begin}, {x.end, y.begin}}, stroke{color: ink, width: 1})
		legend(c, all, x.begin, bottom+64)
	}}
}

// steps returns the line of a distribution: what is at or below each value.
func (c *curve) steps(place func(float64) float64, y axis) (line []point) {
	var below int64
	all := float64(c.count())
	for i, v := range c.histogram.Fine {
		if v == 0 {
			continue
		}
		from, to := view.FineBounds(i)
		if to-from <= 1 {
			to = from
		}
		if below == 0 {
			line = append(line, point{place(from), y.begin})
		}
		line = append(line, point{place(from), y.at(100 * float64(below) / all)})
		below += v
		line = append(line, point{place(to), y.at(100 * float64(below) / all)})
	}
	return append(line, point{place(math.Inf(1)), y.at(100)})
}

// legend draws which line is what, one below the other.
func legend(c canvas, all []curve, left, top float64) {
	for i := range all {
		at := top + 19*float64(i)
		c.line([]point{{left, at - 4}, {left + 36, at - 4}}, stroke{all[i].color, 2, all[i].dash})
		c.text(point{left + 44, at}, fmt.Sprintf("%s: median %s, n = %s", all[i].name, rough(all[i].median(), unitsOf(all[i].histogram)), encode.Number(all[i].count())), label)
	}
}

func unitsOf(h *view.Histogram) []unit {
	if h.Unit == "ns" {
		return times
	}
	return sizes
}
