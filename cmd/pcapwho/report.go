package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/chart"
	"github.com/pcapwho/pcapwho/report/compare"
	"github.com/pcapwho/pcapwho/report/decode"
	"github.com/pcapwho/pcapwho/report/html"
	"github.com/pcapwho/pcapwho/report/table"
)

func reportCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "make a page that shows a recording in a browser, or charts",
		UsageText: "pcapwho report CAPTURE… [flags]\npcapwho report RESULT.json [flags]",
		Description: "Analyzes a capture as analyze does, and writes one HTML file: how complete the\n" +
			"evidence is, throughput over time, connections one below the other, processes,\n" +
			"endpoints, distributions. Of a result of --format json what that holds:\n" +
			"make it with --bucket for the throughput. As svg or png it draws charts for\n" +
			"papers: " + strings.Join(chart.Names(), ", ") + ".\n\n" +
			"pcapwho report run.pcapng\n" +
			"pcapwho report run.pcapng -o monday.html --phase load\n" +
			"pcapwho report run.pcapng --format svg -o charts\n" +
			"pcapwho report run.pcapng --chart throughput -o throughput.png",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "format", Usage: "write `FORMAT`: html, or charts as svg or png; default by the name of the output, else html"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, or a folder of charts; - is standard output; default report.html or charts"},
			&cli.StringSliceFlag{Name: "chart", Usage: "draw this `CHART` alone: " + strings.Join(chart.Names(), ", ")},
			&cli.BoolFlag{Name: "force", Usage: "replace an output that exists", DisableDefaultText: true},
			&cli.BoolFlag{Name: "focus", Usage: "show the connections of the recorded command at first", DisableDefaultText: true},
			&cli.StringSliceFlag{Name: "compare-with", Usage: "show what changed since `RUNS`, as compare takes them"},
			&cli.StringSliceFlag{Name: "repeats", Usage: "`RUNS` that repeat this one, for --compare-with"},
			&cli.BoolFlag{Name: "strict", Usage: "exit 3 for dropped packets and unknown owners too", DisableDefaultText: true},
		}, reportSelectFlags(), inputFlags(), consoleFlags()),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() == 0 {
				return usagef("pcapwho report run.pcapng", "no capture given")
			}
			if ctx.NArg() == 1 && decode.Is(ctx.Args().First()) {
				return showResult(ctx, c)
			}
			a := &analysis{strict: ctx.Bool("strict")}
			a.cfg.Tool = maker()
			if err := a.chooseView(ctx); err != nil {
				return err
			}
			a.cfg.ForView()
			if err := a.choose(ctx); err != nil {
				return err
			}
			if err := a.takeInputs(ctx); err != nil {
				return err
			}
			a.printTo(c, c.out)
			if err := a.compareWith(ctx, c); err != nil {
				return err
			}
			var err error
			*status, err = a.run(ctx.Context, c)
			return a.wrote(ctx, c, err)
		},
	}
}

// chooseView says where a page or charts go: what is not said follows from the rest.
func (a *analysis) chooseView(ctx *cli.Context) error {
	a.output = report.Output{Format: report.Format(ctx.String("format")), Path: ctx.String("output"), Charts: ctx.StringSlice("chart"),
		Force: ctx.Bool("force"), Focus: ctx.Bool("focus"), Owner: caller()}
	if a.output.Format == "" {
		var err error
		if a.output.Format, err = viewFormat(a.output.Path); err != nil {
			return err
		}
	}
	charts := a.output.Format.OneChart()
	switch {
	case !a.output.Format.Viewed():
		return usagef("html, svg or png; analyze has the others", "--format: report makes no %s", a.output.Format)
	case !charts && len(a.output.Charts) > 0:
		return usagef("--format svg or png, or -o FILE.svg", "--chart is for charts, and a page has all")
	case ctx.IsSet("repeats") && !ctx.IsSet("compare-with"):
		return usagef("name the runs to compare with: --compare-with 'old*.json'", "--repeats is for --compare-with")
	case charts && ctx.IsSet("focus"), charts && ctx.IsSet("compare-with"):
		return usagef("leave it out", "--focus and --compare-with are for pages")
	case a.output.Path != "":
	case charts:
		a.output.Path = "charts"
		if len(a.output.Charts) == 1 {
			a.output.Path = a.output.Charts[0] + "." + string(a.output.Format)
		}
	default:
		a.output.Path = "report.html"
	}
	return nil
}

