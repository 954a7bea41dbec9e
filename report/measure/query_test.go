package measure

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestFieldsAreDescribed holds that the manual's table lists the fields of ends.
func TestFieldsAreDescribed(t *testing.T) {
	page, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	described := map[string]bool{}
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			described[m[1]] = true
			if f, ok := endFields[m[1]]; !ok || !strings.HasSuffix(f.kind.String(), strings.TrimSpace(cells[2])) {
				t.Errorf("%s is described as %s", m[1], cells[2])
			}
		}
	}
	for name := range endFields {
		if !described[name] {
			t.Errorf("%s is not described", name)
		}
	}
}

// TestQueryExamples compiles the examples of the manual.
func TestQueryExamples(t *testing.T) {
	page, err := os.ReadFile("../../docs/expressions.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, m := range regexp.MustCompile("(?:-Y '([^']+)'|`([a-z_.]+ (?:[=!<>~]|in|contains)[^`]+)`)").FindAllStringSubmatch(string(page), -1) {
		text := strings.ReplaceAll(m[1]+m[2], `\|`, "|")
		if _, err := NewQuery(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		n++
	}
	if n < 8 {
		t.Errorf("%d examples", n)
	}
}
