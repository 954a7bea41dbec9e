package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/expression"
	"github.com/pcapwho/pcapwho/report/table"
)

// selectFlags are the flags that say what of a recording counts.
func selectFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "from", Usage: "take packets from `TIME` on: 90s since the first, a date (local time without a zone), or Unix seconds"},
		&cli.StringFlag{Name: "to", Usage: "take packets before `TIME`"},
		&cli.StringFlag{Name: "phase", Usage: "take packets in the phases `NAME` that were marked"},
		&cli.IntFlag{Name: "pid", Usage: "take packets of process `PID`; nwb is about one"},
		&cli.BoolFlag{Name: "tree", Usage: "with --pid: and of its descendants", DisableDefaultText: true},
		&cli.BoolFlag{Name: "command", Usage: "take packets of the recorded command and its children", DisableDefaultText: true},
		&cli.StringFlag{Name: "where", Aliases: []string{"Y"}, Usage: "take what this `EXPRESSION` holds for: 'process.name == \"curl\" && remote.port == 443'"},
		&cli.DurationFlag{Name: "bucket", Usage: "add timeseries, in buckets of `TIME`", DefaultText: "1s"},
	}
}

// choose reads selectFlags.
func (a *analysis) choose(ctx *cli.Context) (err error) {
	if a.cfg.From, err = momentOf(ctx, "from"); err != nil {
		return err
	}
	if a.cfg.To, err = momentOf(ctx, "to"); err != nil {
		return err
	}
	a.cfg.Where = ctx.String("where")
	a.cfg.Phase, a.cfg.Tree, a.cfg.Command = ctx.String("phase"), ctx.Bool("tree"), ctx.Bool("command")
	if err := a.chooseProcess(ctx); err != nil {
		return err
	}
	if err := a.chooseBucket(ctx); err != nil {
		return err
	}
	for _, flag := range []string{"where", "phase"} {
		if ctx.IsSet(flag) && ctx.String(flag) == "" {
			return usagef("leave it out, or say what to take", "--%s is empty", flag)
		}
	}
	if err := a.checkWhere(); err != nil {
		return err
	}
	if a.output.Format == report.NWB && (a.cfg.Where != "" || a.cfg.From != nil || a.cfg.To != nil || a.cfg.Phase != "" || a.cfg.Command || a.cfg.Tree) {
		return usagef("name another format: json, jsonl, csv, arrow, parquet or text", "format nwb is about a whole recording and one process: -Y, --from, --to, --phase, --tree and --command are not for it")
	}
	return nil
}

// checkWhere refuses an expression before any work.
func (a *analysis) checkWhere() error {
	err := a.cfg.CheckWhere()
	var e *expression.Error
	if errors.As(err, &e) {
		return usagef(e.Hint, "-Y: %v", e)
	}
	return err
}

// momentOf reads a flag that is a time; nil where it is not given.
func momentOf(ctx *cli.Context, flag string) (*report.Moment, error) {
	if !ctx.IsSet(flag) {
		return nil, nil
	}
	text := ctx.String(flag)
	m, ok := parseMoment(text)
	if !ok {
		return nil, usagef("a time since the first packet (90s, 1.5s), a date (2026-05-01T12:00:00Z, or without a zone in local time), or Unix seconds (1777636800.5)", "--%s: %q is no time", flag, text)
	}
	return &m, nil
}

// dates are how a date may be written: as RFC 3339 has it, or with a space, and without a
// zone in local time, as date(1) and Wireshark take it.
var dates = [...]string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"}

// parseDate reads a date.
func parseDate(text string) (t time.Time, ok bool) {
	for _, layout := range dates {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil && t.Year() > 1677 && t.Year() < 2262 {
			return t, true
		}
	}
	return t, false
}

// parseMoment reads a duration, a date, or Unix seconds.
func parseMoment(text string) (m report.Moment, ok bool) {
	if d, err := time.ParseDuration(strings.TrimPrefix(text, "+")); err == nil && text != "0" {
		return report.Moment{Nanoseconds: int64(d), Relative: true}, true
	}
	if t, ok := parseDate(text); ok {
		return report.Moment{Nanoseconds: t.UnixNano()}, true
	}
	whole, fraction, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseUint(whole, 10, 33)
	if err != nil || len(fraction) > 9 {
		return m, false
	}
	ns, err := strconv.ParseUint((fraction + "000000000")[:9], 10, 64)
	return report.Moment{Nanoseconds: int64(seconds)*1e9 + int64(ns)}, err == nil
}

func (a *analysis) chooseProcess(ctx *cli.Context) error {
	if a.cfg.Tree && !ctx.IsSet("pid") {
		return usagef("name the process with --pid; the recorded command's tree is --command", "--tree is of a process, and none is named")
	}
	if !ctx.IsSet("pid") {
		return nil
	}
	pid := ctx.Int("pid")
	if pid < 1 || pid > 1<<30 {
		return usagef("name a process with --pid", "--pid: %d is none", pid)
	}
	if a.output.Format == report.NWB {
		a.cfg.NWB = int32(pid)
	} else {
		a.cfg.PID = int32(pid)
	}
	return nil
}

// chooseBucket reads --bucket, which adds its table to the default ones.
func (a *analysis) chooseBucket(ctx *cli.Context) error {
	if !ctx.IsSet("bucket") {
		return nil
	}
	a.cfg.Bucket = int64(ctx.Duration("bucket"))
	switch {
	case a.cfg.Bucket < report.MinBucket:
		return usagef("take 1ms or more", "--bucket: %v is too short", ctx.Duration("bucket"))
	case a.output.Format == report.Text || a.output.Format == report.NWB:
		return usagef("name a format of tables: json, jsonl, csv, arrow or parquet", "--bucket: format %s has no tables", a.output.Format)
	case a.cfg.Tables == nil:
		a.cfg.Tables = append(table.Defaults(), "timeseries")
	case !slices.Contains(a.cfg.Tables, "timeseries"):
		return usagef("name it among the tables", "--bucket is for the table timeseries, and --tables is without it")
	}
	return nil
}
