package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/demo"
)

// What the demonstration checks fails when the recording is not what happened.
func TestBalance(t *testing.T) {
	for _, c := range []struct {
		name, file string
		change     func(string) string
		want       string // in the output
	}{
		{"nothing", demo.Log, func(s string) string { return s }, "Every byte agrees. 134 of 134 ends have an owner"},
		{"another owner", demo.Log, swapOwners, "was process"},
		{"sockets left out", demo.Log, func(s string) string {
			return regexp.MustCompile(`(?m)^\{"event":"socket".*"protocol":"tcp".*\n`).ReplaceAllString(s, "")
		}, "was seen and has no owner"},
		{"bytes that nobody sent", demo.Ledger, func(s string) string {
			return regexp.MustCompile(`"sent_bytes":(\d)`).ReplaceAllString(s, `"sent_bytes":1$1`)
		}, "captured"},
		{"a connection that nobody had", demo.Ledger, func(s string) string {
			return s[strings.Index(s, "\n")+1:]
		}, "no process says that it was"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := unpacked(t)
			path := filepath.Join(dir, c.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			changed := c.change(string(text))
			if c.name != "nothing" && changed == string(text) {
				t.Fatal("the change changes nothing")
			}
			if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			console, out, _ := quietConsole(t)
			err = showRecording(context.Background(), console, dir)
			if (err != nil) != (c.name != "nothing") {
				t.Errorf("error %v", err)
			}
			printed, _ := os.ReadFile(out)
			if !strings.Contains(string(printed), c.want) {
				t.Errorf("the output lacks %q:\n%s", c.want, printed)
			}
		})
	}
}

// swapOwners gives the sockets of the first two owners in the log to each
// other.
func swapOwners(log string) string {
	owners := regexp.MustCompile(`"owners":\[\{"pid":\d+,"start_ns":\d+\}\]`)
	first := owners.FindString(log)
	for _, second := range owners.FindAllString(log, -1) {
		if second != first {
			return strings.NewReplacer(first, second, second, first).Replace(log)
		}
	}
	return log
}
