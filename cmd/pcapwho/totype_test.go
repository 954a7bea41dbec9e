package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report/encode"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// The command to type next names the files that were written, in a shell.
func TestAnalysisOf(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, want := range map[string]string{
		"run.pcapng":     "pcapwho analyze run.pcapng",
		"a b.pcapng":     "pcapwho analyze 'a b.pcapng'",
		"-dash.pcapng":   "pcapwho analyze ./-dash.pcapng",
		"ü.pcapng":       "pcapwho analyze 'ü.pcapng'",
		"a\x1b[2J'\n":    `pcapwho analyze $'a\033[2J\047\012'`,
		"\x9b2J\\":       `pcapwho analyze $'\2332J\134'`,
		"\u202egnp.pcap": `pcapwho analyze $'\342\200\256gnp.pcap'`,
	} {
		s := record.Summary{Captures: []string{name}, Log: record.LogPath(name)}
		if err := os.WriteFile(s.Log, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		got := analysisOf(&s)
		if got != want || encode.Escape(got) != got {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
		cmd := exec.Command(need.Tool(t, "bash"), "-c", "pcapwho() { printf %s \"$2\"; }; "+got)
		if out, err := cmd.Output(); err != nil || strings.TrimPrefix(string(out), "./") != name {
			t.Errorf("%s names %q in a shell (%v)", got, out, err)
		}
	}
	var many []string
	for n := range 9 {
		many = append(many, fmt.Sprintf("set_%05d_20260102030405.pcapng", n+1))
		if err := os.WriteFile(many[n], nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("set.conns.jsonl", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	set := record.Summary{Captures: many, Log: "set.conns.jsonl"}
	if got, want := analysisOf(&set), "pcapwho analyze 'set_*.pcapng'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	set.Captures = many[:8] // the pattern finds another
	if got := analysisOf(&set); strings.Contains(got, "*") || strings.Count(got, ".pcapng") != 8 {
		t.Errorf("got %s", got)
	}
	if err := os.WriteFile("set_of_another.pcapng", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	set.Captures = many
	if got := analysisOf(&set); strings.Contains(got, "*") || strings.Count(got, ".pcapng") != 9 {
		t.Errorf("got %s", got)
	}
	s := record.Summary{Captures: []string{"a"}, Log: "-l"}
	if got, want := analysisOf(&s), "pcapwho analyze a -l ./-l"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
