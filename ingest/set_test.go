package ingest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestRotatedSet(t *testing.T) {
	t.Chdir(t.TempDir())
	set := []string{"run_00001_20260102030405.pcapng", "run_00002_20260102030406.pcapng"}
	for _, name := range slices.Concat(set, []string{"other_00001.pcap", "other_one.pcap", "a[1]_00001.pcap"}) {
		must(t, os.WriteFile(name, nil, 0o600))
	}
	for name, want := range map[string][]string{
		"run.pcapng":       set,
		set[1]:             set,
		"run.pcap":         nil,
		"other_00001.pcap": nil, // the pattern finds another
		"a[1]_00001.pcap":  nil, // and this is one
	} {
		if _, got := RotatedSet(name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if pattern, _ := RotatedSet(filepath.Join("a", set[0])); pattern != filepath.Join("a", "run_*.pcapng") {
		t.Errorf("the pattern is %s", pattern)
	}
}
