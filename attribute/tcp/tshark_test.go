package tcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// analysis is what both tshark and we tell of one segment.
type analysis struct {
	New bool   // it begins a stream
	Is  string // words of classes
	RTT int64  // initial round-trip time, nanoseconds; 0 = not told
}

// classes are tshark's fields, without tcp.analysis in front, and our words for
// them.
var classes = []struct{ field, word string }{
	{"retransmission", "again"}, {"fast_retransmission", "fast"}, {"spurious_retransmission", "spurious"}, {"out_of_order", "overtaken"},
	{"lost_segment", "gap"}, {"duplicate_ack", "duplicate"}, {"keep_alive", "alive"}, {"zero_window", "closed"},
}

// counts lists what Follower counts of classes, of both sides.
func (f *Follower) counts(n int32) (counts [8]uint32) {
	c := f.states.At(n)
	for side := range c.half {
		if c.half[side].trouble == 0 {
			continue
		}
		t := f.troubles.At(c.half[side].trouble)
		for i, v := range []uint32{t.retransmitted, t.fast, t.spurious, t.outOfOrder, t.lost, t.duplicateACKs, t.keepAlives, t.zeroWindows} {
			counts[i] += v
		}
	}
	return counts
}

// analyst follows segments and tells what each is.
type analyst struct {
	instances *conn.Follower
	follower  Follower
	streams   int
}

func newAnalyst() *analyst { return &analyst{instances: conn.NewFollower(nil, true)} }

func (a *analyst) add(p *packet.Packet) analysis {
	k, side := p.Tuple.Key(0)
	i, _ := a.instances.Add(p, &k, side)
	in := a.instances.Instance(i)
	begins := in.Measured == 0
	if begins {
		in.Measured = a.follower.Begin()
		a.streams++
	}
	before := a.follower.counts(in.Measured)
	a.follower.Add(in.Measured, p, side, uint32(a.instances.Unique()))
	is := ""
	for i, n := range a.follower.counts(in.Measured) {
		if n != before[i] {
			is += classes[i].word + " "
		}
	}
	return analysis{begins, is, max(0, a.follower.states.At(in.Measured).handshake.initialRTT())}
}

// dissected asks tshark about every frame of a capture.
func dissected(t *testing.T, path string) (all []analysis) {
	t.Helper()
	args := []string{"-n", "-r", path, "--disable-protocol", "mptcp", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.analysis.initial_rtt"}
	for _, c := range classes {
		args = append(args, "-e", "tcp.analysis."+c.field)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(need.Tool(t, "tshark"), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, stderr.Bytes())
	}
	streams := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		a := analysis{New: !streams[cells[0]], RTT: nanoseconds(cells[1])}
		streams[cells[0]] = true
		for i, c := range cells[2:] {
			if c != "" {
				a.Is += classes[i].word + " "
			}
		}
		all = append(all, a)
	}
	return all
}

// nanoseconds reads seconds as tshark writes them.
func nanoseconds(s string) int64 {
	whole, part, _ := strings.Cut(s, ".")
	n, _ := strconv.ParseInt(whole+(part + "000000000")[:9], 10, 64)
	return n
}

