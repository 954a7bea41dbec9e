package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help keeps to this width, where the terminal has no other, and begins what flags do in
// this column.
const (
	helpWidth  = 79
	helpColumn = 26
)

// printHelp prints the help of a command in so many columns, 0 = helpWidth. (The
// library's takes up to 170.)
func printHelp(w io.Writer, command *cli.Command, columns int) error {
	columns = min(max(cmp.Or(columns, helpWidth+1)-1, 50), 110)
	var b strings.Builder
	usage := command.UsageText
	if usage == "" {
		usage = "pcapwho " + command.Name + " [flags]"
	}
	fmt.Fprintf(&b, "pcapwho %s: %s\n\nUsage: %s\n", command.Name, command.Usage, usage)
	if command.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", command.Description)
	}
	b.WriteString("\nFlags:\n")
	for _, f := range lastConsole(command.VisibleFlags()) {
		b.WriteString(flagHelp(f, columns))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lastConsole returns flags with those of every command at the end.
func lastConsole(flags []cli.Flag) []cli.Flag {
	place := func(f cli.Flag) int {
		for _, c := range consoleFlags() {
			if c.Names()[0] == f.Names()[0] {
				return 1
			}
		}
		return 0
	}
	return slices.SortedStableFunc(slices.Values(flags), func(a, b cli.Flag) int { return cmp.Compare(place(a), place(b)) })
}

// flagHelp returns "  -o, --output FILE      what it does", in lines that are
// short enough.
func flagHelp(f cli.Flag, columns int) string {
	placeholder, usage := "", ""
	if d, ok := f.(cli.DocGenerationFlag); ok {
		usage = d.GetUsage()
		if d.TakesValue() {
			placeholder = " VALUE"
			if parts := strings.Split(usage, "`"); len(parts) == 3 {
				placeholder, usage = " "+parts[1], strings.Join(parts, "")
			}
			if value := strings.Trim(d.GetDefaultText(), `"`); value != "" && value != "0" && value != "0s" && !strings.Contains(usage, "default") {
				usage += "; default " + value
			}
		}
	}
	var names []string
	for _, name := range f.Names() {
		if len(name) == 1 {
			names = append([]string{dashed(name)}, names...)
		} else {
			names = append(names, dashed(name))
		}
	}
	head := "  " + strings.Join(names, ", ") + placeholder
	if len(names[0]) > 2 {
		head = "      " + head[2:] // below the long names of the others
	}
	return hang(head, usage, helpColumn, columns)
}

// hang writes text behind head, in lines of so many columns that begin in one of them;
// below head where that is longer.
func hang(head, text string, begin, columns int) string {
	var b strings.Builder
	b.WriteString(head)
	column := len([]rune(head))
	if column > begin-1 {
		b.WriteByte('\n')
		column = 0
	}
	first := true
	for word := range strings.FieldsSeq(text) {
		if n := len([]rune(word)); first || column+1+n > columns {
			if !first {
				b.WriteByte('\n')
				column = 0
			}
			b.WriteString(strings.Repeat(" ", begin-column) + word)
			column = begin + n
		} else {
			b.WriteString(" " + word)
			column += 1 + n
		}
		first = false
	}
	return b.String() + "\n"
}
