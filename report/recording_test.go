package report

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

const (
	epoch       = 1_763_000_000_000_000_000 // some day in 2025
	recordingID = "00112233445566778899aabbccddeeff"
)

// recording is a capture and its log in the making. A client, pid 100, is of
// the recorded command; a server, pid 200, is not.
type recording struct {
	t       testing.TB
	dir     string
	capture bytes.Buffer
	log     bytes.Buffer
	writer  *pcapng.Writer
	events  *connlog.Writer
	now     int64
	options pcapng.Options            // of the packets to come
	counted *connlog.Counters         // by the kernel, of the client's sockets to come; nil = the log does not say
	tunnel  func(frame []byte) []byte // what they go through; nil = nothing
}

func record(t testing.TB) *recording {
	t.Helper()
	r := &recording{t: t, dir: t.TempDir(), now: epoch}
	var err error
	r.writer, err = pcapng.NewWriter(&r.capture, pcapng.SectionHeader{Comment: "recording_id=" + recordingID})
	must(t, err)
	_, err = r.writer.AddInterface(pcapng.InterfaceDescription{Name: "lo", LinkType: 1})
	must(t, err)
	r.events = connlog.NewWriter(&r.log)
	r.event(connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Schema: connlog.Schema, RecordingID: recordingID, Host: "build-7", OS: "linux", Source: "poll",
		Interfaces: []connlog.Interface{{Name: "lo", Index: 1, LinkType: 1, Addresses: []string{"127.0.0.1/8", "::1/128"}, Loopback: true}}, Command: []string{"bench", "--fast"}}})
	for _, p := range []connlog.Process{{ID: connlog.ProcessID{PID: 100, Start: 5e9}, Name: "client", Command: true}, {ID: connlog.ProcessID{PID: 200, Start: 4e9}, Name: "server"}} {
		p.Change, p.UID = connlog.ProcessSnapshot, -1
		r.event(connlog.Event{Kind: connlog.KindProcess, Process: &p})
	}
	return r
}

func (r *recording) event(e connlog.Event) {
	r.t.Helper()
	r.now += 1e6
	e.Time = r.now
	must(r.t, r.events.Write(&e))
}

// connect logs both ends of a connection, and polls around what happens.
func (r *recording) connect(client, server string, then func()) {
	r.t.Helper()
	a, b := flow.EndpointFrom(netip.MustParseAddrPort(client)), flow.EndpointFrom(netip.MustParseAddrPort(server))
	socket := func(c connlog.SocketChange, id uint64, local, remote flow.Endpoint, pid int32, start int64) {
		s := &connlog.Socket{Change: c, ID: id, Protocol: flow.TCP, Local: local, Remote: remote, HasRemote: true,
			State: "established", Owners: []connlog.ProcessID{{PID: pid, Start: start}}, Evidence: connlog.EvidencePoll}
		if c == connlog.SocketClose && pid == 100 {
			s.Counters = r.counted
		}
		r.event(connlog.Event{Kind: connlog.KindSocket, Socket: s})
	}
	id := uint64(a.Port)
	poll := func() {
		r.event(connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: r.now - 1e5, End: r.now, Sockets: 2}})
	}
	socket(connlog.SocketOpen, id, a, b, 100, 5e9)
	socket(connlog.SocketOpen, id+1000, b, a, 200, 4e9)
	poll()
	then()
	poll()
	socket(connlog.SocketClose, id, a, b, 100, 5e9)
	socket(connlog.SocketClose, id+1000, b, a, 200, 4e9)
}

// tcp captures a segment.
func (r *recording) tcp(from, to string, seq, ack uint32, flags string, payload int) {
	r.t.Helper()
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	tcp := &layers.TCP{SrcPort: layers.TCPPort(a.Port()), DstPort: layers.TCPPort(b.Port()), Seq: seq, Ack: ack,
		SYN: strings.Contains(flags, "S"), ACK: strings.Contains(flags, "A"), FIN: strings.Contains(flags, "F")}
	r.frame(a.Addr(), b.Addr(), layers.IPProtocolTCP, tcp, gopacket.Payload(make([]byte, payload)))
}

