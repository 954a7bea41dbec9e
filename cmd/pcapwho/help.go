package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Help keeps to this width and begins what flags do in this column.
const (
	helpWidth  = 79
	helpColumn = 26
)

// printHelp prints the help of a command. (The library's takes up to 170
// columns.)
func printHelp(w io.Writer, command *cli.Command) error {
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
	for _, f := range command.VisibleFlags() {
		b.WriteString(flagHelp(f))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// flagHelp returns "  -o, --output FILE      what it does", in lines that are
// short enough.
func flagHelp(f cli.Flag) string {
	placeholder, usage := "", ""
	if d, ok := f.(cli.DocGenerationFlag); ok {
		usage = d.GetUsage()
		if d.TakesValue() {
			placeholder = " VALUE"
			if parts := strings.Split(usage, "`"); len(parts) == 3 {
				placeholder, usage = " "+parts[1], strings.Join(parts, "")
			}
			if value := strings.Trim(d.GetDefaultText(), `"`); value != "" && value != "0" && !strings.Contains(usage, "default") {
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
	if len(head) > helpColumn-2 {
		head += "\n"
	}
	return hang(head, usage)
}

// hang writes text behind head, all lines of it in helpColumn.
func hang(head, text string) string {
	var b strings.Builder
	b.WriteString(head)
	column := len(head) - strings.LastIndexByte(head, '\n') - 1
	first := true
	for word := range strings.FieldsSeq(text) {
		if n := len([]rune(word)); first || column+1+n > helpWidth {
			if !first {
				b.WriteByte('\n')
				column = 0
			}
			b.WriteString(strings.Repeat(" ", helpColumn-column) + word)
			column = helpColumn + n
		} else {
			b.WriteString(" " + word)
			column += 1 + n
		}
		first = false
	}
	return b.String() + "\n"
}
