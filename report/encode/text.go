package encode

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/measure"
)

// Summary is what the text for people tells.
type Summary struct {
	Capture   *measure.Capture
	Coverage  *measure.Coverage
	Processes measure.Processes
	Result    *attribute.Result
	Selection *measure.Selection // what counts in what is below the head; nil = all
	Phases    *measure.ByPhase   // nil = none
	Host      string             // "" = not known
	Command   []string           // the recorded command; empty = none
	Focused   bool               // show what is the recorded command's, or of the processes that the user named
	Warnings  []string           // one sentence each
	Hints     []string           // what to do about them
}

// Style is how the text looks.
type Style struct {
	Width int  // columns of the terminal; 0 = 80
	Color bool // with ANSI colours
}

// The text is never narrower nor wider than this, and no list longer.
const (
	minWidth = 56
	maxWidth = 120
	maxLines = 12
)

// Text writes the summary: the recording, coverage by reason, processes by
// bytes, the busiest connections, warnings and hints. It keeps to the style's
// width, from 56 to 120 columns, except in warnings and hints.
func Text(w io.Writer, s *Summary, style Style) error {
	if style.Width == 0 {
		style.Width = 80
	}
	style.Width = min(max(style.Width, minWidth), maxWidth)
	p := &page{Style: style}
	p.head(s)
	if s.Capture.Totals.Packets > 0 {
		if s.Selection != nil {
			p.selection(s)
		}
		p.coverage(s.Coverage)
		p.phases(s.Phases)
		p.processes(s.Processes, s.Focused)
		if err := p.connections(s); err != nil {
			return err
		}
	}
	p.remarks(s)
	_, err := io.WriteString(w, p.out.String())
	return err
}

type page struct {
	Style
	out strings.Builder
}

