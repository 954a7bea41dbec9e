package report

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/report/table"
)

// parts lists the files of a dataset.
func parts(t *testing.T, dir string) (list []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			path, err = filepath.Rel(dir, path)
			list = append(list, filepath.ToSlash(path))
		}
		return err
	}))
	return list
}

// TestPartition holds that each run has its own part of every table, and that the
// next analysis of it replaces that alone.
func TestPartition(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dataset")
	write := func(cfg Config) {
		t.Helper()
		must(t, analyze(t, cfg).Write(context.Background(), Output{Format: CSV, Path: dir, Partition: true}))
	}
	one, other := marked(t), mixture(t).end()
	write(Config{Captures: []string{one}})
	const demo = "run=d54a6bf54896f0af787f88ecdb85f8e5/host=demo/part.csv"
	first := parts(t, dir)
	if len(first) != len(table.Defaults()) || !slices.Contains(first, "connections/"+demo) || !slices.Contains(first, "capture/"+demo) {
		t.Fatalf("the dataset has %q", first)
	}
	write(Config{Captures: []string{other}})
	both := parts(t, dir)
	if len(both) != 2*len(table.Defaults()) {
		t.Fatalf("the dataset has %q", both)
	}
	read := func(list []string) (files map[string]string) {
		files = map[string]string{}
		for _, f := range list {
			b, err := os.ReadFile(filepath.Join(dir, f))
			must(t, err)
			files[f] = string(b)
		}
		return files
	}
	before := read(both)
	write(Config{Captures: []string{one}, PID: 28})
	after := read(parts(t, dir))
	for name, text := range after {
		if changed := text != before[name]; changed != (strings.HasSuffix(name, demo) && !strings.HasPrefix(name, "capture") && !strings.HasPrefix(name, "damage") && !strings.HasPrefix(name, "phases")) {
			t.Errorf("%s: changed %v", name, changed)
		}
	}
	if len(after) != len(before) {
		t.Errorf("%d files, want %d", len(after), len(before))
	}
}

// TestPartitionOfOneRun refuses that a file of a rotated set replaces another's part.
func TestPartitionOfOneRun(t *testing.T) {
	one, other := marked(t), marked(t)
	outputs, err := Output{Format: CSV, Path: filepath.Join(t.TempDir(), "dataset"), Partition: true}.Each(&Config{Captures: []string{one, other}})
	must(t, err)
	must(t, analyze(t, Config{Captures: []string{one}}).Write(context.Background(), outputs[0]))
	var refused *OutputError
	if err := analyze(t, Config{Captures: []string{other}}).Write(context.Background(), outputs[1]); !errors.As(err, &refused) || !strings.Contains(err.Error(), "the same run") {
		t.Errorf("%v", err)
	}
}

// TestPartitionWithoutID names a run that says nothing of itself by its content.
func TestPartitionWithoutID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dataset")
	capture := filepath.Join(t.TempDir(), "x.pcap")
	header := "\xd4\xc3\xb2\xa1\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00\x00"
	for n := range 3 {
		must(t, os.WriteFile(capture, []byte(header+strings.Repeat("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00xx", n%2)), 0o600))
		must(t, analyze(t, Config{Captures: []string{capture}, Tables: []string{"capture"}}).Write(context.Background(), Output{Format: CSV, Path: dir, Partition: true}))
	}
	list := parts(t, dir)
	for _, p := range list {
		if !regexp.MustCompile(`^capture/run=[0-9a-f]{32}/host=__HIVE_DEFAULT_PARTITION__/part.csv$`).MatchString(p) {
			t.Errorf("%s", p)
		}
	}
	if len(list) != 2 {
		t.Errorf("%q, want one for each content", list)
	}
}

// TestPartitionValue holds that no name leads out of its folder.
func TestPartitionValue(t *testing.T) {
	for text, want := range map[string]string{"": noPartition, "build-7": "build-7", "a.b_c": "a.b_c", "..": "%2E.", "../../etc": "%2E.%2F..%2Fetc",
		"a=b/c\\d\x00\n": "a%3Db%2Fc%5Cd%00%0A", "é": "%C3%A9", "%41": "%2541", strings.Repeat("/", 999): strings.Repeat("%2F", 67)} {
		if got := partitionValue(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestPartitionRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for name, o := range map[string]Output{"format": {Format: JSON, Path: "x"}, "stdout": {Format: CSV}, "file": {Format: CSV, Path: file}, "nowhere": {Format: CSV, Path: file + "/x"}} {
		o.Partition = true
		var e *OutputError
		if err := o.Check(&Config{}); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
