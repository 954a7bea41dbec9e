package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/compare"
	"github.com/pcapwho/pcapwho/report/encode"
)

func compareCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "tell what changed from runs of a benchmark to others",
		UsageText: "pcapwho compare A… --with B [--with B…] [flags]",
		Description: "A run is a capture with its log, or a result that analyze wrote as JSON. What\n" +
			"is compared is the whole, each phase, process (by name and command) and\n" +
			"endpoint. With three runs or more on each side, what is hardly chance is shown.\n\n" +
			"pcapwho compare old1.json old2.json old3.json --with new1.json --with new2.json\n" +
			"pcapwho compare old.pcapng --with new.pcapng --fail-if 'bytes > +5%'",
		Flags: append(consoleFlags(),
			&cli.StringSliceFlag{Name: "with", Usage: "compare with this run `B`, and further ones"},
			&cli.StringFlag{Name: "format", Value: "text", Usage: "write `FORMAT`: text, json or markdown"},
			&cli.StringSliceFlag{Name: "fail-if", Usage: "end with status 1 where a change meets this `CONDITION`: 'bytes > +5%'"},
			&cli.Float64Flag{Name: "smallest", Value: 1, Usage: "the smallest change that matters, in `PERCENT`"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "work with `N` processors at once; default all"}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			m := comparison{before: ctx.Args().Slice(), after: ctx.StringSlice("with"), format: ctx.String("format"), smallest: ctx.Float64("smallest") / 100, jobs: ctx.Int("jobs")}
			if err := m.check(ctx.StringSlice("fail-if")); err != nil {
				return err
			}
			asked, stop := stoppable(ctx.Context)
			defer stop()
			return m.run(asked, c, status)
		},
	}
}

// comparison is what a compare command was asked for.
type comparison struct {
	before, after []string
	format        string
	smallest      float64
	jobs          int
	conditions    []compare.Condition
}

func (m *comparison) check(conditions []string) error {
	switch {
	case len(m.before) == 0 || len(m.after) == 0:
		return usagef("pcapwho compare old.json --with new.json", "compare needs runs on both sides")
	case !(m.smallest >= 0) || math.IsInf(m.smallest, 0):
		return usagef("1 is one percent", "--smallest: it is no percentage")
	case m.format != "text" && m.format != "json" && m.format != "markdown":
		return usagef("formats are text, json, markdown", "there is no format %q", m.format)
	}
	for _, text := range conditions {
		one, err := compare.ParseCondition(text)
		if err != nil {
			return usagef("", "--fail-if: %v", err)
		}
		m.conditions = append(m.conditions, one)
	}
	return nil
}

func (m *comparison) run(ctx context.Context, c *console, status *int) error {
	before, err := m.load(ctx, c, m.before)
	if err != nil {
		return err
	}
	after, err := m.load(ctx, c, m.after)
	if err != nil {
		return err
	}
	result := compare.Runs(before, after)
	for _, condition := range m.conditions {
		if !condition.Known(result) {
			return usagef("with fewer than three runs on each side only the whole is looked at, which has bytes, packets and connections", "--fail-if: nothing that is compared has %s", condition.Metric)
		}
	}
	switch m.format {
	case "json":
		err = result.JSON(c.out)
	case "markdown":
		err = result.Markdown(c.out, m.smallest)
	default:
		err = result.Text(c.out, m.smallest)
	}
	if err != nil {
		return err
	}
	for _, condition := range m.conditions {
		for _, change := range condition.Met(result) {
			*status = statusFailed
			c.warning(fmt.Sprintf("%s of %s changed by %+.1f %%", change.Metric, encode.Escape(strings.TrimSpace(string(change.Kind)+" "+change.Name)), 100*change.Relative))
		}
	}
	return nil
}

func (m *comparison) load(ctx context.Context, c *console, paths []string) (runs []*compare.Run, err error) {
	defer c.endProgress()
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return nil, usagef("name its captures, or a result of --format json", "%s is a folder", path)
		}
		run, err := compare.Load(ctx, path, report.Config{Workers: m.jobs, Progress: c.newProgress("reading")})
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}
