package connlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const (
	headLine   = `{"event":"head","time_ns":1,"seq":1,"schema":"pcapwho.connlog/1"}` + "\n"
	pollLine   = `{"event":"poll","time_ns":2,"seq":2,"begin_ns":1,"end_ns":2,"sockets":0}` + "\n"
	socketLine = `{"event":"socket","time_ns":3,"seq":3,"change":"open","socket_id":5,"protocol":"tcp","local":"192.0.2.1:80","owners":[{"pid":7,"start_ns":1}]}` + "\n"
	endLine    = `{"event":"end","time_ns":4,"seq":4,"packets":0,"dropped":0,"events":4}` + "\n"
)

// read returns the kinds of the events of a log, "?" for a line that was
// reported, and the errors, the last one included if it is not io.EOF.
func read(t testing.TB, src io.Reader) (kinds string, errs []error) {
	t.Helper()
	r := NewReader(src, "x.jsonl")
	for n := 0; ; n++ {
		e, err := r.Next()
		var bad *LineError
		switch {
		case err == nil:
			kinds += e.Kind.String() + " "
		case err == io.EOF:
			return strings.TrimSpace(kinds), errs
		case errors.As(err, &bad):
			kinds += "? "
			errs = append(errs, err)
		default:
			if _, again := r.Next(); again != err {
				t.Errorf("after %v: %v", err, again)
			}
			return strings.TrimSpace(kinds), append(errs, err)
		}
	}
}

func TestReader(t *testing.T) {
	for _, tt := range []struct{ name, log, kinds, err string }{
		{"whole", headLine + pollLine + socketLine + endLine, "head poll socket end", ""},
		{"no newline at the end", headLine + pollLine + strings.TrimSpace(endLine), "head poll end", ""},
		{"carriage returns, blank lines", strings.ReplaceAll(headLine+"\n \t\n"+pollLine, "\n", "\r\n"), "head poll", ""},
		{"other order, spaces, other fields", headLine + `{ "end_ns" : 2, "begin_ns":1, "seq":2, "news":{"a":[1]}, "time_ns":3, "state":7, "event":"poll" }` + "\n", "head poll", ""},
		{"events to come", headLine + `{"event":"wonder","time_ns":2,"seq":2,"pid":"none"}` + "\n" + `{"event":"omen","time_ns":2,"seq":3,"name":"x"}` + "\n" + endLine, "head end", ""},
		{"minor schema", strings.Replace(headLine, "/1", "/0", 1) + endLine, "head end", ""},
		{"two recordings", headLine + endLine + headLine + endLine, "head end head end", ""},

		{"empty", "", "", "x.jsonl: no connection log: it is empty"},
		{"blank", "\n\n", "", "x.jsonl: no connection log: it is empty"},
		{"not a log", "time,pid\n1,2\n", "", `x.jsonl: no connection log: line 1 (offset 0x0): no JSON: invalid character`},
		{"other JSON", `{"timestamp":"2026-01-02","pid":7}` + "\n", "", "x.jsonl: no connection log: line 1 (offset 0x0): event is missing"},
		{"a list", `[` + strings.TrimSpace(headLine) + `]`, "", "x.jsonl: no connection log: line 1 (offset 0x0): is a JSON array, want an object"},
		{"binary", "\x0a\x0d\x0d\x0a\x1c\x00\x00\x00", "", "x.jsonl: no connection log: line 3 (offset 0x4): no JSON: invalid character '\\x1c'"},
		{"cut in its head", headLine[:30], "", "x.jsonl: no connection log: line 1 (offset 0x0): no JSON: unexpected end of JSON input"},
		{"no head", pollLine + headLine, "", `x.jsonl: no connection log: its first event is "poll", want "head"`},
		{"no head, general", `{"event":"gap","time_ns":1,"seq":1,"source":"sockets","begin_ns":1,"end_ns":1}`, "", `x.jsonl: no connection log: its first event is "gap", want "head"`},
		{"no head, unknown", `{"event":"wonder","time_ns":1,"seq":1}`, "", `x.jsonl: no connection log: its first event is "wonder", want "head"`},
		{"newer", strings.Replace(headLine, "/1", "/2", 1) + "what it may hold\n", "", `x.jsonl: schema "pcapwho.connlog/2" is newer than this version reads ("pcapwho.connlog/1"): update pcapwho`},
		{"newer, behind", headLine + endLine + strings.Replace(headLine, "/1", "/10", 1) + pollLine, "head end", `schema "pcapwho.connlog/10" is newer`},
		{"other schema", strings.Replace(headLine, "pcapwho.connlog/1", "flows/1", 1), "", `x.jsonl: schema "flows/1", want "pcapwho.connlog/1"`},
		{"schema without version", strings.Replace(headLine, "/1", "", 1), "", `x.jsonl: schema "pcapwho.connlog", want "pcapwho.connlog/1"`},

		{"torn", headLine + pollLine + socketLine[:70], "head poll ?", "x.jsonl: line 3 (offset 0x8b): the log is cut here, 70 bytes into a line"},
		{"torn blank", headLine + "  ", "head ?", "the log is cut here, 2 bytes into a line"},
		{"NUL behind", headLine + pollLine + "\x00\x00\x00\n" + endLine, "head poll ? end", "x.jsonl: line 3 (offset 0x8b): no JSON: invalid character '\\x00'"},
		{"no JSON", headLine + "{]\n" + pollLine, "head ? poll", "x.jsonl: line 2 (offset 0x42): no JSON: invalid character ']'"},
		{"no object", headLine + "[1]\n" + pollLine, "head ? poll", "line 2 (offset 0x42): is a JSON array, want an object"},
		{"long", headLine + `"` + strings.Repeat("x", MaxLine) + "\"\n" + pollLine, "head ? poll", fmt.Sprintf("x.jsonl: line 2 (offset 0x42): longer than %d bytes", MaxLine)},
		{"long but whole", headLine + strings.Repeat(" ", MaxLine-len(pollLine)) + pollLine + endLine, "head poll end", ""},
		{"long and torn", headLine + strings.Repeat(" ", 3*MaxLine), "head ?", "longer than"},
	} {
		for how, src := range map[string]io.Reader{"": strings.NewReader(tt.log), ", byte by byte": iotest.OneByteReader(strings.NewReader(tt.log))} {
			if how != "" && len(tt.log) > 10_000 {
				continue
			}
			kinds, errs := read(t, src)
			if kinds != tt.kinds || tt.err == "" != (len(errs) == 0) || len(errs) > 1 || tt.err != "" && !strings.Contains(errs[0].Error(), tt.err) {
				t.Errorf("%s%s: got %q, %v; want %q, %q", tt.name, how, kinds, errs, tt.kinds, tt.err)
			}
		}
	}
}

