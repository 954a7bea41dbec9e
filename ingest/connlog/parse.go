package connlog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// The events as JSON has them. What a line must have is a pointer, so that it
// is missed where it is missing; null counts as missing.

type wireEvent struct {
	Event string  `json:"event"`
	Time  *int64  `json:"time_ns"`
	Seq   *uint64 `json:"seq"`
	Boot  int64   `json:"boot_ns"`
}

type wireHead struct {
	Schema       *string         `json:"schema"`
	RecordingID  string          `json:"recording_id"`
	Host         string          `json:"host"`
	BootID       string          `json:"boot_id"`
	OS           string          `json:"os"`
	Kernel       string          `json:"kernel"`
	Tool         string          `json:"tool"`
	Source       string          `json:"source"`
	SourceReason string          `json:"source_reason"`
	Blind        []string        `json:"blind"`
	Interval     int64           `json:"interval_ns"`
	Captures     []string        `json:"captures"`
	Interfaces   []wireInterface `json:"interfaces"`
	Addresses    []string        `json:"addresses"`
	Namespace    uint64          `json:"netns"`
	PIDSpace     uint64          `json:"pidns"`
	Snaplen      int32           `json:"snaplen"`
	Filter       string          `json:"filter"`
	Command      []string        `json:"command"`
	Focus        []int32         `json:"focus"`
	Focused      bool            `json:"focused"`
	Control      string          `json:"control"`
}

type wireInterface struct {
	Name      string   `json:"name"`
	Index     int32    `json:"ifindex"`
	Namespace uint64   `json:"netns"`
	LinkType  uint16   `json:"link_type"`
	MTU       int32    `json:"mtu"`
	Addresses []string `json:"addresses"`
	Loopback  bool     `json:"loopback"`
}

type wireProcess struct {
	Change    *string       `json:"change"`
	PID       *int32        `json:"pid"`
	Start     *int64        `json:"start_ns"`
	NSPID     int32         `json:"ns_pid"`
	Parent    wireProcessID `json:"parent"`
	Name      string        `json:"name"`
	Exe       string        `json:"exe"`
	Args      []string      `json:"args"`
	UID       *int64        `json:"uid"`
	Cgroup    string        `json:"cgroup"`
	Container string        `json:"container"`
	Namespace uint64        `json:"netns"`
	Command   bool          `json:"in_command"`
}

type wireProcessID struct {
	PID   int32 `json:"pid"`
	Start int64 `json:"start_ns"`
}

type wireSocket struct {
	Change    *string          `json:"change"`
	ID        *uint64          `json:"socket_id"`
	Inode     uint64           `json:"inode"`
	Namespace uint64           `json:"netns"`
	Protocol  *string          `json:"protocol"`
	Local     *string          `json:"local"`
	Remote    *string          `json:"remote"`
	V6        bool             `json:"v6"`
	V6Only    bool             `json:"v6only"`
	Interface int32            `json:"ifindex"`
	State     string           `json:"state"`
	Owners    *[]wireProcessID `json:"owners"`
	Partial   bool             `json:"partial"`
	Evidence  string           `json:"evidence"`
	Since     int64            `json:"since_ns"`
	Counters  *wireCounters    `json:"counters"`
}

type wireCounters struct {
	Sent        int64 `json:"sent_bytes"`
	Received    int64 `json:"received_bytes"`
	Retransmits int64 `json:"retransmits"`
	RTT         int64 `json:"rtt_ns"`
}

type wirePoll struct {
	Begin    *int64 `json:"begin_ns"`
	End      *int64 `json:"end_ns"`
	Sockets  int32  `json:"sockets"`
	Thorough bool   `json:"thorough"`
}

type wireAddress struct {
	Change    *string `json:"change"`
	Address   *string `json:"address"`
	Index     int32   `json:"ifindex"`
	Name      string  `json:"name"`
	Namespace uint64  `json:"netns"`
	Peer      uint64  `json:"peer_netns"`
	PeerIndex int32   `json:"peer_ifindex"`
}

