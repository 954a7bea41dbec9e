package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// sample is one run of a program.
type sample struct {
	wall, cpu time.Duration
	peak      int64 // bytes of resident memory; 0 = unknown
}

// row is a program and its runs.
type row struct {
	program
	samples []sample
	ratios  []float64 // of wall time to what it is compared with, in the rounds in which both ran
	work    []float64 // the same of processor time
	note    string    // why there are no more runs
}

// measure runs all programs in turn, round after round.
func (cfg *config) measure(ctx context.Context, kind string) ([]*row, error) {
	var rows []*row
	for _, p := range cfg.programs(kind) {
		rows = append(rows, &row{program: p})
	}
	if _, err := cfg.once(ctx, &rows[0].program); err != nil { // brings the file into memory
		return nil, err
	}
	for round := range cfg.rounds {
		this := map[string]sample{}
		for _, r := range rows {
			if r.note != "" {
				continue
			}
			fmt.Fprintf(os.Stderr, "\r\x1b[K%s, round %d of %d: %s", kind, round+1, cfg.rounds, r.name)
			s, err := cfg.once(ctx, &r.program)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if errors.Is(err, context.DeadlineExceeded) {
				r.note = fmt.Sprintf("longer than %v", cfg.limit)
				continue
			}
			if err != nil {
				r.note = err.Error()
				continue
			}
			this[r.name] = s
			r.samples = append(r.samples, s)
			if r.spent() > cfg.budget && r.name != yardstick && round+1 < cfg.rounds {
				r.note = fmt.Sprintf("%d of %d rounds", len(r.samples), cfg.rounds)
			}
		}
		for _, r := range rows {
			if own, ok := this[r.name]; ok {
				r.compare(own, this[r.to()])
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r\x1b[K")
	return rows, nil
}

// to is the name of the program that r is compared with.
func (r *row) to() string {
	if r.base == "" {
		return yardstick
	}
	return r.base
}

// compare notes how two runs of one round compare.
func (r *row) compare(own, base sample) {
	if base.wall > 0 {
		r.ratios = append(r.ratios, float64(own.wall)/float64(base.wall))
	}
	if base.cpu > 0 {
		r.work = append(r.work, float64(own.cpu)/float64(base.cpu))
	}
}

// spent is the time of all runs.
func (r *row) spent() (sum time.Duration) {
	for _, s := range r.samples {
		sum += s.wall
	}
	return sum
}

// once runs a program, whose output nobody reads.
func (cfg *config) once(ctx context.Context, p *program) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.WaitDelay = time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if p.stdin != "" {
		file, err := os.Open(p.stdin)
		if err != nil {
			return sample{}, err
		}
		defer file.Close()
		cmd.Stdin = struct{ io.Reader }{file} // not the file itself: a pipe
	}
	begin := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(begin)}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		return s, fmt.Errorf("%w: %s", err, text[strings.LastIndexByte(text, '\n')+1:])
	}
	s.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	s.peak = peak(cmd.ProcessState)
	return s, nil
}

// printTable prints the medians.
func printTable(w io.Writer, rows []*row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "program\twall s\tcpu s\tpeak MiB\tratio\tcpu ratio\tto\taim\t")
	for _, r := range rows {
		if len(r.samples) == 0 {
			fmt.Fprintf(t, "%s\t\t\t\t\t\t\t\t%s\n", r.name, r.note)
			continue
		}
		same := func(x float64) float64 { return x }
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name,
			median(r.samples, func(s sample) float64 { return s.wall.Seconds() }, "%.2f"),
			median(r.samples, func(s sample) float64 { return s.cpu.Seconds() }, "%.2f"),
			median(r.samples, func(s sample) float64 { return float64(s.peak) / (1 << 20) }, "%.0f"),
			median(r.ratios, same, "%.2f"), median(r.work, same, "%.2f"), r.to(), r.aim, r.note)
	}
	t.Flush()
}

// median prints the median of what value says of all, "" where there is none.
func median[T any](all []T, value func(T) float64, format string) string {
	var v []float64
	for _, x := range all {
		v = append(v, value(x))
	}
	if len(v) == 0 {
		return ""
	}
	slices.Sort(v)
	return fmt.Sprintf(format, (v[(len(v)-1)/2]+v[len(v)/2])/2)
}
