package compare

import (
	"cmp"
	"math"
	"slices"
)

// Comparison is what two lists of runs have in common, and what not.
type Comparison struct {
	A, B    []string // names of the runs
	Enough  bool     // each has Enough of them
	Bare    string   // "A" or "B", where no run of it has phases, and some of the other have
	Changes []Change // of every subject and metric, in the order of subjects and metrics
}

// Change is one metric of one subject on both sides.
type Change struct {
	Subject
	Metric   Metric
	A, B     float64 // means
	Relative float64 // how much more B is than A: 0.1 = a tenth more; infinite where A is 0
	// Low and High bound Relative with 95 % confidence; NaN where that is not known: the
	// comparison has too few runs, or too many changes for one that is not sure.
	Low, High float64
	Sure      bool // it is hardly chance
}

// Runs compares runs, a before and b after.
func Runs(a, b []*Run) *Comparison {
	c := &Comparison{A: names(a), B: names(b), Enough: len(a) >= Enough && len(b) >= Enough}
	before, after := newSide(a), newSide(b)
	switch x, y := before.knows(Phase), after.knows(Phase); {
	case x && !y:
		c.Bare = "B"
	case y && !x:
		c.Bare = "A"
	}
	var p []float64
	for _, s := range subjects(slices.Concat(a, b)) {
		for _, m := range metrics {
			x, y := before.samples(s, m), after.samples(s, m)
			if len(x) == 0 || len(y) == 0 || !slices.ContainsFunc(slices.Concat(x, y), func(v float64) bool { return v != 0 }) {
				continue
			}
			change := Change{Subject: s, Metric: m, A: mean(x), B: mean(y), Low: math.NaN(), High: math.NaN()}
			change.Relative = relative(change.A, change.B)
			if c.Enough && len(x) >= Enough && len(y) >= Enough {
				p = append(p, welch(x, y))
			} else {
				p = append(p, 1)
			}
			c.Changes = append(c.Changes, change)
		}
	}
	for i, sure := range holm(p, Alpha) {
		d := &c.Changes[i]
		d.Sure = sure
		if x, y := before.samples(d.Subject, d.Metric), after.samples(d.Subject, d.Metric); c.Enough && (sure || i < maxBounded) && len(x) >= Enough && len(y) >= Enough {
			d.Low, d.High = bootstrap(x, y)
		}
	}
	return c
}

// maxBounded is how many changes have an interval, and those that are sure: each takes a
// third of a millisecond.
const maxBounded = 5000

func names(runs []*Run) (list []string) {
	for _, r := range runs {
		list = append(list, r.Name)
	}
	return list
}

func mean(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// side is the runs of one side.
type side struct {
	runs []*Run
	told []map[aspect]bool // for each: what it knows of any subject
}

// aspect is a metric of a kind of subjects.
type aspect struct {
	Kind
	Metric
}

func newSide(runs []*Run) *side {
	d := &side{runs: runs}
	for _, r := range runs {
		told := map[aspect]bool{}
		for s, values := range r.Values {
			for m := range values {
				told[aspect{s.Kind, m}] = true
			}
		}
		d.told = append(d.told, told)
	}
	return d
}

// knows tells whether any run has subjects of a kind.
func (d *side) knows(k Kind) bool {
	return slices.ContainsFunc(d.runs, func(r *Run) bool {
		for s := range r.Values {
			if s.Kind == k {
				return true
			}
		}
		return false
	})
}

// samples returns what each run has of a metric. One that knows it of others of the kind
// has 0 of what adds up.
func (d *side) samples(s Subject, m Metric) (x []float64) {
	for i, r := range d.runs {
		v, ok := r.Values[s][m]
		if ok || m.additive() && d.told[i][aspect{s.Kind, m}] {
			x = append(x, float64(v))
		}
	}
	return x
}

// subjects returns those of all runs in order: processes by name and command where
// every run has the same ones, else by name alone.
func subjects(runs []*Run) []Subject {
	all, processes := map[Subject]bool{}, map[string]bool{}
	for _, r := range runs {
		for s := range r.Values {
			if s.Kind != Process {
				all[s] = true
			}
		}
		for name := range r.commands {
			processes[name] = true
		}
	}
	for name := range processes {
		commands := agreed(runs, name)
		if len(commands) < 2 {
			all[Subject{Process, name}] = true
			continue
		}
		for _, command := range commands {
			all[Subject{Process, name + " " + command}] = true
		}
	}
	list := make([]Subject, 0, len(all))
	for s := range all {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Subject) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// agreed returns the commands of a name that every run has, nil where they differ.
func agreed(runs []*Run, name string) []string {
	var commands []string
	for i, r := range runs {
		mine := slices.Sorted(slices.Values(r.commands[name]))
		if i > 0 && !slices.Equal(mine, commands) {
			return nil
		}
		commands = mine
	}
	return commands
}
