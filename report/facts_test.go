package report

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/table"
)

// fact is a connection of which every column but the measures is known.
type fact struct {
	r              *recording
	frames         *int64 // of the recording so far
	client, server netip.AddrPort
	seq            [2]uint32
	want           map[string]any
}

// at plants an instant.
func (f *fact) at(name string, t int64) {
	f.want[name+"_ns"], f.want[name+"_time"] = float64(t), time.UnixMicro(t/1000).UTC().Format("2006-01-02T15:04:05.000000Z")
}

// say has one end send a segment, or a datagram, at an offset of what it sends.
func (f *fact) say(end int, flags string, offset int, data []byte) {
	from, to, name := f.client, f.server, "client"
	if end == 1 {
		from, to, name = to, from, "server"
	}
	*f.frames++
	header := 14 + 20 + 8
	if f.want["protocol"] == "tcp" {
		header += 12
		has := func(flag string) bool { return strings.Contains(flags, flag) }
		f.r.frame(from.Addr(), to.Addr(), layers.IPProtocolTCP, &layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port()),
			Seq: f.seq[end] + uint32(offset), Ack: f.seq[1-end], SYN: has("S"), ACK: has("A"), FIN: has("F")}, gopacket.Payload(data))
	} else {
		f.r.frame(from.Addr(), to.Addr(), layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(from.Port()), DstPort: layers.UDPPort(to.Port())}, gopacket.Payload(data))
	}
	if f.want["connection_id"] == nil {
		f.want["connection_id"] = float64(*f.frames)
		f.at("first", f.r.now)
	}
	f.at("last", f.r.now)
	add := func(column string, n int) {
		before, _ := f.want[name+column].(float64)
		f.want[name+column] = before + float64(n)
	}
	add("_packets", 1)
	add("_wire_bytes", max(60, header+len(data))) // as Ethernet pads
	add("_payload_bytes", len(data))
	add("_unique_payload_bytes", len(data)) // nothing is sent twice
}

// socket tells the log of an end of f.
func (f *fact) socket(end int, change connlog.SocketChange, counters *connlog.Counters, owners ...connlog.ProcessID) {
	local, remote := f.client, f.server
	if end == 1 {
		local, remote = remote, local
	}
	protocol := flow.TCP
	if f.want["protocol"] == "udp" {
		protocol = flow.UDP
	}
	f.r.event(connlog.Event{Kind: connlog.KindSocket, Socket: &connlog.Socket{Change: change, ID: uint64(local.Port()) + uint64(end)<<20 + uint64(remote.Port())<<24, Protocol: protocol,
		Local: flow.EndpointFrom(local), Remote: flow.EndpointFrom(remote), HasRemote: true, State: "established", Owners: owners, Evidence: connlog.EvidencePoll, Counters: counters}})
}

// converse opens a TCP connection, has each end say something, the client in pieces of 60
// bytes of which the second comes first, and closes it.
func (f *fact) converse(said ...[]byte) {
	f.seq = [2]uint32{1000, 5000}
	f.say(0, "S", -1, nil)
	f.say(1, "SA", -1, nil)
	f.say(0, "A", 0, nil)
	for i, data := range said {
		end := i % 2
		pieces := slices.Collect(slices.Chunk(data, 60))
		offset := 0
		if end == 0 && len(pieces) > 1 {
			f.say(0, "A", 60, pieces[1])
			f.say(0, "A", 0, pieces[0])
			pieces, offset = pieces[2:], 60+len(pieces[1])
		}
		for _, p := range pieces {
			f.say(end, "A", offset, p)
			offset += len(p)
		}
		f.seq[end] += uint32(len(data))
		f.say(1-end, "A", 0, nil)
	}
	f.say(0, "FA", 0, nil)
	f.seq[0]++
	f.say(1, "FA", 0, nil)
	f.seq[1]++
	f.say(0, "A", 0, nil)
}