// each calls f with the TCP segments of a capture, but for those that were
// fragmented, which tshark analyzes where they are put together.
func each(t *testing.T, path string, f func(*packet.Packet)) {
	t.Helper()
	c, err := ingest.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for batch := make([]packet.Packet, 1000); err == nil; {
		var n int
		n, err = c.Read(batch)
		for i := range batch[:n] {
			if p := &batch[i]; p.Class == packet.Transport && p.Tuple.Protocol == flow.TCP && !p.Fragmented {
				f(p)
			}
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
}

// headers writes captures of nothing but TCP headers, with addresses that none of
// two captures share: one run of tshark has them all.
type headers struct {
	bytes.Buffer
	addresses map[string]uint32 // by capture and address
}

func newHeaders() *headers {
	h := &headers{addresses: map[string]uint32{}}
	h.Write(binary.LittleEndian.AppendUint64(nil, 0x0004_0002_a1b2_3c4d)) // classic pcap, nanoseconds
	h.Write(append(make([]byte, 8), 0xff, 0xff, 0, 0, 101, 0, 0, 0))      // raw IP
	return h
}

func (h *headers) address(file string, a flow.Addr) uint32 {
	k := file + " " + a.String()
	if h.addresses[k] == 0 {
		h.addresses[k] = 10<<24 + uint32(len(h.addresses)) + 1
	}
	return h.addresses[k]
}

// add writes p, and makes its addresses those that it has there.
func (h *headers) add(file string, p *packet.Packet) {
	source, destination := h.address(file, p.Tuple.Source), h.address(file, p.Tuple.Destination)
	p.Tuple.Source, p.Tuple.Destination = flow.AddrFrom4(source), flow.AddrFrom4(destination)
	p.Hash = p.Tuple.Hash()
	le, be := binary.LittleEndian, binary.BigEndian
	b := le.AppendUint32(nil, uint32(p.Time/1e9))
	b = le.AppendUint32(b, uint32(p.Time%1e9))
	b = le.AppendUint32(b, 40)
	b = le.AppendUint32(b, 40+p.Payload)
	b = be.AppendUint16(append(b, 0x45, 0), uint16(40+p.Payload))
	b = append(b, 0, 0, 0x40, 0, 64, 6, 0, 0)
	b = be.AppendUint32(be.AppendUint32(b, source), destination)
	b = be.AppendUint16(be.AppendUint16(b, p.Tuple.SourcePort), p.Tuple.DestinationPort)
	b = be.AppendUint32(be.AppendUint32(b, p.Seq), p.Ack)
	b = be.AppendUint16(append(b, 5<<4, p.TCPFlags), p.Window)
	h.Write(append(b, 0, 0, 0, 0))
}

// run asks tshark about all of them.
func (h *headers) run(t *testing.T) []analysis {
	t.Helper()
	path := filepath.Join(t.TempDir(), "headers.pcap")
	if err := os.WriteFile(path, h.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return dissected(t, path)
}

// unlike are the captures of which tshark tells something else than we do, of so
// many segments. docs/measures.md has them too.
var unlike = map[string]struct {
	segments int
	why      string
}{
	"arkime/tests/pcap/arkime_synthetic.pcap":         {13, "frames 555 to 588: the SYN is of the time 0, which is none"},
	"arkime/tests/pcap/tcp-reassembly-synthetic.pcap": {1, "frame 101: a SYN behind both FINs begins a connection"},
	"arkime/tests/pcap/tcp_handshake_synthetic.pcap":  {1, "frame 50: the first ACK has the number that stands in the SYN, which acknowledges nothing"},
	"arkime/tests/pcap/y2038-bgp.pcap":                {1, "frame 3: silent for years"},
	"ptcpdump/testdata/format/tcp.pcapng":             {1, "frame 16: a FIN is repeated after an ACK of what the capture has later; for tshark that stands for duplicate ACKs"},
	"tcpdump/tests/kday3.pcap":                        {1, "frame 6: silent for days"},
	"tcpdump/tests/smb_data_print-segv.pcap":          {1, "frame 4: silent for years"},
}

// Of every segment of generated captures tshark tells what we tell.
func TestTshark(t *testing.T) {
	paths := map[string]string{}
	for _, name := range []string{"small", "mixed"} {
		k, _ := traffic.Lookup(name)
		dir := t.TempDir()
		if _, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 5, Scale: 0.01}); err != nil {
			t.Fatal(err)
		}
		paths[name] = filepath.Join(dir, name+".pcapng")
	}
	compare(t, paths)
}

// So it does of third-party captures, but for those that are unlike.
func TestTsharkCorpora(t *testing.T) {
	dir := need.Env(t, need.Corpora, "a folder of third-party captures")
	paths := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if c, err := ingest.Open(path); err == nil {
				c.Close()
				name, _ := filepath.Rel(dir, path)
				paths[filepath.ToSlash(name)] = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, paths)
}

func compare(t *testing.T, paths map[string]string) {
	t.Helper()
	need.Tool(t, "tshark")
	type place struct {
		name  string
		frame uint64
	}
	var places []place
	var got []analysis
	a, h := newAnalyst(), newHeaders()
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		each(t, paths[name], func(p *packet.Packet) {
			if p.Payload > 65_000 || p.Time <= 0 {
				return // no such IPv4 packet, or no time
			}
			h.add(name, p)
			places = append(places, place{name, p.Frame})
			got = append(got, a.add(p))
		})
	}
	want := h.run(t)
	if len(want) != len(got) {
		t.Fatalf("tshark has %d frames, want %d", len(want), len(got))
	}
	different := map[string][]string{}
	for i := range want {
		if want[i].RTT == 0 { // it is told with other things only
			got[i].RTT = 0
		}
		if got[i] != want[i] {
			name := places[i].name
			different[name] = append(different[name], fmt.Sprintf("frame %d: %s", places[i].frame, cmp.Diff(want[i], got[i])))
		}
	}
	for name := range paths {
		if list := different[name]; len(list) != unlike[name].segments {
			t.Errorf("%s: %d segments are something else, expected %d:\n%s", name, len(list), unlike[name].segments, strings.Join(list[:min(len(list), 5)], "\n"))
		}
	}
	t.Logf("%d segments, %d streams, %d captures", len(got), a.streams, len(paths))
}
