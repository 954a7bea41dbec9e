package compare

import (
	"cmp"
	"slices"
)

// Comparison is what two lists of runs have in common, and what not.
type Comparison struct {
	A, B    []string // names of the runs
	Enough  bool     // each has Enough of them
	Changes []Change // of every subject and metric, in the order of subjects and metrics
}

// Change is one metric of one subject on both sides.
type Change struct {
	Subject
	Metric   Metric
	A, B     float64 // means
	Relative float64 // how much more B is than A: 0.1 = a tenth more; infinite where A is 0
	// Low and High bound Relative with 95 % confidence; valid iff the comparison has
	// Enough runs.
	Low, High float64
	Sure      bool // it is hardly chance
}

// Runs compares runs, a before and b after.
func Runs(a, b []*Run) *Comparison {
	c := &Comparison{A: names(a), B: names(b), Enough: len(a) >= Enough && len(b) >= Enough}
	var p []float64
	for _, s := range subjects(slices.Concat(a, b)) {
		for _, m := range metrics {
			x, y := samples(a, s, m), samples(b, s, m)
			if len(x) == 0 || len(y) == 0 || !slices.ContainsFunc(slices.Concat(x, y), func(v float64) bool { return v != 0 }) {
				continue
			}
			change := Change{Subject: s, Metric: m, A: mean(x), B: mean(y)}
			change.Relative = relative(change.A, change.B)
			if c.Enough && len(x) >= Enough && len(y) >= Enough {
				change.Low, change.High = bootstrap(x, y)
				p = append(p, welch(x, y))
			} else {
				p = append(p, 1)
			}
			c.Changes = append(c.Changes, change)
		}
	}
	for i, sure := range holm(p, Alpha) {
		c.Changes[i].Sure = sure
	}
	return c
}

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

// samples returns what each run has of a metric.
func samples(runs []*Run, s Subject, m Metric) (x []float64) {
	for _, r := range runs {
		v, ok := r.Values[s][m]
		if ok || m.additive() && r.tells(s.Kind, m) {
			x = append(x, float64(v))
		}
	}
	return x
}

// tells tells whether the run knows a metric of any subject of a kind: then one
// without it has 0.
func (r *Run) tells(k Kind, m Metric) bool {
	for s, values := range r.Values {
		if _, ok := values[m]; ok && s.Kind == k {
			return true
		}
	}
	return false
}

// subjects returns those of all runs in order: processes by name and command where
// every run has the same ones, else by name alone.
func subjects(runs []*Run) []Subject {
	all := map[Subject]bool{}
	for _, r := range runs {
		for s := range r.Values {
			if s.Kind != Process {
				all[s] = true
			}
		}
		for name := range r.commands {
			commands := agreed(runs, name)
			if len(commands) < 2 {
				all[Subject{Process, name}] = true
			}
			for _, command := range commands {
				if len(commands) > 1 {
					all[Subject{Process, name + " " + command}] = true
				}
			}
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