// One wrong value of each field is reported by its name, and costs its line.
func TestWrongFields(t *testing.T) {
	gapLine := `{"event":"gap","time_ns":1,"seq":5,"source":"capture","begin_ns":1,"end_ns":1,"count":1}` + "\n"
	addressLine := `{"event":"address","time_ns":1,"seq":5,"change":"add","address":"192.0.2.1/24","ifindex":2}` + "\n"
	processLine := `{"event":"process","time_ns":1,"seq":6,"change":"exec","pid":7,"start_ns":8,"parent":{"pid":1,"start_ns":1},"uid":0}` + "\n"
	for _, tt := range []struct{ line, old, new, want string }{
		{socketLine, `"time_ns":3,`, ``, "time_ns is missing"},
		{socketLine, `"seq":3,`, `"seq":null,`, "seq is missing"},
		{socketLine, `"event":"socket"`, `"event":7`, "event is a JSON number, want a string"},
		{socketLine, `"time_ns":3`, `"time_ns":3.5`, "time_ns is a JSON number 3.5, want an integer from -9223372036854775808 to 9223372036854775807"},
		{socketLine, `"seq":3`, `"seq":-3`, "seq is a JSON number -3, want an integer from 0 to 18446744073709551615"},
		{socketLine, `"change":"open"`, `"change":"opened"`, `change "opened", want one of ["snapshot" "open" "peer" "owner" "close"]`},
		{socketLine, `"change":"open",`, ``, "change is missing"},
		{socketLine, `"socket_id":5,`, ``, "socket_id is missing"},
		{socketLine, `"protocol":"tcp",`, ``, "protocol is missing"},
		{socketLine, `"tcp"`, `"tpc"`, `protocol "tpc" is no protocol`},
		{socketLine, `"local":"192.0.2.1:80",`, ``, "local is missing"},
		{socketLine, `192.0.2.1:80`, `192.0.2.1`, `local "192.0.2.1" is no address and port`},
		{socketLine, `"owners":`, `"remote":"host:80","owners":`, `remote "host:80" is no address and port`},
		{socketLine, `"owners":`, `"v6":1,"owners":`, "v6 is a JSON number, want true or false"},
		{socketLine, `"owners":`, `"partial":1,"owners":`, "partial is a JSON number, want true or false"},
		{socketLine, `"owners":[{"pid":7,"start_ns":1}]`, `"owner":[]`, "owners is missing"},
		{socketLine, `[{"pid":7,"start_ns":1}]`, `7`, "owners is a JSON number, want an array"},
		{socketLine, `{"pid":7,"start_ns":1}`, `7`, "owners is a JSON number, want an object"},
		{socketLine, `"pid":7`, `"pid":0`, "owners.pid 0, want at least 1"},
		{socketLine, `"pid":7`, `"pid":9999999999`, "owners.pid is a JSON number 9999999999, want an integer from -2147483648 to 2147483647"},
		{processLine, `"change":"exec"`, `"change":""`, `change "", want one of ["snapshot" "exec" "fork" "exit"]`},
		{processLine, `"change":"exec",`, ``, "change is missing"},
		{processLine, `"pid":7,`, ``, "pid is missing"},
		{processLine, `"pid":7`, `"pid":-7`, "pid -7, want at least 1"},
		{processLine, `"start_ns":8,`, ``, "start_ns is missing"},
		{processLine, `"uid":0`, `"uid":-1`, "uid -1, want at least 0"},
		{pollLine, `"begin_ns":1,`, ``, "begin_ns is missing"},
		{pollLine, `"end_ns":2,`, ``, "end_ns is missing"},
		{pollLine, `"sockets":0`, `"sockets":{}`, "sockets is a JSON object, want an integer from -2147483648 to 2147483647"},
		{addressLine, `"change":"add",`, ``, "change is missing"},
		{addressLine, `"add"`, `"come"`, `change "come", want one of ["add" "remove"]`},
		{addressLine, `"address":"192.0.2.1/24",`, ``, "address is missing"},
		{addressLine, `192.0.2.1/24`, `192.0.2.1`, `address "192.0.2.1" is no address in CIDR notation`},
		{addressLine, `"ifindex":2`, `"ifindex":"2"`, "ifindex is a JSON string, want an integer"},
		{gapLine, `"source":"capture",`, ``, "source is missing"},
		{gapLine, `"begin_ns":1,`, ``, "begin_ns is missing"},
		{gapLine, `"end_ns":1,`, ``, "end_ns is missing"},
		{gapLine, `"count":1`, `"count":"1"`, "count is a JSON string, want an integer"},
		{endLine, `"packets":0`, `"packets":[]`, "packets is a JSON array, want an integer"},
		{headLine, `,"schema":"pcapwho.connlog/1"`, ``, "schema is missing"},
		{headLine, `"schema"`, `"interfaces":[{"link_type":65536}],"schema"`, "interfaces.link_type is a JSON number 65536, want an integer from 0 to 65535"},
	} {
		wrong := strings.Replace(tt.line, tt.old, tt.new, 1)
		if wrong == tt.line {
			t.Fatalf("%s is not in %s", tt.old, tt.line)
		}
		kinds, errs := read(t, strings.NewReader(headLine+wrong+pollLine))
		if kinds != "head ? poll" || len(errs) != 1 || !strings.Contains(errs[0].Error(), "x.jsonl: line 2 (offset 0x42): "+tt.want) {
			t.Errorf("%s → %s: got %q, %v; want %q", tt.old, tt.new, kinds, errs, tt.want)
		}
	}
}