// Every column of the table connections but the measures of TestPlantedMeasures is in one
// of these connections, and comes out as it went in: names in hellos of TLS that are split
// over segments, HTTP, DNS, QUIC; owners; and the kernel's counters.
func TestPlantedFacts(t *testing.T) {
	r := record(t)
	client, server := connlog.ProcessID{PID: 100, Start: 5e9}, connlog.ProcessID{PID: 200, Start: 4e9}
	frames := int64(0)
	var facts []*fact
	plant := func(protocol, from, to, side string) *fact {
		f := &fact{r: r, frames: &frames, client: netip.MustParseAddrPort(from), server: netip.MustParseAddrPort(to)}
		f.want = map[string]any{"protocol": protocol, "ip_version": 4.0, "client_ip": f.client.Addr().String(), "client_port": float64(f.client.Port()),
			"server_ip": f.server.Addr().String(), "server_port": float64(f.server.Port()), "local_side": side}
		facts = append(facts, f)
		return f
	}
	poll := func() {
		r.event(connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: r.now - 1e5, End: r.now, Sockets: 9}})
	}
	owned := func(f *fact, end, reason string, owner float64, name string) {
		f.want[end+"_reason"] = reason
		if name != "" {
			f.want[end+"_pid"], f.want[end+"_start_ns"], f.want[end+"_name"] = owner, 5e9, name
			if owner == 200 {
				f.want[end+"_start_ns"] = 4e9
			}
		}
	}
	tell := func(f *fact, facts map[string]any) {
		for k, v := range facts {
			f.want[k] = v
		}
	}

	dns := plant("udp", "127.0.0.1:5353", "192.0.2.53:53", "client")
	tls := plant("tcp", "127.0.0.1:40000", "203.0.113.7:443", "client")
	named := plant("tcp", "127.0.0.1:40005", "203.0.113.7:9999", "client")
	http := plant("tcp", "127.0.0.1:40010", "127.0.0.1:80", "both")
	quic := plant("udp", "127.0.0.1:40020", "198.51.100.3:443", "client")
	shared := plant("tcp", "127.0.0.1:40030", "127.0.0.1:9998", "both")
	for _, f := range []*fact{dns, tls, named, http, quic} {
		f.socket(0, connlog.SocketOpen, nil, client)
	}
	http.socket(1, connlog.SocketOpen, nil, server)
	shared.socket(0, connlog.SocketOpen, nil, client, server)
	shared.socket(1, connlog.SocketOpen, nil, client, server)
	poll()

	answer := dnsAnswer(netip.MustParseAddr("203.0.113.7"), "named", "example")
	question := slices.Clone(answer)
	question[2] &^= 0x80
	dns.say(0, "", 0, question)
	asked := r.now
	dns.say(1, "", 0, answer)
	answered := r.now
	tell(dns, map[string]any{"application": "dns", "application_from": "content"})
	owned(dns, "client", "exact", 100, "client")
	owned(dns, "server", "remote", 0, "")

	hello, choice := tlsHello("tls.example", "h2", "http/1.1"), tlsAnswer("h2")
	secret := []byte{23, 3, 3, 0, 4, 1, 2, 3, 4}
	tls.converse(hello, choice, secret, secret)
	pieces := func(data []byte) int { return (len(data) + 59) / 60 }
	// A millisecond from packet to packet, and an ACK behind what each says.
	handshake := (pieces(hello) + 1 + pieces(choice) + 1 + 1 + 1) * 1e6
	tell(tls, map[string]any{"application": "tls", "application_from": "content", "server_host": "tls.example", "server_host_from": "tls", "alpn": "h2", "alpn_offered": "h2,http/1.1",
		"tls_version": "1.2", "tls_version_offered": "1.3", "lookup_first_ns": float64(asked), "lookup_last_ns": float64(answered), "tls_handshake_ns": float64(handshake)})
	owned(tls, "client", "exact", 100, "client")
	owned(tls, "server", "remote", 0, "")

	named.converse([]byte{0}, []byte{0})
	tell(named, map[string]any{"server_host": "named.example", "server_host_from": "dns", "lookup_first_ns": float64(asked), "lookup_last_ns": float64(answered)})
	owned(named, "client", "exact", 100, "client")
	owned(named, "server", "remote", 0, "")

	get, ok := []byte("GET /x HTTP/1.1\r\nHost: http.example:80\r\nAccept: */*\r\nUser-Agent: a test\r\n\r\n"), []byte("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n")
	http.converse(get, ok)
	tell(http, map[string]any{"application": "http", "application_from": "content", "server_host": "http.example", "server_host_from": "http", "http_method": "GET",
		"http_host": "http.example:80", "http_status": 204.0})
	owned(http, "client", "exact", 100, "client")
	owned(http, "server", "exact", 200, "server")

	text, err := os.ReadFile("testdata/initials.base64")
	must(t, err)
	for line := range strings.Lines(string(text)) {
		datagram, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		must(t, err)
		quic.say(0, "", 0, datagram)
	}
	quic.say(1, "", 0, []byte{0x40, 1, 2, 3})
	tell(quic, map[string]any{"application": "quic", "application_from": "content", "server_host": "quic.example", "server_host_from": "quic", "alpn_offered": "h3",
		"tls_version_offered": "1.3", "quic_version": "1"})
	owned(quic, "client", "exact", 100, "client")
	owned(quic, "server", "remote", 0, "")

	shared.converse([]byte{0}, []byte{0})
	both := []any{map[string]any{"pid": 200.0, "start_ns": 4e9, "name": "server"}, map[string]any{"pid": 100.0, "start_ns": 5e9, "name": "client"}}
	tell(shared, map[string]any{"client_candidates": both, "server_candidates": both})
	owned(shared, "client", "ambiguous", 0, "")
	owned(shared, "server", "ambiguous", 0, "")

	poll()
	http.socket(0, connlog.SocketClose, &connlog.Counters{BytesSent: int64(len(get)), BytesReceived: int64(len(ok)) + 1, Retransmits: 3, RTT: 51_000}, client)
	http.socket(1, connlog.SocketClose, &connlog.Counters{BytesSent: int64(len(ok)), BytesReceived: int64(len(get)) + 1, Retransmits: 4, RTT: 52_000}, server)
	tell(http, map[string]any{"client_kernel_sent_bytes": float64(len(get)), "server_kernel_sent_bytes": float64(len(ok)), "client_kernel_received_bytes": float64(len(ok) + 1),
		"server_kernel_received_bytes": float64(len(get) + 1), "client_kernel_retransmitted_segments": 3.0, "server_kernel_retransmitted_segments": 4.0,
		"client_kernel_rtt_ns": 51_000.0, "server_kernel_rtt_ns": 52_000.0, "captured_permille": 1000.0})
	named.socket(0, connlog.SocketClose, &connlog.Counters{BytesSent: 3, BytesReceived: 5, RTT: 1000}, client)
	tell(named, map[string]any{"client_kernel_sent_bytes": 3.0, "client_kernel_received_bytes": 5.0, "client_kernel_rtt_ns": 1000.0, "captured_permille": 250.0}) // 2 of 8

	var out bytes.Buffer
	must(t, analyze(t, Config{Captures: []string{r.end()}, Tables: []string{"connections"}}).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
	var result struct{ Connections []map[string]any }
	must(t, json.Unmarshal(out.Bytes(), &result))
	if len(result.Connections) != len(facts) {
		t.Fatalf("%d connections, want %d", len(result.Connections), len(facts))
	}
	planted := map[string]bool{}
	for _, name := range measureNames() {
		planted[name] = true
	}
	for i, got := range result.Connections {
		want := facts[i].want
		for _, name := range measureNames() {
			delete(got, name)
		}
		for name, v := range got {
			if v == nil || v == 0.0 && want[name] == nil {
				delete(got, name)
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", facts[i].server, d)
		}
		for name, v := range got {
			planted[name] = planted[name] || v != 0.0 && v != ""
		}
	}
	for _, c := range table.Connections().Columns {
		if !planted[c.Name] {
			t.Errorf("%s is nowhere planted", c.Name)
		}
	}
}
