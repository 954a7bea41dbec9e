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
// parser takes everything behind the first positional for another one. It
// takes a request for help as such wherever it stands.
//
//	analyze run.pcapng --format json  →  analyze --format json -- run.pcapng
//	analyze run.pcapng -h             →  analyze --help
//	help analyze                      →  analyze --help
//
// What stands behind --with of compare, which a shell makes of a pattern there, is of
// that flag:
//
//	compare a --with b c              →  compare --with b --with c -- a
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return args, nil
	}
	if args[1] == "help" {
		return slices.Concat(args[:1], args[2:min(3, len(args))], []string{"--help"}), nil
	}
	command := app.Command(args[1])
	if command == nil {
		return args, nil
	}
	var flags, positionals []string
	with := false // --with of compare was given
	positional := func(all ...string) {
		if !with {
			positionals = append(positionals, all...)
			return
		}
		for _, arg := range all {
			flags = append(flags, "--with="+arg)
		}
	}
	rest := args[2:]
	for i := 0; i < len(rest); i++ {
		arg := rest[i]
		if arg == "--" {
			positional(rest[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			if slices.Contains(wrapsCommand[:], command.Name) {
				return nil, usagef("give the command to run behind --: pcapwho "+command.Name+" -- "+strings.Join(rest[i:], " "),
					"what is %q?", arg)
			}
			positional(arg)
			continue
		}
		if slices.Contains(helpFlags[:], arg) {
			return slices.Concat(args[:2], []string{"--help"}), nil
		}
		f, given := lookFlag(command, arg)
		if f == nil {
			return nil, noFlag(command, arg)
		}
		if err := checkOnce(command, f, arg, flags); err != nil {
			return nil, err
		}
		flags = append(flags, arg)
		with = with || command.Name == "compare" && f.Names()[0] == "with"
		if takesValue(f) && !given {
			i++
			if err := checkValue(command, arg, rest[i:]); err != nil {
				return nil, err
			}
			flags = append(flags, rest[i])
		}
	}
	return slices.Concat(args[:2], flags, []string{"--"}, positionals), nil
}

// helpFlags are the ways to ask for help.
var helpFlags = [...]string{"-h", "--help", "-help"}

// noFlag is the error of a flag that there is not.
func noFlag(command *cli.Command, arg string) error {
	name, _, _ := strings.Cut(arg, "=")
	hint := "see pcapwho " + command.Name + " --help"
	if f, _ := lookFlag(command, arg[:2]); f != nil {
		if takesValue(f) {
			hint = "a value stands apart from its flag: " + arg[:2] + " " + arg[2:]
		} else {
			hint = "flags stand apart: " + arg[:2] + " -" + arg[2:]
		}
	}
	return usagef(hint, "no flag %s", name)
}

// checkValue refuses a flag whose value was forgotten: it stands last, or the
// next one is another flag.
func checkValue(command *cli.Command, arg string, rest []string) error {
	see := "see pcapwho " + command.Name + " --help"
	if len(rest) == 0 || rest[0] == "--" {
		return usagef(see, "flag %s needs a value", arg)
	}
	if len(rest[0]) > 1 && rest[0][0] == '-' {
		if f, _ := lookFlag(command, rest[0]); f != nil || slices.Contains(helpFlags[:], rest[0]) {
			return usagef(see+"; a value that looks like a flag: "+arg+"="+rest[0], "flag %s needs a value, and %s is a flag", arg, rest[0])
		}
	}
	return nil
}

// checkOnce refuses a flag that chooses what counts where it was among the flags before:
// the parser would take the last of them alone.
func checkOnce(command *cli.Command, f cli.Flag, arg string, before []string) error {
	hint := map[string]string{
		"where": "join expressions with && or ||",
		"pid":   "of several processes: -Y 'process.pid in (1, 2)'",
		"phase": "the table phases has all of them",
		"from":  "name one time",
		"to":    "name one time",
	}[f.Names()[0]]
	if _, several := f.(*cli.IntSliceFlag); several || hint == "" {
		return nil
	}
	name, _, _ := strings.Cut(arg, "=")
	for _, b := range before {
		if other, _ := lookFlag(command, b); other == f && b[0] == '-' {
			return usagef(hint, "flag %s is given twice", name)
		}
	}
	return nil
}

// lookFlag returns the flag that an argument names, nil where there is none,
// and whether its value is part of it.
func lookFlag(command *cli.Command, arg string) (f cli.Flag, given bool) {
	name, _, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
	for _, f := range command.Flags {
		if slices.Contains(f.Names(), name) {
			return f, given
		}
	}
	return nil, given
}

// takesValue tells whether a flag has a value.
func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}
