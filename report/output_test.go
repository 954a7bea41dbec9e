package report

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// folder makes files (and, with a name that ends in /, folders) in a new
// folder, and returns a function that gives their paths.
func folder(t *testing.T, names ...string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for _, n := range names {
		if strings.HasSuffix(n, "/") {
			must(t, os.Mkdir(path(n), 0o755))
			continue
		}
		must(t, os.WriteFile(path(n), []byte("old "+n), 0o600))
	}
	return path
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names lists a folder, hidden files too.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

func TestOutputCheck(t *testing.T) {
	in := folder(t, "run.pcap", "there", "other/", "full/", "full/capture.csv")
	if runtime.GOOS != "windows" {
		must(t, os.Symlink(in("run.pcap"), in("symbolic")))
		must(t, os.Symlink(in("nowhere"), in("dangling")))
		must(t, os.Link(in("run.pcap"), in("hard")))
	}
	cfg := Config{Captures: []string{in("run.pcap")}}
	one := Config{Captures: cfg.Captures, Tables: []string{"processes"}}
	for _, c := range []struct {
		cfg  Config
		out  Output
		want string // part of the error; "" = none
	}{
		{cfg, Output{Format: JSON}, ""},
		{cfg, Output{Format: JSON, Path: "-"}, ""},
		{cfg, Output{Format: JSON, Path: in("new")}, ""},
		{cfg, Output{Format: "xml"}, "there is no such format"},
		{Config{Tables: []string{"nothing"}}, Output{Format: JSON}, "there is no such table"},
		{cfg, Output{Format: NWB}, "none is named"},
		{Config{Captures: cfg.Captures, NWB: 7}, Output{Format: NWB}, ""},
		{cfg, Output{Format: CSV}, "one table a file"},
		{one, Output{Format: CSV}, ""},
		{one, Output{Format: Parquet, Terminal: true}, "not for terminals"},
		{one, Output{Format: Parquet}, ""},
		{one, Output{Format: CSV, Terminal: true}, ""},
		{cfg, Output{Format: JSON, Path: in("there")}, "it exists"},
		{cfg, Output{Format: JSON, Path: in("there"), Force: true}, ""},
		{cfg, Output{Format: JSON, Path: in("other")}, "it is a folder"},
		{cfg, Output{Format: JSON, Path: in("new") + "/"}, "it is a folder"},
		{one, Output{Format: CSV, Path: in("new") + "/"}, ""},
		{cfg, Output{Format: JSON, Path: in("no/where")}, "no such file"},
		{cfg, Output{Format: JSON, Path: in("there/file")}, "not a"},
		{cfg, Output{Format: CSV, Path: in("new")}, ""},
		{cfg, Output{Format: CSV, Path: in("new/")}, ""},
		{cfg, Output{Format: CSV, Path: in("other")}, ""},
		{one, Output{Format: CSV, Path: in("other")}, ""},
		{cfg, Output{Format: CSV, Path: in("full")}, "capture.csv: it exists"},
		{cfg, Output{Format: CSV, Path: in("full"), Force: true}, ""},
		{one, Output{Format: CSV, Path: in("full")}, ""},
		{cfg, Output{Format: CSV, Path: in("there")}, "need a folder"},
		{cfg, Output{Format: JSON, Path: in("run.pcap"), Force: true}, "it is the input"},
		{cfg, Output{Format: JSON, Path: in("symbolic"), Force: true}, "it is the input"},
		{cfg, Output{Format: JSON, Path: in("hard"), Force: true}, "it is the input"},
		{cfg, Output{Format: JSON, Path: in("dangling"), Force: true}, "link to nothing"},
		{cfg, Output{Format: JSON, Path: os.DevNull}, ""},
		{one, Output{Format: Parquet, Path: "/dev/stdout", Terminal: true}, "not for terminals"},
		{cfg, Output{Format: CSV, Path: "/dev/fd/1"}, "one table a file"},
	} {
		if _, err := os.Lstat(c.out.Path); c.out.Path != "" && err != nil && (c.want == "it is the input" || c.want == "link to nothing") {
			continue // no links here
		}
		err := c.out.Check(&c.cfg)
		var typed *OutputError
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &typed) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s to %q, tables %v, force %v: error %v, want %q", c.out.Format, c.out.Path, c.cfg.Tables, c.out.Force, err, c.want)
		}
	}
}

// Standard output that the shell sent to the input file is refused.
func TestOutputStdoutIsInput(t *testing.T) {
	in := folder(t, "run.pcap", "other")
	cfg := Config{Captures: []string{in("run.pcap")}}
	for name, refused := range map[string]bool{"run.pcap": true, "other": false} {
		f, err := os.OpenFile(in(name), os.O_RDWR, 0)
		must(t, err)
		defer f.Close()
		if err := (&Output{Format: JSON, Stdout: f}).Check(&cfg); (err != nil) != refused {
			t.Errorf("standard output is %s: error %v", name, err)
		}
	}
}

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
}

