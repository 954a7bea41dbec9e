package main

import (
	"encoding/json"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/report"
)

func explainCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "tell why one packet has the owner it has",
		UsageText: "pcapwho explain CAPTURE… NUMBER [flags]",
		Description: "NUMBER is the packet's, from 1, as in Wireshark and in the table packets; that\n" +
			"of a connection (connection_id) is the number of its first packet. Prints the\n" +
			"verdict for both sides in words, and the lines of the connection log that are\n" +
			"about them.\n\n" +
			"pcapwho explain run.pcapng 25",
		Flags: append(consoleFlags(),
			&cli.StringSliceFlag{Name: "log", Aliases: []string{"l"}, Usage: "take the log from `FILE`; default beside the capture"},
			&cli.BoolFlag{Name: "merge", Usage: "captures overlap: take packets in the order of time", DisableDefaultText: true},
			&cli.BoolFlag{Name: "json", Usage: "print JSON", DisableDefaultText: true}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			args := ctx.Args().Slice()
			if len(args) < 2 {
				return usagef("pcapwho explain run.pcapng 25", "explain needs a capture and the number of a packet")
			}
			frame, err := strconv.ParseUint(args[len(args)-1], 10, 63)
			if err != nil || frame == 0 {
				return usagef("pcapwho explain run.pcapng 25", "%q is no number of a packet", args[len(args)-1])
			}
			captures, err := report.Captures(args[:len(args)-1])
			if err != nil {
				return err
			}
			asked, stop := stoppable(ctx.Context)
			defer stop()
			x, err := report.Explain(asked, report.Config{Captures: captures, Logs: ctx.StringSlice("log"), Merge: ctx.Bool("merge"), Progress: c.newProgress("reading")}, frame)
			c.endProgress()
			if err != nil {
				return err
			}
			if ctx.Bool("json") {
				return json.NewEncoder(c.out).Encode(x)
			}
			return x.Text(c.out)
		},
	}
}