// A log cut at any byte gives every whole line before the cut, and says so
// exactly when the cut is in a line.
func TestCutAtEveryByte(t *testing.T) {
	log := headLine + pollLine + socketLine + endLine
	for cut := len(headLine); cut < len(log); cut++ {
		kinds, errs := read(t, strings.NewReader(log[:cut]))
		lines := strings.Count(log[:cut], "\n")
		whole := log[cut-1] == '\n'
		if log[cut] == '\n' { // only the newline is missing
			lines, whole = lines+1, true
		}
		if got := len(strings.Fields(strings.ReplaceAll(kinds, "?", ""))); got != lines || whole != (len(errs) == 0) || len(errs) > 1 {
			t.Errorf("cut at %d: %q, %v; want %d events", cut, kinds, errs, lines)
		}
		var bad *LineError
		if len(errs) == 1 && (!errors.As(errs[0], &bad) || !bad.Torn || bad.File != "x.jsonl" || bad.Line != uint64(lines)+1 || bad.Offset != int64(strings.LastIndexByte(log[:cut], '\n')+1)) {
			t.Errorf("cut at %d: %#v", cut, errs[0])
		}
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	kinds, errs := read(t, io.MultiReader(strings.NewReader(headLine+pollLine[:9]), iotest.ErrReader(broken)))
	if kinds != "head" || len(errs) != 1 || !errors.Is(errs[0], broken) || !strings.Contains(errs[0].Error(), "x.jsonl: offset 0x4b: ") {
		t.Errorf("got %q, %v", kinds, errs)
	}
}

// Offset follows the lines: it is what progress is shown by.
func TestOffset(t *testing.T) {
	r := NewReader(strings.NewReader(headLine+socketLine), "x")
	for _, want := range []int{len(headLine), len(headLine + socketLine)} {
		if _, err := r.Next(); err != nil || r.Offset() != int64(want) {
			t.Errorf("%v at %d, want %d", err, r.Offset(), want)
		}
	}
}

// Reading allocates for what is new, not for each event.
func TestReadingAllocates(t *testing.T) {
	r := NewReader(bytes.NewReader(busy(t, 3000)), "x")
	next := func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(4000, next); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// Strings are kept to be used again, but not without bound.
func TestWordsAreBounded(t *testing.T) {
	r := NewReader(nil, "x")
	for i := range 2 * maxWords {
		line := fmt.Sprintf(`{"event":"process","time_ns":0,"seq":1,"change":"exec","pid":7,"start_ns":8,"name":"n%d","exe":"%s"}`, i, strings.Repeat("x", maxWord+1))
		if !r.parseFixed(&r.own, []byte(line)) || r.own.process.Name != fmt.Sprint("n", i) || len(r.own.process.Exe) != maxWord+1 {
			t.Fatalf("%s: read as %+v", line, r.own.process)
		}
	}
	if len(r.words) != maxWords {
		t.Errorf("%d strings are kept, want %d", len(r.words), maxWords)
	}
}

// FuzzReader holds that every line is an event, skipped as unknown, or
// reported; that reading gets on; and that both parsers read alike.
func FuzzReader(f *testing.F) {
	f.Add([]byte(headLine + pollLine + socketLine + endLine))
	f.Add([]byte(headLine + `{"event":"mark","time_ns":1,"seq":2}` + "\n{]\n\n" + socketLine[:40]))
	f.Add([]byte(`{"event":"process","time_ns":-0,"seq":1,"change":"exec","pid":7,"start_ns":8,"name":"` + "caf\u00e9\xff" + `","args":["",""],"uid":1}`))
	f.Add(busy(f, 2))
	f.Fuzz(func(t *testing.T, log []byte) {
		r := NewReader(bytes.NewReader(log), "x")
		var events, reported, skipped int
		for at := int64(0); ; at = r.Offset() {
			_, err := r.Next()
			var bad *LineError
			if errors.As(err, &bad) {
				reported++
			} else if err != nil {
				break
			} else {
				events++
			}
			if r.Offset() <= at {
				t.Fatalf("no progress at %d: %v", at, err)
			}
		}
		lines := bytes.Split(log, []byte("\n"))
		for i, line := range lines {
			last := i == len(lines)-1
			skipped += skips(t, line, last)
		}
		var notLog *NotLogError
		if errors.As(r.ended, &notLog) {
			return // the rest was not read
		}
		if events+reported+skipped != len(lines) {
			t.Fatalf("%d events, %d reported and %d skipped of %d lines", events, reported, skipped, len(lines))
		}
	})
}

// skips returns 1 for a line that Next passes over, and holds that both
// parsers read it alike.
func skips(t testing.TB, line []byte, last bool) int {
	if len(bytes.TrimSpace(line)) == 0 && (!last || len(line) == 0) {
		return 1
	}
	var general Event
	_, err := parse(line, &general)
	if r := NewReader(nil, "x"); r.parseFixed(&r.own, line) {
		if err != nil {
			t.Fatalf("%v, but read the short way: %q", err, line)
		}
		same(t, general, r.own.Event, line)
	}
	if err == nil && general.Kind == KindUnknown {
		return 1
	}
	return 0
}
