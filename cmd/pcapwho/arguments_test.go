package main

import (
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	status := 0
	c, _, _ := quietConsole(t)
	for args, want := range map[string]string{
		"":                               "",
		"--version":                      "--version",
		"nope a --b":                     "nope a --b",
		"analyze a":                      "analyze -- a",
		"analyze a --format json b":      "analyze --format json -- a b",
		"analyze a --format=json b":      "analyze --format=json -- a b",
		"analyze a --strict b":           "analyze --strict -- a b",
		"analyze a -o=--x b":             "analyze -o=--x -- a b",
		"analyze a -o -x":                "analyze -o -x -- a",
		"analyze a -- --unknown":         "analyze -- a --unknown",
		"analyze a -h b":                 "analyze --help",
		"analyze -q a --help":            "analyze --help",
		"analyze a -- -h":                "analyze -- a -h",
		"analyze -o=-h a":                "analyze -o=-h -- a",
		"help":                           "--help",
		"help analyze":                   "analyze --help",
		"help nope more":                 "nope --help",
		"record -s -5":                   "record -s -5 --",
		"record -- help":                 "record -- help",
		"analyze -":                      "analyze -- -",
		"analyze - -l log":               "analyze -l log -- -",
		"analyze -o -":                   "analyze -o - --",
		"analyze a -- --format":          "analyze -- a --format",
		"record -i lo -- sleep -i 1":     "record -i lo -- sleep -i 1",
		"run -q --tables x -- a -- b":    "run -q --tables x -- a -- b",
		"record --force -i lo -i eth0":   "record --force -i lo -i eth0 --",
		"analyze a --log l1 b -l l2":     "analyze --log l1 -l l2 -- a b",
		"record --pid 1 --pid 2":         "record --pid 1 --pid 2 --",
		"analyze --tables packets,a x.p": "analyze --tables packets,a -- x.p",
	} {
		got, err := arrange(newApp(c, &status), append([]string{"pcapwho"}, strings.Fields(args)...))
		if err != nil || !slices.Equal(got[1:], strings.Fields(want)) {
			t.Errorf("%s: got %v, %v; want %s", args, got, err, want)
		}
	}
	for _, args := range []string{"record sleep 1", "run -i lo sleep -- 1", "analyze a -o", "analyze -o -- a", "analyze a -o --force", "record -w -- true", "record --log",
		"analyze --pid 1 a --pid=2", "analyze -Y x --where y a", "analyze --phase a --phase b", "analyze --from 1s --from 2s", "run --to 1s --to 2s", "analyze --unknown a", "analyze -qo a", "analyze ---o a"} {
		if got, err := arrange(newApp(c, &status), append([]string{"pcapwho"}, strings.Fields(args)...)); err == nil {
			t.Errorf("%s: got %v, want an error", args, got)
		}
	}
}
