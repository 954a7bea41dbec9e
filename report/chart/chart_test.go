package chart

import (
	"bytes"
	"encoding/xml"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/report/table/tabletest"
	"github.com/pcapwho/pcapwho/report/view"
	"github.com/pcapwho/pcapwho/report/view/viewtest"
)

const hostile = `</text><script>alert("1")</script><!-- ]]> & '` + "\u202e\x00\x1b[2J\xff"

func measured(t *testing.T, s *view.Source) *view.Measured {
	t.Helper()
	m, err := view.Measure(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func written(t *testing.T, name string, asPNG bool, m *view.Measured) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, name, asPNG, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// drawn is what an SVG holds: its elements by name, and its texts.
type drawn struct {
	elements map[string]int
	fills    map[string]int // of rectangles and areas
	texts    []string
}

// parsed reads an SVG, whose elements are those that charts have and point nowhere.
func parsed(t *testing.T, svg []byte) drawn {
	t.Helper()
	d := drawn{elements: map[string]int{}, fills: map[string]int{}}
	decoder := xml.NewDecoder(bytes.NewReader(svg))
	in := ""
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			in = e.Name.Local
			d.elements[in]++
			for _, a := range e.Attr {
				if a.Name.Local == "fill" && in != "text" {
					d.fills[a.Value]++
				}
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") || a.Name.Local == "style" || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					t.Errorf("<%s %s=%q>", in, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			if in == "text" && strings.TrimSpace(string(e)) != "" {
				d.texts = append(d.texts, string(e))
			}
		case xml.Comment, xml.Directive:
			t.Errorf("%v", e)
		}
	}
	for name := range d.elements {
		if !slices.Contains([]string{"svg", "title", "desc", "rect", "path", "text"}, name) {
			t.Errorf("there is an element %s", name)
		}
	}
	return d
}

// Names are texts, whatever is in them, and a PNG has the same size.
func TestHostileNames(t *testing.T) {
	m, plain := measured(t, viewtest.Source(60, 9, hostile)), measured(t, viewtest.Source(60, 9, "plain"))
	for _, name := range Names() {
		svg := written(t, name, false, m)
		d := parsed(t, svg)
		if got, want := d.elements["text"], parsed(t, written(t, name, false, plain)).elements["text"]; got != want {
			t.Errorf("%s has %d texts, with plain names %d", name, got, want)
		}
		for _, bad := range []string{"\u202e", "\x00", "\x1b", "\xff"} {
			if bytes.Contains(svg, []byte(bad)) {
				t.Errorf("%s has %q", name, bad)
			}
		}
		found := slices.ContainsFunc(d.texts, func(s string) bool { return strings.HasPrefix(s, "</text><scr") })
		if want := name == "throughput" || name == "received" || name == "waterfall"; found != want {
			t.Errorf("%s shows the name: %v, want %v: %q", name, found, want, d.texts)
		}
	}
}

// What is planted is shown: phases, processes with their bytes, connections in the order
// of their first packets, steps of a connection, distributions.
func TestPlanted(t *testing.T) {
	m := measured(t, planted())
	texts := func(name string) string { return strings.Join(parsed(t, written(t, name, false, m)).texts, "\n") }
	for name, want := range map[string][]string{
		"throughput": {"Throughput by sender", "load", "MB/s", "10 MB\nsmall[2]", "40 MB\nlarge[1]", "bytes on the wire in steps of 100 ms; ", "time since the first packet (ms)"},
		"received":   {"Throughput by receiver", "load", "7 MB\nsmall[2]", "received"},
		"waterfall":  {"3 connections of the capture", "large[1]", "→ a.example:443", "→ [2001:db8::1]:80", "10 kB", "1 MB", "unknown", "7"},
		"rtt":        {"handshake: median 3.0 ms, n = 1", "to the server: median 1.0 ms, n = 1", "1 ms", "% of connections"},
		"size":       {"both directions: median 10 kB, n = 3", "1 kB", "1 MB"},
	} {
		got := texts(name)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s does not say %q:\n%s", name, w, got)
			}
		}
	}
	got := texts("waterfall")
	if strings.Index(got, "a.example") > strings.Index(got, "2001:db8") {
		t.Error("connections are not in the order of their first packets")
	}
	d := parsed(t, written(t, "waterfall", false, m))
	for what, fill := range map[string]color.RGBA{"look-up": lookupFill, "connect": connectFill, "TLS": tlsFill, "reset": badFill} {
		if n := d.fills[hex(fill)]; n != 2 { // one, and in the key
			t.Errorf("%d of %s, want 2", n, what)
		}
	}
	bars, left, leftBytes := m.Bars(2)
	if len(bars) != 2 || left != 1 || leftBytes != 1000 || bars[0].Lookup != (view.Step{Begin: 0, End: 5e6}) || bars[0].Connect != (view.Step{Begin: 10e6, End: 13e6}) || bars[0].TLS != (view.Step{Begin: 14e6, End: 34e6}) {
		t.Errorf("%+v, %d left with %d bytes", bars, left, leftBytes)
	}
}

