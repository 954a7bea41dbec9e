package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
)

func markCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "mark",
		Usage:     "mark a phase of a benchmark in the recording that runs",
		UsageText: "pcapwho mark NAME [--begin|--end] [flags]",
		Description: "Between --begin and --end is a phase. Without either one begins here, and the\n" +
			"one so begun before ends. Run it in the command that is recorded, or name the\n" +
			"recording's log. Any program can mark as well: it writes \"begin NAME\", \"end\n" +
			"NAME\" or \"mark NAME\" to the unix datagram socket of " + record.SocketVariable + ".\n\n" +
			"pcapwho record -- sh -c 'pcapwho mark load; ./load; pcapwho mark ask; ./ask'",
		Flags: append(consoleFlags(),
			&cli.BoolFlag{Name: "begin", Usage: "the phase begins", DisableDefaultText: true},
			&cli.BoolFlag{Name: "end", Usage: "the phase ends", DisableDefaultText: true},
			&cli.StringFlag{Name: "log", Aliases: []string{"l"}, Usage: "mark in the recording that writes this log, `FILE`"}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() != 1 {
				return usagef("pcapwho mark load --begin", "mark needs the name of one phase")
			}
			if ctx.Args().First() == "" {
				return usagef("pcapwho mark load --begin", "a phase has a name")
			}
			change := connlog.MarkInstant
			switch {
			case ctx.Bool("begin") && ctx.Bool("end"):
				return usagef("say one of them", "--begin and --end exclude each other")
			case ctx.Bool("begin"):
				change = connlog.MarkBegin
			case ctx.Bool("end"):
				change = connlog.MarkEnd
			}
			socket := ""
			if path := ctx.String("log"); path != "" {
				var err error
				if socket, err = socketOf(path); err != nil {
					return err
				}
			}
			return record.Mark(socket, change, ctx.Args().First())
		},
	}
}

// socketOf returns the control socket of the recording that writes a log.
func socketOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", &report.InputError{Err: err}
	}
	defer file.Close()
	e, err := connlog.NewReader(bufio.NewReader(file), path).Next()
	if err != nil {
		return "", &report.InputError{Err: err}
	}
	if e.Kind != connlog.KindHead || e.Head.Control == "" {
		return "", &report.InputError{Err: fmt.Errorf("%s: the log names no socket that takes marks", path)}
	}
	return e.Head.Control, nil
}