// viewFormat returns the format that the name of a page or a chart asks for: html where
// that is no file, or has no ending.
func viewFormat(path string) (report.Format, error) {
	f, err := formatOf(path)
	switch info, gone := os.Stat(path); {
	case err != nil:
		return "", noFormat(path, "html, svg or png")
	case f.Viewed():
		return f, nil
	case filepath.Ext(path) == "", gone == nil && !info.Mode().IsRegular():
		return report.HTML, nil
	}
	return "", usagef("name it FILE.html, FILE.svg or FILE.png; analyze has the other formats", "%s: report makes no %s", path, f)
}

// showResult makes the page of a result.
func showResult(ctx *cli.Context, c *console) error {
	for _, f := range slices.Concat(reportSelectFlags(), inputFlags()) {
		if name := f.Names()[0]; ctx.IsSet(name) {
			return usagef("give the flag to the analyze that makes the result", "--%s is for captures: a result is shown as it is", name)
		}
	}
	a := &analysis{}
	if err := a.chooseView(ctx); err != nil {
		return err
	}
	a.printTo(c, c.out)
	if err := a.compareWith(ctx, c); err != nil {
		return err
	}
	stopping, stop := stoppable(ctx.Context)
	defer stop()
	return a.wrote(ctx, c, report.WriteView(stopping, ctx.Args().First(), a.output))
}

// wrote tells where a page or charts are that nobody named.
func (a *analysis) wrote(ctx *cli.Context, c *console, err error) error {
	if err == nil && ctx.String("output") == "" {
		c.info("wrote %s", a.output.Path)
	}
	return err
}

// compareWith reads --compare-with and --repeats: the page shows what changed from the
// first to what it is about, and to the second.
func (a *analysis) compareWith(ctx *cli.Context, c *console) error {
	old, repeats := ctx.StringSlice("compare-with"), ctx.StringSlice("repeats")
	if len(old) == 0 {
		return nil
	}
	before, err := compare.Sources(old)
	if err != nil {
		return err
	}
	after, err := compare.Sources(repeats)
	if err != nil {
		return err
	}
	this := compare.Files(ctx.Args().Slice())
	itself := func(s compare.Source) bool { return s.Among(this) } // a pattern finds this one, too
	if before, after = slices.DeleteFunc(before, itself), slices.DeleteFunc(after, itself); len(before) == 0 {
		return usagef("name the runs before it", "--compare-with: it has no run but what the page is about")
	}
	if one, twice := compare.Twice(slices.Concat(before, after)); one != nil {
		return usagef("name each run once", "%s: this run is given twice", twice.Name)
	}
	if err := a.output.CheckFile(slices.Concat(old, repeats)); err != nil {
		return err
	}
	stopping, stop := stoppable(ctx.Context)
	defer stop()
	beforeRuns, err := loadRuns(stopping, c, before, ctx.Int("jobs"))
	if err != nil {
		return err
	}
	afterRuns, err := loadRuns(stopping, c, after, ctx.Int("jobs"))
	if err != nil {
		return err
	}
	if a.selects() {
		c.warning("the page shows a part of the recording, which is compared with the whole of other runs")
	}
	a.output.Changes = func(tables []*table.Table) (*html.Comparison, error) {
		this, err := compare.NewRun(strings.Join(ctx.Args().Slice(), ", "), tables)
		if err != nil {
			return nil, err
		}
		const smallest = 0.01
		return compare.Runs(beforeRuns, append([]*compare.Run{this}, afterRuns...)).Section(smallest), nil
	}
	return nil
}

// selects tells whether a part of the recording counts.
func (a *analysis) selects() bool {
	cfg := &a.cfg
	return cfg.From != nil || cfg.To != nil || cfg.Phase != "" || cfg.PID != 0 || cfg.Command || cfg.Where != ""
}

// reportSelectFlags are selectFlags in the words of this command.
func reportSelectFlags() []cli.Flag {
	flags := selectFlags()
	for i, f := range flags {
		switch f.Names()[0] {
		case "bucket":
			flags[i] = &cli.DurationFlag{Name: "bucket", Usage: "show time in buckets of `TIME`; default what fits", DefaultText: ""}
		case "pid":
			flags[i] = &cli.IntFlag{Name: "pid", Usage: "take packets of process `PID`"}
		}
	}
	return flags
}
