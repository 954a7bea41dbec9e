package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/pcapwho/pcapwho/report"
)

// runEach analyzes every capture by itself. One that cannot be read costs only
// its own result; where none can, that is the error. It returns the exit status.
func (a *analysis) runEach(ctx context.Context, c *console) (status int, err error) {
	_, missing := os.Stat(a.output.Path)
	outputs, err := a.output.Each(&a.cfg)
	if err != nil {
		return 0, err
	}
	if missing != nil && a.output.Path != "" {
		defer os.Remove(a.output.Path) // if it is still empty
	}
	each := make([]analysis, len(outputs))
	for i, o := range outputs {
		each[i] = *a
		each[i].output, each[i].cfg.Captures = o, []string{o.Capture}
		if len(outputs) > 1 {
			each[i].about = o.Capture
		}
		if err := o.Check(&a.cfg); err != nil { // none may be any of the captures
			return 0, err
		}
	}
	var first error
	done := 0
	for i := range each {
		one, err := each[i].runOne(ctx, c, done > 0)
		var input *report.InputError
		switch {
		case err == nil:
			done++
			status = max(status, one)
			continue
		case !errors.As(err, &input):
			return 0, err
		case first == nil:
			first = err
		}
		status = statusDamaged
		if len(each) > 1 {
			c.warning("left out: " + err.Error())
		}
	}
	if done == 0 {
		return 0, first
	}
	return status, nil
}

// apart writes an empty line before anything else.
type apart struct {
	w    io.Writer
	done bool
}

func (a *apart) Write(p []byte) (int, error) {
	if !a.done {
		a.done = true
		if _, err := io.WriteString(a.w, "\n"); err != nil {
			return 0, err
		}
	}
	return a.w.Write(p)
}

// runOne is run, with an empty line before the text of all but the first.
func (a *analysis) runOne(ctx context.Context, c *console, more bool) (int, error) {
	if more && a.output.Format == report.Text && (a.output.Path == "" || report.IsStdout(a.output.Path)) {
		a.output.Stdout = &apart{w: a.output.Stdout}
	}
	return a.run(ctx, c)
}
