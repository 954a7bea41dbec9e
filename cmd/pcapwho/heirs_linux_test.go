package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestHeirs: a process sends, forks and closes, and its child has the socket alone when
// the sources that look come to it. What the parent sent is never the child's.
func TestHeirs(t *testing.T) {
	need.Root(t)
	for _, source := range []string{"diag", "ebpf"} {
		t.Run(source, func(t *testing.T) {
			dir := t.TempDir()
			inside(t, dir, "pcapwho record -q --source "+source+" -i lo -w run.pcapng -- python3 "+script(t, "heirs.py")+" 20 >parent")
			told, err := os.ReadFile(filepath.Join(dir, "parent"))
			if err != nil {
				t.Fatal(err)
			}
			parent := strings.TrimSpace(string(told))
			sent := map[string]int{}
			for _, of := range packetsOf(t, dir) {
				owner := "another"
				switch of("source_pid") {
				case "":
					owner = "nobody"
				case parent:
					owner = "the parent"
				}
				if length := of("payload_length"); length == "100" || length == "50" {
					sent[length+" bytes of "+owner]++
				}
			}
			if n := sent["100 bytes of the parent"] + sent["100 bytes of nobody"]; n != 20 || sent["100 bytes of another"]+sent["50 bytes of the parent"] != 0 ||
				sent["50 bytes of nobody"]+sent["50 bytes of another"] != 20 {
				t.Errorf("%v", sent)
			}
			t.Logf("%v", sent)
		})
	}
}