type wireNAT struct {
	Change         *string `json:"change"`
	Namespace      uint64  `json:"netns"`
	Protocol       *string `json:"protocol"`
	Source         *string `json:"source"`
	Destination    *string `json:"destination"`
	NewSource      *string `json:"new_source"`
	NewDestination *string `json:"new_destination"`
}

type wireMark struct {
	Change *string `json:"change"`
	Name   *string `json:"name"`
	PID    int32   `json:"pid"`
}

type wireClock struct {
	Step int64 `json:"step_ns"`
}

type wireGap struct {
	Source  *string `json:"source"`
	Begin   *int64  `json:"begin_ns"`
	End     *int64  `json:"end_ns"`
	Count   int64   `json:"count"`
	Message string  `json:"message"`
}

type wireEnd struct {
	Packets  int64  `json:"packets"`
	Dropped  int64  `json:"dropped"`
	Events   int64  `json:"events"`
	Interval int64  `json:"interval_ns"`
	Longest  int64  `json:"longest_ns"`
	Status   *int64 `json:"exit_status"`
	Reason   string `json:"reason"`
}

// parse reads a line of any form into e. It returns its event field, and what
// is wrong with which field. Events that this version does not know, and those
// of the schema that it has no use for, are of KindUnknown.
func parse(text []byte, e *Event) (name string, err error) {
	*e = Event{}
	var w wireEvent
	switch err := unmarshal(text, &w); {
	case err != nil:
		return w.Event, err
	case w.Event == "":
		return "", missing("event")
	case w.Time == nil:
		return w.Event, missing("time_ns")
	case w.Seq == nil:
		return w.Event, missing("seq")
	}
	e.Time, e.Seq, e.Boot = *w.Time, *w.Seq, w.Boot
	kind, _ := lookup(kindNames, w.Event)
	switch Kind(kind) {
	case KindHead:
		e.Head, err = parseHead(text)
	case KindProcess:
		e.Process, err = parseProcess(text)
	case KindSocket:
		e.Socket, err = parseSocket(text)
	case KindPoll:
		e.Poll, err = parsePoll(text)
	case KindAddress:
		e.Address, err = parseAddress(text)
	case KindInterface:
		e.Interface, err = parseInterface(text)
	case KindNAT:
		e.NAT, err = parseNAT(text)
	case KindMark:
		e.Mark, err = parseMark(text)
	case KindClock:
		var clock wireClock
		err = unmarshal(text, &clock)
		e.Clock = &Clock{clock.Step}
	case KindGap:
		e.Gap, err = parseGap(text)
	case KindEnd:
		var end wireEnd
		err = unmarshal(text, &end)
		e.End = &End{Packets: end.Packets, Dropped: end.Dropped, Events: end.Events, Interval: end.Interval, Longest: end.Longest, Reason: end.Reason}
		if end.Status != nil {
			status := int(*end.Status)
			e.End.Status = &status
		}
	default:
		return w.Event, nil
	}
	e.Kind = Kind(kind)
	return w.Event, err
}

func parseHead(text []byte) (*Head, error) {
	var w wireHead
	if err := unmarshal(text, &w); err != nil {
		return nil, err
	}
	if w.Schema == nil {
		return nil, missing("schema")
	}
	h := &Head{
		Schema: *w.Schema, RecordingID: w.RecordingID, Host: w.Host, BootID: w.BootID, OS: w.OS, Kernel: w.Kernel, Tool: w.Tool,
		Source: w.Source, SourceReason: w.SourceReason, Blind: w.Blind, Interval: w.Interval, Captures: w.Captures,
		Addresses: w.Addresses, Namespace: w.Namespace, PIDSpace: w.PIDSpace, Snaplen: int(w.Snaplen), Filter: w.Filter, Command: w.Command, Focus: w.Focus, Focused: w.Focused, Control: w.Control,
	}
	for _, i := range w.Interfaces {
		h.Interfaces = append(h.Interfaces, i.iface())
	}
	return h, nil
}

