package encode

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/report/measure"
	"github.com/pcapwho/pcapwho/report/table"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// golden compares with a file of testdata, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		check(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

// benchmark is the analysis of a small recording: two servers, a client with
// a hostile name, DNS that nobody is known to have sent.
func benchmark() *attribute.Result {
	r := &attribute.Result{KnowsLocal: true, First: 1_763_000_000_123_456_789, Last: 1_763_000_003_144_000_000, Processes: []attribute.Process{
		{ID: connlog.ProcessID{PID: 812, Start: 1}, Name: "nginx", Exe: "/usr/sbin/nginx", Args: []string{"nginx", "-g", "daemon off;"}, UID: 33},
		{ID: connlog.ProcessID{PID: 4242, Start: 2}, Name: "python3", Args: []string{"python3", "bench.py"}, UID: 1000, Command: true},
		{ID: connlog.ProcessID{PID: 4243, Start: 3}, Parent: connlog.ProcessID{PID: 4242, Start: 2}, Name: "\x1b[2J\u202eevil 漢字 with a name that is far too long", UID: -1, Command: true},
	}}
	endpoint := func(s string) flow.Endpoint { return flow.EndpointFrom(netip.MustParseAddrPort(s)) }
	owned := func(p int32) attribute.Verdict { return attribute.Verdict{Reason: attribute.Exact, Process: p} }
	none := func(r attribute.Reason) attribute.Verdict {
		return attribute.Verdict{Reason: r, Process: attribute.NoProcess}
	}
	var connections []attribute.Connection
	add := func(id uint64, proto flow.Protocol, client, server string, local [2]bool, v [2]attribute.Verdict, up, down attribute.Counts) {
		a, b := endpoint(client), endpoint(server)
		k, _ := flow.FiveTuple{Source: a.Addr, Destination: b.Addr, SourcePort: a.Port, DestinationPort: b.Port, Protocol: proto}.Key(0)
		connections = append(connections, attribute.Connection{ID: id, Key: k, Endpoint: [2]flow.Endpoint{a, b}, Local: local, IPVersion: 4, First: r.First, Last: r.Last,
			Spans: []attribute.Span{{First: r.First, Last: r.Last, Sent: [2]attribute.Counts{up, down}, Verdict: v}}})
		r.Totals.Add(up)
		r.Totals.Add(down)
	}
	both, client := [2]bool{true, true}, [2]bool{true, false}
	add(1, flow.TCP, "127.0.0.1:40000", "127.0.0.1:80", both, [2]attribute.Verdict{owned(1), owned(0)}, attribute.Counts{Packets: 1200, WireBytes: 90_000, PayloadBytes: 8000, UniqueBytes: 8000}, attribute.Counts{Packets: 2400, WireBytes: 31_234_567, PayloadBytes: 31e6, UniqueBytes: 30e6})
	add(9, flow.TCP, "[2001:db8::1]:40001", "[2001:db8::2]:443", client, [2]attribute.Verdict{owned(2), none(attribute.Remote)}, attribute.Counts{Packets: 10, WireBytes: 1000, PayloadBytes: 100, UniqueBytes: 100}, attribute.Counts{Packets: 12, WireBytes: 2000, PayloadBytes: 200, UniqueBytes: 200})
	shared := none(attribute.Ambiguous)
	shared.Candidates = []int32{1, 2}
	add(11, flow.TCP, "127.0.0.1:40002", "127.0.0.1:80", both, [2]attribute.Verdict{shared, owned(0)}, attribute.Counts{Packets: 5, WireBytes: 500}, attribute.Counts{Packets: 4, WireBytes: 400})
	for i := range 14 {
		add(uint64(20+i), flow.UDP, fmt.Sprintf("192.0.2.7:%d", 50000+i), "192.0.2.53:53", client, [2]attribute.Verdict{none(attribute.Unknown), none(attribute.Remote)}, attribute.Counts{Packets: 1, WireBytes: 80, PayloadBytes: 38, UniqueBytes: 38}, attribute.Counts{Packets: 1, WireBytes: 200, PayloadBytes: 158, UniqueBytes: 158})
	}
	r.Connections = attribute.ConnectionsOf(connections)
	r.Loose = []attribute.Loose{{Source: none(attribute.Kernel), Destination: none(attribute.Group), Counts: attribute.Counts{Packets: 2, WireBytes: 84}}}
	r.Totals.Add(r.Loose[0].Counts)
	return r
}