// planted is a result of known numbers: a second, two processes, three connections.
func planted() *view.Source {
	const at, ms = int64(1e18), int64(1e6)
	rows := []map[string]any{
		{"connection_id": 1, "protocol": "tcp", "client_ip": "192.0.2.1", "server_ip": "198.51.100.1", "client_port": 4000, "server_port": 443, "first_ns": at + 10*ms, "last_ns": at + 900*ms,
			"client_wire_bytes": 1000, "server_wire_bytes": 9000, "client_pid": 1, "client_name": "large", "client_reason": "exact", "server_reason": "remote", "server_host": "a.example",
			"lookup_first_ns": at, "lookup_last_ns": at + 5*ms, "server_handshake_ns": 2 * ms, "client_handshake_ns": ms, "initial_rtt_ns": 3 * ms, "client_first_byte_ns": 4 * ms, "server_first_byte_ns": 9 * ms,
			"tls_handshake_ns": 20 * ms, "client_rtt_median_ns": ms, "ended": "server_reset", "client_retransmitted_segments": 4, "server_retransmitted_segments": 3},
		{"connection_id": 2, "protocol": "udp", "client_ip": "2001:db8::2", "server_ip": "2001:db8::1", "client_port": 4000, "server_port": 80, "first_ns": at + 20*ms, "last_ns": at + 30*ms,
			"client_wire_bytes": 1000000, "client_reason": "unknown", "server_reason": "remote"},
		{"connection_id": 3, "protocol": "udp", "client_ip": "192.0.2.1", "server_ip": "198.51.100.2", "client_port": 4001, "server_port": 53, "first_ns": at + 30*ms, "last_ns": at + 31*ms,
			"client_wire_bytes": 400, "server_wire_bytes": 600, "client_reason": "unknown", "server_reason": "remote"},
	}
	list := func(s *table.Schema, rows ...map[string]any) *table.Table {
		return table.Of(s, len(rows), func(b *table.Batch, i int) { tabletest.Fill(b, rows[i]) })
	}
	var buckets []map[string]any
	for i := range int64(10) {
		buckets = append(buckets, map[string]any{"begin_ns": at + 100*ms*i, "bucket_ns": 100 * ms, "pid": 1, "start_ns": at, "name": "large", "sent_wire_bytes": 4000000},
			map[string]any{"begin_ns": at + 100*ms*i, "bucket_ns": 100 * ms, "pid": 2, "start_ns": at, "name": "small", "sent_wire_bytes": 1000000, "received_wire_bytes": 700000})
	}
	return &view.Source{Tables: []*table.Table{
		list(table.Capture(), map[string]any{"packets": 7, "first_ns": at, "last_ns": at + 1000*ms}),
		list(table.Processes(), map[string]any{"pid": 1, "start_ns": at, "name": "large", "sent_wire_bytes": 40000000}, map[string]any{"pid": 2, "start_ns": at, "name": "small", "sent_wire_bytes": 10000000}),
		list(table.Phases(), map[string]any{"phase_id": 1, "phase": "load", "begin_ns": at + 200*ms, "end_ns": at + 700*ms}),
		list(table.Connections(), rows...),
		list(table.Timeseries(), buckets...),
	}}
}

// A PNG has the pixels of what is planted: of a second in which two processes send evenly,
// four parts of one colour on one part of another.
func TestPixels(t *testing.T) {
	m := measured(t, planted())
	for _, name := range Names() {
		p, err := png.Decode(bytes.NewReader(written(t, name, true, m)))
		if err != nil {
			t.Fatal(err)
		}
		colors := map[color.RGBA]int{}
		for y := 0; y < p.Bounds().Dy(); y += 3 {
			for x := 0; x < p.Bounds().Dx(); x += 3 {
				colors[p.(*image.RGBA).RGBAAt(x, y)]++
			}
		}
		all := p.Bounds().Dx() * p.Bounds().Dy() / 9
		if p.Bounds().Dx() < 1900 || colors[white] < all/4 || colors[ink] < 50 {
			t.Errorf("%s: %v with %d white pixels, %d of ink", name, p.Bounds(), colors[white], colors[ink])
		}
		if ratio := float64(colors[blue]) / float64(colors[orange]); name == "throughput" && (math.Abs(ratio-4) > 0.1 || colors[blue] < all/8) {
			t.Errorf("%d blue pixels and %d orange ones: %.2f times as many, want 4", colors[blue], colors[orange], ratio)
		}
	}
}

