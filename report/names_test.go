package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// wire writes a capture of what hosts say to each other.
type wire struct {
	t   testing.TB
	out bytes.Buffer
	w   *pcapng.Writer
	now int64
}

func newWire(t testing.TB) *wire {
	t.Helper()
	w := &wire{t: t, now: 1_763_000_000_000_000_000}
	var err error
	w.w, err = pcapng.NewWriter(&w.out, pcapng.SectionHeader{})
	must(t, err)
	_, err = w.w.AddInterface(pcapng.InterfaceDescription{LinkType: pcapng.LinkEthernet})
	must(t, err)
	return w
}

// save ends the capture and returns its path.
func (w *wire) save() string {
	w.t.Helper()
	must(w.t, w.w.Flush())
	path := filepath.Join(w.t.TempDir(), "wire.pcapng")
	must(w.t, os.WriteFile(path, w.out.Bytes(), 0o600))
	return path
}

// ip sends what IPv4 carries.
func (w *wire) ip(from, to netip.AddrPort, protocol byte, carried []byte) {
	w.t.Helper()
	w.now += 1e6
	b := append(make([]byte, 12), 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+len(carried)))
	b = append(b, 0, 0, 0x40, 0, 64, protocol, 0, 0)
	b = append(append(b, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	b = append(b, carried...)
	must(w.t, w.w.WritePacket(&pcapng.EnhancedPacket{Time: w.now, Data: b, WireLength: uint32(len(b))}))
}

func (w *wire) datagram(from, to netip.AddrPort, data []byte) {
	w.t.Helper()
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from.Port()), to.Port())
	b = append(binary.BigEndian.AppendUint16(b, uint16(8+len(data))), 0, 0)
	w.ip(from, to, 17, append(b, data...))
}

func (w *wire) segment(from, to netip.AddrPort, flags byte, seq, ack uint32, data []byte) {
	w.t.Helper()
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from.Port()), to.Port())
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, seq), ack)
	b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	w.ip(from, to, 6, append(b, data...))
}

// converse opens a connection, sends what the client says in pieces of so many bytes, the
// second before the first, then what the server says, and closes it.
func (w *wire) converse(client, server netip.AddrPort, size int, said, answered []byte) {
	w.t.Helper()
	const fin, syn, psh, ack = 1, 2, 8, 16
	w.segment(client, server, syn, 999, 0, nil)
	w.segment(server, client, syn|ack, 4999, 1000, nil)
	w.segment(client, server, ack, 1000, 5000, nil)
	seq := [2]uint32{1000, 5000}
	for side, data := range [][]byte{said, answered} {
		from, to := client, server
		if side == 1 {
			from, to = to, from
		}
		var offsets []int
		for at := 0; at < len(data); at += size {
			offsets = append(offsets, at)
		}
		if len(offsets) > 1 {
			offsets[0], offsets[1] = offsets[1], offsets[0]
		}
		for _, at := range offsets {
			w.segment(from, to, psh|ack, seq[side]+uint32(at), seq[1-side], data[at:min(at+size, len(data))])
		}
		seq[side] += uint32(len(data))
		w.segment(to, from, ack, seq[1-side], seq[side], nil)
	}
	w.segment(client, server, fin|ack, seq[0], seq[1], nil)
	w.segment(server, client, fin|ack, seq[1], seq[0]+1, nil)
	w.segment(client, server, ack, seq[0]+1, seq[1]+1, nil)
}

// vector puts the length, of so many bytes, in front.
func vector(size int, data []byte) []byte {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	return append(length[4-size:], data...)
}

// tlsHello is a client's that asks for a host and offers protocols.
func tlsHello(host string, protocols ...string) []byte {
	name := vector(2, append([]byte{0}, vector(2, []byte(host))...))
	extensions := append([]byte{0, 0}, vector(2, name)...)
	var list []byte
	for _, p := range protocols {
		list = append(list, vector(1, []byte(p))...)
	}
	if list != nil {
		extensions = append(append(extensions, 0, 16), vector(2, vector(2, list))...)
	}
	extensions = append(extensions, 0, 43, 0, 5, 4, 3, 4, 3, 3) // versions 1.3 and 1.2
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0, 2, 0x13, 1, 1, 0)
	body = append(body, vector(2, extensions)...)
	return append([]byte{22, 3, 1}, vector(2, append([]byte{1}, vector(3, body)...))...)
}

// tlsAnswer is a server's hello of version 1.2 that chooses a protocol.
func tlsAnswer(protocol string) []byte {
	extensions := append([]byte{0, 16}, vector(2, vector(2, vector(1, []byte(protocol))))...)
	body := append([]byte{3, 3}, make([]byte, 32)...)
	body = append(body, 0, 0x13, 1, 0)
	body = append(body, vector(2, extensions)...)
	return append([]byte{22, 3, 3}, vector(2, append([]byte{2}, vector(3, body)...))...)
}

