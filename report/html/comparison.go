package html

import (
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
)

// Comparison is what changed from runs to others, in words. A page shows it as a section,
// and it can be a page of its own.
type Comparison struct {
	A, B    []string // names of the runs before and after
	Verdict string   // a sentence
	Changes []Change
	Left    int // changes that are left out
}

// Change is one of them.
type Change struct {
	Subject, Metric string
	A, B            string // before and after
	Change          string
	Interval        string // of that, "" = not known
	// Low, Middle and High are the same in numbers: 0.1 = a tenth more. Low and High are
	// Middle where the interval is not known; infinite ones are not drawn.
	Low, Middle, High float64
	scale             float64 // of the drawing: this is as far as it goes to each side
}

// maxScale is how far a drawing goes at most: what changed by more would hide the rest.
const maxScale = 1.0

// scaled returns c, which may be nil, with a drawing for each change.
func (c *Comparison) scaled() *Comparison {
	if c == nil {
		return nil
	}
	scale := 0.01
	for _, d := range c.Changes {
		for _, v := range []float64{d.Low, d.High} {
			if v = math.Abs(v); !math.IsInf(v, 0) && !math.IsNaN(v) {
				scale = max(scale, min(v, maxScale))
			}
		}
	}
	s := *c
	s.Changes = append([]Change{}, c.Changes...)
	for i := range s.Changes {
		s.Changes[i].scale = scale
	}
	return &s
}

// The drawing of a change is so wide, and zero in its middle.
const barWidth = 160

// place returns where a value is in the drawing.
func (c Change) place(v float64) float64 {
	return barWidth / 2 * (1 + max(-1, min(1, v/c.scale)))
}

// Intervals tells whether any change has an interval.
func (c *Comparison) Intervals() bool {
	return slices.ContainsFunc(c.Changes, func(d Change) bool { return d.Interval != "" })
}

// Drawn tells whether the change has a drawing.
func (c Change) Drawn() bool {
	return !math.IsNaN(c.Middle) && !math.IsInf(c.Middle, 0) && !math.IsNaN(c.Low) && !math.IsNaN(c.High)
}

// Begin, Length and Dot say where its parts are.
func (c Change) Begin() string  { return decimal(c.place(c.Low)) }
func (c Change) Length() string { return decimal(max(1, c.place(c.High)-c.place(c.Low))) }
func (c Change) Dot() string    { return decimal(max(3, min(barWidth-3, c.place(c.Middle)))) }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// WriteComparison writes a page that shows a comparison alone.
func WriteComparison(w io.Writer, tool string, c *Comparison) error {
	p := &page{Title: "What changed · pcapwho", Tool: tool, Comparison: c.scaled(),
		Style: template.CSS(joined("page.css", "comparison.css")), Script: template.JS(read("comparison.js"))}
	p.Policy = policy(p)
	whole, err := p.render("comparison-page.html")
	if err != nil {
		return err
	}
	_, err = w.Write(whole)
	return err
}
