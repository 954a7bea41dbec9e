package connlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// wire is a line as JSON has it: the fields of all events together.
type wire struct {
	Event string `json:"event"`
	Time  int64  `json:"time_ns"`
	Seq   uint64 `json:"seq"`
	Boot  int64  `json:"boot_ns"`

	// head; Source, Namespace and Interfaces' kin also of others
	Schema       string          `json:"schema"`
	RecordingID  string          `json:"recording_id"`
	Host         string          `json:"host"`
	BootID       string          `json:"boot_id"`
	OS           string          `json:"os"`
	Kernel       string          `json:"kernel"`
	Tool         string          `json:"tool"`
	Source       string          `json:"source"` // gap too
	SourceReason string          `json:"source_reason"`
	Blind        []string        `json:"blind"`
	Interval     int64           `json:"interval_ns"`
	Captures     []string        `json:"captures"`
	Interfaces   []wireInterface `json:"interfaces"`
	Namespace    uint64          `json:"netns"` // process and socket too
	PIDSpace     uint64          `json:"pidns"`
	Snaplen      int             `json:"snaplen"`
	Filter       string          `json:"filter"`
	Command      []string        `json:"command"`
	Focus        []int32         `json:"focus"`

	// process
	Change    string      `json:"change"` // socket too
	PID       int32       `json:"pid"`
	Start     int64       `json:"start_ns"`
	NSPID     int32       `json:"ns_pid"`
	Parent    wireProcess `json:"parent"`
	Name      string      `json:"name"`
	Exe       string      `json:"exe"`
	Args      []string    `json:"args"`
	UID       *int64      `json:"uid"`
	Cgroup    string      `json:"cgroup"`
	Container string      `json:"container"`
	InCommand bool        `json:"in_command"`

	// socket
	SocketID  uint64        `json:"socket_id"`
	Inode     uint64        `json:"inode"`
	Protocol  string        `json:"protocol"`
	Local     string        `json:"local"`
	Remote    *string       `json:"remote"`
	V6        bool          `json:"v6"`
	V6Only    bool          `json:"v6only"`
	Interface int           `json:"ifindex"`
	State     string        `json:"state"`
	Owners    []wireProcess `json:"owners"`
	Evidence  string        `json:"evidence"`
	Since     int64         `json:"since_ns"`
	Counters  *wireCounters `json:"counters"`

	// poll and gap
	Begin   int64  `json:"begin_ns"`
	End     int64  `json:"end_ns"`
	Sockets int    `json:"sockets"`
	Step    int64  `json:"step_ns"`
	Count   int64  `json:"count"`
	Message string `json:"message"`

	// end
	Packets int64  `json:"packets"`
	Dropped int64  `json:"dropped"`
	Events  int64  `json:"events"`
	Status  *int   `json:"exit_status"`
	Reason  string `json:"reason"`
}

type wireInterface struct {
	Name      string   `json:"name"`
	Index     int      `json:"ifindex"`
	Namespace uint64   `json:"netns"`
	LinkType  uint16   `json:"link_type"`
	MTU       int      `json:"mtu"`
	Addresses []string `json:"addresses"`
	Loopback  bool     `json:"loopback"`
}

type wireProcess struct {
	PID   int32 `json:"pid"`
	Start int64 `json:"start_ns"`
}

type wireCounters struct {
	Sent        int64 `json:"sent_bytes"`
	Received    int64 `json:"received_bytes"`
	Retransmits int64 `json:"retransmits"`
	RTT         int64 `json:"rtt_ns"`
}