// dnsAnswer names an address after a host whose labels are given.
func dnsAnswer(address netip.Addr, labels ...string) []byte {
	b := []byte("\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00")
	for _, l := range labels {
		b = append(b, vector(1, []byte(l))...)
	}
	b = append(b, "\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04"...)
	return append(b, address.AsSlice()...)
}

var (
	nameClient   = netip.MustParseAddrPort("192.0.2.1:40000")
	nameServer   = netip.MustParseAddrPort("198.51.100.1:443")
	nameResolver = netip.MustParseAddrPort("192.0.2.53:53")
)

// port is the endpoint with another port.
func port(a netip.AddrPort, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Addr(), port) }

// Against tshark, connections whose messages come in pieces and out of order.
func TestNamesTshark(t *testing.T) {
	w := newWire(t)
	for i, size := range []int{2000, 60, 7} {
		from := port(nameClient, uint16(40000+10*i))
		w.converse(from, nameServer, size, tlsHello("a.example", "h2", "http/1.1"), tlsAnswer("h2"))
		w.converse(port(from, from.Port()+1), port(nameServer, 80), size, []byte("GET /x HTTP/1.1\r\nAccept: */*\r\nHost: b.example:80\r\n\r\n"), []byte("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n"))
		w.converse(port(from, from.Port()+2), nameServer, size, tlsHello("c.example"), nil)
		w.converse(port(from, from.Port()+3), port(nameServer, 22), size, []byte("SSH-2.0-client\r\n"), []byte("SSH-2.0-server\r\n"))
	}
	path := w.save()
	different, equal := compareSaid(t, path)
	for frame, diff := range different {
		t.Errorf("the connection of frame %d:\n%s", frame, diff)
	}
	if equal != 9 {
		t.Errorf("%d connections say something, want 9", equal)
	}
	whole := written(t, analyze(t, Config{Captures: []string{path}, Workers: 1}), JSON)
	for _, cfg := range []Config{{Workers: 2}, {Workers: 5}, {Merge: true}} {
		cfg.Captures = []string{path}
		if got := written(t, analyze(t, cfg), JSON); !cmp.Equal(whole, got) {
			t.Errorf("with %+v:\n%s", cfg, cmp.Diff(whole, got))
		}
	}
	applications := map[string]int{}
	for _, c := range tables(t, analyze(t, Config{Captures: []string{path}}), JSON)["connections"] {
		applications[c["application"]+" "+c["application_from"]+" "+c["server_host"]+" "+c["server_host_from"]]++
	}
	want := map[string]int{"tls content a.example tls": 3, "tls content c.example tls": 3, "http content b.example http": 3, "ssh content  ": 3}
	if d := cmp.Diff(want, applications); d != "" {
		t.Error(d)
	}
}

// hostile are names that are meant to harm whoever shows them.
var hostile = []string{"\x1b[2J\x1b]0;x\x07", "a\nb\r\nPID: 1", "\"quoted\",\\", "=cmd|' /C calc'!A0", "@SUM(1)", "<script>alert(1)</script>",
	"\xff\xfe\x80", `\xff is no byte`, "\u202egnp.exe", "\u009b31m\u2028", "plain"}

// exact are the formats that names come back from as they went in.
func exact() []Format {
	if runtime.GOARCH != "amd64" { // see fromParquet
		return []Format{JSON, JSONL, Arrow}
	}
	return []Format{JSON, JSONL, Arrow, Parquet}
}

