package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
)

func analyzeCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "analyze",
		Usage:     "tell whose the packets of a capture are, and measure them",
		UsageText: "pcapwho analyze CAPTURE… [flags]",
		Description: "Joins a capture (pcapng or pcap; - is standard input) with the connection log\n" +
			"beside it. Several captures are one recording, in the order of time; a folder\n" +
			"stands for the captures in it, a quoted pattern for what matches.\n\n" +
			"pcapwho analyze run.pcapng\n" +
			"pcapwho analyze run.pcapng --format parquet -o tables/\n" +
			"pcapwho analyze run.pcapng --tables packets -o packets.parquet\n" +
			"pcapwho analyze --each archive/ --format json -o results/",
		Flags: slices.Concat(analyzeFlags(), consoleFlags(), inputFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "each", Usage: "analyze each capture by itself; -o is a folder", DisableDefaultText: true},
			&cli.BoolFlag{Name: "force", Usage: "replace an output that exists", DisableDefaultText: true},
		}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() == 0 {
				return usagef("pcapwho analyze run.pcapng", "no capture given")
			}
			a, err := newAnalysis(ctx, c)
			if err != nil {
				return err
			}
			if err := a.takeInputs(ctx); err != nil {
				return err
			}
			if a.cfg.Merge && ctx.Bool("each") {
				return usagef("say --merge for one result of all captures, --each for one of each", "--merge and --each exclude each other")
			}
			a.printTo(c, c.out)
			if ctx.Bool("each") {
				*status, err = a.runEach(ctx.Context, c)
				return err
			}
			*status, err = a.run(ctx.Context, c)
			return err
		},
	}
}

// analyzeFlags are the flags that say what comes out of an analysis.
func analyzeFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "format", Usage: "write `FORMAT`: text, json, jsonl, csv, arrow, parquet, nwb, html, svg or png; default by the name of the output, else text"},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, or into a folder for several tables of csv, arrow or parquet, or charts of svg or png; - is standard output"},
		&cli.BoolFlag{Name: "partition", Usage: "add to the dataset -o: TABLE/run=…/host=…/part.parquet", DisableDefaultText: true},
		&cli.StringFlag{Name: "tables", Usage: "write these `TABLES`, separated by commas; default all but turns, timeseries and packets"},
		&cli.BoolFlag{Name: "strict", Usage: "exit 3 for dropped packets and unknown owners too", DisableDefaultText: true},
	}, selectFlags()...)
}

// analysis is one analysis and where its result goes.
type analysis struct {
	cfg    report.Config
	output report.Output
	strict bool
	about  string // what warnings call the capture, where there are several results
}

// newAnalysis reads analyzeFlags.
func newAnalysis(ctx *cli.Context, c *console) (a *analysis, err error) {
	a = &analysis{strict: ctx.Bool("strict")}
	a.cfg.Tool = maker()
	a.output.Path, a.output.Force, a.output.Owner = ctx.String("output"), ctx.Bool("force"), caller()
	a.output.Partition = ctx.Bool("partition")
	a.output.Format = report.Format(ctx.String("format"))
	switch {
	case a.output.Format != "":
	case ctx.Bool("each"): // the output is a folder
		a.output.Format = report.Text
	default:
		if a.output.Format, err = formatOf(a.output.Path); err != nil {
			return nil, err
		}
	}
	for name := range strings.SplitSeq(ctx.String("tables"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			a.cfg.Tables = append(a.cfg.Tables, name)
		}
	}
	if a.cfg.Tables != nil && (a.output.Format == report.Text || a.output.Format == report.NWB || a.output.Format.Viewed()) {
		return nil, usagef("name a format of tables: json, jsonl, csv, arrow or parquet", "--tables: format %s has none", a.output.Format)
	}
	if a.output.Format.Viewed() {
		a.cfg.ForView()
	}
	if err := a.choose(ctx); err != nil {
		return nil, err
	}
	if a.cfg.Tables == nil && (a.output.Format == report.Text || a.output.Format == report.NWB) {
		a.cfg.Tables = []string{"capture"} // shows what every analysis knows
	}
	return a, nil
}

// printTo makes f the standard output of the analysis.
func (a *analysis) printTo(c *console, f *os.File) {
	a.output.Stdout, a.output.Terminal = f, isTerminal(f)
	a.output.Width, a.output.Color = width(f), c.colors(f)
	if a.output.Terminal {
		a.output.Stdout = &dataWriter{c, f}
	}
}

// caller returns who called sudo, to whom outputs belong as recordings do: nil
// when nobody did. (A recording refuses to start when the two are no numbers.)
func caller() *report.Owner {
	uid, errU := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 31)
	gid, errG := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 31)
	if os.Geteuid() != 0 || errU != nil || errG != nil || uid == 0 {
		return nil
	}
	return &report.Owner{UID: int(uid), GID: int(gid)}
}

// formatOf returns the format that an output's name asks for: text where that is no
// file, or has no ending.
func formatOf(path string) (report.Format, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".json":
		return report.JSON, nil
	case ".jsonl", ".ndjson":
		return report.JSONL, nil
	case ".csv":
		return report.CSV, nil
	case ".arrow", ".feather":
		return report.Arrow, nil
	case ".parquet":
		return report.Parquet, nil
	case ".html", ".htm":
		return report.HTML, nil
	case ".svg":
		return report.SVG, nil
	case ".png":
		return report.PNG, nil
	case "", ".txt", ".text", ".log", ".out":
		return report.Text, nil
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return report.Text, nil
	}
	return "", noFormat(path, "text, json, jsonl, csv, arrow, parquet, nwb, html, svg or png")
}

// noFormat is the error of an output whose name says nothing of its format.
func noFormat(path, formats string) error {
	return usagef("name it: --format "+formats, "%s: no format has names that end in %q", path, filepath.Ext(path))
}

// run analyzes, writes the result, and says what the user should know. It
// returns the exit status.
func (a *analysis) run(ctx context.Context, c *console) (status int, err error) {
	if err := a.output.Check(&a.cfg); err != nil {
		return 0, err
	}
	ctx, stop := stoppable(ctx)
	defer stop()
	a.cfg.Progress = c.newProgress("reading")
	result, err := report.Analyze(ctx, a.cfg)
	if err == nil {
		defer result.Close()
		err = result.Write(ctx, a.output)
	}
	c.endProgress()
	if err != nil {
		return 0, err
	}
	if a.output.Format != report.Text { // which has them already
		c.warnings(a.about, result.Warnings)
	}
	switch {
	case result.Damaged(), a.strict && doubtful(result.Warnings):
		return statusDamaged, nil
	}
	return 0, nil
}

// doubtful tells what --strict does not let pass.
func doubtful(warnings []report.Warning) bool {
	for _, w := range warnings {
		switch w.Kind {
		case report.Drops, report.Gaps, report.NoLog, report.OtherLog, report.UnknownOwners:
			return true
		}
	}
	return false
}

// warnings prints warnings of what about names, "" = of the only result, and where the
// console is not quiet their hints. One that was given for the result before is not
// repeated.
func (c *console) warnings(about string, list []report.Warning) {
	for _, w := range list {
		if about != "" && !strings.HasPrefix(w.Message, about+": ") {
			w.Message = about + ": " + w.Message
		}
		c.warning(w.Message)
		if w.Hint != "" && !c.quiet && !c.hinted[w.Hint] {
			c.hint(w.Hint)
			c.hinted[w.Hint] = true
		}
	}
}
