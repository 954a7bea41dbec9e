package report

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/report/table"
)

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

// In every format, for each side the sum over all reasons is the capture, and
// what packets say one by one is what coverage says.
func TestSidesAreTheCapture(t *testing.T) {
	r := analyze(t, Config{Captures: []string{mixture(t).end()}, Tables: all()})
	for _, f := range []Format{JSON, JSONL, CSV, Arrow, Parquet} {
		if f == Parquet && !slices.Contains([]string{"amd64", "arm64", "ppc64le", "s390x"}, runtime.GOARCH) {
			continue // arrow reads it on those only
		}
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
			r := analyze(t, Config{Captures: []string{capture}, OtherHost: true})
			if got := kinds(r); !slices.Equal(got, c.want) || r.Damaged() != c.damaged {
				t.Errorf("warnings %+v, damaged %v; want kinds %v, %v", r.Warnings, r.Damaged(), c.want, c.damaged)
			}
		})
	}
}

// A log of another recording is refused, unless it is asked for.
func TestOtherRecording(t *testing.T) {
	rec := record(t)
	rec.conversation("127.0.0.1:40000", "127.0.0.1:80")
	capture := rec.end()
	log := filepath.Join(rec.dir, "run.conns.jsonl")
	b, err := os.ReadFile(log)
	must(t, err)
	must(t, os.WriteFile(log, bytes.Replace(b, []byte(recordingID), []byte("ffffffffffffffffffffffffffffffff"), 1), 0o600))
	_, err = Analyze(context.Background(), Config{Captures: []string{capture}})
	var refused *InputError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "made on build-7") || !strings.Contains(refused.Hint, "--other-host") {
		t.Errorf("got %v", err)
	}
}

// A log whose clock was behind says the same once it is told by how much.
func TestClockOffset(t *testing.T) {
	rec := record(t)
	rec.conversation("127.0.0.1:40000", "127.0.0.1:80")
	capture := rec.end()
	exact := analyze(t, Config{Captures: []string{capture}}).Coverage[0][attribute.Exact].Packets
	log := filepath.Join(rec.dir, "run.conns.jsonl")
	b, err := os.ReadFile(log)
	must(t, err)
	const behind = 3_000_000_000
	var late []byte
	r := connlog.NewReader(bytes.NewReader(b), log)
	for {
		e, err := r.Next()
		if err == io.EOF {
			break
		}
		must(t, err)
		e.Shift(-behind)
		late = e.Append(late)
	}
	must(t, os.WriteFile(log, late, 0o600))
	if n := analyze(t, Config{Captures: []string{capture}}).Coverage[0][attribute.Exact].Packets; n == exact {
		t.Error("the clock made no difference")
	}
	if n := analyze(t, Config{Captures: []string{capture}, ClockOffset: behind}).Coverage[0][attribute.Exact].Packets; n != exact || n == 0 {
		t.Errorf("%d packets are exact, want %d", n, exact)
	}
}

// Each capture is compared with all logs: it is one of theirs, or not.
func TestSeveralRecordings(t *testing.T) {
	other := []byte("ffffffffffffffffffffffffffffffff")
	var captures []string
	for n := range 2 {
		rec := record(t)
		rec.now += int64(n) * 60e9
		rec.conversation("127.0.0.1:40000", "127.0.0.1:80")
		captures = append(captures, rec.end())
		if n == 0 {
			continue
		}
		for _, path := range []string{captures[n], filepath.Join(rec.dir, "run.conns.jsonl")} {
			b, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, bytes.ReplaceAll(b, []byte(recordingID), other), 0o600))
		}
	}
	r := analyze(t, Config{Captures: captures})
	if len(r.Warnings) > 0 || r.Capture.RecordingID != recordingID {
		t.Errorf("two recordings with their logs: %+v, %q", r.Warnings, r.Capture.RecordingID)
	}
	if got := r.log.command; !slices.Equal(got, []string{"bench", "--fast"}) {
		t.Errorf("both are of the command %q", got)
	}
	second := filepath.Join(filepath.Dir(captures[1]), "run.conns.jsonl")
	b, err := os.ReadFile(second)
	must(t, err)
	must(t, os.WriteFile(second, bytes.ReplaceAll(b, []byte("--fast"), []byte("--slow")), 0o600))
	if got := analyze(t, Config{Captures: captures}).log.command; got != nil {
		t.Errorf("the command of two recordings of different ones: %q", got)
	}
	r = analyze(t, Config{Captures: captures, Logs: []string{filepath.Join(filepath.Dir(captures[0]), "run.conns.jsonl")}})
	if got := kinds(r); !slices.Contains(got, OtherLog) || !strings.HasPrefix(r.Warnings[0].Message, captures[1]+" is of recording") {
		t.Errorf("the log of the first: %+v", r.Warnings)
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

// What cannot be asked for is an error before any work.
func TestConfigErrors(t *testing.T) {
	capture := mixture(t).end()
	for want, cfg := range map[string]Config{
		"timeseries: its buckets are -5ns long":           {Tables: []string{"timeseries"}, Bucket: -5},
		"timeseries: its buckets are 999.999\u00b5s long": {Tables: []string{"timeseries"}, Bucket: MinBucket - 1},
		"a tree is of a process, and none is named":       {Tree: true},
		"turns: they are measured, and nothing is":        {Tables: []string{"turns"}, NoMeasures: true},
		`column 1: there is no field "nothing"`:           {Where: "nothing == 1"},
	} {
		cfg.Captures = []string{capture}
		if _, err := Analyze(context.Background(), cfg); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
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
	if want := 2*info.Size() + int64(len(readAll(ingest.FindLog(path)))); last != want || total != want || want == 2*info.Size() {
		t.Errorf("progress ends at %d of %d, want %d: the log, and the capture twice", last, total, want)
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

// A capture from a pipe is kept for the second pass, and no longer.
func TestPipe(t *testing.T) {
	path := mixture(t).end()
	log := strings.TrimSuffix(path, ".pcapng") + ".conns.jsonl"
	in, out, err := os.Pipe()
	must(t, err)
	stdin := os.Stdin
	os.Stdin = in
	defer func() { os.Stdin = stdin }()
	go func() {
		out.WriteString(readAll(path))
		out.Close()
	}()
	spill := t.TempDir()
	t.Setenv("TMPDIR", spill)
	t.Setenv("TMP", spill) // Windows
	r, err := Analyze(context.Background(), Config{Captures: []string{"-"}, Logs: []string{log}, Tables: []string{"packets"}})
	must(t, err)
	for _, p := range tables(t, r, JSON)["packets"] {
		if p["file"] != "-" {
			t.Errorf("a packet is of file %q", p["file"])
		}
	}
	if n := len(tables(t, r, JSON)["packets"]); n != 19 {
		t.Errorf("%d packets, want 19", n)
	}
	must(t, r.Close())
	if got := names(t, spill); got != "" {
		t.Errorf("%s is left", got)
	}
}

func readAll(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}