// The colours in use (ECMA-48 SGR).
const (
	bold   = "1"
	dim    = "2"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (p *page) paint(sgr, s string) string {
	if !p.Color || s == "" {
		return s
	}
	return "\x1b[" + sgr + "m" + s + "\x1b[0m"
}

// line writes a line without the spaces at its end.
func (p *page) line(s string) { p.out.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *page) head(s *Summary) {
	c := s.Capture
	p.line(p.paint(bold, strings.TrimRight(fit(Escape(strings.Join(c.Files, ", ")), p.Width), " ")))
	switch {
	case c.Totals.Packets == 0:
		p.line("no packets")
	default:
		p.line(fmt.Sprintf("%s, %s on the wire", Count(c.Totals.Packets, "packet"), size(c.Totals.WireBytes)))
		p.line(fmt.Sprintf("%s from %s", duration(c.First, c.Last), time.Unix(0, c.First).UTC().Format("2006-01-02 15:04:05.000 UTC")))
	}
	switch {
	case c.DropsKnown && c.Dropped > 0:
		p.line(p.paint(yellow, Count(c.Dropped, "packet")+" dropped by the recorder"))
	case c.DropsKnown:
		p.line("no packets dropped")
	}
	if s.Host != "" {
		p.line(fit("recorded on "+Escape(s.Host), p.Width))
	}
	if len(s.Command) > 0 {
		p.line(fit("command "+Escape(measure.Quote(s.Command)), p.Width))
	}
}

// selection tells how much of the recording counts.
func (p *page) selection(s *Summary) {
	n := s.Coverage.Sum(measure.Source)
	p.line(fmt.Sprintf("selected: %s (%s), %s on the wire", Count(n.Packets, "packet"), cmp.Or(percent(n.Packets, s.Capture.Totals.Packets), "0 %"), size(n.WireBytes)))
}

// phases lists the phases of the benchmark.
func (p *page) phases(s *measure.ByPhase) {
	if s == nil || len(s.Phases) == 0 {
		return
	}
	const numbers = 12 + 12 + 10
	name := p.Width - 2 - numbers
	p.line("")
	p.line(p.paint(bold, "  "+fit("Phases", name)+fmt.Sprintf("%12s%12s%10s", "time", "packets", "bytes")))
	sums := s.Sums()
	for i, q := range s.Phases[:min(len(s.Phases), maxLines)] {
		p.line("  " + fit(cmp.Or(Escape(q.Name), "(no name)"), name) + fmt.Sprintf("%12s%12s%10s", extent(q), number(sums[i].Packets), size(sums[i].WireBytes)))
	}
	p.more(len(s.Phases), "phase", "phases")
	if out := sums[len(s.Phases)]; out.Packets > 0 {
		p.line(p.paint(dim, "  "+fit("outside of all", name)+fmt.Sprintf("%12s%12s%10s", "", number(out.Packets), size(out.WireBytes))))
	}
}

// extent words how long a phase lasted, "" where that is not known.
func extent(q measure.Phase) string {
	if q.Begin == math.MinInt64 || q.End == math.MaxInt64 {
		return ""
	}
	return duration(q.Begin, q.End)
}

// coverage draws one bar a side and reason, by packets.
func (p *page) coverage(c *measure.Coverage) {
	const label, share = 11, 9
	bar := min((p.Width-label)/2-share-2, 24)
	total := c.Sum(measure.Source).Packets
	p.line("")
	p.line(p.paint(bold, fit("Packets", label)+fit("sent by", bar+share+2)+"received by"))
	for r := range attribute.Reason(attribute.NumReasons) {
		source, destination := c[measure.Source][r].Packets, c[measure.Destination][r].Packets
		if source == 0 && destination == 0 {
			continue
		}
		text := fit(r.String(), label)
		for _, n := range []int64{source, destination} {
			text += p.paint(hue(r), fit(meter(n, total, bar), bar)) + fmt.Sprintf("%*s  ", share, percent(n, total))
		}
		p.line(text)
	}
}

// hue tells what is settled from what is not.
func hue(r attribute.Reason) string {
	switch r {
	case attribute.Ambiguous, attribute.Unknown, attribute.Undecoded:
		return yellow
	case attribute.Kernel, attribute.Remote, attribute.Group, attribute.Duplicate:
		return cyan
	}
	return green
}

// processes lists those with the most bytes, and marks the recorded command. What the
// user does not want to see is a sum.
func (p *page) processes(all measure.Processes, focused bool) {
	var busy []*measure.Process
	var others measure.Traffic
	hidden := 0
	marked := false
	for i := range all {
		if t := &all[i].Self; t.Sent.Packets+t.Received.Packets > 0 {
			if focused && !all[i].Command {
				hidden++
				others.Sent.Add(t.Sent)
				others.Received.Add(t.Received)
				continue
			}
			busy = append(busy, &all[i])
			marked = marked || all[i].Command
		}
	}
	if len(busy)+hidden == 0 {
		return
	}
	slices.SortStableFunc(busy, func(a, b *measure.Process) int { return cmp.Compare(bytesOfProcess(b), bytesOfProcess(a)) })
	const numbers = 9 + 10 + 10 + 13
	name := p.Width - 2 - numbers
	p.line("")
	p.line(p.paint(bold, "  "+fit("Processes", name)+fmt.Sprintf("%9s%10s%10s%13s", "PID", "sent", "received", "connections")))
	for _, q := range busy[:min(len(busy), maxLines)] {
		mark := "  "
		if q.Command {
			mark = p.paint(green, "▸ ")
		}
		p.line(mark + fit(processName(q.Process), name) + fmt.Sprintf("%9d%10s%10s%13s",
			q.ID.PID, size(q.Self.Sent.WireBytes), size(q.Self.Received.WireBytes), number(q.Self.Connections)))
	}
	p.more(len(busy), "process", "processes")
	if hidden > 0 {
		p.line(p.paint(dim, "  "+fit("others, not shown", name)+fmt.Sprintf("%9s%10s%10s", "", size(others.Sent.WireBytes), size(others.Received.WireBytes))))
	}
	if marked {
		p.line(p.paint(dim, "  ▸ belongs to the recorded command"))
	}
}

func bytesOfProcess(p *measure.Process) int64 {
	return p.Self.Sent.WireBytes + p.Self.Received.WireBytes
}

// connections lists those with the most bytes.
func (p *page) connections(s *Summary) error {
	if s.Result.Connections.Len() == 0 {
		return nil
	}
	p.line("")
	p.line(p.paint(bold, "  "+fit("Connections", p.Width-2-10)+fmt.Sprintf("%10s", "bytes")))
	busy, shown, err := busiest(s)
	for _, c := range busy {
		p.line("  " + fit(c.text, p.Width-2-10) + fmt.Sprintf("%10s", size(c.bytes)))
	}
	p.more(shown, "connection", "connections")
	return err
}

// busyConnection is one of the busiest, and what is told of it.
type busyConnection struct {
	bytes int64
	text  string
}

// busiest returns the maxLines connections with the most bytes, those with the
// most first, equal ones in order, and how many there are: all that count, or those with
// an end that is the user's own.
func busiest(s *Summary) (top []busyConnection, n int, err error) {
	r, chooser := s.Result, s.Selection.Chooser(s.Result)
	err = r.Connections.All(func(c *attribute.Connection) error {
		if !chooser.Connection(c) || s.Focused && !own(r, c) {
			return nil
		}
		n++
		sent := c.Sum()
		bytes := sent[attribute.Client].WireBytes + sent[attribute.Server].WireBytes
		if len(top) == maxLines && bytes <= top[maxLines-1].bytes {
			return nil
		}
		at := sort.Search(len(top), func(i int) bool { return top[i].bytes < bytes })
		text := fmt.Sprintf("%-4v %s → %s", c.Key.Protocol, end(r, c, attribute.Client), end(r, c, attribute.Server))
		if host, _ := measure.ServerHost(r, c); host != "" {
			text += " " + Escape(host)
		}
		top = slices.Insert(top, at, busyConnection{bytes, text})
		top = top[:min(len(top), maxLines)]
		return nil
	})
	return top, n, err
}

// own tells whether an end of a connection is, or may be, of a process that is the
// user's own.
func own(r *attribute.Result, c *attribute.Connection) bool {
	for _, e := range [...]attribute.End{attribute.Client, attribute.Server} {
		v := c.Owner(e)
		if v.Process != attribute.NoProcess && r.Processes[v.Process].Command {
			return true
		}
		if slices.ContainsFunc(v.Candidates, func(k int32) bool { return r.Processes[k].Command }) {
			return true
		}
	}
	return false
}

// end names one end of a connection and who held it, or may have: the first
// candidate and how many more.
func end(r *attribute.Result, c *attribute.Connection, e attribute.End) string {
	v := c.Owner(e)
	switch {
	case v.Process != attribute.NoProcess:
		return fmt.Sprintf("%v %s", c.Endpoint[e], processWithPID(&r.Processes[v.Process]))
	case v.Reason == attribute.Remote:
		return c.Endpoint[e].String()
	case len(v.Candidates) > 1:
		return fmt.Sprintf("%v (%s +%d?)", c.Endpoint[e], processWithPID(&r.Processes[v.Candidates[0]]), len(v.Candidates)-1)
	case len(v.Candidates) == 1:
		return fmt.Sprintf("%v (%s?)", c.Endpoint[e], processWithPID(&r.Processes[v.Candidates[0]]))
	}
	return fmt.Sprintf("%v (%v)", c.Endpoint[e], v.Reason)
}

// processWithPID tells processes of one name apart, as syslog does.
func processWithPID(p *attribute.Process) string {
	if p.Name == "" {
		return processName(p)
	}
	return fmt.Sprintf("%s[%d]", processName(p), p.ID.PID)
}

func processName(p *attribute.Process) string {
	if p.Name == "" {
		return fmt.Sprintf("process %d", p.ID.PID)
	}
	return Escape(p.Name)
}

func (p *page) more(n int, one, many string) {
	if n > maxLines {
		if n-maxLines > 1 {
			one = many
		}
		p.line(p.paint(dim, fmt.Sprintf("  … and %s more %s", number(int64(n-maxLines)), one)))
	}
}

func (p *page) remarks(s *Summary) {
	if len(s.Warnings)+len(s.Hints) > 0 {
		p.line("")
	}
	for _, w := range s.Warnings {
		p.line(p.paint(yellow, "warning: ") + Escape(w))
	}
	for _, h := range s.Hints {
		p.line(p.paint(cyan, "hint: ") + Escape(h))
	}
}
