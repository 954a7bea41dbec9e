package connlog

import (
	"encoding/hex"
	"math"
	"net/netip"
	"reflect"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"pgregory.net/rapid"
)

// hostile draws what a process may call itself: any bytes, among them much of
// what JSON and the log's own escape treat specially.
func hostile() *rapid.Generator[string] {
	special := rapid.SampledFrom([]string{`\x41`, `\\x5c`, `\`, `"`, "\n", "\r\n", "\x00", "\x1b[31m", "\xff", "\xc3", "\u202e", "\u2028", "\U0001F600", `{"event":"end"}`, "/"})
	part := rapid.OneOf(rapid.String(), special, rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "bytes"))
	}))
	return rapid.Custom(func(t *rapid.T) string {
		var s string
		for _, p := range rapid.SliceOfN(part, 0, 4).Draw(t, "parts") {
			s += p
		}
		return s
	})
}

// drawer draws the parts of events.
type drawer struct{ *rapid.T }

func (d drawer) text(name string) string    { return hostile().Draw(d.T, name) }
func (d drawer) texts(name string) []string { return rapid.SliceOfN(hostile(), 0, 3).Draw(d.T, name) }
func (d drawer) int(name string) int64      { return rapid.Int64().Draw(d.T, name) }
func (d drawer) small(name string) int      { return int(rapid.Int32Min(0).Draw(d.T, name)) }
func (d drawer) uint(name string) uint64 {
	return rapid.OneOf(rapid.Just[uint64](0), rapid.Just[uint64](math.MaxUint64), rapid.Uint64()).Draw(d.T, name)
}
func (d drawer) bool(name string) bool { return rapid.Bool().Draw(d.T, name) }
func (d drawer) id(name string) ProcessID {
	return ProcessID{rapid.Int32Min(1).Draw(d.T, name), d.int(name)}
}

func (d drawer) addr(name string) netip.Addr {
	if d.bool("v6") {
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(d.T, name))).Unmap()
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(d.T, name)))
}

func (d drawer) prefix(name string) string {
	return netip.PrefixFrom(d.addr(name), rapid.IntRange(0, 32).Draw(d.T, "bits")).String()
}

func (d drawer) endpoint(name string) flow.Endpoint {
	return flow.Endpoint{Addr: flow.AddrFrom(d.addr(name)), Port: rapid.Uint16().Draw(d.T, name)}
}

func (d drawer) event() Event {
	kinds := []Kind{KindHead, KindProcess, KindSocket, KindPoll, KindAddress, KindInterface, KindNAT, KindMark, KindClock, KindGap, KindEnd}
	e := Event{Kind: rapid.SampledFrom(kinds).Draw(d.T, "kind"), Time: d.int("time"), Seq: d.uint("seq"), Boot: d.int("boot")}
	switch e.Kind {
	case KindHead:
		e.Head = d.head()
	case KindProcess:
		e.Process = d.process()
	case KindSocket:
		e.Socket = d.socket()
	case KindPoll:
		e.Poll = &Poll{Begin: d.int("begin"), End: d.int("end"), Sockets: d.small("sockets"), Thorough: d.bool("thorough")}
	case KindAddress:
		e.Address = &Address{Change: AddressChange(rapid.IntRange(1, len(addressChangeNames)-1).Draw(d.T, "change")), Address: d.prefix("address"), Interface: d.small("ifindex"), Name: d.text("name"), Namespace: d.uint("netns"), Peer: d.uint("peer"), PeerIndex: d.small("peer index")}
	case KindInterface:
		i := d.iface()
		e.Interface = &i
	case KindNAT:
		e.NAT = &NAT{Change: TranslationChange(rapid.IntRange(1, len(translationChangeNames)-1).Draw(d.T, "change")), Namespace: d.uint("netns"), Protocol: d.protocol(),
			Source: d.endpoint("source"), Destination: d.endpoint("destination"), NewSource: d.endpoint("new source"), NewDestination: d.endpoint("new destination")}
	case KindMark:
		e.Mark = &Mark{Change: MarkChange(rapid.IntRange(1, len(markChangeNames)-1).Draw(d.T, "change")), Name: d.text("name"), PID: int32(d.small("pid"))}
	case KindClock:
		e.Clock = &Clock{Step: d.int("step")}
	case KindGap:
		e.Gap = &Gap{Source: rapid.SampledFrom([]GapSource{GapCapture, GapSockets, GapProcesses}).Draw(d.T, "source"), Begin: d.int("begin"), End: d.int("end"),
			Count: int64(d.small("count")), Message: d.text("message")}
	case KindEnd:
		e.End = &End{Packets: int64(d.small("packets")), Dropped: int64(d.small("dropped")), Events: int64(d.small("events")), Interval: int64(d.small("interval")), Longest: int64(d.small("longest")), Reason: d.text("reason")}
		if d.bool("command") {
			status := d.small("status") % 256
			e.End.Status = &status
		}
	}
	return e
}

