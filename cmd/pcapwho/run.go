package main

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
)

func runCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "record a command, then analyze the recording",
		UsageText: "pcapwho run [flags of record] [flags of analyze] -- COMMAND [ARG…]",
		Description: "Standard output belongs to the command: the result goes to standard error, or\n" +
			"to the file named by -o. It ends with the command's exit status.\n\n" +
			"pcapwho run -- curl -s http://localhost:8000/",
		Flags: append(append(recordFlags(), analyzeFlags()...), consoleFlags()...),
		Action: func(ctx *cli.Context) error {
			cfg, err := recordConfig(ctx, c)
			if err != nil {
				return err
			}
			if len(cfg.Command) == 0 {
				return usagef("pcapwho run -- COMMAND; without a command: pcapwho record", "no command given")
			}
			a, err := newAnalysis(ctx, c)
			if err != nil {
				return err
			}
			if a.output.Format == report.NWB && !ctx.IsSet("pid") {
				a.cfg.NWB = int32(os.Getpid()) // until the command has a PID
			}
			a.printTo(c, c.err)
			if report.IsStdout(a.output.Path) {
				a.printTo(c, c.out)
			}
			a.cfg.Captures, a.cfg.Logs = []string{cfg.Capture}, []string{cfg.Log} // of a rotated capture its files, when they are there
			if cfg.Log == "" {
				a.cfg.Logs[0] = record.LogPath(cfg.Capture)
			}
			if err := a.output.Check(&a.cfg); err != nil { // before the command is started
				return err
			}
			*status, err = a.recordAndRun(ctx.Context, c, cfg)
			return err
		},
	}
}

// recordAndRun records a command and analyzes what was recorded, even when the
// recording failed on its way. It returns the exit status: the command's, or
// where that is 0 the analysis's.
func (a *analysis) recordAndRun(ctx context.Context, c *console, cfg record.Config) (status int, err error) {
	summary, failed := recordNow(ctx, c, cfg)
	if summary.Captures == nil {
		return 0, failed
	}
	a.cfg.Captures = summary.Captures
	if a.cfg.NWB == int32(os.Getpid()) {
		a.cfg.NWB = int32(summary.PID)
	}
	if a.output.Path == "" {
		c.info("")
	}
	analyzed, err := a.run(ctx, c)
	switch {
	case failed != nil && err != nil:
		c.fail(err)
		return 0, failed
	case failed != nil:
		return 0, failed
	case err != nil:
		return 0, &failure{err.Error(), "the recording is whole: " + analysisOf(&summary), failedStatus(&summary), true, err}
	case commandStatus(&summary) != 0:
		return commandStatus(&summary), nil
	}
	return analyzed, nil
}
