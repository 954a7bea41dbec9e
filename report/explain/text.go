package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/report/encode"
)

// Text writes the explanation for people. Nothing of a capture or log reaches w
// unescaped.
func (x *Explanation) Text(w io.Writer) error {
	var b strings.Builder
	x.packet(&b)
	for i, s := range x.Sides {
		s.text(&b, [...]string{"sent by", "received by"}[i])
	}
	x.connection(&b)
	x.evidence(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (x *Explanation) packet(b *strings.Builder) {
	fmt.Fprintf(b, "packet %d of %s\n", x.Frame, encode.Escape(strings.Join(x.Files, ", ")))
	at := "without a time"
	if x.Time != 0 {
		at = time.Unix(0, x.Time).UTC().Format("2006-01-02 15:04:05.000000000 UTC")
	}
	fmt.Fprintf(b, "  %s, on %s, %d bytes\n", at, encode.Escape(orUnknown(x.Interface)), x.WireLength)
	if x.Protocol != "" {
		fmt.Fprintf(b, "  %s  %s → %s", x.Protocol, x.Sides[0].Endpoint, x.Sides[1].Endpoint)
		if x.Flags != "" {
			fmt.Fprintf(b, "  [%s]", x.Flags)
		}
		b.WriteByte('\n')
	}
}

func (s *Side) text(b *strings.Builder, label string) {
	who := "(no single process)"
	if s.Process != nil {
		who = s.Process.text()
	}
	fmt.Fprintf(b, "\n%-13s%s: %s\n", label, s.Reason, who)
	if s.Why != "" {
		fmt.Fprintf(b, "%13s%s", "", s.Why)
		if s.Uncertainty > 0 {
			fmt.Fprintf(b, "; seen within %v", time.Duration(s.Uncertainty))
		}
		b.WriteByte('\n')
	}
	for i, c := range s.Candidates {
		if i == most {
			fmt.Fprintf(b, "%13s… and %d more\n", "", len(s.Candidates)-i)
			break
		}
		fmt.Fprintf(b, "%13sperhaps %s\n", "", c.text())
	}
}

func (p *Process) text() string {
	s := fmt.Sprintf("%s[%d]", encode.Escape(orUnknown(p.Name)), p.PID)
	if p.Command != "" {
		s += "  " + shorten(encode.Escape(p.Command), 60)
	}
	return s
}

// shorten cuts text to n characters.
func shorten(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func (x *Explanation) connection(b *strings.Builder) {
	c := x.Connection
	if c == nil {
		b.WriteString("\nit belongs to no connection\n")
		return
	}
	plural := "s"
	if c.Packets == 1 {
		plural = ""
	}
	fmt.Fprintf(b, "\nconnection %d: %s opened it to %s; %d packet%s in %v\n", c.ID, c.Client, c.Server, c.Packets, plural, time.Duration(c.Last-c.First))
	if len(c.Spans) < 2 {
		return
	}
	for i, s := range c.Spans {
		if i == most {
			fmt.Fprintf(b, "  … and %d more changes\n", len(c.Spans)-i)
			break
		}
		fmt.Fprintf(b, "  %12s  %6d packets  %s → %s\n", x.relative(s.First), s.Packets, ownerText(s.Owners[0], s.Reasons[0]), ownerText(s.Owners[1], s.Reasons[1]))
	}
}

func ownerText(name, reason string) string {
	if name == "" {
		return "(" + reason + ")"
	}
	return encode.Escape(name) + " (" + reason + ")"
}

func (x *Explanation) evidence(b *strings.Builder) {
	switch {
	case len(x.Logs) == 0:
		b.WriteString("\nthere is no connection log\n")
		return
	case len(x.Evidence) == 0:
		b.WriteString("\nno line of the connection log is about it\n")
		return
	}
	file := ""
	for _, l := range x.Evidence {
		if l.File != file {
			file = l.File
			fmt.Fprintf(b, "\nwhat %s says, relative to the packet\n", encode.Escape(file))
		}
		fmt.Fprintf(b, "  line %-8d%12s  %s\n", l.Number, x.relative(l.Time), encode.Escape(l.Text))
	}
	if x.LeftOut > 0 {
		fmt.Fprintf(b, "  … and %d lines further away\n", x.LeftOut)
	}
}

// relative writes a time relative to the packet's, in seconds.
func (x *Explanation) relative(at int64) string {
	if x.Time == 0 {
		return ""
	}
	d := float64(at-x.Time) / 1e9
	if d > -1e6 && d < 1e6 {
		return fmt.Sprintf("%+.6f s", d)
	}
	return fmt.Sprintf("%+.0f s", d)
}
