package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/parquet"
	"github.com/apache/arrow/go/v15/parquet/file"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/report/table"
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
}

func record(t testing.TB) *recording {
	t.Helper()
	r := &recording{t: t, dir: t.TempDir(), now: epoch}
	var err error
	r.writer, err = pcapng.NewWriter(&r.capture, pcapng.SectionHeader{Comment: "recording_id " + recordingID})
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
		r.event(connlog.Event{Kind: connlog.KindSocket, Socket: &connlog.Socket{Change: c, ID: id, Protocol: flow.TCP, Local: local, Remote: remote, HasRemote: true,
			State: "established", Owners: []connlog.ProcessID{{PID: pid, Start: start}}, Evidence: connlog.EvidencePoll}})
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
	r.raw(out.Bytes())
}

func (r *recording) raw(frame []byte) {
	r.t.Helper()
	r.now += 1e6
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
	r.conversation("[::1]:40001", "[::1]:443")
	r.udp("127.0.0.1:5000", "127.0.0.1:53", 30)                                    // nobody known
	r.udp("192.0.2.1:5001", "127.0.0.1:53", 30)                                    // from another host
	r.raw(append(make([]byte, 12), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1))            // ARP
	r.raw([]byte{1, 2, 3})                                                         // nothing
	r.raw(append(make([]byte, 12), 0x08, 0x00, 0x45, 0, 0, 99, 0, 0, 0, 0, 64, 6)) // cut inside its IP header
	return r
}

