package main

import (
	"encoding/json"
	"runtime"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/inspect"
)

func infoCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "tell what a capture file is, and the log beside it",
		UsageText: "pcapwho info [--json] FILE…",
		Description: "Format, packets, times, interfaces, drops, damage, the processes that the file\n" +
			"itself names, and whether the connection log beside it fits. With --json one\n" +
			"object a file and line.\n\n" +
			"pcapwho info run.pcapng",
		Flags: append(consoleFlags(), &cli.BoolFlag{Name: "json", Usage: "write JSON, one line a file", DisableDefaultText: true}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() == 0 {
				return usagef("pcapwho info run.pcapng", "no file given")
			}
			asked, stop := stoppable(ctx.Context)
			defer stop()
			for n, path := range ctx.Args().Slice() {
				capture, err := inspect.File(asked, path, inspect.Config{Workers: runtime.GOMAXPROCS(0), Progress: c.newProgress("reading")})
				c.endProgress()
				if asked.Err() != nil {
					return asked.Err()
				}
				if err != nil {
					return &report.InputError{Err: err}
				}
				if len(capture.Damage) > 0 {
					*status = statusDamaged
				}
				if err := c.printInfo(capture, n, ctx.Bool("json")); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// printInfo prints what the nth file is.
func (c *console) printInfo(capture *inspect.Capture, n int, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(c.out).Encode(capture)
	}
	if n > 0 {
		if _, err := c.out.WriteString("\n"); err != nil {
			return err
		}
	}
	return capture.Text(c.out)
}
