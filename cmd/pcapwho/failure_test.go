package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is wrong with a temporary file is helped by another place for those, and
// what is wrong with others is not.
func TestJudgeTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	for path, want := range map[string]bool{
		filepath.Join(dir, "pcapwho-17.spill"):           true,
		filepath.Join(dir, "run.json"):                   false,
		filepath.Join(dir+"-2", "pcapwho-17.spill"):      false,
		filepath.Join(t.TempDir(), "pcapwho-1", "x.csv"): false,
	} {
		hint, status := judge(fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}))
		if strings.Contains(hint, "TMPDIR") != want || status != statusFailed {
			t.Errorf("%s: hint %q, status %d", path, hint, status)
		}
	}
}
