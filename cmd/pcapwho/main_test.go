package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pcapwho/pcapwho/testdata/demo"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestMain lets the test binary be the program, and one that is recorded.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pcapwho": main, "benchmark-in-go": benchmarkInGo})
}

// TestScripts drives the real program by the scripts of testdata/script. Those
// in root/ need root, and run in a network namespace of their own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script"))
}

func TestScriptsAsRoot(t *testing.T) {
	need.Root(t)
	need.Tool(t, "unshare")
	need.Tool(t, "ip")
	t.Parallel()
	testscript.Run(t, params("testdata/script/root"))
}

func params(dir string) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(e *testscript.Env) error {
			return demo.Unpack(e.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status,
			"cut":    cutFile,
			"lines":  countLines,
			"divide": divide,
			"double": double,
			"insert": insert,
		},
	}
}

// status runs a program and checks its exit status: status 3 pcapwho analyze …
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// cutFile takes bytes off the end of a file: cut FILE N
func cutFile(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()-n))
}

// insert copies a log, with the lines of a second file before its last: insert
// LOG LINES OUTPUT.
func insert(ts *testscript.TestScript, _ bool, args []string) {
	log, lines := strings.SplitAfter(ts.ReadFile(args[0]), "\n"), ts.ReadFile(args[1])
	last := len(log) - 2 // behind it is nothing
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Join(log[:last], "")+lines+log[last]), 0o600))
}

// divide writes the packets of a little-endian pcapng file to several, which
// all get its other blocks: divide turns|rows FILE OUTPUT…
func divide(ts *testscript.TestScript, _ bool, args []string) {
	file, outputs := []byte(ts.ReadFile(args[1])), make([][]byte, len(args)-2)
	packets, n := bytes.Count(file, []byte("\x06\x00\x00\x00")), 0
	for len(file) > 0 {
		kind, length := binary.LittleEndian.Uint32(file), binary.LittleEndian.Uint32(file[4:])
		to := n % len(outputs)
		if args[0] == "rows" {
			to = min(n*len(outputs)/packets, len(outputs)-1)
		}
		for i := range outputs {
			if kind != 6 || i == to {
				outputs[i] = append(outputs[i], file[:length]...)
			}
		}
		if kind == 6 {
			n++
		}
		file = file[length:]
	}
	for i, out := range outputs {
		ts.Check(os.WriteFile(ts.MkAbs(args[2+i]), out, 0o600))
	}
}

// double copies a little-endian pcapng file of one interface named lo, with each packet a
// second time, on another named l2: double FILE OUTPUT
func double(ts *testscript.TestScript, _ bool, args []string) {
	file, out := []byte(ts.ReadFile(args[0])), []byte{}
	for len(file) > 0 {
		kind, length := binary.LittleEndian.Uint32(file), binary.LittleEndian.Uint32(file[4:])
		again := bytes.Clone(file[:length])
		out, file = append(out, again...), file[length:]
		switch kind {
		case 1:
			out = append(out, bytes.Replace(again, []byte("\x02\x00\x02\x00lo"), []byte("\x02\x00\x02\x00l2"), 1)...)
		case 6:
			again[8] = 1
			out = append(out, again...)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out, 0o600))
}

// countLines checks how many lines a file has: lines FILE N
func countLines(ts *testscript.TestScript, _ bool, args []string) {
	if got := fmt.Sprint(bytes.Count([]byte(ts.ReadFile(args[0])), []byte("\n"))); got != args[1] {
		ts.Fatalf("%s has %s lines, want %s", args[0], got, args[1])
	}
}

// unpacked returns a folder with the recording that ships with the program.
func unpacked(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := demo.Unpack(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// quietConsole returns a console that prints into files.
func quietConsole(t *testing.T) (c *console, out, err string) {
	t.Helper()
	out, err = filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "err")
	var files [2]*os.File
	for i, path := range []string{out, err} {
		f, e := os.Create(path)
		if e != nil {
			t.Fatal(e)
		}
		t.Cleanup(func() { f.Close() })
		files[i] = f
	}
	return newConsole(files[0], files[1]), out, err
}
