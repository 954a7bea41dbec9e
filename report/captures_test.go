package report

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// What folders and patterns stand for.
func TestCaptures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	capture := readAll(mixture(t).end())
	for name, content := range map[string]string{
		"a/2.pcapng": capture, "a/1.pcap": capture, "a/noname": capture, "a/cut": capture[:40], "a/run.conns.jsonl": `{"event":"head"}`,
		"a/empty.pcapng": "", "a/notes.txt": "hello", "a/inside/3.pcapng": capture, "a/.hidden.pcapng": capture,
		"b/none": "", "[x].pcapng": capture, "x.pcapng": capture,
	} {
		must(t, os.MkdirAll(filepath.Dir(name), 0o700))
		must(t, os.WriteFile(name, []byte(content), 0o600))
	}
	for _, tt := range []struct{ given, want string }{
		{"a", "a/.hidden.pcapng a/1.pcap a/2.pcapng a/cut a/noname"},
		{"a/*", "a/1.pcap a/2.pcapng a/cut a/empty.pcapng a/noname a/notes.txt"}, // what is none will be told
		{"a/[12].*", "a/1.pcap a/2.pcapng"},
		{"a/.h*", "a/.hidden.pcapng"},
		{"a/2.pcapng a", "a/2.pcapng a/.hidden.pcapng a/1.pcap a/cut a/noname"}, // once
		{"a/2.pcapng ./a/2.pcapng", "a/2.pcapng ./a/2.pcapng"},                  // given so: an error later
		{"a/? a/?.pcapng b", "a/? a/2.pcapng b"},                                // who opens a/? and b will tell
		{"a/? b", "no match"},
		{"[x].pcapng", "[x].pcapng"}, // a file of that name
		{"- missing", "- missing"},
		{"b", "no capture"},
		{"*.none", "no match"},
		{"a/[", "no match"},
	} {
		got, err := Captures(strings.Fields(tt.given))
		var input *InputError
		switch {
		case strings.HasPrefix(tt.want, "no "):
			if !errors.As(err, &input) || input.Hint == "" {
				t.Errorf("%s: %v, %v", tt.given, got, err)
			}
		case err != nil || !slices.Equal(got, strings.Fields(filepath.FromSlash(tt.want))) && filepath.Separator == '/':
			t.Errorf("%s: %v, %v; want %s", tt.given, got, err, tt.want)
		}
	}
}

// The order in which captures are given does not matter: frame numbers, logs and
// all. What overlaps is told, unless it is merged.
func TestOrderOfCaptures(t *testing.T) {
	var captures []string
	for n := range 3 {
		rec := record(t)
		rec.now += int64(n) * 200e9
		rec.conversation("127.0.0.1:40000", "127.0.0.1:80")
		captures = append(captures, rec.end())
	}
	first := tables(t, analyze(t, Config{Captures: captures, Tables: all()}), JSON)
	slices.Reverse(captures)
	r := analyze(t, Config{Captures: captures, Tables: all()})
	again := tables(t, r, JSON)
	for _, s := range all() {
		if len(first[s]) != len(again[s]) {
			t.Fatalf("%s: %d rows, then %d", s, len(first[s]), len(again[s]))
		}
		for i := range first[s] {
			for column, v := range first[s][i] {
				if again[s][i][column] != v {
					t.Errorf("%s %d: %s is %q, then %q", s, i, column, v, again[s][i][column])
				}
			}
		}
	}
	if ids := again["connections"]; ids[0]["connection_id"] != "1" || ids[2]["connection_id"] != "15" || slices.Contains(kinds(r), Overlap) {
		t.Errorf("connections %v; warnings %v", ids, r.Warnings)
	}
	other := record(t)
	other.now += 200e9 - 10e6
	other.conversation("127.0.0.1:40001", "127.0.0.1:80")
	captures = append(captures, other.end())
	if r = analyze(t, Config{Captures: captures}); !slices.Contains(kinds(r), Overlap) {
		t.Errorf("files overlap, and the warnings are %+v", r.Warnings)
	}
	if r = analyze(t, Config{Captures: captures, Merge: true, Tables: []string{"packets"}}); slices.Contains(kinds(r), Overlap) {
		t.Errorf("merged: %+v", r.Warnings)
	}
	last := ""
	for _, p := range tables(t, r, JSON)["packets"] {
		if p["time_ns"] < last {
			t.Errorf("packet %s at %s, after one at %s", p["frame_number"], p["time_ns"], last)
		}
		last = p["time_ns"]
	}
}

// One capture of several that cannot be read costs itself, and is no input
// error; the only one is.
func TestUnreadableAmongSeveral(t *testing.T) {
	good, missing := mixture(t).end(), filepath.Join(t.TempDir(), "missing.pcapng")
	r := analyze(t, Config{Captures: []string{missing, good}})
	if !r.Damaged() || r.Attribution.Totals.Packets != 19 || len(r.Capture.Files) != 1 || r.Damage[0].File != missing || !strings.HasPrefix(r.Damage[0].Message, "left out: ") {
		t.Errorf("%d packets of %v, damage %v", r.Attribution.Totals.Packets, r.Capture.Files, r.Damage)
	}
}

// Packets whose times do not fit, or that have none, are counted, have NULL for
// a time, and say nothing of when the capture was made.
func TestPacketsWithoutTime(t *testing.T) {
	r := record(t)
	r.udp("10.0.0.1:5000", "10.0.0.2:53", 30)
	must(t, r.writer.WriteBlock(&pcapng.InterfaceBlock{LinkType: 1, Options: pcapng.Options{{Code: pcapng.InterfaceTsresol, Value: []byte{0}}}})) // seconds
	must(t, r.writer.WriteBlock(&pcapng.PacketBlock{Interface: 1, Timestamp: 1 << 40, Data: make([]byte, 60), WireLength: 60}))
	must(t, r.writer.WriteBlock(&pcapng.SimplePacketBlock{Data: make([]byte, 60), WireLength: 60}))
	read := tables(t, analyze(t, Config{Captures: []string{r.alone()}, Tables: all()}), JSON)
	c, when := read["capture"][0], strconv.FormatInt(epoch+4e6, 10)
	if c["packets"] != "3" || c["first_ns"] != c["last_ns"] || c["first_ns"] != when {
		t.Errorf("the capture is %v, want all at %s", c, when)
	}
	for i, p := range read["packets"] {
		if want := map[bool]string{true: when}[i == 0]; p["time_ns"] != want {
			t.Errorf("packet %d is at %q, want %q", i+1, p["time_ns"], want)
		}
	}
}
