package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report/encode"
)

// console is what the program prints to: data to out, messages to err. Nobody
// may read err: that a message cannot be written ends nothing. It is safe for
// concurrent use once configured.
type console struct {
	out, err *os.File
	quiet    bool   // errors and warnings only
	color    string // "auto", "always" or "never"

	mu       sync.Mutex
	progress bool            // the line that stands last on err is a progress line
	data     bool            // data went to a terminal: progress would be drawn into it
	hinted   map[string]bool // hints of warnings that were given; several results share them
}

func newConsole(out, err *os.File) *console {
	return &console{out: out, err: err, color: "auto", hinted: map[string]bool{}}
}

// consoleFlags are the flags of every command.
func consoleFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors and warnings only", DisableDefaultText: true},
		&cli.StringFlag{Name: "color", Value: "auto", Usage: "colours `WHEN`: auto (default), always or never"},
	}
}

// configure takes the flags of consoleFlags.
func (c *console) configure(ctx *cli.Context) error {
	c.quiet, c.color = ctx.Bool("quiet"), ctx.String("color")
	switch c.color {
	case "auto", "always", "never":
		return nil
	}
	return usagef("they are auto, always and never", "no colours %q", c.color)
}

// colors tells whether what goes to f is coloured (no-color.org).
func (c *console) colors(f *os.File) bool {
	if c.color != "auto" {
		return c.color == "always"
	}
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && isTerminal(f)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// width returns how many columns what goes to f may take, 0 = any: as COLUMNS says, else
// those of the terminal f.
func width(f *os.File) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 && n < 1<<15 {
		return n
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// height returns the lines of a terminal, 0 = f is none.
func height(f *os.File) int {
	_, lines, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return lines
}

// The colours of the words that messages begin with (ECMA-48 SGR).
const (
	red    = "31"
	yellow = "33"
	cyan   = "36"
)

// say prints one message: a coloured word, and text that no terminal obeys.
func (c *console) say(sgr, word, text string) {
	if word != "" {
		word += ": "
		if c.colors(c.err) {
			word = "\x1b[" + sgr + "m" + word + "\x1b[0m"
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clearProgress()
	fmt.Fprintln(c.err, word+encode.Escape(text))
}

func (c *console) info(format string, args ...any) {
	if !c.quiet {
		c.say("", "", fmt.Sprintf(format, args...))
	}
}

func (c *console) warning(text string) { c.say(yellow, "warning", text) }
func (c *console) hint(text string)    { c.say(cyan, "hint", text) }

// message takes what a recording tells.
func (c *console) message(kind record.MessageKind, text string) {
	switch kind {
	case record.Warning:
		c.warning(text)
	default:
		c.info("%s", text)
	}
}

// fail prints an error, a line for each where there are several, with the
// remedy unless c is quiet, and returns the exit status. Nothing is said of who reads the output
// and wants no more of it.
func (c *console) fail(err error) int {
	hint, status := judge(err)
	if status == statusUnread {
		c.endProgress()
		return status
	}
	told := map[string]bool{}
	for _, err := range parts(err) {
		text := err.Error()
		if errors.Is(err, context.Canceled) {
			text = "interrupted"
		}
		if !told[text] {
			told[text] = true
			c.say(red, "error", text)
		}
	}
	if hint != "" && !c.quiet {
		c.hint(hint)
	}
	return status
}

// parts returns the errors that err joins, or err itself.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		var all []error
		for _, e := range joined.Unwrap() {
			texts = append(texts, e.Error())
			all = append(all, parts(e)...)
		}
		if err.Error() == strings.Join(texts, "\n") {
			return all
		}
	} else if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() {
		if all := parts(inner); len(all) > 1 {
			return all
		}
	}
	return []error{err}
}
