package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is asked for is measured together with what it is compared with.
func TestChosen(t *testing.T) {
	for _, tt := range []struct {
		only string
		want []string
	}{
		{"walk", []string{"a", "walk"}},
		{"^two$", []string{"a", "one", "two"}},
		{"nothing", []string{"a"}},
		{"", []string{"a", "walk", "one", "two"}},
	} {
		self, err := os.Executable() // is surely installed
		if err != nil {
			t.Fatal(err)
		}
		args := []string{self}
		all := []program{{name: "a", args: args}, {name: "walk", args: args}, {name: "one", args: args}, {name: "two", args: args, base: "one"}, {name: "gone", args: []string{"no-such-program"}}}
		var got []string
		for _, p := range chosen(all, regexp.MustCompile(tt.only), "a") {
			got = append(got, p.name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.only, got, tt.want)
		}
	}
}

func TestTable(t *testing.T) {
	var text strings.Builder
	printTable(&text, []*row{
		{program: program{name: "reads"}, samples: []sample{{wall: time.Second}, {wall: 4 * time.Second}, {wall: 2 * time.Second}}, ratios: []float64{1, 9, 2, 3}, work: []float64{4}},
		{program: program{name: "alone"}, samples: []sample{{wall: time.Second}}},
		{program: program{name: "hangs"}, note: "longer than 1m0s"},
	})
	lines := strings.Split(text.String(), "\n")
	if got := strings.Fields(lines[1]); !slices.Equal(got, []string{"reads", "2.00", "0.00", "0", "2.50", "4.00", yardstick}) {
		t.Errorf("the medians are %q", got)
	}
	if got := strings.Fields(lines[2]); !slices.Equal(got, []string{"alone", "1.00", "0.00", "0", yardstick}) {
		t.Errorf("what nothing was compared with is told as %q", got)
	}
	if !strings.Contains(lines[3], "longer than 1m0s") {
		t.Errorf("what did not end is told as %q", lines[3])
	}
}
