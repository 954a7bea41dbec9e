package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// examined runs the doctor, as told by what stands in front, over a folder, holds
// its JSON to the schema of the documentation, and returns it and the text.
func examined(t *testing.T, dir, front, folder string) (x record.Examination, text string) {
	t.Helper()
	doctor := func(flag string) string {
		c := exec.Command("sh", "-c", "exec "+front+` plain/pcapwho doctor -B 8 `+flag+` "$0"`, folder)
		c.Dir = dir
		var stderr bytes.Buffer
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil || stderr.Len() > 0 {
			t.Fatalf("doctor: %v\n%s", err, stderr.String())
		}
		return string(out)
	}
	schema, err := jsonschema.NewCompiler().Compile("../../docs/doctor.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	out := doctor("--json")
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
	if err == nil {
		err = schema.Validate(value)
	}
	if err == nil {
		err = json.Unmarshal([]byte(out), &x)
	}
	if err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return x, doctor("")
}

// TestDoctor asks as root, as nobody, and as who has the right to capture: each time
// record takes the source that the doctor named, or refuses with its words.
func TestDoctor(t *testing.T) {
	need.Root(t)
	dir := programs(t)
	hostile := filepath.Join(dir, "a\x1b[31mfolder\nright")
	if err := os.Mkdir(hostile, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(hostile, 0o777); err != nil {
		t.Fatal(err)
	}
	nobody := need.Tool(t, "setpriv") + " --reuid=nobody --regid=nogroup --clear-groups "
	for _, c := range []struct {
		name, front string
		captures    bool
		source      string
		held        int // rights
	}{
		{"root", "", true, "ebpf", 6},
		{"nobody", nobody, false, "diag", 0},
		{"only the right to capture", nobody + "--inh-caps=-all,+net_raw --ambient-caps=-all,+net_raw ", true, "diag", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			x, text := examined(t, dir, c.front, hostile)
			held := 0
			for _, r := range x.Rights {
				if r.Held {
					held++
				}
			}
			if x.Capture.Works != c.captures || x.Source != c.source || held != c.held || !slices.ContainsFunc(x.Interfaces, func(i record.InterfaceState) bool { return i.Name == "lo" && i.MTU > 0 && i.LinkType == 1 }) {
				t.Errorf("%+v", x)
			}
			if x.Disk.Error != "" || x.Disk.Speed <= 0 || x.Disk.Folder != hostile || x.Clock.Synced == nil {
				t.Errorf("%+v, %+v", x.Disk, x.Clock)
			}
			for _, s := range x.Sources {
				if s.Works != (s.Name != "ebpf" || c.source == "ebpf") || !s.Works && !strings.Contains(s.Remedy, "setcap") {
					t.Errorf("%+v", s)
				}
			}
			checkPage(t, text)
			checkWords(t, dir, c.front, &x)
		})
	}
	if left, err := os.ReadDir(hostile); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkPage wants lines that fit, but for commands, which are whole, and no
// character that steers a terminal.
func checkPage(t *testing.T, text string) {
	t.Helper()
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `a\x1b[31mfolder\x0aright`) {
		t.Errorf("the folder is not escaped in\n%s", text)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !strings.HasPrefix(line, "  sudo setcap ") && !strings.Contains(line, "folder") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

// checkWords records as the same user.
func checkWords(t *testing.T, dir, front string, x *record.Examination) {
	t.Helper()
	c := exec.Command("sh", "-c", "exec "+front+" plain/pcapwho record --force -i lo -B 8 -w run.pcapng -- true")
	c.Dir = dir
	if os.Remove(filepath.Join(dir, "run.pcapng")) == nil {
		os.Remove(filepath.Join(dir, "run.conns.jsonl"))
	}
	out, err := c.CombinedOutput()
	if !x.Capture.Works {
		if err == nil || !strings.Contains(string(out), x.Capture.Reason) || !strings.Contains(string(out), x.Capture.Remedy) {
			t.Errorf("record says %s, the doctor %+v", out, x.Capture)
		}
		return
	}
	if want := "sockets by " + x.Source + " (" + x.Reason + ")"; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("record: %v: %s, want %q", err, out, want)
	}
}
