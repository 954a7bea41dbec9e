package main

import (
	"errors"
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
			if err := printHelp(&b, command, columns, 0); err != nil {
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

// Help has no more lines than the screen, and there too names all flags and has examples.
func TestHelpOnASmallScreen(t *testing.T) {
	status := 0
	c, stdout, _ := quietConsole(t)
	app := newApp(c, &status)
	for _, command := range app.VisibleCommands() {
		var whole, b strings.Builder
		if err := errors.Join(printHelp(&whole, command, 80, 0), printHelp(&b, command, 80, 24)); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "\n"); n > 23 {
			t.Errorf("%s: %d lines and the prompt do not fit 24:\n%s", command.Name, n, &b)
		}
		if strings.Count(whole.String(), "\n") <= 23 && whole.String() != b.String() {
			t.Errorf("%s is shortened", command.Name)
		}
		for _, f := range command.VisibleFlags() {
			if names, _, _ := wordsOf(f); !strings.Contains(b.String(), " "+names[0]) {
				t.Errorf("%s: no %s in\n%s", command.Name, names[0], &b)
			}
		}
		if !strings.Contains(strings.ReplaceAll(b.String(), "sudo ", ""), "\npcapwho ") && command.Name != "demo" {
			t.Errorf("%s: no example in\n%s", command.Name, &b)
		}
	}
	if err := app.Run([]string{"pcapwho", "--help"}); err != nil {
		t.Fatal(err)
	}
	if text := readPage(t, stdout); strings.Count(text, "\n") > 23 || !strings.Contains(text, "\n  analyze     tell") {
		t.Errorf("it prints\n%s", text)
	}
}
