package main

import (
	"context"
	"encoding/json"
	"errors"
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
			files, err := report.Captures(ctx.Args().Slice())
			if err != nil {
				return err
			}
			asked, stop := stoppable(ctx.Context)
			defer stop()
			*status, err = c.describe(asked, files, ctx.Bool("json"))
			return err
		},
	}
}

// describe tells what files are. One of several that cannot be read is told and left
// out. It returns the exit status.
func (c *console) describe(ctx context.Context, files []string, asJSON bool) (status int, err error) {
	told := 0
	var left []error
	for _, path := range files {
		capture, err := inspect.File(ctx, path, inspect.Config{Workers: runtime.GOMAXPROCS(0), Progress: c.newProgress("reading")})
		c.endProgress()
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if err != nil {
			status, left = statusDamaged, append(left, err)
			continue
		}
		if len(capture.Damage) > 0 {
			status = statusDamaged
		}
		if err := c.printInfo(capture, told, asJSON); err != nil {
			return 0, err
		}
		told++
	}
	if told == 0 {
		return 0, &report.InputError{Err: errors.Join(left...)}
	}
	for _, err := range left {
		c.warning("left out: " + err.Error())
	}
	return status, nil
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
