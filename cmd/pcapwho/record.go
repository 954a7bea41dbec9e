package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/record"
)

func recordCommand(c *console, status *int) *cli.Command {
	return &cli.Command{
		Name:      "record",
		Usage:     "write the packets and the sockets of a while into two files",
		UsageText: "pcapwho record [flags] [-- COMMAND [ARG…]]",
		Description: "Writes run.pcapng, which Wireshark opens too, and run.conns.jsonl beside it.\n" +
			"With a command it records while that runs and ends with its exit status,\n" +
			"else until Ctrl-C.\n\n" +
			"pcapwho record -i lo -w bench.pcapng -- ./benchmark --rounds 3",
		Flags: append(recordFlags(), append(consoleFlags(),
			&cli.IntSliceFlag{Name: "pid", Usage: "mark process `PID` and what it starts as the command's"})...),
		Action: func(ctx *cli.Context) error {
			cfg, err := recordConfig(ctx, c)
			if err != nil {
				return err
			}
			summary, err := recordNow(ctx.Context, c, cfg)
			if err != nil {
				return err
			}
			*status = commandStatus(&summary)
			if cfg.Capture != "-" {
				c.info("analyze it with: %s", analysisOf(&summary))
			}
			return nil
		},
	}
}

// recordFlags are the flags that say what to record.
func recordFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "interface", Aliases: []string{"i"}, Usage: "record this `IF`, and further ones; default all"},
		&cli.StringSliceFlag{Name: "netns", Usage: "record in this `NETNS`: a name, a path or a PID"},
		&cli.StringFlag{Name: "filter", Aliases: []string{"f"}, Usage: "keep what this `EXPRESSION` of tcpdump lets through; or a program of tcpdump -ddd, or a file of either"},
		&cli.StringFlag{Name: "write", Aliases: []string{"w"}, Value: "run.pcapng", Usage: "write the packets to `FILE`; - is standard output, with --log"},
		&cli.StringFlag{Name: "log", Usage: "write the log to `FILE`; default beside the packets"},
		&cli.IntFlag{Name: "snaplen", Aliases: []string{"s"}, Value: record.DefaultSnaplen, Usage: "keep these `BYTES` of a packet, 0 = all"},
		&cli.IntFlag{Name: "buffer", Aliases: []string{"B"}, Value: record.DefaultRingMiB, Usage: "size of the capture ring in `MiB`"},
		&cli.StringFlag{Name: "source", Value: record.SourceAuto, Usage: "`SOURCE` of sockets: auto (default), ebpf, diag, poll"},
		&cli.StringSliceFlag{Name: "stop", Aliases: []string{"a"}, Usage: "end at a `LIMIT`: duration:SECONDS, filesize:KB, packets:N, or files:N of -b"},
		&cli.StringSliceFlag{Name: "rotate", Aliases: []string{"b"}, Usage: "go on in another file by a `RULE`: filesize:KB, duration:SECONDS; keep the last files:N"},
		&cli.BoolFlag{Name: "sync", Usage: "bring both files to the disk each second", DisableDefaultText: true},
		&cli.BoolFlag{Name: "focus", Usage: "let analyze show what the command and --pid did", DisableDefaultText: true},
		&cli.BoolFlag{Name: "force", Usage: "replace files that exist", DisableDefaultText: true},
	}
}

// recordConfig reads recordFlags and the command behind "--".
func recordConfig(ctx *cli.Context, c *console) (record.Config, error) {
	cfg := record.Config{
		Interfaces: ctx.StringSlice("interface"),
		Namespaces: ctx.StringSlice("netns"),
		Snaplen:    ctx.Int("snaplen"),
		RingMiB:    ctx.Int("buffer"),
		Capture:    ctx.String("write"),
		Log:        ctx.String("log"),
		Force:      ctx.Bool("force"),
		Sync:       ctx.Bool("sync"),
		Source:     ctx.String("source"),
		Focus:      ctx.Bool("focus"),
		Command:    ctx.Args().Slice(),
		Stdin:      os.Stdin, Stdout: c.out, Stderr: c.err,
		Version:    version(),
		Message:    c.message,
		DropRights: true,
	}
	if err := c.configure(ctx); err != nil {
		return cfg, err
	}
	for _, pid := range ctx.IntSlice("pid") {
		if pid < 1 || pid > math.MaxInt32 {
			return cfg, usagef("name a process that runs", "--pid: %d is none", pid)
		}
		cfg.PIDs = append(cfg.PIDs, int32(pid))
	}
	if cfg.RingMiB == 0 {
		return cfg, usagef("64 MiB is the default", "-B: the ring needs 1 MiB at least")
	}
	if cfg.Capture == "-" {
		if cfg.Output = c.out; isTerminal(c.out) {
			return cfg, usagef("pass them on: pcapwho record -w - --log run.conns.jsonl | tshark -i -", "packets are not written to a terminal")
		}
	}
	var err error
	if err = parseLimits(&cfg, ctx.StringSlice("stop"), ctx.StringSlice("rotate")); err != nil {
		return cfg, err
	}
	if text := ctx.String("filter"); text != "" {
		if err := readFilter(text, &cfg); err != nil {
			return cfg, err
		}
	}
	return cfg, nil
}

