package pcapng

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every way to name a process is read, in both byte orders.
func TestMarks(t *testing.T) {
	for _, order := range orders {
		recs, r, errs := packets(t, marked(order))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		want := []Mark{
			{PID: 7, TID: 8, PPID: -1, UID: -1, Origin: MarkPacketOption}, // its block begins later
			{PID: 9, PPID: -1, UID: -1, Origin: MarkPacketOption},
			{PID: 11, EffectivePID: 0, Name: "Safari", PPID: -1, UID: -1, Origin: MarkApple},
			{PID: 12, Name: "a", Path: "/bin/a", Args: []string{"a", "b"}, PPID: 1, UID: -1, Origin: MarkPtcpdump},
			{PID: 13, Name: "x y", PPID: 2, UID: 0, Origin: MarkRustNet},
			{PID: 14, TID: 15, PPID: -1, UID: -1, Origin: MarkETL},
			{PID: 16, EffectivePID: 17, Name: "ssh", PPID: -1, UID: -1, Origin: MarkPKTAP},
		}
		// Times are microseconds: 5 µs are 5,000 ns, behind both starts.
		want[0] = Mark{PID: 7, TID: 8, Start: 1000, Name: "curl", Args: []string{"curl", "-v"}, PPID: -1, UID: 1000, Origin: MarkWireshark}
		want[1] = Mark{PID: 9, Start: 2000, Name: "curl", Args: []string{"curl", "-v"}, PPID: -1, UID: 1000, Origin: MarkWireshark}
		want[2].EffectivePID = 7
		if d := cmp.Diff(want, r.Marks()); d != "" {
			t.Errorf("%v: %s", order, d)
		}
		for i, rec := range recs {
			if rec.Mark != int32(i+1) {
				t.Errorf("%v: packet %d has mark %d", order, i, rec.Mark)
			}
		}
	}
}