func summary() *Summary {
	r := benchmark()
	sums, _ := measure.Fold(r, measure.FoldConfig{})
	return &Summary{Result: r, Coverage: sums.Coverage, Processes: sums.Processes, Host: "build-7", Command: []string{"python3", "bench.py", "--size", "10 MB"},
		Capture:  &measure.Capture{Files: []string{"run.pcapng"}, Totals: r.Totals, First: r.First, Last: r.Last, Dropped: 3, DropsKnown: true},
		Warnings: []string{"the recorder dropped 3 packets"}, Hints: []string{"give the recorder a larger buffer"}}
}

func TestText(t *testing.T) {
	for name, style := range map[string]Style{"text.golden": {}, "text-narrow.golden": {Width: 60}, "text-wide-color.golden": {Width: 200, Color: true}} {
		var out bytes.Buffer
		check(t, Text(&out, summary(), style))
		golden(t, name, out.Bytes())
	}
}

func TestTextOfNothing(t *testing.T) {
	var out bytes.Buffer
	r := &attribute.Result{}
	check(t, Text(&out, &Summary{Capture: &measure.Capture{Files: []string{"empty.pcap"}}, Coverage: &measure.Coverage{}, Result: r}, Style{}))
	if got, want := out.String(), "empty.pcap\nno packets\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever a log names its processes, the text has no control character but
// line feeds, and no line is wider than the terminal.
func TestTextIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := summary()
		for i := range s.Result.Processes {
			s.Result.Processes[i].Name = strings.ToValidUTF8(rapid.String().Draw(rt, "name"), "\uFFFD")
		}
		s.Command = rapid.SliceOf(rapid.String()).Draw(rt, "command")
		s.Host = rapid.String().Draw(rt, "host")
		s.Capture.Files = []string{rapid.String().Draw(rt, "file")}
		width := rapid.IntRange(minWidth, maxWidth).Draw(rt, "width")
		var out bytes.Buffer
		check(t, Text(&out, s, Style{Width: width}))
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if at := strings.IndexFunc(line, hidden); at >= 0 {
				rt.Fatalf("line %q has %q", line, line[at:])
			}
			if columns(line) > width && !strings.HasPrefix(line, "warning: ") && !strings.HasPrefix(line, "hint: ") {
				rt.Fatalf("line %q has %d columns of %d", line, columns(line), width)
			}
		}
	})
}

// The whole document, and what it must look like.
func TestJSON(t *testing.T) {
	s := summary()
	doc := encoded(t, NewJSON, s.Capture.Table(), s.Coverage.Table(), measure.Damage(nil), s.Processes.Table(nil), measure.Connections(s.Result, nil, true, 2))
	golden(t, "analysis.golden.json", doc)
	valid(t, analysisSchema(t), doc)
}

// Every document follows docs/analysis.schema.json, and one that does not is
// noticed.
func TestJSONSchema(t *testing.T) {
	schema := analysisSchema(t)
	for _, s := range table.All() {
		rapid.Check(t, func(rt *rapid.T) { valid(t, schema, encoded(t, NewJSON, drawn(rt, s))) })
	}
	valid(t, schema, encoded(t, NewJSON))
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"schema_version": 1, "coverage": [{"side": 1}]}`))
	check(t, err)
	if schema.Validate(doc) == nil {
		t.Error("a document without its columns is valid")
	}
}

func valid(t testing.TB, schema *jsonschema.Schema, doc []byte) {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	check(t, err)
	if err := schema.Validate(value); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
}

func analysisSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile("../../docs/analysis.schema.json")
	check(t, err)
	return s
}
