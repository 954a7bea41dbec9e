package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/pcapwho/pcapwho/report"
)

// Each of several errors has its line, and none two.
func TestFail(t *testing.T) {
	first, second := errors.New("a: b"), &report.OutputError{Name: "c\nd", Problem: "it exists", Hint: "replace it"}
	joined := errors.Join(first, nil, errors.Join(second, first))
	two := "error: a: b\nerror: c\\x0ad: it exists\nhint: replace it\n"
	for _, tt := range []struct {
		err    error
		want   string
		status int
	}{
		{first, "error: a: b\n", 1},
		{joined, two, 2},
		{&report.InputError{Err: joined}, two, 2},
		{fmt.Errorf("x: %w", joined), "error: x: a: b\\x0ac\\x0ad: it exists\\x0aa: b\nhint: replace it\n", 2},
		{errors.Join(context.Canceled), "error: interrupted\n", 1},
		{fmt.Errorf("%w (%w)", first, second), "error: a: b (c\\x0ad: it exists)\nhint: replace it\n", 2},
	} {
		c, _, path := quietConsole(t)
		status := c.fail(tt.err)
		text, err := os.ReadFile(path)
		if err != nil || string(text) != tt.want || status != tt.status {
			t.Errorf("%q: status %d, printed\n%swant %d,\n%s", tt.err, status, text, tt.status, tt.want)
		}
	}
}
