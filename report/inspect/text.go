package inspect

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/report/encode"
)

// most is how many lines of one kind are shown.
const most = 12

// Text writes what a capture is for people.
func (c *Capture) Text(w io.Writer) error {
	p := &page{}
	p.line("file", "%s", encode.Escape(c.File))
	p.line("format", "%s", c.format())
	if c.FileBytes != nil {
		p.line("size", "%d bytes", *c.FileBytes)
	}
	if c.RecordingID != "" {
		p.line("recording", "%s", c.RecordingID)
	}
	p.line("packets", "%d", c.Packets)
	p.line("wire bytes", "%d", c.WireBytes)
	p.line("captured bytes", "%d%s", c.CapturedBytes, c.cut())
	c.times(p)
	p.line("dropped", "%s", known(c.Dropped, "the file does not say"))
	p.line("no connection", "%s%s", packets(c.Unconnected+c.Undecoded), only(c.Undecoded, "; of %d the headers could not be read"))
	for n, i := range c.Interfaces {
		if n == most {
			p.line("", "… and %d more", len(c.Interfaces)-most)
			break
		}
		p.line(first(n, "interfaces"), "%s", i.text())
	}
	for n, q := range c.Processes {
		if n == most {
			p.line("", "… and %d more", len(c.Processes)-most)
			break
		}
		p.line(first(n, "names"), "%s of %s", packets(q.Packets), q.text())
	}
	c.log(p)
	for n, d := range c.Damage {
		if n == most {
			p.line("", "… and %d more places", len(c.Damage)-most)
			break
		}
		p.line(first(n, "damage"), "%s", encode.Escape(d.text()))
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// page is lines of a label and a text.
type page struct{ strings.Builder }

func (p *page) line(label, format string, args ...any) {
	fmt.Fprintf(p, "%-16s%s\n", label, fmt.Sprintf(format, args...))
}

func first(n int, label string) string {
	if n > 0 {
		return ""
	}
	return label
}

func only(n int64, format string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

func known(n *int64, otherwise string) string {
	if n == nil {
		return otherwise
	}
	return packets(*n)
}

// packets words how many there are.
func packets(n int64) string {
	if n == 1 {
		return "1 packet"
	}
	return fmt.Sprintf("%d packets", n)
}

func (c *Capture) cut() string {
	switch c.Cut {
	case 0:
		return ""
	case 1:
		return "; 1 packet is cut"
	}
	return fmt.Sprintf("; %d packets are cut", c.Cut)
}

func (p *Process) text() string {
	if p.Name == "" {
		return fmt.Sprintf("process %d", p.PID)
	}
	return fmt.Sprintf("%s[%d]", encode.Escape(p.Name), p.PID)
}

// text says where and what, as analyze does.
func (d *Damage) text() string {
	text := d.Message
	if d.Field != "" {
		text = d.Field + ": " + text
	}
	if d.Block > 0 {
		text = fmt.Sprintf("block %d (offset %#x): %s", d.Block, d.Offset, text)
	}
	return text
}

func (c *Capture) format() string {
	if c.Compression == "" {
		return c.Format
	}
	return c.Format + ", compressed by " + c.Compression
}

func (c *Capture) times(p *page) {
	if c.First == nil {
		return
	}
	const layout = "2006-01-02 15:04:05.000000000 UTC"
	p.line("first packet", "%s", time.Unix(0, *c.First).UTC().Format(layout))
	p.line("last packet", "%s", time.Unix(0, *c.Last).UTC().Format(layout))
	order := "in the order of time"
	if !c.InOrder {
		order = "not in the order of time"
	}
	p.line("duration", "%.6f s, %s", (float64(*c.Last)-float64(*c.First))/1e9, order)
}

func (i *Interface) text() string {
	name := encode.Escape(i.Name)
	if name == "" {
		name = "(no name)"
	}
	text := fmt.Sprintf("%s: %s, %d wire bytes, %s", name, packets(i.Packets), i.WireBytes, linkName(i.LinkType))
	if i.Snaplen != 0 {
		text += fmt.Sprintf(", at most %d bytes a packet", i.Snaplen)
	}
	if i.Dropped != nil && *i.Dropped > 0 {
		text += fmt.Sprintf(", %d dropped", *i.Dropped)
	}
	return text
}

func linkName(link uint16) string {
	switch link {
	case pcapng.LinkEthernet:
		return "Ethernet"
	case pcapng.LinkNull, pcapng.LinkLoop:
		return "loopback"
	case pcapng.LinkRaw, pcapng.LinkIPv4, pcapng.LinkIPv6:
		return "raw IP"
	case pcapng.LinkSLL, pcapng.LinkSLL2:
		return "Linux cooked"
	case pcapng.LinkPKTAP:
		return "PKTAP"
	}
	return fmt.Sprintf("link type %d", link)
}

func (c *Capture) log(p *page) {
	l := c.Log
	if l == nil {
		p.line("log", "none beside it")
		return
	}
	p.line("log", "%s", encode.Escape(l.File))
	if l.Matches != nil && !*l.Matches {
		p.line("", "of another recording, %s", l.RecordingID)
	}
	p.line("", "%d events: %d sockets, %d processes, %d gaps; by %s on %s", l.Events, l.Sockets, l.Processes, l.Gaps, encode.Escape(l.Source), encode.Escape(l.Host))
	if l.Covers != nil {
		p.line("", "covers %.1f %% of the capture's time", 100**l.Covers)
	}
	if !l.Complete {
		p.line("", "cut: it has no end")
	}
}
