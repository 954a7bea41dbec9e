package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/report/chart"
	"github.com/pcapwho/pcapwho/report/table"
)

func completionCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print what completes command lines in bash, zsh or fish",
		UsageText: "pcapwho completion bash|zsh|fish",
		Description: "Put it where the shell looks for it.\n\n" +
			"pcapwho completion bash >~/.local/share/bash-completion/completions/pcapwho\n" +
			"pcapwho completion zsh >~/.zsh/completions/_pcapwho\n" +
			"pcapwho completion fish >~/.config/fish/completions/pcapwho.fish",
		Flags: consoleFlags(),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() != 1 {
				return usagef("pcapwho completion bash", "completion needs the name of a shell")
			}
			switch shell := ctx.Args().First(); shell {
			case "bash":
				return bashCompletion(c.out, ctx.App)
			case "zsh":
				return zshCompletion(c.out, ctx.App)
			case "fish":
				return fishCompletion(c.out, ctx.App)
			default:
				return usagef("shells are bash, zsh, fish", "there is no completion for %q", shell)
			}
		},
	}
}

func manCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		UsageText:   "pcapwho man",
		Description: "pcapwho man >/usr/local/share/man/man1/pcapwho.1",
		Flags:       consoleFlags(),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() > 0 {
				return usagef("see pcapwho man --help", "what is %q?", ctx.Args().First())
			}
			_, err := io.WriteString(c.out, manual(ctx.App))
			return err
		},
	}
}

// completedValues are what a flag takes, where that is one of few words.
func completedValues() map[string][]string {
	var formats, tables []string
	for _, f := range report.Formats() {
		formats = append(formats, string(f))
	}
	for _, s := range table.All() {
		tables = append(tables, s.Name)
	}
	return map[string][]string{"--color": {"auto", "always", "never"}, "--format": formats, "--tables": tables, "--chart": chart.Names(),
		"--source": {record.SourceAuto, record.SourceEBPF, record.SourceDiag, record.SourcePoll}}
}

// bashCompletion completes commands, flags, the values of some flags, tables of
// schema, and else names of files; behind "--" it leaves the line alone.
func bashCompletion(w io.Writer, app *cli.App) error {
	var b strings.Builder
	b.WriteString("_pcapwho() {\n\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= i\n\tCOMPREPLY=()\n" +
		"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\t[ \"${COMP_WORDS[i]}\" = -- ] && return\n\tdone\n")
	fmt.Fprintf(&b, "\tif ((COMP_CWORD == 1)); then\n\t\twords=%q\n\telse\n\t\tcase $before in\n", strings.Join(commandNames(app), " "))
	values := completedValues()
	for _, flag := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(&b, "\t\t%s) words=%q ;;\n", flag, strings.Join(values[flag], " "))
	}
	b.WriteString("\t\t*)\n\t\t\tcase ${COMP_WORDS[1]}:$word in\n")
	for _, command := range app.VisibleCommands() {
		fmt.Fprintf(&b, "\t\t\t%s:-*) words=%q ;;\n", command.Name, strings.Join(longFlags(command), " "))
	}
	fmt.Fprintf(&b, "\t\t\tschema:*) words=%q ;;\n\t\t\tcompletion:*) words=\"bash zsh fish\" ;;\n", strings.Join(values["--tables"], " "))
	b.WriteString("\t\t\tesac\n\t\t\t;;\n\t\tesac\n\tfi\n\t[ \"$words\" = '' ] || COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -o default -F _pcapwho pcapwho\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// zshCompletion is that of bash: a shell that loads it when it is first needed has it
// complete at once.
func zshCompletion(w io.Writer, app *cli.App) error {
	io.WriteString(w, "#compdef pcapwho\nautoload -U +X bashcompinit && bashcompinit\n")
	if err := bashCompletion(w, app); err != nil {
		return err
	}
	_, err := io.WriteString(w, "if [ \"${funcstack[1]}\" = _pcapwho ]; then\n\t_bash_complete -o default -F _pcapwho\nfi\n")
	return err
}

// fishCompletion completes what bashCompletion does.
func fishCompletion(w io.Writer, app *cli.App) error {
	text, err := app.ToFishCompletion()
	if err != nil {
		return err
	}
	b := strings.Builder{}
	b.WriteString(text)
	values := completedValues()
	for _, command := range app.VisibleCommands() {
		for _, flag := range longFlags(command) {
			if words := values[flag]; words != nil {
				fmt.Fprintf(&b, "\ncomplete -c pcapwho -n '__fish_seen_subcommand_from %s' -l %s -x -a '%s'", command.Name, flag[2:], strings.Join(words, " "))
			}
		}
	}
	const arguments = "\ncomplete -c pcapwho -n '__fish_seen_subcommand_from %s' -f -a '%s'"
	fmt.Fprintf(&b, arguments+arguments+"\n", "completion", "bash zsh fish", "schema", strings.Join(values["--tables"], " "))
	_, err = io.WriteString(w, b.String())
	return err
}

// longFlags returns a command's flags in their long form, sorted.
func longFlags(command *cli.Command) (flags []string) {
	for _, f := range command.Flags {
		flags = append(flags, "--"+f.Names()[0])
	}
	slices.Sort(flags)
	return flags
}