func (i *wireInterface) iface() Interface {
	return Interface{i.Name, int(i.Index), i.Namespace, i.LinkType, int(i.MTU), i.Addresses, i.Loopback}
}

func parseInterface(text []byte) (*Interface, error) {
	var w wireInterface
	if err := unmarshal(text, &w); err != nil {
		return nil, err
	}
	i := w.iface()
	return &i, nil
}

func parseProcess(text []byte) (*Process, error) {
	var w wireProcess
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Change == nil:
		return nil, missing("change")
	case w.PID == nil:
		return nil, missing("pid")
	case *w.PID <= 0:
		return nil, wrong("pid", "%d, want at least 1", *w.PID)
	case w.Start == nil:
		return nil, missing("start_ns")
	}
	change, ok := lookup(processChangeNames, *w.Change)
	if !ok {
		return nil, wrong("change", "%q, want one of %q", *w.Change, processChangeNames[1:])
	}
	p := &Process{
		Change: ProcessChange(change), ID: ProcessID{*w.PID, *w.Start}, NSPID: w.NSPID, Parent: ProcessID(w.Parent),
		Name: w.Name, Exe: w.Exe, Args: w.Args, UID: -1, Cgroup: w.Cgroup, Container: w.Container, Namespace: w.Namespace, Command: w.Command,
	}
	if w.UID != nil {
		if p.UID = *w.UID; p.UID < 0 {
			return nil, wrong("uid", "%d, want at least 0", p.UID)
		}
	}
	return p, nil
}

func parseSocket(text []byte) (*Socket, error) {
	var w wireSocket
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Change == nil:
		return nil, missing("change")
	case w.ID == nil:
		return nil, missing("socket_id")
	case w.Protocol == nil:
		return nil, missing("protocol")
	case w.Local == nil:
		return nil, missing("local")
	case w.Owners == nil:
		return nil, missing("owners")
	}
	change, ok := lookup(socketChangeNames, *w.Change)
	if !ok {
		return nil, wrong("change", "%q, want one of %q", *w.Change, socketChangeNames[1:])
	}
	evidence, _ := lookup(socketEvidenceNames, w.Evidence)
	s := &Socket{
		Change: SocketChange(change), ID: *w.ID, Inode: w.Inode, Namespace: w.Namespace,
		V6: w.V6, V6Only: w.V6Only, Interface: int(w.Interface), State: w.State, Partial: w.Partial, Evidence: Evidence(evidence), Since: w.Since,
	}
	var err error
	if s.Protocol, err = parseProtocol(*w.Protocol); err != nil {
		return nil, wrong("protocol", "%w", err)
	}
	if s.Local, err = parseEndpoint(*w.Local); err != nil {
		return nil, wrong("local", "%w", err)
	}
	if w.Remote != nil {
		if s.Remote, err = parseEndpoint(*w.Remote); err != nil {
			return nil, wrong("remote", "%w", err)
		}
		s.HasRemote = true
	}
	for _, o := range *w.Owners {
		if o.PID <= 0 {
			return nil, wrong("owners.pid", "%d, want at least 1", o.PID)
		}
		s.Owners = append(s.Owners, ProcessID(o))
	}
	if c := w.Counters; c != nil {
		s.Counters = &Counters{BytesSent: c.Sent, BytesReceived: c.Received, Retransmits: c.Retransmits, RTT: c.RTT}
	}
	return s, nil
}

func parsePoll(text []byte) (*Poll, error) {
	var w wirePoll
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Begin == nil:
		return nil, missing("begin_ns")
	case w.End == nil:
		return nil, missing("end_ns")
	}
	return &Poll{Begin: *w.Begin, End: *w.End, Sockets: int(w.Sockets), Thorough: w.Thorough}, nil
}

