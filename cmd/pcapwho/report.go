package main

import (
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/decode"
)

func reportCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "report",
		Usage:     "make a page that shows a recording in a browser, offline",
		UsageText: "pcapwho report CAPTURE… [flags]\npcapwho report RESULT.json [flags]",
		Description: "Analyzes a capture as analyze does, and writes one HTML file: how complete the\n" +
			"evidence is, throughput over time, connections one below the other, processes,\n" +
			"endpoints, distributions. Of a result of --format json what that holds:\n" +
			"make it with --bucket for the throughput.\n\n" +
			"pcapwho report run.pcapng\n" +
			"pcapwho report run.pcapng -o monday.html --phase load",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`; - is standard output", Value: "report.html"},
			&cli.BoolFlag{Name: "force", Usage: "replace an output that exists", DisableDefaultText: true},
			&cli.BoolFlag{Name: "focus", Usage: "show the connections of the recorded command at first", DisableDefaultText: true},
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
			a.output = report.Output{Format: report.HTML, Path: ctx.String("output"), Force: ctx.Bool("force"), Focus: ctx.Bool("focus"), Owner: caller()}
			a.cfg.ForHTML()
			if err := a.choose(ctx); err != nil {
				return err
			}
			if err := a.takeInputs(ctx); err != nil {
				return err
			}
			a.printTo(c, c.out)
			var err error
			*status, err = a.run(ctx.Context, c)
			return err
		},
	}
}

// showResult makes the page of a result.
func showResult(ctx *cli.Context, c *console) error {
	for _, f := range slices.Concat(reportSelectFlags(), inputFlags()) {
		if name := f.Names()[0]; ctx.IsSet(name) {
			return usagef("give the flag to the analyze that makes the result", "--%s is for captures: a result is shown as it is", name)
		}
	}
	a := &analysis{output: report.Output{Path: ctx.String("output"), Force: ctx.Bool("force"), Focus: ctx.Bool("focus"), Owner: caller()}}
	a.printTo(c, c.out)
	stopping, stop := stoppable(ctx.Context)
	defer stop()
	return report.WritePage(stopping, ctx.Args().First(), a.output)
}

// reportSelectFlags are selectFlags in the words of this command.
func reportSelectFlags() []cli.Flag {
	flags := selectFlags()
	for i, f := range flags {
		switch f.Names()[0] {
		case "bucket":
			flags[i] = &cli.DurationFlag{Name: "bucket", Usage: "show time in buckets of `TIME`; default what fits the recording", DefaultText: ""}
		case "pid":
			flags[i] = &cli.IntFlag{Name: "pid", Usage: "take packets of the process `PID`"}
		}
	}
	return flags
}
