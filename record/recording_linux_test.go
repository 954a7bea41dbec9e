package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// line is what these tests read of an event.
type line struct {
	Event, Change, Protocol, Local, Remote, State, Source, Reason, Message, Evidence string

	Time        int64 `json:"time_ns"`
	Seq         uint64
	Begin       int64  `json:"begin_ns"`
	End         int64  `json:"end_ns"`
	Since       int64  `json:"since_ns"`
	ID          uint64 `json:"socket_id"`
	PID         int32
	InCommand   bool `json:"in_command"`
	Count       int64
	Owners      []struct{ PID int32 }
	Events      int64
	Packets     int64
	Dropped     int64
	Status      *int   `json:"exit_status"`
	RecordingID string `json:"recording_id"`
	Blind       []string
	Boot        int64 `json:"boot_ns"`
	Interfaces  []struct{ Name string }
	Addresses   []string
	Address     string
	Name        string
	Index       int `json:"ifindex"`
}

// parseLog reads whole lines.
func parseLog(t *testing.T, text []byte) []line {
	t.Helper()
	var lines []line
	for row := range bytes.Lines(text) {
		var l line
		if err := json.Unmarshal(row, &l); err != nil || !bytes.HasSuffix(row, []byte("\n")) {
			t.Fatalf("line %d %q: %v", len(lines)+1, row, err)
		}
		if lines = append(lines, l); l.Seq != uint64(len(lines)) {
			t.Fatalf("line %d has the seq %d", len(lines), l.Seq)
		}
	}
	return lines
}

