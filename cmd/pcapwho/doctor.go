package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report/encode"
)

func doctorCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "doctor",
		Usage:     "tell what can be recorded on this machine, and what would help",
		UsageText: "pcapwho doctor [--json] [-B MiB] [FOLDER]",
		Description: "Tries what record would do: rights, the sources of socket events, interfaces,\n" +
			"the capture ring, the clock, and how fast FOLDER, where files are to go, takes\n" +
			"them. It leaves nothing behind, and ends with 0 whatever it finds.\n\n" +
			"sudo pcapwho doctor /data",
		Flags: append(consoleFlags(),
			&cli.BoolFlag{Name: "json", Usage: "write JSON", DisableDefaultText: true},
			&cli.IntFlag{Name: "buffer", Aliases: []string{"B"}, Value: record.DefaultRingMiB, Usage: "size of the capture ring in `MiB`"}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() > 1 {
				return usagef("pcapwho doctor /data", "one folder at most")
			}
			if n := ctx.Int("buffer"); n < 1 || n > 4095 {
				return usagef("64 MiB is the default", "-B: the ring is 1 to 4095 MiB")
			}
			folder := ctx.Args().First()
			if folder == "" {
				folder = "."
			}
			x := record.Examine(folder, ctx.Int("buffer"))
			if ctx.Bool("json") {
				return json.NewEncoder(c.out).Encode(x)
			}
			_, err := c.out.WriteString(diagnosis(x, min(cmp.Or(width(c.out), 80), 110)))
			return err
		},
	}
}

// page is text of so many columns: what belongs to a heading stands beside it.
type page struct {
	strings.Builder
	columns int
}

const pageLabel = 12

// line writes words beside a label. What came from the machine is escaped.
func (p *page) line(label, text string) {
	column := pageLabel
	fmt.Fprintf(p, "%-*s", pageLabel-1, label)
	for i, word := range strings.Fields(encode.Escape(text)) {
		if i > 0 && column+len(word) >= p.columns {
			fmt.Fprintf(p, "\n%*s", pageLabel-1, "")
			column = pageLabel
		}
		p.WriteString(" " + word)
		column += len(word) + 1
	}
	p.WriteString("\n")
}

// remedy writes what helps. A command is a line of its own, to be copied.
func (p *page) remedy(text string) {
	for part := range strings.SplitSeq(text, "; ") {
		before, command, ok := strings.Cut(part, "or once: ")
		if !ok {
			p.line("", "→ "+part)
			continue
		}
		p.line("", "→ "+before+"or once:")
		p.WriteString("  " + encode.Escape(command) + "\n")
	}
}

// diagnosis tells a person what was found, in so many columns.
func diagnosis(x *record.Examination, columns int) string {
	p := page{columns: columns}
	p.line("system", x.Kernel+" ("+x.OS+")")
	p.capture(x)
	p.sources(x)
	for _, r := range x.Rights {
		if r.Held {
			p.line("right", r.Name)
		} else {
			p.line("right", r.Name+" is missing: "+r.Cost)
		}
	}
	for _, i := range x.Interfaces {
		p.line("interface", interfaceText(i))
	}
	for _, text := range x.LeftOut {
		p.line("", text)
	}
	p.line("clock", clockText(x.Clock))
	p.line("disk", diskText(x.Disk))
	for _, t := range x.Tools {
		if t.Path == "" {
			p.line("tool", t.Name+" is not there, and not needed")
		} else {
			p.line("tool", t.Path)
		}
	}
	return p.String()
}

func (p *page) capture(x *record.Examination) {
	ring := fmt.Sprintf("a ring of %d MiB", x.RingMiB)
	if x.Memory > 0 {
		ring += fmt.Sprintf("; %d MiB of memory are free", x.Memory>>20)
	}
	if x.Capture.Works {
		p.line("capture", "yes, into "+ring)
		return
	}
	p.line("capture", "no: "+x.Capture.Reason)
	p.remedy(x.Capture.Remedy)
}

func (p *page) sources(x *record.Examination) {
	if x.Source != "" {
		reason, _, _ := strings.Cut(x.Reason, ";")
		p.line("auto", "takes source "+x.Source+": "+reason)
	}
	for _, s := range x.Sources {
		if s.Works {
			p.line("source", s.Name+" works")
		} else {
			p.line("source", s.Name+" does not work: "+s.Reason)
			p.remedy(s.Remedy)
		}
		if s.Name != x.Source {
			continue
		}
		for _, text := range s.Blind {
			p.line("", "- does not see "+text)
		}
	}
}

func interfaceText(i record.InterfaceState) string {
	state, offloads := "down", "no offloads"
	if i.Up {
		state = "up"
	}
	if len(i.Offloads) > 0 {
		offloads = strings.Join(i.Offloads, ", ") + " on: packets are captured joined"
	}
	return fmt.Sprintf("%s, %s, link type %d, MTU %d, %s", i.Name, state, i.LinkType, i.MTU, offloads)
}

func clockText(c record.ClockState) string {
	source := c.Source
	if source == "" {
		source = "of an unknown source"
	}
	switch {
	case c.Synced == nil:
		return source
	case !*c.Synced:
		return source + ", not synchronized: times of other machines do not compare"
	}
	return fmt.Sprintf("%s, synchronized to %v", source, time.Duration(c.MaxError))
}

func diskText(d record.DiskState) string {
	if d.Error != "" {
		return d.Folder + ": " + d.Error
	}
	text := fmt.Sprintf("%s takes %.0f MB/s", d.Folder, d.Speed/1e6)
	if d.Free >= 0 {
		text += fmt.Sprintf(", %.1f GB are free", float64(d.Free)/1e9)
	}
	return text
}
