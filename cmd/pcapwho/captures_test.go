package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// Every file of other people, capture or not, ends within 2 seconds and one for
// 50 MB, in bounded memory, and with the status that it should: 0 where capinfos
// of Wireshark reads it whole, 2 where it is no capture, and else 0, 2 or 3.
func TestAnalyzeCaptures(t *testing.T) {
	t.Parallel()
	const most = 64 << 20 // bytes allocated, over those of the file
	dir := need.Env(t, need.Corpora, "a folder of third-party captures")
	whole, captures := capinfosExits(t, dir)
	statuses := map[int]int{}
	each(t, dir, func(path string, size int64) {
		c, _, messages := quietConsole(t)
		out := filepath.Join(t.TempDir(), "out.json")
		begin, before := time.Now(), allocated()
		status := pcapwho([]string{"pcapwho", "analyze", "--tables", "capture,coverage,damage,processes,connections,packets", "-o", out, path}, c)
		took, memory := time.Since(begin), allocated()-before
		statuses[status]++
		if limit := 2*time.Second + time.Duration(size)*time.Second/50e6; took > limit {
			t.Errorf("%s took %v", path, took)
		}
		if memory > most+uint64(16*size) {
			t.Errorf("%s: %d bytes were allocated", path, memory)
		}
		good := status == 0 || status == 2 || status == 3
		switch name := strings.TrimPrefix(path, dir+"/"); {
		case whole[name]:
			good = status == 0
		case !captures[name]:
			good = status == 2
		}
		if !good {
			text, _ := os.ReadFile(messages)
			t.Errorf("%s: status %d: %s", path, status, text)
		}
		if info, err := os.Stat(out); (err == nil && info.Size() > 0) != (status != 2) {
			t.Errorf("%s: status %d, the output: %v", path, status, err)
		}
	})
	t.Logf("files by status: %v", statuses)
}

// capinfosExits tells of which files capinfos reads all, and which are captures.
func capinfosExits(t *testing.T, dir string) (whole, captures map[string]bool) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "capinfos.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	whole, captures = map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(line, "\t") // path, digest, duplicate of, exit status…
		captures[cells[0]], whole[cells[0]] = true, cells[3] == "0"
	}
	return whole, captures
}

// each calls f with every file of a folder.
func each(t *testing.T, dir string, f func(path string, size int64)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			f(path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// allocated returns how many bytes the process allocated so far.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
