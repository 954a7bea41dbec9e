package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestReadmeShell runs the lines of README's sh blocks as root in a network
// namespace, with a benchmark that talks; sudo and the build are left out.
func TestReadmeShell(t *testing.T) {
	need.Root(t)
	need.Tool(t, "setcap")
	t.Parallel()
	dir := t.TempDir()
	copyProgram(t, filepath.Join(dir, "pcapwho"))
	script := "#!/bin/sh\nexec pcapwho workload ledger.$$ --long 4\n"
	if err := os.WriteFile(filepath.Join(dir, "bench"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, b := range blocksOf(t, readPage(t, readme)) {
		for line := range strings.Lines(b.text) {
			if b.language == "sh" && !strings.HasPrefix(line, "go ") {
				lines = append(lines, strings.TrimPrefix(strings.TrimSpace(line), "sudo "))
			}
		}
	}
	if len(lines) < 2 {
		t.Fatalf("README has %d such lines", len(lines))
	}
	out := inside(t, dir, strings.Join(lines, "\n"))
	if !strings.Contains(out, "client-tcp6") {
		t.Errorf("no process of the benchmark in\n%s", out)
	}
}
