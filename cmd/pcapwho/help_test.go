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
		if err := printHelp(&b, command); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := len([]rune(strings.TrimSpace(line))); n > helpWidth {
				t.Errorf("%s: %d columns in %q", command.Name, n, line)
			}
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
