package compare

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Condition is a change that a user does not want: bytes > +5%.
type Condition struct {
	Metric Metric
	Above  bool    // or below
	Limit  float64 // relative: 0.05
}

var condition = regexp.MustCompile(`^\s*([a-z_]+)\s*([<>])\s*([+-]?[0-9]+(?:\.[0-9]+)?)\s*%\s*$`)

// ParseCondition reads METRIC > PERCENT% or METRIC < PERCENT%.
func ParseCondition(text string) (c Condition, err error) {
	m := condition.FindStringSubmatch(text)
	if m == nil {
		return c, fmt.Errorf("%q is no condition, as 'bytes > +5%%'", text)
	}
	c.Metric, c.Above = Metric(m[1]), m[2] == ">"
	if !slices.Contains(metrics, c.Metric) {
		var all []string
		for _, one := range metrics {
			all = append(all, string(one))
		}
		return c, fmt.Errorf("there is no metric %q: metrics are %s", m[1], strings.Join(all, ", "))
	}
	v, err := strconv.ParseFloat(m[3], 64)
	c.Limit = v / 100
	return c, err
}

// Known tells whether the comparison has the metric where the condition looks: else it
// could never be met.
func (d Condition) Known(c *Comparison) bool {
	return slices.ContainsFunc(c.Changes, func(change Change) bool {
		return change.Metric == d.Metric && (c.Enough || change.Kind == Total)
	})
}

// Met returns the changes that meet the condition: of any subject those that are sure,
// or without enough runs that of the whole.
func (d Condition) Met(c *Comparison) (list []Change) {
	for _, change := range c.Changes {
		counts := change.Sure || !c.Enough && change.Kind == Total
		beyond := d.Above && change.Relative > d.Limit || !d.Above && change.Relative < d.Limit
		if change.Metric == d.Metric && counts && beyond {
			list = append(list, change)
		}
	}
	return list
}
