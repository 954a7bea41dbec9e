package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestEveryFlag wants a script that asserts what each flag of each command does: below a
// line "# flag: COMMAND --FLAG" and above the next empty line, one that gives the command
// that flag, and below that an assertion.
func TestEveryFlag(t *testing.T) {
	scripts, err := filepath.Glob("testdata/script/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Glob("testdata/script/root/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	asserted := map[string]bool{}
	for _, path := range slices.Concat(scripts, root) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims(string(text)) {
			if why := c.wrong(); why != "" {
				t.Errorf("%s: # flag: %s: %s", path, c.flag, why)
			}
			if asserted[c.flag] {
				t.Errorf("%s: # flag: %s: another script has it", path, c.flag)
			}
			asserted[c.flag] = true
		}
	}
	status := 0
	c, _, _ := quietConsole(t)
	for _, command := range newApp(c, &status).VisibleCommands() {
		for _, f := range command.VisibleFlags() {
			if flag := command.Name + " " + longest(f); !asserted[flag] {
				t.Errorf("no script has # flag: %s", flag)
			} else {
				delete(asserted, flag)
			}
		}
	}
	for flag := range asserted {
		t.Errorf("# flag: %s: there is no such flag", flag)
	}
}

// longest is the long name of a flag.
func longest(f cli.Flag) string {
	return dashed(slices.MaxFunc(f.Names(), func(a, b string) int { return len(a) - len(b) }))
}

// claim is what a script says that it asserts.
type claim struct {
	flag  string // COMMAND --FLAG
	lines []string
}

// claims reads those of a script.
func claims(script string) (list []claim) {
	lines := strings.Split(script, "\n")
	for i, line := range lines {
		flags, ok := strings.CutPrefix(line, "# flag: ")
		if !ok {
			continue
		}
		end := i
		for end < len(lines) && lines[end] != "" {
			end++
		}
		for flag := range strings.SplitSeq(flags, ", ") {
			list = append(list, claim{flag, lines[i+1 : end]})
		}
	}
	return list
}

var assertion = regexp.MustCompile(`^(\[\S+\] )?(! )?(stdout|stderr|cmp|grep|exists|lines|status [1-9]\d*|exec (grep|cmp|sh -c '.*(grep|cmp|test)|python3 check)) `)

// wrong says what a claim lacks, "" = nothing.
func (c *claim) wrong() string {
	command, name, _ := strings.Cut(c.flag, " ")
	status := 0
	app := newApp(newConsole(os.Stdout, os.Stderr), &status)
	if app.Command(command) == nil {
		return "there is no such command"
	}
	f, _ := lookFlag(app.Command(command), name)
	if f == nil {
		return "there is no such flag"
	}
	var names []string
	for _, n := range f.Names() {
		names = append(names, regexp.QuoteMeta(dashed(n)))
	}
	use := regexp.MustCompile(`pcapwho ` + command + `\b.* (` + strings.Join(names, "|") + `)([ =;'"]|$)`)
	used := slices.IndexFunc(c.lines, func(line string) bool { return !strings.HasPrefix(line, "#") && use.MatchString(line) })
	if used < 0 {
		return "no line gives it"
	}
	below := c.lines[used+1:]
	if strings.HasPrefix(c.lines[used], "status ") && !strings.HasPrefix(c.lines[used], "status 0") {
		below = c.lines[used:]
	}
	if !slices.ContainsFunc(below, assertion.MatchString) {
		return "nothing is asserted below the line that gives it"
	}
	return ""
}

func TestClaims(t *testing.T) {
	for script, want := range map[string]string{
		"# flag: analyze --strict\nexec pcapwho analyze x --strict\nstdout x\n":                              "",
		"# flag: analyze --output\nexec pcapwho analyze x -o y\nexists y\n":                                  "",
		"# flag: analyze --strict\nstatus 3 pcapwho analyze x --strict\n":                                    "",
		"# flag: analyze --strict\nexec pcapwho analyze x --strict\n\nstdout x\n":                            "nothing is asserted below the line that gives it",
		"# flag: analyze --strict\nstdout x\nexec pcapwho analyze x --strict\n":                              "nothing is asserted below the line that gives it",
		"# flag: analyze --strict\nexec pcapwho analyze x --stricter\nexec pcapwho run --strict\nstdout x\n": "no line gives it",
		"# flag: analyze --strict\n# pcapwho analyze --strict\nstdout x\n":                                   "no line gives it",
		"# flag: analyze --nope\nexec pcapwho analyze x --nope\nstdout x\n":                                  "there is no such flag",
		"# flag: nope --strict\nexec pcapwho nope --strict\nstdout x\n":                                      "there is no such command",
	} {
		list := claims(script)
		if len(list) != 1 || list[0].wrong() != want {
			t.Errorf("%q: %+v, want %q", script, list, want)
		}
	}
}
