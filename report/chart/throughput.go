package chart

import (
	"cmp"
	"image/color"
	"slices"

	"github.com/pcapwho/pcapwho/report/view"
)

// layer is a part of what was sent or received, over time.
type layer struct {
	name  string
	fill  color.RGBA
	bytes []float64 // by step
	sum   float64
}

// stack is layers one on the other.
type stack struct {
	begin, width float64 // of the steps, nanoseconds since the first packet
	layers       []layer
	most         float64 // bytes of a step, of all layers
}

const maxSteps = 250 // of two pixels and more

// throughput draws what each process sent, one on the other.
func throughput(m *view.Measured) layout {
	return exchanged(m, "Throughput by sender", "sent", func(s *view.Series) *view.Buckets { return &s.Sent })
}

// received draws what was sent to each process.
func received(m *view.Measured) layout {
	return exchanged(m, "Throughput by receiver", "received", func(s *view.Series) *view.Buckets { return &s.Received })
}

func exchanged(m *view.Measured, name, what string, of func(*view.Series) *view.Buckets) layout {
	t := m.Throughput()
	if t == nil || t.Rows == 0 {
		return none(name, "the result does not say what was exchanged when")
	}
	s := stacked(t, of)
	last := max(float64(m.Last()), s.begin+s.width)
	lanes := lanesOf(m.Phases(), last)
	const width, left, right = 900.0, 72.0, 650.0
	top := max(84, 68+16*float64(len(lanes)))
	height := max(top+300, top+float64(22*len(s.layers))+70)
	x := axis{0, last, left, right}
	y := axis{0, max(s.most, 1) / s.width * 1e9 * 1.04, height - 56, top}
	return layout{name, width, height, func(c canvas) {
		heading(c, width, name, "bytes on the wire in steps of "+amount(s.width, times)+"; layers sum to the packets of the capture, each once")
		shade(c, lanes, x, y, top)
		u := fitting(times, last, 2)
		columns(c, x, linear(last, 7, u), y.end, y.begin, x.at, "time since the first packet ("+u.name+")")
		v := fitting(rates, y.to, 1)
		rows(c, y, linear(y.to, 6, v), left, right, v.name)
		s.draw(c, x, y)
		c.line([]point{{left, y.end}, {left, y.begin}, {right, y.begin}}, stroke{color: ink, width: 1})
		s.legend(c, what, right+18, width-16, top)
	}}
}

// stacked returns the layers of a throughput: the largest processes, the others together,
// and what no process is known of, the largest last so that it is below.
func stacked(t *view.Throughput, of func(*view.Series) *view.Buckets) *stack {
	per := nice((t.Rows + maxSteps - 1) / maxSteps)
	s := &stack{begin: float64(t.Begin), width: float64(t.Width) * float64(per)}
	steps := (t.Rows + per - 1) / per
	others := layer{name: "other processes", fill: gray(150), bytes: make([]float64, steps)}
	var reasons, own []layer
	for _, one := range t.Series {
		l := layer{name: one.Label(), bytes: make([]float64, steps)}
		for i, n := range of(one).All() {
			l.bytes[i/per] += float64(n)
			l.sum += float64(n)
		}
		switch {
		case l.sum == 0:
		case one.Other:
			others.add(&l)
		case one.Reason:
			reasons = append(reasons, l)
		default:
			own = append(own, l)
		}
	}
	largest := func(a, b layer) int { return cmp.Compare(b.sum, a.sum) }
	slices.SortStableFunc(own, largest)
	slices.SortStableFunc(reasons, largest)
	for i := range own {
		if i < len(palette) {
			own[i].fill = palette[i]
			s.layers = append(s.layers, own[i])
		} else {
			others.add(&own[i])
		}
	}
	if others.sum > 0 {
		s.layers = append(s.layers, others)
	}
	for i := range reasons {
		reasons[i].fill = gray(byte(120 + 35*min(i, 3)))
		s.layers = append(s.layers, reasons[i])
	}
	for i := range steps {
		sum := 0.0
		for k := range s.layers {
			sum += s.layers[k].bytes[i]
		}
		s.most = max(s.most, sum)
	}
	return s
}

func (l *layer) add(m *layer) {
	l.sum += m.sum
	for i, n := range m.bytes {
		l.bytes[i] += n
	}
}

// nice returns the least of 1, 2 and 5 times a power of ten that is n or more.
func nice(n int64) int64 {
	for ten := int64(1); ; ten *= 10 {
		for _, k := range []int64{1, 2, 5} {
			if k*ten >= n {
				return k * ten
			}
		}
	}
}

// draw draws the layers as steps, the first at the bottom.
func (s *stack) draw(c canvas, x, y axis) {
	if len(s.layers) == 0 {
		return
	}
	below := make([]float64, len(s.layers[0].bytes))
	outline := func() (line []point) {
		for i, n := range below {
			h := y.at(n / s.width * 1e9)
			line = append(line, point{s.place(x, i), h}, point{s.place(x, i+1), h})
		}
		return line
	}
	bottom := outline()
	for k := range s.layers {
		for i, n := range s.layers[k].bytes {
			below[i] += n
		}
		top := outline()
		back := slices.Clone(bottom)
		slices.Reverse(back)
		c.area(simple(append(slices.Clone(top), back...)), s.layers[k].fill)
		bottom = top
	}
}

// place returns where step i begins; the axis ends where the last packet was.
func (s *stack) place(x axis, i int) float64 {
	return min(max(x.at(s.begin+float64(i)*s.width), x.begin), x.end)
}

// simple returns points without those that are between their neighbours on a horizontal
// line.
func simple(points []point) []point {
	var kept []point
	for i, p := range points {
		if i > 0 && i < len(points)-1 && kept[len(kept)-1].y == p.y && points[i+1].y == p.y {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// legend names the layers, the uppermost first.
func (s *stack) legend(c canvas, what string, left, right, top float64) {
	sum := 0.0
	for i := range s.layers {
		sum += s.layers[i].sum
	}
	c.text(point{left, top + 4}, what, note)
	for i := range s.layers {
		l := &s.layers[len(s.layers)-1-i]
		at := top + 26 + 22*float64(i)
		rect(c, left, at-10, left+12, at+2, l.fill)
		bytes := amount(l.sum, sizes)
		c.text(point{right, at}, bytes, letters{size: 12, color: soft, anchor: end})
		c.text(point{left + 19, at}, fitProcess(l.name, right-left-27-widthOf(bytes, label), label), label)
	}
}
