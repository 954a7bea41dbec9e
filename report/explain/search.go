package explain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// most is how many lines of the logs are shown.
const most = 40

// search looks for the lines of logs that are about a packet.
type search struct {
	x      *Explanation
	p      *packet.Packet
	tuples map[flow.FiveTuple]bool // its own and what translations make of it, both ways
	named  map[connlog.ProcessID]bool
	polls  [2]Line // the last before the packet, the first after it
}

// Search adds the lines of the connection logs that are about the endpoints of p, and
// about the processes that were named. It reads the logs twice. Lines that cannot
// be read are passed over: the analysis told of them.
func (x *Explanation) Search(ctx context.Context, p *packet.Packet, logs []string) error {
	x.Logs = logs
	s := &search{x: x, p: p, tuples: map[flow.FiveTuple]bool{}, named: x.named()}
	if p.HasQuoted {
		s.add(p.Quoted)
	}
	if p.Class >= packet.Network {
		s.add(p.Tuple)
	}
	for _, visit := range []func(Line, *connlog.Event){s.translate, s.take} {
		for _, path := range logs {
			s.polls = [2]Line{}
			if err := each(ctx, path, visit); err != nil {
				return err
			}
		}
	}
	x.keep(most)
	return nil
}

// each calls f with every event of a log.
func each(ctx context.Context, path string, f func(Line, *connlog.Event)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	r := connlog.NewReader(file, path)
	for n := 0; ; n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		e, err := r.Next()
		switch {
		case err == io.EOF:
			return nil
		case errors.As(err, new(*connlog.LineError)):
			continue
		case err != nil:
			return err
		}
		f(Line{File: path, Number: r.Line(), Time: e.Time}, e)
	}
}

func (s *search) add(t flow.FiveTuple) { s.tuples[t], s.tuples[t.Reverse()] = true, true }

// translate learns what translations make of the packet's endpoints.
func (s *search) translate(_ Line, e *connlog.Event) {
	if e.Kind != connlog.KindNAT {
		return
	}
	n := e.NAT
	before := flow.FiveTuple{Source: n.Source.Addr, Destination: n.Destination.Addr, SourcePort: n.Source.Port, DestinationPort: n.Destination.Port, Protocol: n.Protocol}
	after := flow.FiveTuple{Source: n.NewSource.Addr, Destination: n.NewDestination.Addr, SourcePort: n.NewSource.Port, DestinationPort: n.NewDestination.Port, Protocol: n.Protocol}
	if s.tuples[before] || s.tuples[after] {
		s.add(before)
		s.add(after)
	}
}

// take keeps a line that matters.
func (s *search) take(l Line, e *connlog.Event) {
	switch e.Kind {
	case connlog.KindHead:
		h := e.Head
		l.Text = fmt.Sprintf("recording by %s on %s", h.Source, orUnknown(h.Host))
		if h.SourceReason != "" {
			l.Text += " (" + h.SourceReason + ")"
		}
	case connlog.KindSocket:
		if !s.about(e.Socket) {
			return
		}
		l.Text = socketText(e.Socket)
	case connlog.KindProcess:
		if !s.named[e.Process.ID] {
			return
		}
		l.Text = processText(e.Process)
	case connlog.KindNAT:
		n := e.NAT
		if !s.tuples[flow.FiveTuple{Source: n.Source.Addr, Destination: n.Destination.Addr, SourcePort: n.Source.Port, DestinationPort: n.Destination.Port, Protocol: n.Protocol}] {
			return
		}
		l.Text = fmt.Sprintf("nat %s: %s %v → %v becomes %v → %v", n.Change, n.Protocol, n.Source, n.Destination, n.NewSource, n.NewDestination)
	case connlog.KindGap:
		g := e.Gap
		if s.p.Time < g.Begin-1e9 || s.p.Time > g.End+1e9 {
			return
		}
		l.Text = fmt.Sprintf("gap: %d of %s lost; %s", g.Count, g.Source, g.Message)
	case connlog.KindPoll:
		s.poll(l, e.Poll)
		return
	default:
		return
	}
	s.x.Evidence = append(s.x.Evidence, l)
}

