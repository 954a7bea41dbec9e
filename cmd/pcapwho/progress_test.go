package main

import (
	"fmt"
	"os"
	"testing"
	"time"
)

func TestProgressText(t *testing.T) {
	for _, c := range []struct {
		done, total int64
		spent       time.Duration
		want        string
	}{
		{450e6, 2e9, 2 * time.Second, "reading  22 %  450.0 MB of 2.00 GB  225.0 MB/s  7s left"},
		{2e9, 2e9, time.Second, "reading  100 %  2.00 GB of 2.00 GB  2.00 GB/s  0s left"},
		{3e9, 2e9, time.Second, "reading  100 %  2.00 GB of 2.00 GB  3.00 GB/s  0s left"}, // the file has grown
		{0, 2e9, time.Second, "reading  0 %  0.0 MB of 2.00 GB  0.0 MB/s"},
		{5e6, 0, time.Second, "reading  5.0 MB  5.0 MB/s"}, // a pipe
	} {
		if got := progressText("reading", c.done, c.total, c.spent); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// No progress is drawn into data.
func TestProgressAndData(t *testing.T) {
	c, out, path := quietConsole(t)
	c.drawProgress("half")
	fmt.Fprint(&dataWriter{c, c.out}, "data")
	c.drawProgress("more")
	c.warning("w")
	for path, want := range map[string]string{path: "\rhalf\x1b[K\r\x1b[Kwarning: w\n", out: "data"} {
		if text, err := os.ReadFile(path); err != nil || string(text) != want {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
	}
}

// A file is no terminal: no progress, no colours unless asked for.
func TestConsoleIntoFiles(t *testing.T) {
	c, _, path := quietConsole(t)
	if c.newProgress("reading") != nil {
		t.Error("progress into a file")
	}
	c.warning("a\x1b[2Jb")
	c.color = "always"
	c.hint("c")
	c.color = "never"
	c.quiet = true
	c.info("d")
	c.drawProgress("half")
	c.warning("e")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := "warning: a\\x1b[2Jb\n\x1b[36mhint: \x1b[0mc\n\rhalf\x1b[K\r\x1b[Kwarning: e\n"; string(text) != want {
		t.Errorf("got %q, want %q", text, want)
	}
}
