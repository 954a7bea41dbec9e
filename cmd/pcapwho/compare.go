package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/compare"
	"github.com/pcapwho/pcapwho/report/html"
)

func compareCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "compare",
		Usage:     "tell what changed from runs of a benchmark to others",
		UsageText: "pcapwho compare A… --with B… [flags]",
		Description: "A run is a capture with its log, a result that analyze wrote as JSON, or one of\n" +
			"a dataset of --partition, whose folder stands for all its runs, DATASET/run=…\n" +
			"for one; patterns too. All behind --with are B. What is compared is the whole,\n" +
			"each phase, process (by name and command) and endpoint. With three runs or more\n" +
			"on each side, what is hardly chance is shown.\n\n" +
			"pcapwho compare old*.json --with new*.json\n" +
			"pcapwho compare monday/ --with tuesday/ -o changes.html\n" +
			"pcapwho compare old.pcapng --with new.pcapng --fail-if 'bytes > +5%'",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "with", Usage: "compare with the runs `B…`"},
			&cli.StringFlag{Name: "format", Usage: "write `FORMAT`: text, json, markdown or html; default by the name of the output, else text"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`; - is standard output"},
			&cli.BoolFlag{Name: "force", Usage: "replace an output that exists", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "fail-if", Usage: "end with status 1 where a change meets this `CONDITION`: 'bytes > +5%'"},
			&cli.Float64Flag{Name: "smallest", Value: 1, Usage: "the smallest change that matters, in `PERCENT`"},
			jobsFlag()}, consoleFlags()...),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			m, err := newComparison(ctx, c)
			if err != nil {
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
	before, after []compare.Source
	format        string
	output        report.Output
	smallest      float64
	jobs          int
	conditions    []compare.Condition
}

// newComparison reads the flags of compare.
func newComparison(ctx *cli.Context, c *console) (m *comparison, err error) {
	m = &comparison{format: ctx.String("format"), smallest: ctx.Float64("smallest") / 100}
	if ctx.NArg() == 0 || len(ctx.StringSlice("with")) == 0 {
		return nil, usagef("what stands before --with is A, what stands behind it is B: pcapwho compare old*.json --with new*.json", "compare needs runs on both sides")
	}
	if m.jobs, err = jobsOf(ctx); err != nil {
		return nil, err
	}
	if !(m.smallest >= 0) || math.IsInf(m.smallest, 0) {
		return nil, usagef("1 is one percent", "--smallest: it is no percentage")
	}
	if m.output, err = comparisonOutput(ctx, c, &m.format); err != nil {
		return nil, err
	}
	for _, text := range ctx.StringSlice("fail-if") {
		one, err := compare.ParseCondition(text)
		if err != nil {
			return nil, usagef("a metric, < or >, and a percentage: 'rtt_ns > +10%'", "--fail-if: %v", err)
		}
		m.conditions = append(m.conditions, one)
	}
	if m.before, err = compare.Sources(ctx.Args().Slice()); err != nil {
		return nil, err
	}
	if m.after, err = compare.Sources(ctx.StringSlice("with")); err != nil {
		return nil, err
	}
	if a, b := compare.Twice(slices.Concat(m.before, m.after)); a != nil {
		also := ""
		if a.Name != b.Name {
			also = ", also as " + a.Name
		}
		return nil, usagef("name each run once, on one side", "%s: this run is given twice%s", b.Name, also)
	}
	return m, m.output.CheckFile(m.files())
}

// comparisonOutput reads where a comparison goes, and its format.
func comparisonOutput(ctx *cli.Context, c *console, format *string) (o report.Output, err error) {
	o = report.Output{Path: ctx.String("output"), Force: ctx.Bool("force"), Owner: caller(), Format: report.Text}
	if *format == "" {
		*format = map[string]string{".json": "json", ".md": "markdown", ".html": "html", ".htm": "html", ".txt": "text", "": "text"}[strings.ToLower(filepath.Ext(o.Path))]
	}
	switch *format {
	case "html":
		o.Format = report.HTML
	case "text", "json", "markdown":
	case "":
		return o, noFormat(o.Path, "text, json, markdown or html")
	default:
		return o, usagef("formats are text, json, markdown, html", "there is no format %q", *format)
	}
	o.Stdout, o.Terminal, o.Width = c.out, isTerminal(c.out), width(c.out)
	return o, nil
}

// files names what is read.
func (m *comparison) files() (names []string) {
	for _, s := range slices.Concat(m.before, m.after) {
		names = append(names, s.Name)
	}
	return names
}

func (m *comparison) run(ctx context.Context, c *console, status *int) error {
	before, err := loadRuns(ctx, c, m.before, m.jobs)
	if err != nil {
		return err
	}
	after, err := loadRuns(ctx, c, m.after, m.jobs)
	if err != nil {
		return err
	}
	result := compare.Runs(before, after)
	for _, condition := range m.conditions {
		if !condition.Known(result) {
			return usagef("with fewer than three runs on each side only the whole is looked at: bytes, packets, connections, turns, busy_ns, retransmitted_segments, rtt_ns, duration_ns", "--fail-if: nothing that is compared has %s", condition.Metric)
		}
	}
	err = m.output.WriteFile(m.files(), func(w io.Writer) error {
		switch m.format {
		case "json":
			return result.JSON(w)
		case "markdown":
			return result.Markdown(w, m.smallest)
		case "html":
			return html.WriteComparison(w, maker(), result.Section(m.smallest))
		}
		return result.Text(w, m.smallest, m.output.Width)
	})
	if err != nil {
		return err
	}
	for _, condition := range m.conditions {
		for _, change := range condition.Met(result) {
			*status = statusFailed
			c.warning(fmt.Sprintf("%s of %s changed by %+.1f %%", change.Metric, strings.TrimSpace(string(change.Kind)+" "+change.Name), 100*change.Relative))
		}
	}
	return nil
}

// loadRuns reads the runs of one side.
func loadRuns(ctx context.Context, c *console, sources []compare.Source, jobs int) (runs []*compare.Run, err error) {
	defer c.endProgress()
	for i := range sources {
		run, err := sources[i].Load(ctx, report.Config{Workers: jobs, Progress: c.newProgress("reading")})
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	if a, b := compare.Alike(runs); a != nil {
		c.warning(fmt.Sprintf("%s and %s have the same numbers and times, as copies of one run have: they count as two runs", a.Name, b.Name))
	}
	return runs, nil
}