// recordNow records to the end. When something fails while it records, the
// summary is that of what was written, with an error.
func recordNow(parent context.Context, c *console, cfg record.Config) (record.Summary, error) {
	ctx := parent
	if len(cfg.Command) == 0 {
		var stop context.CancelFunc
		ctx, stop = stoppable(parent)
		defer stop()
		outlive()
		context.AfterFunc(ctx, stop) // the next signal ends the program at once
	} else { // which gets the signals itself; one of them would end the recorder with a trace
		quit := make(chan os.Signal, 1)
		signal.Notify(quit, syscall.SIGQUIT)
		defer signal.Stop(quit)
	}
	// What waits for the kernel, and what must be prompt, shall not wait for each other.
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 4)
	r, err := record.Start(ctx, cfg)
	if err != nil {
		return record.Summary{}, err
	}
	if len(cfg.Command) == 0 && cfg.Duration == 0 && cfg.Limits == (record.Limits{}) {
		c.info("Ctrl-C ends it, and a second one does not wait for the last packets")
	}
	summary, err := r.Wait()
	c.info("%s", told(&summary))
	if errors.Is(err, syscall.EPIPE) && cfg.Capture == "-" {
		return summary, &failure{"nobody reads the packets any more", "the log is whole", statusUnread, true, nil}
	}
	if err != nil {
		return summary, &failure{err.Error(), "the files are readable up to there; analyze tells what is missing", failedStatus(&summary), true, err}
	}
	return summary, nil
}

// told says what was recorded.
func told(s *record.Summary) string {
	return fmt.Sprintf("recorded %d packets (%d dropped), %d sockets and %d processes in %.1f s into %s and %s",
		s.Packets, s.Dropped, s.Sockets, s.Processes, s.End.Sub(s.Begin).Seconds(), files(s), s.Log)
}

// files names the captures.
func files(s *record.Summary) string {
	if n := len(s.Captures); n > 2 {
		return fmt.Sprintf("%d files, %s to %s,", n, s.Captures[0], s.Captures[n-1])
	}
	if slices.Equal(s.Captures, []string{"-"}) {
		return "standard output"
	}
	return strings.Join(s.Captures, ", ")
}

// commandStatus is the status of the command that was recorded, 0 where there
// was none.
func commandStatus(s *record.Summary) int {
	if s.Status == nil {
		return 0
	}
	return *s.Status
}

// failedStatus is that of a recording that failed on its way: the command's,
// unless that says that all went well.
func failedStatus(s *record.Summary) int {
	if status := commandStatus(s); status != 0 {
		return status
	}
	return statusFailed
}

// analysisOf returns the command that analyzes a recording.
func analysisOf(s *record.Summary) string {
	words := []string{"analyze"}
	for _, name := range together(s.Captures) {
		words = append(words, fileArgument(name))
	}
	if s.Log != ingest.FindLog(s.Captures[0]) {
		words = append(words, "-l", fileArgument(s.Log))
	}
	return toType(words...)
}

// together names many files by a pattern, where that finds no others.
func together(names []string) []string {
	const most = 8
	if len(names) <= most {
		return names
	}
	if pattern, captures := ingest.RotatedSet(names[0]); slices.Equal(slices.Sorted(slices.Values(names)), captures) {
		return []string{pattern}
	}
	return names
}

// readFilter reads an expression, a program that tcpdump -ddd printed, or a file of
// one. The files of the recording name it in one line.
func readFilter(text string, cfg *record.Config) (err error) {
	cfg.Filter, err = record.ParseFilter(strings.NewReader(text))
	if content, e := os.ReadFile(text); err != nil && e == nil {
		text = string(content)
		cfg.Filter, err = record.ParseFilter(strings.NewReader(text))
	}
	cfg.FilterText = strings.Join(strings.Fields(text), " ")
	return err
}
