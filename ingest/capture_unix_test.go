//go:build unix

package ingest

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A named pipe is a capture like any other, but for being read only once:
// it is not opened before its turn, which would lose what it holds.
func TestNamedPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	file := save(t, "a.pcapng", ng(t, 1000, 2))
	for _, paths := range [][]string{{pipe}, {file, pipe}, {pipe, file}} {
		go os.WriteFile(pipe, ng(t, 3000, 3), 0o600)
		c := open(t, paths...)
		all, err := drain(c, 2)
		if want := 3 + 2*(len(paths)-1); err != io.EOF || len(all) != want || len(c.Damage()) > 0 {
			t.Errorf("%q: %d packets, %v, damage %v; want %d", paths, len(all), err, c.Damage(), want)
		}
		if err := c.Rewind(); err == nil || !strings.Contains(err.Error(), pipe+": a pipe cannot be read twice") {
			t.Errorf("%q: rewinding: %v", paths, err)
		}
	}
}