func parseAddress(text []byte) (*Address, error) {
	var w wireAddress
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Change == nil:
		return nil, missing("change")
	case w.Address == nil:
		return nil, missing("address")
	}
	change, ok := lookup(addressChangeNames, *w.Change)
	if !ok {
		return nil, wrong("change", "%q, want one of %q", *w.Change, addressChangeNames[1:])
	}
	if _, err := netip.ParsePrefix(*w.Address); err != nil {
		return nil, wrong("address", "%q is no address in CIDR notation", *w.Address)
	}
	return &Address{Change: AddressChange(change), Address: *w.Address, Interface: int(w.Index), Name: w.Name, Namespace: w.Namespace, Peer: w.Peer, PeerIndex: int(w.PeerIndex)}, nil
}

func parseNAT(text []byte) (*NAT, error) {
	var w wireNAT
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Change == nil:
		return nil, missing("change")
	case w.Protocol == nil:
		return nil, missing("protocol")
	}
	change, ok := lookup(translationChangeNames, *w.Change)
	if !ok {
		return nil, wrong("change", "%q, want one of %q", *w.Change, translationChangeNames[1:])
	}
	n := &NAT{Change: TranslationChange(change), Namespace: w.Namespace}
	var err error
	if n.Protocol, err = parseProtocol(*w.Protocol); err != nil {
		return nil, wrong("protocol", "%w", err)
	}
	for _, end := range []struct {
		name string
		text *string
		to   *flow.Endpoint
	}{{"source", w.Source, &n.Source}, {"destination", w.Destination, &n.Destination},
		{"new_source", w.NewSource, &n.NewSource}, {"new_destination", w.NewDestination, &n.NewDestination}} {
		if end.text == nil {
			return nil, missing(end.name)
		}
		if *end.to, err = parseEndpoint(*end.text); err != nil {
			return nil, wrong(end.name, "%w", err)
		}
	}
	return n, nil
}

func parseMark(text []byte) (*Mark, error) {
	var w wireMark
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Change == nil:
		return nil, missing("change")
	case w.Name == nil:
		return nil, missing("name")
	}
	change, ok := lookup(markChangeNames, *w.Change)
	if !ok {
		return nil, wrong("change", "%q, want one of %q", *w.Change, markChangeNames[1:])
	}
	return &Mark{Change: MarkChange(change), Name: *w.Name, PID: w.PID}, nil
}

func parseGap(text []byte) (*Gap, error) {
	var w wireGap
	switch err := unmarshal(text, &w); {
	case err != nil:
		return nil, err
	case w.Source == nil:
		return nil, missing("source")
	case w.Begin == nil:
		return nil, missing("begin_ns")
	case w.End == nil:
		return nil, missing("end_ns")
	}
	return &Gap{Source: GapSource(*w.Source), Begin: *w.Begin, End: *w.End, Count: w.Count, Message: w.Message}, nil
}

func parseEndpoint(s string) (flow.Endpoint, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return flow.Endpoint{}, fmt.Errorf("%q is no address and port", s)
	}
	return flow.EndpointFrom(ap), nil
}

// fieldError says what is wrong with one field of a line.
type fieldError struct {
	field string // "" = the line as a whole
	err   error
}

func (e *fieldError) Error() string { return e.field + " " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

func wrong(field, format string, args ...any) error {
	return &fieldError{field, fmt.Errorf(format, args...)}
}

func missing(field string) error { return wrong(field, "is missing") }

// unmarshal decodes a line into w; its errors speak of JSON, not of Go.
func unmarshal(text []byte, w any) error {
	err := json.Unmarshal(text, w)
	var typed *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typed):
		return wrong(typed.Field, "is a JSON %s, want %s", typed.Value, jsonType(typed.Type))
	}
	return wrong("", "no JSON: %w", err)
}

// jsonType names the JSON values that t holds.
func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	case reflect.Uint16, reflect.Uint64:
		return fmt.Sprintf("an integer from 0 to %d", uint64(1)<<t.Bits()-1)
	}
	return fmt.Sprintf("an integer from %d to %d", int64(-1)<<(t.Bits()-1), int64(1)<<(t.Bits()-1)-1)
}
