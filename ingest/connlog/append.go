package connlog

import (
	"net/netip"
	"strconv"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// line appends the fields of one JSON object. Every method appends one field;
// those that end in If leave it out when it is zero.
type line struct{ b []byte }

func (l *line) key(name string) {
	if c := l.b[len(l.b)-1]; c != '{' {
		l.b = append(l.b, ',')
	}
	l.b = append(l.b, '"')
	l.b = append(l.b, name...)
	l.b = append(l.b, `":`...)
}

func (l *line) int(name string, v int64) {
	l.key(name)
	l.b = strconv.AppendInt(l.b, v, 10)
}

func (l *line) intIf(name string, v int64) {
	if v != 0 {
		l.int(name, v)
	}
}

func (l *line) uint(name string, v uint64) {
	l.key(name)
	l.b = strconv.AppendUint(l.b, v, 10)
}

func (l *line) uintIf(name string, v uint64) {
	if v != 0 {
		l.uint(name, v)
	}
}

func (l *line) text(name, v string) {
	l.key(name)
	l.b = appendText(l.b, v)
}

func (l *line) textIf(name, v string) {
	if v != "" {
		l.text(name, v)
	}
}

func (l *line) trueIf(name string, v bool) {
	if v {
		l.key(name)
		l.b = append(l.b, "true"...)
	}
}

func (l *line) texts(name string, v []string) {
	l.key(name)
	l.b = append(l.b, '[')
	for i, s := range v {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		l.b = appendText(l.b, s)
	}
	l.b = append(l.b, ']')
}

func (l *line) endpoint(name string, e flow.Endpoint) {
	l.key(name)
	l.b = append(l.b, '"')
	l.b = netip.AddrPortFrom(e.Addr.Netip(), e.Port).AppendTo(l.b)
	l.b = append(l.b, '"')
}

func (l *line) process(p ProcessID) {
	l.b = append(l.b, '{')
	l.int("pid", int64(p.PID))
	l.int("start_ns", p.Start)
	l.b = append(l.b, '}')
}

func (l *line) processIf(name string, p ProcessID) {
	if p != (ProcessID{}) {
		l.key(name)
		l.process(p)
	}
}

// Append appends e as one line of a log, its newline included, and returns
// the longer slice. The fields stand in a fixed order, which readers may rely
// on for speed but not for meaning.
func (e *Event) Append(b []byte) []byte {
	l := line{append(b, '{')}
	l.text("event", e.Kind.String())
	l.int("time_ns", e.Time)
	l.uint("seq", e.Seq)
	l.intIf("boot_ns", e.Boot)
	switch e.Kind {
	case KindHead:
		l.head(e.Head)
	case KindProcess:
		l.processEvent(e.Process)
	case KindSocket:
		l.socket(e.Socket)
	case KindPoll:
		l.int("begin_ns", e.Poll.Begin)
		l.int("end_ns", e.Poll.End)
		l.int("sockets", int64(e.Poll.Sockets))
		l.trueIf("thorough", e.Poll.Thorough)
	case KindAddress:
		l.text("change", e.Address.Change.String())
		l.text("address", e.Address.Address)
		l.intIf("ifindex", int64(e.Address.Interface))
		l.textIf("name", e.Address.Name)
		l.uintIf("netns", e.Address.Namespace)
		l.uintIf("peer_netns", e.Address.Peer)
		l.intIf("peer_ifindex", int64(e.Address.PeerIndex))
	case KindInterface:
		l.iface(e.Interface)
	case KindNAT:
		l.nat(e.NAT)
	case KindMark:
		l.text("change", e.Mark.Change.String())
		l.text("name", e.Mark.Name)
		l.intIf("pid", int64(e.Mark.PID))
	case KindClock:
		l.intIf("step_ns", e.Clock.Step)
	case KindGap:
		l.text("source", string(e.Gap.Source))
		l.int("begin_ns", e.Gap.Begin)
		l.int("end_ns", e.Gap.End)
		l.intIf("count", e.Gap.Count)
		l.textIf("message", e.Gap.Message)
	case KindEnd:
		l.end(e.End)
	}
	return append(l.b, '}', '\n')
}

func (l *line) head(h *Head) {
	l.text("schema", h.Schema)
	l.text("recording_id", h.RecordingID)
	l.textIf("host", h.Host)
	l.textIf("boot_id", h.BootID)
	l.textIf("os", h.OS)
	l.textIf("kernel", h.Kernel)
	l.textIf("tool", h.Tool)
	l.text("source", h.Source)
	l.textIf("source_reason", h.SourceReason)
	l.texts("blind", h.Blind)
	l.intIf("interval_ns", h.Interval)
	l.texts("captures", h.Captures)
	l.key("interfaces")
	l.b = append(l.b, '[')
	for i := range h.Interfaces {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		l.b = append(l.b, '{')
		l.iface(&h.Interfaces[i])
		l.b = append(l.b, '}')
	}
	l.b = append(l.b, ']')
	if len(h.Addresses) > 0 {
		l.texts("addresses", h.Addresses)
	}
	l.uintIf("netns", h.Namespace)
	l.uintIf("pidns", h.PIDSpace)
	l.intIf("snaplen", int64(h.Snaplen))
	l.textIf("filter", h.Filter)
	if len(h.Command) > 0 {
		l.texts("command", h.Command)
	}
	if len(h.Focus) > 0 {
		l.key("focus")
		l.b = append(l.b, '[')
		for i, pid := range h.Focus {
			if i > 0 {
				l.b = append(l.b, ',')
			}
			l.b = strconv.AppendInt(l.b, int64(pid), 10)
		}
		l.b = append(l.b, ']')
	}
	l.trueIf("focused", h.Focused)
	l.textIf("control", h.Control)
}

func (l *line) iface(i *Interface) {
	l.text("name", i.Name)
	l.int("ifindex", int64(i.Index))
	l.uintIf("netns", i.Namespace)
	l.int("link_type", int64(i.LinkType))
	l.intIf("mtu", int64(i.MTU))
	l.texts("addresses", i.Addresses)
	l.trueIf("loopback", i.Loopback)
}

func (l *line) nat(n *NAT) {
	l.text("change", n.Change.String())
	l.uintIf("netns", n.Namespace)
	l.text("protocol", n.Protocol.String())
	l.endpoint("source", n.Source)
	l.endpoint("destination", n.Destination)
	l.endpoint("new_source", n.NewSource)
	l.endpoint("new_destination", n.NewDestination)
}

func (l *line) processEvent(p *Process) {
	l.text("change", p.Change.String())
	l.int("pid", int64(p.ID.PID))
	l.int("start_ns", p.ID.Start)
	l.intIf("ns_pid", int64(p.NSPID))
	l.processIf("parent", p.Parent)
	l.textIf("name", p.Name)
	l.textIf("exe", p.Exe)
	if len(p.Args) > 0 {
		l.texts("args", p.Args)
	}
	if p.UID >= 0 {
		l.int("uid", p.UID)
	}
	l.textIf("cgroup", p.Cgroup)
	l.textIf("container", p.Container)
	l.uintIf("netns", p.Namespace)
	l.trueIf("in_command", p.Command)
}

func (l *line) socket(s *Socket) {
	l.text("change", s.Change.String())
	l.uint("socket_id", s.ID)
	l.uintIf("inode", s.Inode)
	l.uintIf("netns", s.Namespace)
	l.text("protocol", s.Protocol.String())
	l.endpoint("local", s.Local)
	if s.HasRemote {
		l.endpoint("remote", s.Remote)
	}
	l.trueIf("v6", s.V6)
	l.trueIf("v6only", s.V6Only)
	l.intIf("ifindex", int64(s.Interface))
	l.textIf("state", s.State)
	l.key("owners")
	l.b = append(l.b, '[')
	for i, p := range s.Owners {
		if i > 0 {
			l.b = append(l.b, ',')
		}
		l.process(p)
	}
	l.b = append(l.b, ']')
	l.trueIf("partial", s.Partial)
	if s.Evidence != 0 {
		l.text("evidence", s.Evidence.String())
	}
	l.intIf("since_ns", s.Since)
	if c := s.Counters; c != nil {
		l.key("counters")
		l.b = append(l.b, '{')
		l.int("sent_bytes", c.BytesSent)
		l.int("received_bytes", c.BytesReceived)
		l.int("retransmits", c.Retransmits)
		l.int("rtt_ns", c.RTT)
		l.b = append(l.b, '}')
	}
}

func (l *line) end(e *End) {
	l.int("packets", e.Packets)
	l.int("dropped", e.Dropped)
	l.int("events", e.Events)
	l.intIf("interval_ns", e.Interval)
	l.intIf("longest_ns", e.Longest)
	if e.Status != nil {
		l.int("exit_status", int64(*e.Status))
	}
	l.textIf("reason", e.Reason)
}