// However large a result is, its charts are small, and the same again.
func TestLarge(t *testing.T) {
	s := viewtest.Source(view.MaxConnections+500, 300, strings.Repeat("long name ", 100))
	m := measured(t, s)
	for _, name := range Names() {
		svg := written(t, name, false, m)
		if len(svg) > 300_000 || !bytes.Equal(svg, written(t, name, false, m)) {
			t.Errorf("%s has %d bytes, or others the second time", name, len(svg))
		}
		parsed(t, svg)
	}
	s.Activity = nil
	s.Tables = slices.DeleteFunc(s.Tables, func(tab *table.Table) bool { return tab.Name == "connections" })
	for i, tab := range s.Tables { // a million buckets, and as many phases as are drawn
		switch tab.Name {
		case "timeseries":
			s.Tables[i] = table.Of(table.Timeseries(), 1_000_000, func(b *table.Batch, i int) {
				tabletest.Fill(b, map[string]any{"begin_ns": int64(1e18) + int64(i)*5000, "bucket_ns": int64(5000), "reason": "unknown", "sent_wire_bytes": i % 7})
			})
		case "phases":
			s.Tables[i] = table.Of(table.Phases(), 5000, func(b *table.Batch, i int) {
				tabletest.Fill(b, map[string]any{"phase_id": i + 1, "phase": "x", "begin_ns": int64(1e18) + int64(i), "end_ns": int64(1e18) + int64(i) + 1e9})
			})
		}
	}
	svg := written(t, "throughput", false, measured(t, s))
	if d := parsed(t, svg); len(svg) > 100_000 || !slices.Contains(d.texts, "unknown") || !slices.ContainsFunc(d.texts, func(s string) bool {
		return strings.Contains(s, "steps of 20 ms") || strings.Contains(s, "steps of 25 ms")
	}) {
		t.Errorf("%d bytes: %q", len(svg), d.texts)
	}
}

// Processes beyond those with a colour are one layer, and what has none another.
func TestLayers(t *testing.T) {
	s := planted()
	const many = 15
	for i, tab := range s.Tables {
		switch tab.Name {
		case "processes":
			s.Tables[i] = table.Of(tab.Schema, many, func(b *table.Batch, i int) {
				tabletest.Fill(b, map[string]any{"pid": i + 1, "start_ns": i + 1, "name": "p", "sent_wire_bytes": 1000 * (many - i)})
			})
		case "timeseries":
			s.Tables[i] = table.Of(tab.Schema, many+1, func(b *table.Batch, i int) {
				row := map[string]any{"begin_ns": int64(1e18), "bucket_ns": int64(1e9), "pid": i + 1, "start_ns": i + 1, "name": "p", "sent_wire_bytes": 1000 * (many - i)}
				if i == many {
					row = map[string]any{"begin_ns": int64(1e18), "bucket_ns": int64(1e9), "reason": "remote", "sent_wire_bytes": 500_000}
				}
				tabletest.Fill(b, row)
			})
		}
	}
	texts := strings.Join(parsed(t, written(t, "throughput", false, measured(t, s))).texts, " ")
	if !strings.Contains(texts, "sent 500 kB remote 36 kB other processes 9 kB p[7] 10 kB p[6] 11 kB p[5]") {
		t.Error(texts)
	}
}

// What a result does not have is told.
func TestNothing(t *testing.T) {
	m := measured(t, &view.Source{})
	for _, name := range Names() {
		if d := parsed(t, written(t, name, false, m)); len(d.texts) < 2 {
			t.Errorf("%s says %q", name, d.texts)
		}
	}
}

// Ticks are round, in one unit, and where they belong.
func TestTicks(t *testing.T) {
	labels := func(ticks []tick) (all []string) {
		for _, one := range ticks {
			all = append(all, one.label)
		}
		return all
	}
	for _, tt := range []struct {
		got  []tick
		want string
	}{
		{linear(2.4e9, 6, times[3]), "0.0 0.5 1.0 1.5 2.0"},
		{linear(3*3600e9, 7, times[4]), "0 30 60 90 120 150 180"},
		{linear(1, 5, times[0]), "0.0 0.2 0.4 0.6 0.8 1.0"},
		{decades(1e3, 1e6, 9, times), "1 µs,10 µs,100 µs,1 ms"},
		{decades(1, 1e18, 9, sizes), "1 B,1 kB,1 MB,1 GB,1 TB,1 PB,1 EB"},
	} {
		separator := " "
		if strings.Contains(tt.want, ",") {
			separator = ","
		}
		if got := strings.Join(labels(tt.got), separator); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	for v, want := range map[float64]string{0: "0 B", 999: "999 B", 999.9: "1.00 kB", 1500: "1.50 kB", 99_960: "100 kB", 5e18: "5 EB"} {
		if got := amount(v, sizes); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}
