package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// said runs the program and returns what it prints.
func said(t *testing.T, args ...string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if status := pcapwho(append([]string{"pcapwho"}, args...), newConsole(file, file)); status != 0 {
		t.Fatalf("%v: status %d", args, status)
	}
	b, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBashCompletion asks bash itself.
func TestBashCompletion(t *testing.T) {
	const try = `
try() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_pcapwho
	echo "${COMPREPLY[*]}"
}
try pcapwho an
try pcapwho analyze --fo
try pcapwho analyze run.pcapng --format pa
try pcapwho analyze run.pcapng
try pcapwho record --source e
try pcapwho record -- l
try pcapwho schema conn
try pcapwho completion z
try pcapwho workload --
`
	want := []string{"analyze", "--force --format", "parquet", "", "ebpf", "", "connections", "zsh", ""}
	cmd := exec.Command(need.Tool(t, "bash"), "--norc", "-c", said(t, "completion", "bash")+try)
	out, err := cmd.CombinedOutput()
	if got := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n"); err != nil || strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("%v: %q, want %q", err, got, want)
	}
}

// TestZshCompletion asks zsh, which itself leaves out what does not begin as the word does.
func TestZshCompletion(t *testing.T) {
	const try = `
try() {
	local -a COMP_WORDS COMPREPLY
	COMP_WORDS=("$@")
	local COMP_CWORD=$(($# - 1))
	print -r -- ${(f)"$(compgen -F _pcapwho)"}
}
try pcapwho an
try pcapwho analyze --fo
try pcapwho analyze run.pcapng --format pa
try pcapwho analyze run.pcapng
try pcapwho record -- l
try pcapwho completion z
`
	want := []string{" analyze ", " --format ", " parquet ", "", "", "bash zsh fish"}
	cmd := exec.Command(need.Tool(t, "zsh"), "-f", "-c", "autoload -U compinit && compinit -D -u\n"+said(t, "completion", "zsh")+try)
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if err != nil || len(lines) != len(want) {
		t.Fatalf("%v: %q", err, lines)
	}
	for i, w := range want {
		if !strings.Contains(lines[i], w) || w == "" && lines[i] != "" {
			t.Errorf("line %d: %q, want %q", i, lines[i], w)
		}
	}
}

// TestFishCompletion asks fish.
func TestFishCompletion(t *testing.T) {
	const try = `
for line in 'pcapwho an' 'pcapwho analyze --fo' 'pcapwho analyze run.pcapng --format pa' 'pcapwho report --chart thr' 'pcapwho record --source e' 'pcapwho schema conn' 'pcapwho completion z'
	echo (complete -C $line | string replace -r '\t.*' '')
end
`
	want := "analyze\n--force --format\nparquet\nthroughput\nebpf\nconnections\nzsh\n"
	cmd := exec.Command(need.Tool(t, "fish"), "--no-config", "-c", said(t, "completion", "fish")+try)
	cmd.Dir = t.TempDir() // has no files that fish would complete
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
		t.Errorf("%v: %q, want %q", err, out, want)
	}
}

// TestOtherCompletions name every command; zsh has bash's.
func TestOtherCompletions(t *testing.T) {
	bash := said(t, "completion", "bash")
	if zsh := said(t, "completion", "zsh"); !strings.HasPrefix(zsh, "#compdef pcapwho\n") || !strings.Contains(zsh, bash) {
		t.Errorf("zsh gets\n%s", zsh)
	}
	fish, page := said(t, "completion", "fish"), said(t, "man")
	for _, name := range commandNames(newApp(newConsole(os.Stdout, os.Stderr), new(int))) {
		if !strings.Contains(fish, "-a '"+name+"'") || !strings.Contains(page, "\n.SH "+strings.ToUpper(name)+"\n") {
			t.Errorf("fish or the manual page lacks %s", name)
		}
	}
	if strings.Contains(fish+page, "'workload'") || strings.Contains(page, ".SH WORKLOAD") || !strings.HasPrefix(page, ".TH PCAPWHO 1\n") {
		t.Errorf("the manual page begins with %.80q", page)
	}
	for _, want := range []string{"\n.TP\n\\fB\\-\\-keep\\fR\\fI FOLDER\\fR\nkeep the recording in this new FOLDER\n",
		"\npcapwho analyze run.pcapng \\-\\-format parquet \\-o tables/\n", "\n.SH EXIT STATUS\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the manual page lacks %q", want)
		}
	}
	if got := roff(".a \\ b\n'c"); got != "\\&.a \\e b\n\\&'c" {
		t.Errorf("roff writes %q", got)
	}
}