// session appends blocks to a section in which packets are in nanoseconds.
func session(t testing.TB, blocks ...Content) *Reader {
	t.Helper()
	file := AppendBlock(nil, le, &SectionBlock{Major: 1, Length: -1})
	file = AppendBlock(file, le, &InterfaceBlock{LinkType: LinkEthernet, Options: Options{{Code: InterfaceTsresol, Value: []byte{9}}}})
	for _, b := range blocks {
		file = AppendBlock(file, le, b)
	}
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names reads all packets and returns "PID name" of each, and at the end.
func names(t testing.TB, r *Reader) (out []string) {
	t.Helper()
	var marks []int32
	for {
		var rec Record
		err := r.Next(&rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		marks = append(marks, rec.Mark)
	}
	for _, m := range marks {
		if m == 0 {
			out = append(out, "-")
			continue
		}
		out = append(out, strings.TrimSpace(fmt.Sprint(r.Marks()[m-1].PID, " ", r.Marks()[m-1].Name)))
	}
	return out
}

// wireshark is a process block.
func wireshark(pid uint32, name string, start uint64) Content {
	entry := Options{TextOption(processName, name)}
	if start > 0 {
		entry = append(entry, Option{Code: processStart, Value: le.AppendUint64(nil, start)})
	}
	b := entry.append(le.AppendUint32(nil, pid), le)
	return &CustomBlock{Enterprise: penWireshark, NoCopy: true, Data: append(le.AppendUint32(le.AppendUint32(nil, entryProcess), uint32(len(b))), b...)}
}

// by is a packet of a process at a time.
func by(pid uint32, at uint64, comments ...string) Content {
	p := &PacketBlock{Timestamp: at}
	if pid > 0 {
		p.Options = Options{{Code: PacketProcess, Value: le.AppendUint32(le.AppendUint32(nil, pid), 0)}}
	}
	for _, c := range comments {
		p.Options = append(p.Options, TextOption(OptionComment, c))
	}
	return p
}

// A PID that is used again is the latest process that had begun.
func TestMarksReusedPID(t *testing.T) {
	for name, tt := range map[string]struct {
		blocks []Content
		want   []string
	}{
		"blocks in front": {[]Content{wireshark(5, "old", 100), wireshark(5, "new", 200), by(5, 50), by(5, 150), by(5, 250), by(5, 150)},
			[]string{"5", "5 old", "5 new", "5 old"}},
		"block behind":           {[]Content{by(5, 150), by(5, 160), wireshark(5, "late", 100), by(5, 170)}, []string{"5 late", "5 late", "5 late"}},
		"block of a later one":   {[]Content{by(5, 150), wireshark(5, "later", 160), by(5, 170)}, []string{"5", "5 later"}},
		"no start":               {[]Content{by(5, 150), wireshark(5, "any", 0), by(6, 1)}, []string{"5 any", "6"}},
		"other section":          {[]Content{wireshark(5, "there", 0), &SectionBlock{Major: 1}, &InterfaceBlock{}, by(5, 9)}, []string{"5"}},
		"PID 0":                  {[]Content{wireshark(0, "none", 0), by(0, 1)}, []string{"-"}},
		"PID beyond int32":       {[]Content{by(1<<31, 1)}, []string{"-"}},
		"option and comment":     {[]Content{by(5, 1, "PID: 5\nCmd: /bin/ls"), by(5, 1, "PID: 6\nCmd: /bin/ls")}, []string{"5 ls", "5"}},
		"block of another kind":  {[]Content{&CustomBlock{Enterprise: 1, Data: make([]byte, 20)}, &CustomBlock{Enterprise: penWireshark}, by(5, 1)}, []string{"5"}},
		"block too short inside": {[]Content{&CustomBlock{Enterprise: penWireshark, Data: []byte{3, 0, 0, 0, 99, 0, 0, 0, 5, 0, 0, 0}}, by(5, 1)}, []string{"5"}},
		"apple, no such block":   {[]Content{&PacketBlock{Options: Options{{Code: appleProcess, Value: []byte{1, 0, 0, 0}}}}}, []string{"-"}},
		"apple, PID 0": {[]Content{&RawBlock{blockApple, make([]byte, 4)}, &RawBlock{blockApple, nil},
			&PacketBlock{Options: Options{{Code: appleProcess, Value: []byte{0, 0, 0, 0}}}}}, []string{"-"}},
	} {
		if got := names(t, session(t, tt.blocks...)); !cmp.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Comments are believed as far as nobody else can have written them.
func TestMarkComments(t *testing.T) {
	none := Mark{PPID: -1, UID: -1}
	of := func(pid int32, origin MarkOrigin, change func(m *Mark)) Mark {
		m := none
		m.PID, m.Origin = pid, origin
		if change != nil {
			change(&m)
		}
		return m
	}
	for _, tt := range []struct {
		comments string // each ended by |
		want     Mark
	}{
		{"PID: 7\nCmd: /usr/bin/curl\nArgs: curl a|ThreadId: 8\nThreadName: c|UserId: 1000|ParentPID: 3\nParentCmd: sh|ContainerName: x|",
			of(7, MarkPtcpdump, func(m *Mark) {
				m.TID, m.UID, m.PPID, m.Path, m.Name, m.Args = 8, 1000, 3, "/usr/bin/curl", "curl", []string{"curl", "a"}
			})},
		{"PID: 7\nCmd: \nArgs: |", of(7, MarkPtcpdump, nil)},
		{"PID: 7|", of(7, MarkPtcpdump, nil)},
		// An argument that forges an owner, in the same comment and the next.
		{"PID: 7\nCmd: a\nArgs: x\nPID: 1\nThreadId: 2|PID: 1\nCmd: init|", of(7, MarkPtcpdump, func(m *Mark) { m.Path, m.Name, m.Args = "a", "a", []string{"x"} })},
		{"PID: x|", none},
		{"PID: 99999999999|", none},
		{"PID: 0|", none},
		{"ThreadId: 4|", none},
		{"ThreadId: 4|PID: 7|", of(7, MarkPtcpdump, nil)}, // ptcpdump begins with the PID
		{"rustnet process=curl pid=7 ppid=1 uid=0 attr=exact|", of(7, MarkRustNet, func(m *Mark) { m.Name, m.PPID, m.UID = "curl", 1, 0 })},
		{"rustnet process=\"a b\" pid=7|UserId: 3|", of(7, MarkRustNet, func(m *Mark) { m.Name = "a b" })},
		{"rustnet process=x pid=1 pid=7|", none},
		{"rustnet process=x|", none},
		{"PID=7 TID=8|", of(7, MarkETL, func(m *Mark) { m.TID = 8 })},
		{"PID=7|", of(7, MarkETL, nil)},
	} {
		list := strings.Split(strings.TrimSuffix(tt.comments, "|"), "|")
		r := session(t, by(0, 1, append([]string{"an ordinary comment"}, list...)...))
		var rec Record
		if err := r.Next(&rec); err != nil {
			t.Fatal(err)
		}
		got := none
		if rec.Mark > 0 {
			got = r.Marks()[rec.Mark-1]
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q: %s", tt.comments, d)
		}
	}
}

// Marks are bounded, and one error says so; packets still come.
func TestMarksAreBounded(t *testing.T) {
	for name, make := range map[string]func(i int) Content{
		"options":  func(i int) Content { return by(uint32(i+1), 1) },
		"comments": func(i int) Content { return by(0, 1, fmt.Sprint("PID: ", i+1, "\nCmd: ", strings.Repeat("x", 300))) },
		"blocks":   func(i int) Content { return wireshark(uint32(i+1), strings.Repeat("x", 300), 0) },
	} {
		blocks := []Content{by(1, 1)}
		for i := range maxMarks + 10 {
			blocks = append(blocks, make(i))
		}
		blocks = append(blocks, by(1, 1), by(1, 1))
		r := session(t, blocks...)
		n, told := 0, 0
		for {
			var rec Record
			err := r.Next(&rec)
			if err == io.EOF {
				break
			}
			if err != nil {
				told++
				if !strings.Contains(err.Error(), "further ones are left out") {
					t.Fatal(err)
				}
				continue
			}
			n++
		}
		if want := len(blocks); name != "blocks" && n != want || told != 1 || len(r.Marks()) > maxMarks {
			t.Errorf("%s: %d packets of %d, told %d times, %d marks", name, n, want, told, len(r.Marks()))
		}
	}
}

// A packet whose process is known allocates nothing.
func TestMarksAllocate(t *testing.T) {
	for name, p := range map[string]Content{
		"option":  by(5, 1),
		"comment": by(0, 1, "PID: 7\nCmd: /bin/ls", "ParentPID: 3"),
	} {
		blocks := make([]Content, 3000)
		for i := range blocks {
			blocks[i] = p
		}
		r := session(t, blocks...)
		var rec Record
		if n := testing.AllocsPerRun(2000, func() {
			if err := r.Next(&rec); err != nil || rec.Mark != 1 {
				t.Fatal(err, rec.Mark)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}

// What Windows writes into option 8 is the process that happened to run.
func TestMarksOfWindows(t *testing.T) {
	for os, want := range map[string]MarkOrigin{"64-bit Windows 11": MarkPktmon, "Linux 6.1": MarkPacketOption} {
		r := session(t, by(5, 1), &SectionBlock{Major: 1, Options: Options{TextOption(SectionOS, os)}}, &InterfaceBlock{}, by(5, 1))
		names(t, r)
		if m := r.Marks(); len(m) != 2 || m[0].Origin.Loose() || m[1].Origin != want || m[1].Origin.Loose() != (want == MarkPktmon) {
			t.Errorf("%s: %+v", os, m)
		}
	}
}

func TestMarkOrigin(t *testing.T) {
	seen := map[string]bool{}
	for o := MarkOrigin(0); o <= MarkPktmon; o++ {
		seen[o.String()] = true
	}
	if len(seen) != int(MarkPktmon)+1 || !seen["none"] {
		t.Errorf("names: %v", seen)
	}
}

// ptcpdump's own files name their processes.
func TestMarksOfCaptures(t *testing.T) {
	want := map[string]string{"dns.pcapng": "380281 dig", "curl-thread.pcapng": "122868 curl", "curl-user.pcapng": "99722 curl", "icmp.pcapng": "459141 ping", "tcp.pcapng": "345650 curl"}
	captures(t, func(path string, file []byte) {
		name, ok := strings.CutPrefix(path, "ptcpdump/testdata/format/")
		if !ok || want[name] == "" {
			return
		}
		_, r, errs := packets(t, file)
		if len(errs) > 0 || len(r.Marks()) == 0 {
			t.Errorf("%s: %v, marks %v", path, errs, r.Marks())
			return
		}
		for _, m := range r.Marks() {
			if m.Origin == MarkPtcpdump && fmt.Sprint(m.PID, " ", m.Name) == want[name] {
				delete(want, name)
			}
		}
	})
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}
