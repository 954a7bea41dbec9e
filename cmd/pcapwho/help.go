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

// overview is the help of the program; it fits on 24 lines.
const overview = `pcapwho: {{.Usage}}

Usage: pcapwho COMMAND [flags] …
       pcapwho demo             shows what it does, without any rights
       pcapwho COMMAND --help   tells its flags, with examples

Commands:{{range .VisibleCommands}}
  {{printf "%-10s" .Name}}  {{.Usage}}{{end}}

Flags: --version prints the version, --help this
`

// printHelp prints the help of a command in so many columns, 0 = helpWidth, and where that
// has more than so many lines, 0 = any, without what its flags do. (The library's takes up
// to 170 columns.)
func printHelp(w io.Writer, command *cli.Command, columns, lines int) error {
	columns = min(max(cmp.Or(columns, helpWidth+1)-1, 50), 110)
	var b strings.Builder
	fmt.Fprintf(&b, "pcapwho %s: %s\n\nUsage: %s\n", command.Name, command.Usage, strings.ReplaceAll(usageOf(command), "\n", "\n       "))
	if command.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", command.Description)
	}
	var full strings.Builder
	flags := lastConsole(command.VisibleFlags())
	for _, f := range flags {
		full.WriteString(flagHelp(f, columns))
	}
	if lines == 0 || strings.Count(b.String()+full.String(), "\n")+2 < lines { // and the prompt
		b.WriteString("\nFlags:\n" + full.String())
	} else {
		b.WriteString("\n" + strings.ReplaceAll(hang("Flags:", shortHelp(flags), 7, columns), "\x00", " "))
		fmt.Fprintf(&b, "What they do: pcapwho %s --help | less\n", command.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// usageOf returns how a command is written.
func usageOf(command *cli.Command) string {
	return cmp.Or(command.UsageText, "pcapwho "+command.Name+" [flags]")
}

// shortHelp names flags, with what they take behind a zero byte: by one letter where they
// have one.
func shortHelp(flags []cli.Flag) string {
	var all []string
	for _, f := range flags {
		names, placeholder, _ := wordsOf(f)
		all = append(all, strings.ReplaceAll(names[0]+placeholder, " ", "\x00"))
	}
	return strings.Join(all, ", ")
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
	names, placeholder, usage := wordsOf(f)
	head := "  " + strings.Join(names, ", ") + placeholder
	if len(names[0]) > 2 {
		head = "      " + head[2:] // below the long names of the others
	}
	return hang(head, usage, helpColumn, columns)
}

// wordsOf returns the names of a flag, that of one letter first, " FILE" where it takes
// one, and what it does.
func wordsOf(f cli.Flag) (names []string, placeholder, usage string) {
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
	for _, name := range f.Names() {
		if len(name) == 1 {
			names = append([]string{dashed(name)}, names...)
		} else {
			names = append(names, dashed(name))
		}
	}
	return names, placeholder, usage
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