// Hostile names of TLS, HTTP and DNS come out harmless in every format, and exactly from
// JSON, Arrow and Parquet, by the one escape.
func TestHostileNames(t *testing.T) {
	w := newWire(t)
	want := map[string]string{} // by the client's port, and the column
	for i, name := range hostile {
		from := port(nameClient, uint16(40000+10*i))
		w.converse(from, nameServer, 2000, tlsHello(name, name, "b"), tlsAnswer(name))
		want[from.String()+" server_host"], want[from.String()+" alpn"] = name, name
		want[from.String()+" alpn_offered"] = name + ",b"
		if !strings.ContainsAny(name, "\n\r") {
			from = port(from, from.Port()+1)
			w.converse(from, port(nameServer, 80), 2000, []byte("GET / HTTP/1.1\r\nHost: "+name+"\r\n\r\n"), nil)
			want[from.String()+" http_host"] = name
		}
		from = port(from, from.Port()+2)
		address := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		w.datagram(nameResolver, port(nameClient, 5353), dnsAnswer(address, append(strings.Split(name, "."), "example")...))
		w.converse(from, netip.AddrPortFrom(address, 9999), 2000, []byte("\x00"), nil)
		want[from.String()+" server_host"] = name + ".example"
	}
	path := w.save()
	r := analyze(t, Config{Captures: []string{path}})
	for _, f := range exact() {
		got := map[string]string{}
		for _, c := range tables(t, r, f)["connections"] {
			for _, column := range []string{"server_host", "alpn", "alpn_offered", "http_host"} {
				key := c["client_ip"] + ":" + c["client_port"] + " " + column
				if want[key] != "" {
					got[key] = connlog.Unescape(c[column])
				}
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s:\n%s", f, d)
		}
	}
	checkAllHarmless(t, path, r)
}

// So do names and arguments of processes.
func TestHostileProcesses(t *testing.T) {
	r := record(t)
	want := map[string]string{} // by PID
	for i, name := range hostile {
		p := connlog.Process{Change: connlog.ProcessSnapshot, ID: connlog.ProcessID{PID: int32(300 + i), Start: 6e9}, Name: name, Exe: "/bin/" + name, Args: []string{name}, UID: -1}
		r.event(connlog.Event{Kind: connlog.KindProcess, Process: &p})
		want[fmt.Sprint(300+i)] = name
		a := flow.EndpointFrom(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(41000+i)))
		socket := connlog.Socket{Change: connlog.SocketOpen, ID: uint64(5000 + i), Protocol: flow.TCP, Local: a, Remote: flow.EndpointFrom(nameServer), HasRemote: true,
			State: "established", Owners: []connlog.ProcessID{p.ID}, Evidence: connlog.EvidencePoll}
		r.event(connlog.Event{Kind: connlog.KindSocket, Socket: &socket})
		r.event(connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: r.now - 1e5, End: r.now, Sockets: 1}})
		r.tcp(fmt.Sprint("127.0.0.1:", 41000+i), nameServer.String(), 1, 1, "A", 10)
		r.event(connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: r.now - 1e5, End: r.now, Sockets: 1}})
	}
	path := r.end()
	result := analyze(t, Config{Captures: []string{path}})
	for _, f := range exact() {
		read := tables(t, result, f)
		for table, columns := range map[string][]string{"processes": {"pid", "name", "exe"}, "connections": {"client_pid", "client_name", "client_name"}} {
			got := map[string]string{}
			for _, one := range read[table] {
				if name := want[one[columns[0]]]; name != "" {
					got[one[columns[0]]] = connlog.Unescape(one[columns[1]])
					if other := strings.TrimPrefix(connlog.Unescape(one[columns[2]]), "/bin/"); other != name {
						t.Errorf("%s: %s of %q is %q", f, columns[2], name, other)
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s in %s:\n%s", table, f, d)
			}
		}
	}
	checkAllHarmless(t, path, result)
}

// checkAllHarmless checks every format that is text.
func checkAllHarmless(t *testing.T, path string, r *Result) {
	t.Helper()
	for _, f := range []Format{Text, JSON, JSONL, CSV} {
		for _, text := range written(t, r, f) {
			checkHarmless(t, f, text)
		}
	}
	cfg := Config{Captures: []string{path}}
	cfg.ForView()
	for _, page := range written(t, analyze(t, cfg), HTML) {
		if strings.Contains(page, "<script>alert") || strings.ContainsAny(page, "\x1b\u202e\u2028\u009b") || !utf8.ValidString(page) {
			t.Error("the page has a script, or what steers a terminal")
		}
		if !strings.Contains(page, "alert(1)") {
			t.Error("the page lacks a name")
		}
	}
}

// written returns what a format writes, a text a file.
func written(t *testing.T, r *Result, f Format) (all []string) {
	t.Helper()
	if !f.oneTable() {
		var out bytes.Buffer
		must(t, r.Write(context.Background(), Output{Format: f, Stdout: &out, Width: 120}))
		return []string{out.String()}
	}
	dir := filepath.Join(t.TempDir(), "out")
	must(t, r.Write(context.Background(), Output{Format: f, Path: dir}))
	for _, tab := range r.Tables {
		b, err := os.ReadFile(filepath.Join(dir, tab.Name+"."+string(f)))
		must(t, err)
		all = append(all, string(b))
	}
	return all
}

// checkHarmless holds that a text is UTF-8, that nothing in it steers a terminal (in CSV,
// which is for spreadsheets, but for what is quoted), and that no cell is a formula.
func checkHarmless(t *testing.T, f Format, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is no UTF-8", f)
	}
	if f == CSV {
		for _, bad := range []string{",=", ",@", "\n=", "\n@", ",\"=", ",\"@"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has a formula, %q", f, bad)
			}
		}
		return
	}
	for _, c := range text {
		if c != '\n' && c < 0x20 || c >= 0x7f && c < 0xa0 || c == '\u2028' || c == '\u202e' {
			t.Errorf("%s has %q", f, c)
			return
		}
	}
}
