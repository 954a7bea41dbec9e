package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// wrapsCommand lists the commands that take another program's command line,
// behind "--" and nowhere else.
var wrapsCommand = [...]string{"record", "run"}

// arrange moves the flags of a subcommand before its positionals: the flag
// parser takes everything behind the first positional for another one.
//
//	analyze run.pcapng --format json  →  analyze --format json -- run.pcapng
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	command := app.Command(args[1])
	if command == nil {
		return args, nil
	}
	var flags, positionals []string
	rest := args[2:]
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			positionals = append(positionals, rest[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			if slices.Contains(wrapsCommand[:], command.Name) {
				return nil, usagef("give the command to run behind --: pcapwho "+command.Name+" -- "+strings.Join(rest[i:], " "),
					"what is %q?", arg)
			}
			positionals = append(positionals, arg)
			continue
		}
		flags = append(flags, arg)
		if takesValue(command, arg) && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	return slices.Concat(args[:2], flags, []string{"--"}, positionals), nil
}

// takesValue tells whether the argument behind a flag is its value.
func takesValue(command *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			d, ok := f.(cli.DocGenerationFlag)
			return ok && d.TakesValue()
		}
	}
	return false
}