var errHalf = errors.New("half way")

func half(w io.Writer) error {
	io.WriteString(w, "half")
	return errHalf
}

func TestWriteFile(t *testing.T) {
	in := folder(t, "there")
	must(t, (&Output{}).writeFile(in("new"), text("new")))
	must(t, (&Output{Force: true}).writeFile(in("there"), text("replaced")))
	if err := (&Output{}).writeFile(in("there"), text("again")); err == nil {
		t.Error("a file that appeared meanwhile is replaced without force")
	}
	if err := (&Output{}).writeFile(in("failed"), half); !errors.Is(err, errHalf) {
		t.Errorf("error is %v", err)
	}
	if err := (&Output{Force: true}).writeFile(in("there"), half); !errors.Is(err, errHalf) {
		t.Errorf("error is %v", err)
	}
	if got := names(t, in("")); got != "new there" {
		t.Errorf("the folder holds %s", got)
	}
	if got := content(t, in("new")) + " " + content(t, in("there")); got != "new replaced" {
		t.Errorf("the files hold %q", got)
	}
}

// A link stays a link, and what it names is replaced; a device is written to.
func TestWriteFileThroughLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	in := folder(t, "elsewhere/", "elsewhere/real")
	must(t, os.Symlink(in("elsewhere/real"), in("link")))
	must(t, (&Output{Force: true}).writeFile(in("link"), text("through")))
	if info, err := os.Lstat(in("link")); err != nil || info.Mode()&os.ModeSymlink == 0 || content(t, in("elsewhere/real")) != "through" {
		t.Errorf("link is %v (%v), the file holds %q", info, err, content(t, in("elsewhere/real")))
	}
	must(t, (&Output{}).writeFile(os.DevNull, text("nothing")))
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s is %v now (%v)", os.DevNull, info.Mode(), err)
	}
}

// The longest names that file systems have are names for outputs.
func TestWriteLongNames(t *testing.T) {
	in := folder(t)
	long := strings.Repeat("n", 255)
	must(t, (&Output{}).writeFile(in(long), text("new")))
	must(t, (&Output{}).writeFolder(in(long[1:]), []file{{"a", text("a")}}))
	if got := content(t, in(long)) + names(t, in(long[1:])); got != "newa" {
		t.Errorf("they hold %s", got)
	}
}

// What is written belongs to the owner who is named.
func TestWriteForOwner(t *testing.T) {
	need.Root(t)
	in := folder(t, "there/", "there/a")
	o := &Output{Force: true, Owner: &Owner{UID: 4242, GID: 2424}}
	files := []file{{"a", text("a")}}
	must(t, o.writeFile(in("file"), text("new")))
	must(t, o.writeFolder(in("there"), files))
	must(t, o.writeFolder(in("new"), files))
	for name, want := range map[string]string{"file": "4242:2424", "there": "0:0", "there/a": "4242:2424", "new": "4242:2424", "new/a": "4242:2424"} {
		out, err := exec.Command("stat", "-c", "%u:%g", in(name)).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s belongs to %s, want %s (%v)", name, got, want, err)
		}
	}
}

func TestWriteFolder(t *testing.T) {
	good := []file{{"a", text("new a")}, {"b", text("new b")}}
	bad := []file{{"a", text("new a")}, {"b", half}}
	for _, c := range []struct {
		name  string
		there []string
		force bool
		files []file
		ok    bool
		want  string // what dir holds; "-" = it is not there
	}{
		{"no folder", nil, false, good, true, "a b"},
		{"no folder, failing", nil, false, bad, false, "-"},
		{"empty", []string{"dir/"}, false, good, true, "a b"},
		{"empty, failing", []string{"dir/"}, false, bad, false, ""},
		{"others", []string{"dir/", "dir/c"}, false, good, true, "a b c"},
		{"in the way", []string{"dir/", "dir/b"}, false, good, false, "b"},
		{"in the way, forced", []string{"dir/", "dir/b"}, true, good, true, "a b"},
		{"in the way, forced, failing", []string{"dir/", "dir/b"}, true, bad, false, "b"},
	} {
		in := folder(t, c.there...)
		err := (&Output{Force: c.force}).writeFolder(in("dir"), c.files)
		got := "-"
		if _, err := os.Stat(in("dir")); err == nil {
			got = names(t, in("dir"))
		}
		if (err == nil) != c.ok || got != c.want || strings.Contains(names(t, in("")), "tmp") {
			t.Errorf("%s: error %v, the folder holds %q, want %q; beside it: %s", c.name, err, got, c.want, names(t, in("")))
		}
		if !c.ok && strings.Contains(got, "b") && content(t, in("dir/b")) != "old dir/b" {
			t.Errorf("%s: b holds %q", c.name, content(t, in("dir/b")))
		}
	}
}
