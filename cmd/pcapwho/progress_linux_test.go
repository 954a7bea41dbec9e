package main

import (
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// On a terminal what takes long shows its rate, and takes that away; into a pipe it shows
// nothing.
func TestProgressOnTerminal(t *testing.T) {
	need.Tool(t, "script")
	const line = `(head -c 20000 run.pcapng; sleep $N; tail -c +20001 run.pcapng) | pcapwho analyze - --log run.conns.jsonl -o result.json --force`
	dir := bench(t)
	shown := shell(t, dir, "N=3 script -qec '"+line+"' /dev/null </dev/null") // a busy machine takes a second to begin
	if begin, end := strings.Index(shown, "\rreading  "), strings.LastIndex(shown, "\r\x1b[K"); begin < 0 || end < begin || !strings.Contains(shown, " MB/s") {
		t.Errorf("a terminal shows %q", shown)
	}
	if told := shell(t, dir, "N=0.7; "+line); strings.Contains(told, "reading") {
		t.Errorf("a pipe shows %q", told)
	}
}

// On a terminal errors have colours, but where nobody wants them.
func TestColorsOnTerminal(t *testing.T) {
	need.Tool(t, "script")
	for environment, want := range map[string]bool{"TERM=xterm": true, "TERM=xterm NO_COLOR=1": false, "TERM=dumb": false} {
		shown := shell(t, t.TempDir(), "script -qc 'env -u NO_COLOR "+environment+" pcapwho info nope.pcapng' /dev/null </dev/null")
		if !strings.Contains(shown, "error: ") || strings.Contains(shown, "\x1b[") != want {
			t.Errorf("%s: %q", environment, shown)
		}
	}
}
