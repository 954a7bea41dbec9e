package main

import (
	"strings"
	"testing"
)

// Help tells every flag that is not hidden, and keeps to its width.
func TestHelp(t *testing.T) {
	status := 0
	c, _, _ := quietConsole(t)
	for _, command := range newApp(c, &status).VisibleCommands() {
		var b strings.Builder
		for _, columns := range []int{60, 80, 200, 0} { // narrow ones wrap what flags do alone
			b.Reset()
			if err := printHelp(&b, command, columns); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				most := min(max(columns, helpWidth), 110)
				if n := len([]rune(strings.TrimRight(line, "\n"))); n > most {
					t.Errorf("%s in %d columns: %d in %q", command.Name, columns, n, line)
				}
			}
		}
		if n := strings.Count(b.String(), "\n"); n > 50 {
			t.Errorf("%s: %d lines fit no screen", command.Name, n)
		}
		for _, f := range command.VisibleFlags() {
			for _, name := range f.Names() {
				if !strings.Contains(b.String(), " "+dashed(name)) {
					t.Errorf("%s: no %s in\n%s", command.Name, dashed(name), &b)
				}
			}
		}
	}
}
