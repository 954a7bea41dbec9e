package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/demo"
)

// elsewhere are the commands that are shown and not run here: what they are about has
// tests of its own, or they need more than a recording.
var elsewhere = map[string]string{
	"record":     "TestReadmeShell and the scripts in root record",
	"run":        "TestReadmeShell and the scripts in root record",
	"mark":       "TestReadmeShell and phases.txt in root mark",
	"demo":       "demo.txt",
	"completion": "TestBashCompletion and TestOtherCompletions",
	"man":        "flags.txt",
}

// TestShownCommands runs each command that README, the other pages and --help show in a
// text, a table or as an example, in a folder that has the files they name.
func TestShownCommands(t *testing.T) {
	t.Parallel()
	commands := map[string]string{} // where each is shown
	inline := regexp.MustCompile("`(pcapwho [a-z]+ [^`\n]+)`")
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, readme) {
		text := readPage(t, page)
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			commands[m[1]] = page
		}
		for _, b := range blocksOf(t, text) {
			if b.language == "sh" && filepath.Base(page) == "expressions.md" {
				commands[strings.TrimSpace(b.text)] = page
			}
		}
	}
	status := 0
	c, _, _ := quietConsole(t)
	for _, command := range newApp(c, &status).VisibleCommands() {
		for line := range strings.Lines(command.Description) {
			if line = strings.TrimPrefix(strings.TrimSpace(line), "sudo "); strings.HasPrefix(line, "pcapwho ") {
				commands[line] = "pcapwho " + command.Name + " --help"
			}
		}
	}
	placeholder := regexp.MustCompile(`…|\||\b(CAPTURE|RESULT|TABLE|N|NUMBER)\b`)
	ran, folder := 0, shownFolder(t)
	for line, where := range commands {
		if elsewhere[strings.Fields(line)[1]] != "" || placeholder.MatchString(line) {
			continue
		}
		ran++
		t.Run(line, func(t *testing.T) {
			t.Logf("%s shows it", where)
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			line := strings.ReplaceAll(line, "analyze --no-measures", "analyze run.pcapng --no-measures")
			if before := countFiles(t, dir); shell(t, dir, line) == "" && countFiles(t, dir) == before {
				t.Error("it prints nothing and makes no file")
			}
		})
	}
	if ran < 20 {
		t.Errorf("%d commands are shown", ran)
	}
}

// countFiles counts what is in a folder.
func countFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// shownFolder returns a folder with the recordings, results and datasets that examples
// name: all of the demonstration, under different recording IDs.
func shownFolder(t *testing.T) string {
	t.Helper()
	dir := unpacked(t)
	capture, log := readPage(t, filepath.Join(dir, demo.Capture)), readPage(t, filepath.Join(dir, demo.Log))
	end := strings.LastIndex(strings.TrimSuffix(log, "\n"), "\n") + 1
	log = log[:end] + `{"event":"mark","time_ns":1795556594000000000,"seq":900,"change":"begin","name":"load"}` + "\n" +
		`{"event":"mark","time_ns":1795556594500000000,"seq":901,"change":"end","name":"load"}` + "\n" + log[end:]
	for i, name := range []string{"run", "old", "new", "archive/a", "archive/b", "run_1", "run_2", "eth0", "eth1"} {
		id := func(text string) string {
			return strings.ReplaceAll(text, "d54a6bf5", strings.Repeat(string(rune('0'+i)), 8))
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{path + ".pcapng": id(capture), path + ".conns.jsonl": id(log)} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, line := range []string{
		"pcapwho analyze old.pcapng -o old.json", "cp old.json result.json", "pcapwho analyze new.pcapng -o new.json",
		"pcapwho analyze old.pcapng --partition --format csv -o monday", "pcapwho analyze new.pcapng --partition --format csv -o tuesday",
	} {
		shell(t, dir, line)
	}
	return dir
}