func (d drawer) head() *Head {
	h := &Head{
		Schema: Schema, RecordingID: hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(d.T, "id")),
		Host: d.text("host"), BootID: d.text("boot id"), OS: d.text("os"), Kernel: d.text("kernel"), Tool: d.text("tool"),
		Source: d.text("source"), SourceReason: d.text("reason"), Blind: d.texts("blind"), Interval: int64(d.small("interval")),
		Captures: d.texts("captures"), Namespace: d.uint("netns"), PIDSpace: d.uint("pidns"), Snaplen: d.small("snaplen"), Filter: d.text("filter"),
		Command: d.texts("command"), Focus: rapid.SliceOfN(rapid.Int32Min(1), 0, 3).Draw(d.T, "focus"), Focused: d.bool("focused"), Control: d.text("control"),
	}
	for range rapid.IntRange(0, 3).Draw(d.T, "interfaces") {
		h.Interfaces = append(h.Interfaces, d.iface())
	}
	for range rapid.IntRange(0, 3).Draw(d.T, "all addresses") {
		h.Addresses = append(h.Addresses, d.prefix("address"))
	}
	return h
}

func (d drawer) iface() Interface {
	i := Interface{Name: d.text("name"), Index: d.small("ifindex"), Namespace: d.uint("netns"), LinkType: rapid.Uint16().Draw(d.T, "link"), MTU: d.small("mtu"), Loopback: d.bool("loopback")}
	for range rapid.IntRange(0, 2).Draw(d.T, "addresses") {
		i.Addresses = append(i.Addresses, d.prefix("address"))
	}
	return i
}

func (d drawer) protocol() flow.Protocol {
	return rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP, flow.ICMP, flow.ICMPv6, flow.SCTP, 47}).Draw(d.T, "protocol")
}

func (d drawer) process() *Process {
	p := &Process{
		Change: ProcessChange(rapid.IntRange(1, len(processChangeNames)-1).Draw(d.T, "change")), ID: d.id("process"), NSPID: int32(d.small("ns_pid")),
		Name: d.text("name"), Exe: d.text("exe"), Args: d.texts("args"), UID: rapid.Int64Range(-1, math.MaxUint32).Draw(d.T, "uid"),
		Cgroup: d.text("cgroup"), Container: d.text("container"), Namespace: d.uint("netns"), Command: d.bool("command"),
	}
	if d.bool("has parent") {
		p.Parent = d.id("parent")
	}
	return p
}

func (d drawer) socket() *Socket {
	s := &Socket{
		Change: SocketChange(rapid.IntRange(1, len(socketChangeNames)-1).Draw(d.T, "change")), ID: d.uint("id"), Inode: d.uint("inode"), Namespace: d.uint("netns"),
		Protocol: d.protocol(),
		Local:    d.endpoint("local"), V6: d.bool("v6"), V6Only: d.bool("v6only"), Interface: d.small("ifindex"), State: d.text("state"), Partial: d.bool("partial"),
		Evidence: Evidence(rapid.IntRange(0, len(socketEvidenceNames)-1).Draw(d.T, "evidence")), Since: d.int("since"),
	}
	if d.bool("has remote") {
		s.Remote, s.HasRemote = d.endpoint("remote"), true
	}
	for range rapid.IntRange(0, 3).Draw(d.T, "owners") {
		s.Owners = append(s.Owners, d.id("owner"))
	}
	if d.bool("has counters") {
		s.Counters = &Counters{int64(d.small("sent")), int64(d.small("received")), int64(d.small("retransmits")), int64(d.small("rtt"))}
	}
	return s
}

// unescaped undoes the log's escape in every string that v, a pointer, leads
// to, so that what was read can be compared with what was written.
func unescaped(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			unescaped(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				unescaped(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			unescaped(v.Index(i))
		}
	case reflect.String:
		v.SetString(Unescape(v.String()))
	}
}
