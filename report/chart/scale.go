package chart

import (
	"fmt"
	"math"
	"strconv"
)

// tick is a place on an axis.
type tick struct {
	value float64
	label string
}

// unit is a unit of an axis, of so many of what is drawn.
type unit struct {
	name string
	of   float64
}

var (
	times = []unit{{"ns", 1}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}}
	sizes = []unit{{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"PB", 1e15}, {"EB", 1e18}}
	rates = []unit{{"B/s", 1}, {"kB/s", 1e3}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}, {"PB/s", 1e15}, {"EB/s", 1e18}}
)

// fitting returns the largest unit of which v has at least so many.
func fitting(units []unit, v, least float64) unit {
	u := units[0]
	for _, one := range units {
		if v >= least*one.of {
			u = one
		}
	}
	return u
}

// linear returns ticks from 0 up to last, about so many, in one unit.
func linear(last float64, many int, u unit) []tick {
	rough := last / float64(many) / u.of
	ten := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * ten
	for _, n := range []float64{5, 2, 1} {
		if n*ten >= rough {
			step = n * ten
		}
	}
	if u.name == "min" && rough > 5 && rough <= 60 {
		for _, n := range []float64{60, 30, 15, 10} {
			if n >= rough {
				step = n
			}
		}
	}
	digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	var all []tick
	for n := 0.0; n*step <= last/u.of*(1+1e-9); n++ {
		all = append(all, tick{n * step * u.of, strconv.FormatFloat(n*step, 'f', digits, 64)})
	}
	return all
}

// decades returns the powers of ten from first to last, each with its unit; every other
// one, or fewer, where there are more than so many.
func decades(first, last float64, many int, units []unit) []tick {
	from, to := int(math.Ceil(math.Log10(first)-1e-9)), int(math.Floor(math.Log10(last)+1e-9))
	step := max(1, (to-from)/many+1)
	var all []tick
	for n := from; n <= to; n += step {
		v := math.Pow(10, float64(n))
		all = append(all, tick{v, amount(v, units)})
	}
	return all
}

// amount writes a number with at most three digits, and its unit.
func amount(v float64, units []unit) string {
	u := fitting(units, v*1.0005, 1)
	n := v / u.of
	switch {
	case u.of == 1 || n >= 99.95 || n == math.Trunc(n):
		return fmt.Sprintf("%.0f %s", n, u.name)
	case n >= 9.995:
		return fmt.Sprintf("%.1f %s", n, u.name)
	}
	return fmt.Sprintf("%.2f %s", n, u.name)
}

// rough writes a number with two digits, and its unit.
func rough(v float64, units []unit) string {
	u := fitting(units, v*1.005, 1)
	if n := v / u.of; u.of > 1 && n < 9.95 {
		return fmt.Sprintf("%.1f %s", n, u.name)
	}
	return fmt.Sprintf("%.0f %s", v/u.of, u.name)
}