func analyze(t testing.TB, cfg Config) *Result {
	t.Helper()
	r, err := Analyze(context.Background(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func all() []string {
	var names []string
	for _, s := range table.All() {
		names = append(names, s.Name)
	}
	return names
}

// row is a row with integers and strings as text, as every format gives them.
type row map[string]string

// tables writes r in a format and reads back some columns of its tables.
func tables(t *testing.T, r *Result, f Format) map[string][]row {
	t.Helper()
	if f == JSON || f == JSONL {
		var out bytes.Buffer
		must(t, r.Write(context.Background(), Output{Format: f, Stdout: &out}))
		if f == JSON {
			return fromJSON(t, out.Bytes())
		}
		return fromJSONL(t, out.Bytes())
	}
	dir := filepath.Join(t.TempDir(), "out")
	must(t, r.Write(context.Background(), Output{Format: f, Path: dir}))
	read := map[string][]row{}
	for _, tab := range r.Tables {
		b, err := os.ReadFile(filepath.Join(dir, tab.Name+"."+string(f)))
		must(t, err)
		read[tab.Name] = map[Format]func(*testing.T, []byte) []row{CSV: fromCSV, Arrow: fromArrow, Parquet: fromParquet}[f](t, b)
	}
	return read
}

func fromJSON(t *testing.T, doc []byte) map[string][]row {
	t.Helper()
	var parsed map[string]any
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	must(t, d.Decode(&parsed))
	read := map[string][]row{}
	for name, v := range parsed {
		switch v := v.(type) {
		case map[string]any:
			read[name] = []row{rowOf(v)}
		case []any:
			for _, o := range v {
				read[name] = append(read[name], rowOf(o.(map[string]any)))
			}
		}
	}
	return read
}

func fromJSONL(t *testing.T, doc []byte) map[string][]row {
	t.Helper()
	read := map[string][]row{}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	for {
		var o map[string]any
		err := d.Decode(&o)
		if err == io.EOF {
			return read
		}
		must(t, err)
		name := o["table"].(string)
		read[name] = append(read[name], rowOf(o))
	}
}

func rowOf(o map[string]any) row {
	r := row{}
	for k, v := range o {
		switch v := v.(type) {
		case json.Number:
			r[k] = v.String()
		case string:
			r[k] = v
		}
	}
	return r
}

func fromCSV(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(doc)).ReadAll()
	must(t, err)
	for _, cells := range records[1:] {
		r := row{}
		for k, c := range cells {
			r[records[0][k]] = c
		}
		rows = append(rows, r)
	}
	return rows
}

func fromArrow(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	in, err := ipc.NewFileReader(bytes.NewReader(doc))
	must(t, err)
	for i := range in.NumRecords() {
		record, err := in.Record(i)
		must(t, err)
		for n := range int(record.NumRows()) {
			r := row{}
			for k, c := range record.Columns() {
				switch c := c.(type) {
				case *array.Int64:
					if c.IsValid(n) {
						r[record.ColumnName(k)] = strconv.FormatInt(c.Value(n), 10)
					}
				case *array.String:
					r[record.ColumnName(k)] = strings.Clone(c.Value(n))
				}
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// fromParquet reads the required columns of the first row group, all there is.
func fromParquet(t *testing.T, doc []byte) (rows []row) {
	t.Helper()
	in, err := file.NewParquetReader(bytes.NewReader(doc))
	must(t, err)
	if in.NumRows() == 0 {
		return nil
	}
	n := in.NumRows()
	for range n {
		rows = append(rows, row{})
	}
	group := in.RowGroup(0)
	for k := range in.MetaData().Schema.NumColumns() {
		column, err := group.Column(k)
		must(t, err)
		name := column.Descriptor().Name()
		if column.Descriptor().MaxDefinitionLevel() > 0 {
			continue
		}
		switch column := column.(type) {
		case *file.Int64ColumnChunkReader:
			v := make([]int64, n)
			_, _, err = column.ReadBatch(n, v, nil, nil)
			for i := range v {
				rows[i][name] = strconv.FormatInt(v[i], 10)
			}
		case *file.ByteArrayColumnChunkReader:
			v := make([]parquet.ByteArray, n)
			_, _, err = column.ReadBatch(n, v, nil, nil)
			for i := range v {
				rows[i][name] = string(v[i])
			}
		}
		must(t, err)
	}
	return rows
}

func sum(t *testing.T, rows []row, column string, keep func(row) bool) (n int64) {
	t.Helper()
	for _, r := range rows {
		if keep == nil || keep(r) {
			v, err := strconv.ParseInt(r[column], 10, 64)
			must(t, err)
			n += v
		}
	}
	return n
}

// In every format, for each side the sum over all reasons is the capture, and
// what packets say one by one is what coverage says.
func TestSidesAreTheCapture(t *testing.T) {
	r := analyze(t, Config{Captures: []string{mixture(t).end()}, Tables: all()})
	for _, f := range []Format{JSON, JSONL, CSV, Arrow, Parquet} {
		read := tables(t, r, f)
		capture := read["capture"]
		packets, bytes := sum(t, capture, "packets", nil), sum(t, capture, "wire_bytes", nil)
		if packets != 19 || packets != r.Attribution.Totals.Packets || bytes != r.Attribution.Totals.WireBytes {
			t.Errorf("%s: the capture has %d packets, %d bytes, want 19 and %+v", f, packets, bytes, r.Attribution.Totals)
		}
		for _, side := range []string{"source", "destination"} {
			of := func(c row) bool { return c["side"] == side }
			if p, b := sum(t, read["coverage"], "packets", of), sum(t, read["coverage"], "wire_bytes", of); p != packets || b != bytes {
				t.Errorf("%s: %s adds up to %d packets, %d bytes; the capture has %d, %d", f, side, p, b, packets, bytes)
			}
			for _, c := range slices.DeleteFunc(slices.Clone(read["coverage"]), func(c row) bool { return !of(c) }) {
				var n int
				because := func(p row) bool { return p[side+"_reason"] == c["reason"] }
				for _, p := range read["packets"] {
					if because(p) {
						n++
					}
				}
				if strconv.Itoa(n) != c["packets"] || sum(t, read["packets"], "wire_length", because) != sum(t, []row{c}, "wire_bytes", nil) {
					t.Errorf("%s: %d packets are %s for their %s, coverage says %s", f, n, c["reason"], side, c["packets"])
				}
			}
		}
	}
}

// Two local processes: what one sent the other received, each TCP byte once.
func TestOwners(t *testing.T) {
	r := analyze(t, Config{Captures: []string{mixture(t).end()}})
	read := tables(t, r, JSON)
	for _, p := range read["processes"] {
		want := map[string]row{
			"client": {"pid": "100", "sent_packets": "8", "received_packets": "6", "sent_payload_bytes": "160", "sent_unique_payload_bytes": "80", "received_unique_payload_bytes": "2000", "tree_sent_packets": "8", "connections": "2"},
			"server": {"pid": "200", "sent_packets": "6", "received_packets": "8", "received_payload_bytes": "160", "received_unique_payload_bytes": "80", "sent_unique_payload_bytes": "2000", "connections": "2"},
		}[p["name"]]
		for column, v := range want {
			if p[column] != v {
				t.Errorf("%s: %s is %s, want %s", p["name"], column, p[column], v)
			}
		}
	}
	if len(read["processes"]) != 2 || len(read["connections"]) != 4 {
		t.Errorf("%d processes and %d connections, want 2 and 4", len(read["processes"]), len(read["connections"]))
	}
	if c := read["connections"][0]; c["client_name"] != "client" || c["server_pid"] != "200" || c["local_side"] != "both" || c["server_start_ns"] != "4000000000" {
		t.Errorf("the first connection is %v", c)
	}
}

// The same input gives the same bytes.
func TestDeterministic(t *testing.T) {
	path := mixture(t).end()
	for _, name := range all() {
		for _, f := range []Format{Text, JSON, JSONL, CSV, Arrow, Parquet} {
			var out [2]bytes.Buffer
			for i := range out {
				r := analyze(t, Config{Captures: []string{path}, Tables: []string{name}, Tool: "pcapwho test"})
				must(t, r.Write(context.Background(), Output{Format: f, Stdout: &out[i]}))
			}
			if !bytes.Equal(out[0].Bytes(), out[1].Bytes()) || out[0].Len() == 0 {
				t.Errorf("%s of %s differs from run to run, or is empty: %d and %d bytes", f, name, out[0].Len(), out[1].Len())
			}
		}
	}
}

func kinds(r *Result) (all []WarningKind) {
	for _, w := range r.Warnings {
		all = append(all, w.Kind)
	}
	return all
}

func TestWarnings(t *testing.T) {
	clean := func(r *recording) { r.conversation("127.0.0.1:40000", "127.0.0.1:80") }
	edit := func(t *testing.T, path string, change func([]byte) []byte) {
		t.Helper()
		b, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, change(b), 0o600))
	}
	for _, c := range []struct {
		name    string
		fill    func(*recording)
		change  func(t *testing.T, capture, log string)
		want    []WarningKind
		damaged bool
	}{
		{"clean", clean, nil, nil, false},
		{"no log", clean, func(t *testing.T, _, log string) { must(t, os.Remove(log)) }, []WarningKind{NoLog}, false},
		{"unknown owner", func(r *recording) { clean(r); r.udp("127.0.0.1:1", "127.0.0.1:2", 1) }, nil, []WarningKind{UnknownOwners}, false},
		{"log of another recording", clean, func(t *testing.T, _, log string) {
			edit(t, log, func(b []byte) []byte {
				return bytes.Replace(b, []byte(recordingID), []byte("ffffffffffffffffffffffffffffffff"), 1)
			})
		}, []WarningKind{OtherLog}, false},
		{"drops", func(r *recording) {
			clean(r)
			must(r.t, r.writer.WriteStatistics(&pcapng.InterfaceStatistics{Time: r.now, Received: pcapng.Counted(9), Dropped: pcapng.Counted(2)}))
		}, nil, []WarningKind{Drops}, false},
		{"capture cut", clean, func(t *testing.T, capture, _ string) { edit(t, capture, func(b []byte) []byte { return b[:len(b)-5] }) }, []WarningKind{Damaged}, true},
		{"log cut after a line", clean, func(t *testing.T, _, log string) {
			edit(t, log, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] })
		}, []WarningKind{Damaged}, true},
		{"log cut in a line", clean, func(t *testing.T, _, log string) { edit(t, log, func(b []byte) []byte { return b[:len(b)-9] }) }, []WarningKind{Damaged}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := record(t)
			c.fill(rec)
			capture := rec.end()
			if c.change != nil {
				c.change(t, capture, filepath.Join(rec.dir, "run.conns.jsonl"))
			}
			r := analyze(t, Config{Captures: []string{capture}})
			if got := kinds(r); !slices.Equal(got, c.want) || r.Damaged() != c.damaged {
				t.Errorf("warnings %+v, damaged %v; want kinds %v, %v", r.Warnings, r.Damaged(), c.want, c.damaged)
			}
		})
	}
}

// Inputs that are not what they should be are InputErrors.
func TestInputErrors(t *testing.T) {
	in := folder(t, "text")
	good := mixture(t).end()
	for name, cfg := range map[string]Config{
		"nothing":     {},
		"no file":     {Captures: []string{in("missing.pcap")}},
		"no capture":  {Captures: []string{in("text")}},
		"no log file": {Captures: []string{good}, Logs: []string{in("missing.jsonl")}},
		"no log":      {Captures: []string{good}, Logs: []string{in("text")}},
	} {
		var typed *InputError
		if _, err := Analyze(context.Background(), cfg); !errors.As(err, &typed) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// A cancelled analysis or output ends, and leaves nothing.
func TestCancel(t *testing.T) {
	cfg := Config{Captures: []string{mixture(t).end()}, Tables: all()}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Analyze(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("Analyze: error is %v", err)
	}
	r := analyze(t, cfg)
	for _, f := range Formats()[:6] {
		dir := t.TempDir()
		if err := r.Write(ctx, Output{Format: f, Path: filepath.Join(dir, "out")}); !errors.Is(err, context.Canceled) || names(t, dir) != "" {
			t.Errorf("%s: error is %v, %q is left", f, err, names(t, dir))
		}
	}
}

func TestProgress(t *testing.T) {
	path := mixture(t).end()
	info, err := os.Stat(path)
	must(t, err)
	var last, total int64
	r := analyze(t, Config{Captures: []string{path}, Tables: []string{"packets"}, Progress: func(d, n int64) {
		if d < last || d > n {
			t.Errorf("progress is %d of %d after %d", d, n, last)
		}
		last, total = d, n
	}})
	must(t, r.Write(context.Background(), Output{Format: JSONL, Stdout: io.Discard}))
	if last != 2*info.Size() || total != last {
		t.Errorf("progress ends at %d of %d, want twice %d", last, total, info.Size())
	}
}

// The nine numbers are those of the process that is asked for.
func TestNWB(t *testing.T) {
	r := analyze(t, Config{Captures: []string{mixture(t).end()}, NWB: 200})
	var out bytes.Buffer
	must(t, r.Write(context.Background(), Output{Format: NWB, Stdout: &out}))
	want := `{"samples": {"total_transfer_in_number_of_packets": 14, "total_traffic_in_number_of_web_packets": 8, ` +
		`"amount_downloaded_in_number_of_packets": 0, "amount_uploaded_in_number_of_packets": 7, `
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("got %s, want %s…", out.String(), want)
	}
}