// parse turns a line into r.event. It returns the field that is wrong.
func (r *Reader) parse(text []byte) (field string, err error) {
	r.wire, r.event = wire{}, Event{}
	if err := json.Unmarshal(text, &r.wire); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			return wrong.Field, fmt.Errorf("is a JSON %s, want %v", wrong.Value, wrong.Type)
		}
		return "", fmt.Errorf("no JSON: %w", err)
	}
	w, e := &r.wire, &r.event
	if w.Event == "" {
		return "event", errors.New("is missing")
	}
	e.Time, e.Seq, e.Boot = w.Time, w.Seq, w.Boot
	kind, known := lookup(kindNames, w.Event)
	if !known {
		return "", nil
	}
	switch Kind(kind) {
	case KindHead:
		e.Head = w.head()
	case KindProcess:
		e.Process = &Process{}
		field, err = w.process(e.Process)
	case KindSocket:
		e.Socket = &Socket{}
		field, err = w.socket(e.Socket)
	case KindPoll:
		e.Poll = &Poll{Begin: w.Begin, End: w.End, Sockets: w.Sockets}
	case KindClock:
		e.Clock = &Clock{Step: w.Step}
	case KindGap:
		e.Gap = &Gap{Source: GapSource(w.Source), Begin: w.Begin, End: w.End, Count: w.Count, Message: w.Message}
	case KindEnd:
		e.End = &End{Packets: w.Packets, Dropped: w.Dropped, Events: w.Events, Status: w.Status, Reason: w.Reason}
	default:
		return "", nil // named in the schema, of no use to this version
	}
	if err == nil {
		e.Kind = Kind(kind)
	}
	return field, err
}

func (w *wire) head() *Head {
	h := &Head{
		Schema: w.Schema, RecordingID: w.RecordingID, Host: w.Host, BootID: w.BootID, OS: w.OS, Kernel: w.Kernel, Tool: w.Tool,
		Source: w.Source, SourceReason: w.SourceReason, Blind: w.Blind, Interval: w.Interval,
		Captures: w.Captures, Namespace: w.Namespace, PIDSpace: w.PIDSpace, Snaplen: w.Snaplen, Filter: w.Filter,
		Command: w.Command, Focus: w.Focus,
	}
	for _, i := range w.Interfaces {
		h.Interfaces = append(h.Interfaces, Interface(i))
	}
	return h
}

func (w *wire) process(p *Process) (field string, err error) {
	change, ok := lookup(processChangeNames, w.Change)
	if !ok {
		return "change", fmt.Errorf("%q, want one of %q", w.Change, processChangeNames[1:])
	}
	*p = Process{
		Change: ProcessChange(change), ID: ProcessID{w.PID, w.Start}, NSPID: w.NSPID, Parent: ProcessID(w.Parent),
		Name: w.Name, Exe: w.Exe, Args: w.Args, UID: -1, Cgroup: w.Cgroup, Container: w.Container, Namespace: w.Namespace, Command: w.InCommand,
	}
	if w.UID != nil {
		p.UID = *w.UID
	}
	if w.PID <= 0 {
		return "pid", fmt.Errorf("%d, want at least 1", w.PID)
	}
	return "", nil
}

func (w *wire) socket(s *Socket) (field string, err error) {
	change, ok := lookup(socketChangeNames, w.Change)
	if !ok {
		return "change", fmt.Errorf("%q, want one of %q", w.Change, socketChangeNames[1:])
	}
	evidence, _ := lookup(socketEvidenceNames, w.Evidence)
	*s = Socket{
		Change: SocketChange(change), ID: w.SocketID, Inode: w.Inode, Namespace: w.Namespace,
		V6: w.V6, V6Only: w.V6Only, Interface: w.Interface, State: w.State, Evidence: Evidence(evidence), Since: w.Since,
	}
	if s.Protocol, err = parseProtocol(w.Protocol); err != nil {
		return "protocol", err
	}
	if s.Local, err = parseEndpoint(w.Local); err != nil {
		return "local", err
	}
	if w.Remote != nil {
		if s.Remote, err = parseEndpoint(*w.Remote); err != nil {
			return "remote", err
		}
		s.HasRemote = true
	}
	for _, o := range w.Owners {
		if o.PID <= 0 {
			return "owners", fmt.Errorf("pid %d, want at least 1", o.PID)
		}
		s.Owners = append(s.Owners, ProcessID(o))
	}
	if c := w.Counters; c != nil {
		s.Counters = &Counters{BytesSent: c.Sent, BytesReceived: c.Received, Retransmits: c.Retransmits, RTT: c.RTT}
	}
	return "", nil
}

func parseEndpoint(s string) (flow.Endpoint, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return flow.Endpoint{}, fmt.Errorf("%q is no address and port", s)
	}
	return flow.EndpointFrom(ap), nil
}