func (r *recording) udp(from, to string, payload int) {
	r.t.Helper()
	a, b := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	r.frame(a.Addr(), b.Addr(), layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(a.Port()), DstPort: layers.UDPPort(b.Port())}, gopacket.Payload(make([]byte, payload)))
}

func (r *recording) frame(a, b netip.Addr, protocol layers.IPProtocol, above ...gopacket.SerializableLayer) {
	r.t.Helper()
	link := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
	var network gopacket.SerializableLayer = &layers.IPv4{Version: 4, TTL: 64, Protocol: protocol, SrcIP: a.AsSlice(), DstIP: b.AsSlice()}
	if a.Is6() {
		link.EthernetType = layers.EthernetTypeIPv6
		network = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: protocol, SrcIP: a.AsSlice(), DstIP: b.AsSlice()}
	}
	out := gopacket.NewSerializeBuffer()
	must(r.t, gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true}, append([]gopacket.SerializableLayer{link, network}, above...)...))
	if r.tunnel != nil {
		r.raw(r.tunnel(out.Bytes()))
		return
	}
	r.raw(out.Bytes())
}

func (r *recording) raw(frame []byte) {
	r.t.Helper()
	r.now += 1e6
	if len(r.options) > 0 {
		must(r.t, r.writer.WriteBlock(&pcapng.PacketBlock{Timestamp: uint64(r.now), Data: frame, WireLength: uint32(len(frame)), Options: r.options}))
		return
	}
	must(r.t, r.writer.WritePacket(&pcapng.EnhancedPacket{Time: r.now, Data: frame, WireLength: uint32(len(frame))}))
}

// conversation is a handshake, data both ways, one retransmission, and the end.
func (r *recording) conversation(client, server string) {
	r.t.Helper()
	r.tcp(client, server, 100, 0, "S", 0)
	r.tcp(server, client, 500, 101, "SA", 0)
	r.connect(client, server, func() {
		r.tcp(client, server, 101, 501, "A", 40)
		r.tcp(client, server, 101, 501, "A", 40)
		r.tcp(server, client, 501, 141, "A", 1000)
	})
	r.tcp(client, server, 141, 1501, "FA", 0)
	r.tcp(server, client, 1501, 142, "FA", 0)
}

// end writes both files and returns the capture's path.
func (r *recording) end() string {
	r.t.Helper()
	must(r.t, r.writer.Flush())
	r.event(connlog.Event{Kind: connlog.KindEnd, End: &connlog.End{Packets: 1, Reason: "command ended"}})
	must(r.t, r.events.Flush())
	must(r.t, os.WriteFile(filepath.Join(r.dir, "run.pcapng"), r.capture.Bytes(), 0o600))
	must(r.t, os.WriteFile(filepath.Join(r.dir, "run.conns.jsonl"), r.log.Bytes(), 0o600))
	return filepath.Join(r.dir, "run.pcapng")
}

// mixture is a recording with something of everything.
func mixture(t testing.TB) *recording {
	t.Helper()
	r := record(t)
	r.conversation("127.0.0.1:40000", "127.0.0.1:80")
	r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: connlog.MarkBegin, Name: "second"}})
	r.conversation("[::1]:40001", "[::1]:443")
	r.udp("127.0.0.1:5000", "127.0.0.1:53", 30)                                    // nobody known
	r.udp("192.0.2.1:5001", "127.0.0.1:53", 30)                                    // from another host
	r.raw(append(make([]byte, 12), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1))            // ARP
	r.raw([]byte{1, 2, 3})                                                         // nothing
	r.raw(append(make([]byte, 12), 0x08, 0x00, 0x45, 0, 0, 99, 0, 0, 0, 0, 64, 6)) // cut inside its IP header
	return r
}