func readLog(t *testing.T, capture string) []line {
	t.Helper()
	return parseLog(t, readFile(t, LogPath(capture)))
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// contents is what is in a capture.
type contents struct {
	records    []pcapng.Record // with their own memory
	interfaces []pcapng.Interface
	err        error // that ended the reading; nil at a clean end
}

func readCapture(t *testing.T, path string) (c contents) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapng.NewReader(file, filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	for {
		var rec pcapng.Record
		if err := r.Next(&rec); err != nil {
			if c.interfaces = slices.Clone(r.Interfaces()); !errors.Is(err, io.EOF) {
				c.err = err
			}
			return c
		}
		rec.Data = slices.Clone(rec.Data)
		c.records = append(c.records, rec)
	}
}

// configure returns what most tests record with.
func configure(t *testing.T, command ...string) Config {
	return Config{Interfaces: []string{"lo"}, Capture: filepath.Join(t.TempDir(), "run.pcapng"), RingMiB: 8,
		Command: command, Stderr: os.Stderr, Version: "test",
		Message: func(_ MessageKind, text string) { t.Log("message: " + text) }}
}

// begin starts a recording that must start.
func begin(t *testing.T, cfg Config) *Recording {
	t.Helper()
	r, err := Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// complete waits for a recording that must end well.
func complete(t *testing.T, r *Recording) Summary {
	t.Helper()
	s, err := r.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tcpdump compiles a filter.
func tcpdump(t *testing.T, expression string) []bpf.RawInstruction {
	t.Helper()
	program, err := ParseFilter(strings.NewReader(run(t, "tcpdump", "-ddd", "-y", "EN10MB", "-s", "262144", expression)))
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestOwners records two processes that talk over TCP and UDP: the log gives
// each socket to the right one, at both ends.
func TestOwners(t *testing.T) {
	private(t)
	for _, address := range []string{"127.0.0.1", "::1"} {
		for _, source := range []string{SourceDiag, SourcePoll} {
			t.Run(address+" "+source, func(t *testing.T) {
				cfg := configure(t)
				cfg.Command = as("server", "RECORD_TEST_ADDRESS="+address, "RECORD_TEST_LOG="+LogPath(cfg.Capture))
				var out bytes.Buffer
				cfg.Stdout, cfg.Source = &out, source
				s := complete(t, begin(t, cfg))
				if s.Status == nil || *s.Status != 0 {
					t.Fatalf("the command ended with %v", s.Status)
				}
				if s.Source != source || s.Dropped != 0 {
					t.Errorf("source %s, %d dropped, want %s and none", s.Source, s.Dropped, source)
				}
				server, client := ends(t, &out)
				checkOwners(t, address, server, client, readLog(t, cfg.Capture))
				checkFiles(t, cfg.Capture, s)
				datagrams := 0
				for _, r := range readCapture(t, cfg.Capture).records {
					if udp := len(r.Data) - 8 - len("ping"); bytes.HasSuffix(r.Data, []byte("ping")) && r.Data[udp+4] == 0 && r.Data[udp+5] == 12 {
						datagrams++
					}
				}
				if datagrams != 2*exchanges {
					t.Errorf("%d datagrams in the capture, want each of %d once", datagrams, 2*exchanges)
				}
			})
		}
	}
}

// ends reads what the processes said of themselves.
func ends(t *testing.T, out io.Reader) (server, client end) {
	t.Helper()
	d := json.NewDecoder(out)
	if err := errors.Join(d.Decode(&server), d.Decode(&client)); err != nil {
		t.Fatal(err)
	}
	return server, client
}

func checkOwners(t *testing.T, address string, server, client end, log []line) {
	t.Helper()
	at := func(port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }
	holders := map[string][]int32{} // the last that were found
	closed := map[string]bool{}
	command := map[int32]bool{}
	previous := map[int64]bool{} // when looks ended
	last := int64(0)
	for _, l := range log {
		key := l.Protocol + " " + l.Local + " " + l.Remote
		switch {
		case l.Event == "poll":
			previous[l.End], last = true, l.End
		case l.Event == "process":
			command[l.PID] = command[l.PID] || l.InCommand
		case l.Event != "socket":
		case l.Change == "close":
			closed[key] = true
			if !previous[l.Since] && l.Evidence != "packet" || last-l.Since > 5e9 {
				t.Errorf("close %s: since %d, want the end of a thorough look", key, l.Since)
			}
		default:
			if len(l.Owners) > 0 { // none: it closed while the last look went on
				holders[key] = nil
			}
			for _, o := range l.Owners {
				holders[key] = append(holders[key], o.PID)
			}
			if l.Since > l.Time || l.Change == "open" && l.Since == 0 || l.Change == "snapshot" && l.Since != 0 {
				t.Errorf("%s %s: since %d, time %d", l.Change, key, l.Since, l.Time)
			}
		}
	}
	for key, want := range map[string]int32{
		"tcp " + at(server.TCP) + " ":                  server.PID,
		"udp " + at(server.UDP) + " ":                  server.PID,
		"tcp " + at(server.TCP) + " " + at(client.TCP): server.PID,
		"tcp " + at(client.TCP) + " " + at(server.TCP): client.PID,
		"udp " + at(client.UDP) + " " + at(server.UDP): client.PID,
	} {
		if got := holders[key]; !slices.Equal(got, []int32{want}) {
			t.Errorf("%s: held by %v, want %d", key, got, want)
		}
		if !closed[key] {
			t.Errorf("%s: never closed", key)
		}
	}
	if !command[server.PID] || !command[client.PID] || command[int32(os.Getpid())] {
		t.Errorf("in the command's tree: server %v, client %v, recorder %v", command[server.PID], command[client.PID], command[int32(os.Getpid())])
	}
}

// checkFiles holds a capture to Wireshark's tools and its log to its own end.
func checkFiles(t *testing.T, capture string, s Summary) {
	t.Helper()
	log := readLog(t, capture)
	last := log[len(log)-1]
	if last.Event != "end" || last.Packets != s.Packets || last.Dropped != s.Dropped || last.Events != int64(len(log)) {
		t.Errorf("the log ends with %+v after %d lines, want an end with %d packets", last, len(log), s.Packets)
	}
	if log[0].Event != "head" || log[0].RecordingID != s.RecordingID || len(s.RecordingID) != 32 {
		t.Errorf("the log begins with %+v", log[0])
	}
	seen := slices.DeleteFunc(slices.Clone(log), func(l line) bool { // what the kernel tells is written later
		return l.Boot != 0 && l.Event != "clock" || l.Change == "close" || l.Evidence == "packet"
	})
	if !slices.IsSortedFunc(seen, func(a, b line) int { return int(a.Time - b.Time) }) {
		t.Error("the log is not in the order of time")
	}
	polled := int64(0)
	for _, l := range log {
		if l.Event == "poll" {
			polled = l.End
		}
		if l.Change == "close" && l.Time < polled {
			t.Errorf("socket %d was gone before the poll that saw it last", l.ID)
		}
	}
	for _, path := range append(s.Captures, s.Log) {
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: mode %v, error %v", path, info.Mode(), err)
		}
	}
	c := readCapture(t, capture)
	if c.err != nil || int64(len(c.records)) != s.Packets {
		t.Errorf("%d packets are in the capture, the summary has %d; error %v", len(c.records), s.Packets, c.err)
	}
	if !bytes.Contains(readFile(t, capture)[:200], []byte("recording_id="+s.RecordingID)) {
		t.Error("the section has not the recording's id")
	}
	received := uint64(0)
	for _, i := range c.interfaces {
		if !i.Received.Known || !i.Dropped.Known {
			t.Errorf("%s: no statistics", i.Name)
		}
		received += i.Received.N
	}
	if received != uint64(s.Packets) || c.interfaces[0].Dropped.N != uint64(s.Dropped) {
		t.Errorf("the statistics have %d received and %d dropped, the summary %d and %d", received, c.interfaces[0].Dropped.N, s.Packets, s.Dropped)
	}
	if n := capinfos(t, capture); n != s.Packets {
		t.Errorf("capinfos counts %d packets, the summary %d", n, s.Packets)
	}
}

// capinfos returns Wireshark's count of packets. It must have nothing to say
// against the file.
func capinfos(t *testing.T, capture string) int64 {
	t.Helper()
	fields := strings.Fields(wireshark(t, "capinfos", "-c", "-M", "-T", "-r", capture))
	n, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
	if err != nil {
		t.Fatalf("capinfos: %q", fields)
	}
	return n
}

// fieldsOf returns the rows of some fields of a capture, as tshark has them.
func fieldsOf(t *testing.T, capture string, fields ...string) (rows [][]string) {
	t.Helper()
	args := []string{"-n", "-r", capture, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	for row := range strings.Lines(wireshark(t, "tshark", args...)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(row, "\n"), "\t"))
	}
	return rows
}

// wireshark runs one of its tools, which must not complain.
func wireshark(t *testing.T, name string, args ...string) string {
	t.Helper()
	command := exec.Command(need.Tool(t, name), args...)
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	for l := range strings.Lines(complaints.String()) {
		if !strings.HasPrefix(l, "Running as user") { // that is about us
			t.Errorf("%s: %s", name, l)
		}
	}
	if err != nil {
		t.Errorf("%s %q: %v", name, args, err)
	}
	return string(out)
}

// datagrams sends n datagrams from a socket to itself.
func datagrams(t *testing.T, n, size int) {
	t.Helper()
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	b := make([]byte, size)
	for range n {
		if _, err := u.WriteTo(b, u.LocalAddr()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLoopbackOnce sends a known number of datagrams over loopback, where the
// kernel shows each twice: each is captured once, coming in.
func TestLoopbackOnce(t *testing.T) {
	private(t)
	pair(t)
	for name, interfaces := range map[string][]string{"one": {"lo"}, "two": {"lo", "pair0"}, "all": nil, "any": {"any"}} {
		t.Run(name, func(t *testing.T) {
			cfg := configure(t)
			cfg.Interfaces, cfg.Filter = interfaces, tcpdump(t, "udp")
			r := begin(t, cfg)
			datagrams(t, 100, 10)
			r.Stop()
			s := complete(t, r)
			if s.Packets != 100 {
				t.Errorf("%d packets, want 100", s.Packets)
			}
			checkFiles(t, cfg.Capture, s)
			for _, rec := range readCapture(t, cfg.Capture).records {
				if rec.Flags != 1|1<<2 {
					t.Fatalf("epb_flags %#x, want inbound and unicast", rec.Flags)
				}
			}
		})
	}
}

// TestSnaplen keeps the beginning of frames and their wire length.
func TestSnaplen(t *testing.T) {
	private(t)
	for _, snaplen := range []int{0, 1, 64, 1042, 1043, 70000} {
		cfg := configure(t)
		cfg.Snaplen, cfg.Filter = snaplen, tcpdump(t, "udp")
		r := begin(t, cfg)
		datagrams(t, 3, 1000)
		r.Stop()
		complete(t, r)
		want := 14 + 20 + 8 + 1000
		if snaplen > 0 {
			want = min(want, snaplen)
		}
		c := readCapture(t, cfg.Capture)
		if len(c.records) != 3 || c.interfaces[0].Snaplen != uint32(snaplen) {
			t.Fatalf("snaplen %d: %d packets, the file says %d", snaplen, len(c.records), c.interfaces[0].Snaplen)
		}
		for _, rec := range c.records {
			if len(rec.Data) != want || rec.WireLength != 1042 {
				t.Errorf("snaplen %d: captured %d of %d bytes, want %d of 1042", snaplen, len(rec.Data), rec.WireLength, want)
			}
		}
	}
}

// TestFilters records the same traffic twice at once, with and without a
// filter: the filter lets through what tcpdump finds in the whole.
func TestFilters(t *testing.T) {
	private(t)
	expressions := []string{
		"udp", "not udp", "tcp", "ip6", "icmp", "udp[8] = 0x70", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
		"portrange 1-1024 or len > 500", "host 127.0.0.2", "ip6 and (udp or tcp) and not greater 200", "vlan",
	}
	whole := configure(t)
	recordings := []*Recording{begin(t, whole)}
	var paths []string
	for _, e := range expressions {
		cfg := configure(t)
		cfg.Filter, cfg.FilterText, cfg.RingMiB = tcpdump(t, e), e, 4
		if e != "vlan" { // which the own compiler does not know
			var err error
			if cfg.Filter, err = ParseFilter(strings.NewReader(e)); err != nil {
				t.Fatal(err)
			}
		}
		recordings = append(recordings, begin(t, cfg))
		paths = append(paths, cfg.Capture)
	}
	mixture(t)
	for _, r := range recordings {
		r.Stop()
	}
	for _, r := range recordings {
		if s := complete(t, r); s.Dropped > 0 {
			t.Fatalf("%d packets dropped", s.Dropped)
		}
	}
	if n := capinfos(t, whole.Capture); n < 30 {
		t.Fatalf("only %d packets in all", n)
	}
	for i, e := range expressions {
		found := filepath.Join(t.TempDir(), "found.pcap")
		run(t, "tcpdump", "-r", whole.Capture, "-w", found, e)
		if got, want := len(readCapture(t, paths[i]).records), len(readCapture(t, found).records); got != want {
			t.Errorf("%q: recorded %d packets, tcpdump finds %d", e, got, want)
		}
		if c := readCapture(t, paths[i]); c.interfaces[0].Filter != e {
			t.Errorf("%q: the file names the filter %q", e, c.interfaces[0].Filter)
		}
	}
}

// mixture sends some of everything.
func mixture(t *testing.T) {
	t.Helper()
	datagrams(t, 5, 5)
	datagrams(t, 5, 900)
	for _, address := range []string{"127.0.0.1:0", "127.0.0.2:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.Write([]byte("p"))
		c.Close()
		l.Close()
		u, err := net.ListenPacket("udp", address)
		if err != nil {
			t.Fatal(err)
		}
		u.WriteTo([]byte("p"), u.LocalAddr())
		u.Close()
	}
	if c, err := net.Dial("udp", "127.0.0.1:9"); err == nil {
		c.Write([]byte("nobody")) // answered by ICMP
		c.Close()
	}
}

// TestDrops fills the ring before anybody reads it: every packet is either in
// the file or counted, in the statistics, the summary and the log.
func TestDrops(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.RingMiB, cfg.Filter = 1, tcpdump(t, "udp")
	r, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	const sent = 300
	datagrams(t, sent, 8000)
	if err := r.begin(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.Stop()
	s := complete(t, r)
	if s.Packets+s.Dropped != sent || s.Dropped == 0 || s.Packets == 0 {
		t.Errorf("%d packets and %d dropped of %d", s.Packets, s.Dropped, sent)
	}
	checkFiles(t, cfg.Capture, s)
	lost := int64(0)
	for _, l := range readLog(t, cfg.Capture) {
		if l.Event == "gap" && l.Source == "capture" && l.Begin < l.End {
			lost += l.Count
		}
	}
	if lost != s.Dropped {
		t.Errorf("gaps of %d packets, %d were dropped", lost, s.Dropped)
	}
}

// TestClockEvents reads the clocks at the beginning, at the end, and when
// somebody set them.
func TestClockEvents(t *testing.T) {
	private(t)
	cfg := configure(t)
	r := begin(t, cfg)
	r.stepped()
	within(t, "the step is taken in", func() bool { return len(r.steps) == 0 })
	r.stepped()
	r.stepped() // does not wait
	within(t, "the step is taken in", func() bool { return len(r.steps) == 0 })
	r.Stop()
	complete(t, r)
	clocks := 0
	for _, l := range readLog(t, cfg.Capture) {
		if l.Event == "clock" && l.Boot != 0 {
			clocks++
		}
	}
	if clocks < 4 {
		t.Errorf("%d readings of the clocks, want at least 4", clocks)
	}
}

// TestDrain stops a capture before it read anything: it still takes what is in
// the ring, and nothing that comes later.
func TestDrain(t *testing.T) {
	private(t)
	cfg := configure(t)
	cfg.Filter = tcpdump(t, "udp")
	r, err := prepare(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.abandon()
	datagrams(t, 50, 100)
	r.capture.stop()
	r.capture.run()
	datagrams(t, 50, 100)
	if more, err := r.tap.read(4*blockTimeout, r.capture.take); more || err != nil {
		t.Errorf("the ring still fills: %v", err)
	}
	if r.capture.packets != 50 || r.capture.failed != nil {
		t.Errorf("%d packets, want 50; %v", r.capture.packets, r.capture.failed)
	}
}
