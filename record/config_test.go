package record

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLogPath(t *testing.T) {
	for capture, want := range map[string]string{
		"run.pcapng": "run.conns.jsonl", "a/run.pcap": "a/run.conns.jsonl", "run": "run.conns.jsonl",
		"run.pcapng.gz": "run.pcapng.gz.conns.jsonl", "run.cap": "run.cap.conns.jsonl", "a.pcap.pcapng": "a.pcap.conns.jsonl",
		".pcapng": ".pcapng.conns.jsonl", "a/.pcapng": "a/.pcapng.conns.jsonl",
	} {
		if got := LogPath(capture); got != want {
			t.Errorf("LogPath(%q) = %q, want %q", capture, got, want)
		}
	}
}

// TestResolve fills in what is not said.
func TestResolve(t *testing.T) {
	c := Config{Capture: "x/run.pcapng", Interfaces: []string{"any"}}
	if err := c.resolve(); err != nil {
		t.Fatal(err)
	}
	if c.Log != "x/run.conns.jsonl" || c.Source != SourceAuto || c.RingMiB != DefaultRingMiB || c.Interfaces != nil {
		t.Errorf("%+v", c)
	}
	c.Message(Warning, "goes nowhere")
	c = Config{Capture: "run.pcapng", Log: "log", Source: SourcePoll, RingMiB: 4095, Interfaces: []string{"any", "lo"}}
	if err := c.resolve(); err != nil || c.Log != "log" || c.Source != SourcePoll || c.RingMiB != 4095 || c.Interfaces != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestCutArgs keeps the first 4 KiB of a command line.
func TestCutArgs(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for name, c := range map[string]struct{ args, want []string }{
		"none":               {nil, nil},
		"short":              {[]string{"ls", "", "-l"}, []string{"ls", "", "-l"}},
		"one that fits":      {[]string{a(4094)}, []string{a(4094)}},
		"one that just fits": {[]string{a(4095)}, []string{a(4095)}},
		"one too long":       {[]string{a(4096), "x"}, []string{a(4095)}},
		"last is cut":        {[]string{a(4000), a(200), "x"}, []string{a(4000), a(94)}},
		"no room for more":   {[]string{a(4094), "x", "y"}, []string{a(4094)}},
		"room for nothing":   {[]string{a(4094), "", ""}, []string{a(4094)}},
		"between two runes":  {[]string{a(4000) + "é", strings.Repeat("é", 100)}, []string{a(4000) + "é", strings.Repeat("é", 46)}},
	} {
		got := cutArgs(slices.Clone(c.args))
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %d arguments, the last of %d bytes, want %d and %d", name, len(got), len(got[len(got)-1]), len(c.want), len(c.want[len(c.want)-1]))
		}
		total := 0
		for _, g := range got {
			total += len(g)
		}
		if total > maxArgs {
			t.Errorf("%s: %d bytes are kept", name, total)
		}
	}
}

// TestClockSteps tells a step from what reading the clocks takes.
func TestClockSteps(t *testing.T) {
	var w clockWatch
	boot, now := int64(0), int64(1e18)
	for i, c := range []struct{ boot, now, step int64 }{
		{0, 0, 0},
		{1e9, 1e9, 0},
		{1e9, 1e9 + stepLimit, 0},
		{1e9, 1e9 - stepLimit, 0},
		{1e9, 1e9 + stepLimit + 1, stepLimit + 1},
		{1e9, 1e9, 0},
		{1e9, 1e9 - 3600e9, -3600e9},
		{1e9, 1e9 + 3600e9, 3600e9},
		{5e9, 5e9, 0}, // asleep
	} {
		boot, now = boot+c.boot, now+c.now
		if got := w.compare(boot, now); got != c.step {
			t.Errorf("reading %d: step %d, want %d", i, got, c.step)
		}
	}
	w = clockWatch{}
	boot, now, step := w.read()
	boot2, now2, _ := w.read()
	if step != 0 || boot2 < boot || now2 < now-int64(1e9) || boot == 0 {
		t.Errorf("read boot %d, then %d; time %d, then %d; step %d", boot, boot2, now, now2, step)
	}
}

// Rules for files that contradict each other are refused.
func TestRotationChecked(t *testing.T) {
	for _, c := range []struct {
		rotation Rotation
		limits   Limits
		want     string // "" = accepted
	}{
		{Rotation{}, Limits{}, ""},
		{Rotation{Bytes: 1, Files: 2}, Limits{Files: 3, Packets: 1}, ""},
		{Rotation{Every: time.Second}, Limits{}, ""},
		{Rotation{}, Limits{Bytes: 1}, ""},
		{Rotation{Files: 2}, Limits{}, "no rule when the next one begins"},
		{Rotation{}, Limits{Files: 2}, "no rule when the next one begins"},
		{Rotation{Bytes: 1}, Limits{Bytes: 1}, "does not go with files that follow each other"},
		{Rotation{Bytes: -1}, Limits{}, "negative"},
		{Rotation{}, Limits{Packets: -1}, "negative"},
	} {
		cfg := Config{Capture: "run.pcapng", Rotation: c.rotation, Limits: c.limits}
		if err := cfg.resolve(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v, %+v: %v, want %q", c.rotation, c.limits, err, c.want)
		}
	}
	cfg := Config{Capture: "-", Output: io.Discard, Log: "log", Command: []string{"true"}}
	if err := cfg.resolve(); err == nil || !strings.Contains(err.Error(), "standard output is the command's") {
		t.Errorf("a command and packets on standard output: %v", err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for capture, want := range map[string]string{
		"run.pcapng": "run_00012_20260102030405.pcapng", "a/run.pcap": "a/run_00012_20260102030405.pcap",
		"run": "run_00012_20260102030405", "run.cap": "run.cap_00012_20260102030405", ".pcapng": ".pcapng_00012_20260102030405",
	} {
		if got := fileOf(capture, 12, at); got != want {
			t.Errorf("%s: %s, want %s", capture, got, want)
		}
	}
}
