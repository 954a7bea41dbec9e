package report

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/measure"
)

// Moment is a point in time, as a user names it.
type Moment struct {
	Nanoseconds int64 // Unix, or since the first packet of the capture
	Relative    bool  // since the first packet
}

// at returns m as Unix nanoseconds; first is the time of the first packet.
func (m *Moment) at(first int64) int64 {
	if m.Relative {
		return first + m.Nanoseconds
	}
	return m.Nanoseconds
}

// selected is what of the recording counts, and how its time is divided.
type selected struct {
	cfg      *Config
	phases   measure.Phases      // of the log
	named    func(int64) []int64 // which of those that count contain a time; nil = all of the time does
	from, to int64               // what counts lies between
	windows  *attribute.Windows
}

// CheckWhere tells before any work what is wrong with Config.Where: an
// *expression.Error points at it, an *OutputError says which tables cannot be asked so.
func (cfg *Config) CheckWhere() error {
	_, err := cfg.query()
	return err
}

// query compiles Where; nil = there is none.
func (cfg *Config) query() (*measure.Query, error) {
	if cfg.Where == "" {
		return nil, nil
	}
	q, err := measure.NewQuery(cfg.Where)
	if err != nil {
		return nil, err
	}
	if f := q.MeasuredField(); f != "" && cfg.NoMeasures {
		return nil, &OutputError{f, "it is measured, or read from payload, and nothing is", "leave out --no-measures"}
	}
	whole := func(name string) bool { return name == "packets" || name == "capture" || name == "damage" }
	if f := q.PacketField(); f != "" && (len(cfg.Tables) == 0 || !slices.ContainsFunc(cfg.Tables, whole) || slices.ContainsFunc(cfg.Tables, func(n string) bool { return !whole(n) })) {
		return nil, &OutputError{f, "single packets can be asked for in the table packets alone", "say --tables packets"}
	}
	return q, nil
}

// newSelected returns what cfg asks for, of a recording with these phases.
func newSelected(cfg *Config, phases measure.Phases) (*selected, error) {
	s := &selected{cfg: cfg, phases: phases, from: math.MinInt64, to: math.MaxInt64}
	if cfg.Phase != "" {
		named := phases.Named(cfg.Phase)
		if len(named) == 0 {
			return nil, &InputError{fmt.Errorf("no mark in the log begins or ends a phase %q", cfg.Phase), phaseHint(phases)}
		}
		s.named = named.Containing()
	}
	if cfg.Bucket > 0 || len(phases) > 0 || cfg.From != nil || cfg.To != nil {
		s.windows = &attribute.Windows{Width: cfg.Bucket, Bounds: phases.Bounds()}
	}
	return s, nil
}

func phaseHint(phases measure.Phases) string {
	var names []string
	for _, p := range phases {
		if q := fmt.Sprintf("%q", p.Name); !slices.Contains(names, q) {
			names = append(names, q)
		}
	}
	if len(names) == 0 {
		return "the log has no phases; a benchmark marks them with `pcapwho mark`"
	}
	const most = 8
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return "phases are " + strings.Join(names, ", ")
}

// begin takes the time of the first packet that has one, 0 = none of the first batch,
// before any is attributed.
func (s *selected) begin(first int64) error {
	for _, m := range []struct {
		moment *Moment
		at     *int64
	}{{s.cfg.From, &s.from}, {s.cfg.To, &s.to}} {
		if m.moment != nil {
			if m.moment.Relative && first == 0 {
				return &InputError{errors.New("the capture begins without times: nothing can be told since its first packet"), "name a date"}
			}
			*m.at = m.moment.at(first)
			s.windows.Bounds = append(s.windows.Bounds, *m.at)
		}
	}
	if s.windows != nil {
		s.windows.Bounds = append(s.windows.Bounds, 0, 1) // between are the packets without a time
		slices.Sort(s.windows.Bounds)
		s.windows.Bounds = slices.Compact(s.windows.Bounds) // --from may be where a phase begins
	}
	if s.from >= s.to {
		return &InputError{fmt.Errorf("nothing can be between %s and %s", stamp(s.from), stamp(s.to)), "say --from a time before --to"}
	}
	return nil
}

func stamp(t int64) string { return time.Unix(0, t).UTC().Format(time.RFC3339Nano) }

// time tells whether packets of a time count. Those without one, 0, are of no time.
func (s *selected) time(t int64) bool {
	return t != 0 && s.from <= t && t < s.to && (s.named == nil || len(s.named(t)) > 0)
}

// selection returns what counts of an attribution; nil = all.
func (s *selected) selection(processes []attribute.Process, query *measure.Query) (*measure.Selection, error) {
	sel := &measure.Selection{Query: query}
	if s.cfg.From != nil || s.cfg.To != nil || s.named != nil {
		sel.Time = s.time
	}
	var err error
	if sel.Owners, err = s.owners(processes); err != nil {
		return nil, err
	}
	if sel.Time == nil && sel.Owners == nil && query == nil {
		return nil, nil
	}
	return sel, nil
}

// owners returns which processes count; nil = all, and what has none.
func (s *selected) owners(processes []attribute.Process) ([]bool, error) {
	if s.cfg.PID == 0 && !s.cfg.Command {
		return nil, nil
	}
	owners := make([]bool, len(processes))
	for i := range processes {
		p := &processes[i]
		owners[i] = s.cfg.PID != 0 && p.ID.PID == s.cfg.PID || s.cfg.Command && p.Command
	}
	if !slices.Contains(owners, true) {
		if s.cfg.Command {
			return nil, &InputError{fmt.Errorf("no process of the recording belongs to a recorded command"), "record one with `pcapwho record -w run.pcapng -- COMMAND`"}
		}
		return nil, &InputError{fmt.Errorf("the recording has no process %d", s.cfg.PID), listProcesses}
	}
	if s.cfg.Tree {
		measure.NewTree(processes).Extend(owners)
	}
	return owners, nil
}
