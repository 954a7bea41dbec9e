package main

import (
	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
)

// maxJobs keeps a typing error from starting a million goroutines.
const maxJobs = 1024

// inputFlags are the flags that say how captures and logs are read.
func inputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "log", Aliases: []string{"l"}, Usage: "take the log from `FILE`; default beside the capture"},
		&cli.BoolFlag{Name: "merge", Usage: "captures overlap: take packets in the order of time", DisableDefaultText: true},
		&cli.DurationFlag{Name: "clock-offset", Usage: "the log's clock was behind the capture's by `TIME`", DefaultText: "0s"},
		&cli.BoolFlag{Name: "other-host", Usage: "take a log of another recording than the capture", DisableDefaultText: true},
		&cli.BoolFlag{Name: "all-interfaces", Usage: "count a packet on each interface that saw it", DisableDefaultText: true},
		&cli.BoolFlag{Name: "no-measures", Usage: "leave out measures of connections and names: faster", DisableDefaultText: true},
		jobsFlag(),
		&cli.Int64Flag{Name: "max-decompressed", Usage: "take no more `BYTES` from a compressed capture"},
	}
}

func jobsFlag() cli.Flag {
	return &cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "work with `N` processors at once; default all"}
}

// jobsOf reads jobsFlag; 0 = it is not given.
func jobsOf(ctx *cli.Context) (int, error) {
	n := ctx.Int("jobs")
	if ctx.IsSet("jobs") && (n < 1 || n > maxJobs) {
		return 0, usagef("one for each processor is the default", "-j: %d is not from 1 to %d", n, maxJobs)
	}
	return n, nil
}

// takeInputs reads inputFlags and the captures, of which there must be one.
func (a *analysis) takeInputs(ctx *cli.Context) (err error) {
	if a.cfg.Captures, err = report.Captures(ctx.Args().Slice()); err != nil {
		return err
	}
	a.cfg.Logs, a.cfg.Merge, a.cfg.AllInterfaces = ctx.StringSlice("log"), ctx.Bool("merge"), ctx.Bool("all-interfaces")
	a.cfg.NoMeasures = ctx.Bool("no-measures")
	a.cfg.ClockOffset, a.cfg.OtherHost = int64(ctx.Duration("clock-offset")), ctx.Bool("other-host")
	if a.cfg.Workers, err = jobsOf(ctx); err != nil {
		return err
	}
	a.cfg.MaxDecompressed = ctx.Int64("max-decompressed")
	if ctx.IsSet("max-decompressed") && a.cfg.MaxDecompressed < 1 {
		return usagef("10 GB: --max-decompressed 10000000000", "--max-decompressed: %d is no number of bytes", a.cfg.MaxDecompressed)
	}
	return nil
}
