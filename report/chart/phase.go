package chart

import (
	"image/color"

	"github.com/pcapwho/pcapwho/report/view"
)

// maxPhases is how many phases are drawn, and maxLanes how many lines their names take.
const (
	maxPhases = 200
	maxLanes  = 4
)

// shading are the colours of phases in turn.
var shading = []color.RGBA{rgb(0xe4ecf7), rgb(0xf7efe0)}

// named is a span of time that has a name, nanoseconds since the first packet.
type named struct {
	name     string
	from, to float64
	fill     color.RGBA
}

// lanesOf puts phases into lanes so that in none two are at once; those for which there
// are no more lanes are left out.
func lanesOf(phases []view.Phase, last float64) (lanes [][]named) {
	for i, p := range phases[:min(len(phases), maxPhases)] {
		n := named{p.Name, 0, last, shading[i%len(shading)]}
		if p.Begin != nil {
			n.from = max(0, float64(*p.Begin))
		}
		if p.End != nil {
			n.to = min(last, float64(*p.End))
		}
		if n.to < n.from {
			continue
		}
		k := 0
		for k < len(lanes) && lanes[k][len(lanes[k])-1].to > n.from {
			k++
		}
		switch {
		case k < len(lanes):
			lanes[k] = append(lanes[k], n)
		case k < maxLanes:
			lanes = append(lanes, []named{n})
		}
	}
	return lanes
}

// shade draws phases behind the plot, and their names above it.
func shade(c canvas, lanes [][]named, x, y axis, top float64) {
	for k, lane := range lanes {
		at := top - 16*float64(len(lanes)-k)
		for _, n := range lane {
			from, to := x.at(n.from), x.at(n.to)
			rect(c, from, at, to, y.begin, n.fill)
			c.line([]point{{from, at}, {from, y.begin}}, stroke{color: gray(170), width: 0.75, dash: []float64{2, 2}})
			if text := fit(n.name, to-from-8, note); text != "" {
				c.text(point{from + 4, at + 12}, text, letters{size: 12, color: ink})
			}
		}
	}
}