// poll keeps the last look at all sockets that ended before the packet, and the first
// one after it.
func (s *search) poll(l Line, p *connlog.Poll) {
	l.Text = fmt.Sprintf("poll: %d sockets seen", p.Sockets)
	switch {
	case p.End <= s.p.Time:
		s.polls[0] = l
	case s.polls[1].Number == 0:
		s.polls[1] = l
		if s.polls[0].Number != 0 {
			s.x.Evidence = append(s.x.Evidence, s.polls[0])
		}
		s.x.Evidence = append(s.x.Evidence, l)
	}
}

// about tells whether a socket may be an end of the packet: by its five-tuple, or
// because it is bound to one of the endpoints without a peer.
func (s *search) about(k *connlog.Socket) bool {
	if k.HasRemote && s.tuples[flow.FiveTuple{Source: k.Local.Addr, Destination: k.Remote.Addr, SourcePort: k.Local.Port, DestinationPort: k.Remote.Port, Protocol: k.Protocol}] {
		return true
	}
	if s.portless(k) {
		return true
	}
	if k.HasRemote && k.Change != connlog.SocketPeer || k.Protocol == flow.TCP && k.State != "listen" {
		return false
	}
	for t := range s.tuples {
		if t.Protocol == k.Protocol && t.SourcePort == k.Local.Port && t.SourcePort != 0 && (k.Local.Addr == t.Source || k.Local.Addr.IsUnspecified()) {
			return true
		}
	}
	return false
}

// portless tells whether a socket without ports may be an end of the packet, which has
// none either: raw, or of ICMP with its identifier.
func (s *search) portless(k *connlog.Socket) bool {
	t := &s.p.Tuple
	if s.p.Class != packet.Network || k.Protocol != t.Protocol && k.Protocol != attribute.AnyProtocol {
		return false
	}
	return (k.Local.Port == 0 || k.Local.Port == s.p.ICMPID) && (k.Local.Addr == t.Source || k.Local.Addr == t.Destination || k.Local.Addr.IsUnspecified())
}

// socketText writes a socket's change.
func socketText(k *connlog.Socket) string {
	var b strings.Builder
	fmt.Fprintf(&b, "socket %s: %s %v", k.Change, k.Protocol, k.Local)
	if k.HasRemote {
		fmt.Fprintf(&b, " → %v", k.Remote)
	} else if k.State != "" {
		b.WriteString(" " + k.State)
	}
	if k.Namespace != 0 {
		fmt.Fprintf(&b, " in namespace %d", k.Namespace)
	}
	if k.Evidence != 0 {
		fmt.Fprintf(&b, ", by %s", k.Evidence)
	}
	b.WriteString("; ")
	switch {
	case len(k.Owners) == 0 && k.Partial:
		b.WriteString("held by nobody who could be seen")
	case len(k.Owners) == 0:
		b.WriteString("used by nobody yet")
	default:
		b.WriteString("of")
		for i, o := range k.Owners {
			if i == 8 {
				fmt.Fprintf(&b, " and %d more", len(k.Owners)-i)
				break
			}
			fmt.Fprintf(&b, " %d", o.PID)
		}
		if k.Partial {
			b.WriteString(", perhaps others too")
		}
	}
	return b.String()
}

// processText writes a process's change.
func processText(p *connlog.Process) string {
	s := fmt.Sprintf("process %s: %d %s", p.Change, p.ID.PID, orUnknown(p.Name))
	if p.Parent.PID != 0 && p.Change != connlog.ProcessExit {
		s += fmt.Sprintf(", child of %d", p.Parent.PID)
	}
	if p.Container != "" {
		s += ", in container " + p.Container[:min(12, len(p.Container))]
	}
	return s
}

func orUnknown(s string) string {
	if s == "" {
		return "(unknown)"
	}
	return s
}
