package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"
)

// manualEnd is what the manual page has behind the commands.
const manualEnd = `.SH EXIT STATUS
.TP
0
complete
.TP
1
failed, or a change meets a condition of compare
.TP
2
wrong usage, or an input that cannot be read
.TP
3
finished, but the input was damaged or cut: the result is written and says where
.TP
141
nobody reads the output to its end
.PP
record and run end with the status of their command; with 125 where it was not started,
126 or 127 where it could not be.
.SH ENVIRONMENT
.TP
NO_COLOR
no colours, where it is not empty
.TP
COLUMNS
how wide what is printed may be
.TP
TMPDIR
where temporary files are made
.TP
PCAPWHO_SOCKET
the socket that takes marks; record sets it for its command
`

// manual returns the manual page, for man(7): what the help of all commands has.
func manual(app *cli.App) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH PCAPWHO 1\n.nh\n.SH NAME\npcapwho \\- %s\n.SH SYNOPSIS\n", roff(app.Usage))
	commands := app.VisibleCommands()
	for _, command := range commands {
		fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(usageOf(command)))
	}
	for _, command := range commands {
		fmt.Fprintf(&b, ".SH %s\n%s\n", strings.ToUpper(command.Name), roff(command.Usage))
		if command.Description != "" {
			fmt.Fprintf(&b, ".PP\n.nf\n%s\n.fi\n", roff(command.Description))
		}
		for _, f := range lastConsole(command.VisibleFlags()) {
			names, placeholder, usage := wordsOf(f)
			for i, name := range names {
				names[i] = `\fB` + roff(name) + `\fR`
			}
			fmt.Fprintf(&b, ".TP\n%s\\fI%s\\fR\n%s\n", strings.Join(names, ", "), roff(placeholder), roff(usage))
		}
	}
	return b.String() + manualEnd
}

// roff returns text as man(7) shows it as it stands.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		return `\&` + text
	}
	return text
}
