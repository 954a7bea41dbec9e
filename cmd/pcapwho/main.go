// Pcapwho tells which process sent every packet of a capture, and measures it.
//
//	pcapwho demo                     see it work, without any rights
//	pcapwho record -- CMD…           write run.pcapng and run.conns.jsonl
//	pcapwho analyze run.pcapng       join the two into statistics
//	pcapwho report run.pcapng        a page that shows it in a browser
//	pcapwho run -- CMD…              both
//	pcapwho info run.pcapng          what a capture is, and whether its log fits
//	pcapwho explain run.pcapng 25    why a packet has the owner it has
//	pcapwho compare old.json --with new.json   what changed, and how surely
//	pcapwho mark load --begin        a phase of the benchmark, in the recording that runs
//	pcapwho schema connections       the columns of a table
//	pcapwho doctor                   what can be recorded here, and what would help
//
// Data goes to standard output or to -o, everything else to standard error.
// Exit status: 0 complete, 1 failed, 2 usage or unreadable input, 3 finished
// but the input was damaged or cut, 141 nobody reads the output to its end;
// record and run end with the status of their command, or 125, 126 and 127 as
// env(1) has them.
package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func main() {
	keepPipes()
	var ballast []byte
	if os.Getenv("GOGC") == "" { // what grows holds no pointers: collecting costs little, and memory is the user's
		debug.SetGCPercent(25)
		if os.Getenv("GOMEMLIMIT") == "" { // it counts against that
			ballast = make([]byte, 32<<20) // never touched, so no memory: the next collection comes when a quarter as much is used, 8 MiB
		}
	}
	status := pcapwho(os.Args, newConsole(os.Stdout, os.Stderr))
	runtime.KeepAlive(ballast)
	os.Exit(status)
}

// pcapwho is the whole program; it returns the exit status.
func pcapwho(args []string, c *console) int {
	status := 0
	app := newApp(c, &status)
	arranged, err := arrange(app, args)
	switch {
	case err != nil:
	case len(arranged) == 3 && arranged[2] == "--help" && app.Command(arranged[1]) != nil:
		err = printHelp(c.out, app.Command(arranged[1]), width(c.out), height(c.out))
	default:
		err = app.Run(arranged)
	}
	if err == nil {
		return status
	}
	return unstarted(args, err, c.fail(err))
}

// unstarted tells that a wrapped command was not started, as env(1) does, from
// what the command itself may end with.
func unstarted(args []string, err error, status int) int {
	const statusUnstarted = 125
	var f *failure
	if wrapping := len(args) > 1 && slices.Contains(wrapsCommand[:], args[1]) && slices.Contains(args, "--"); !wrapping || errors.As(err, &f) && f.late {
		return status
	}
	if status == statusFailed || status == statusUsage {
		return statusUnstarted
	}
	return status
}

// newApp declares the commands. An action that ends in order stores another
// exit status than 0 in status.
func newApp(c *console, status *int) *cli.App {
	app := &cli.App{
		Name:                      "pcapwho",
		Usage:                     "which process sent every packet of a capture, and how much",
		UsageText:                 "pcapwho COMMAND [flags] …\npcapwho COMMAND --help",
		CustomAppHelpTemplate:     overview,
		Version:                   version(),
		HideVersion:               true,
		HideHelpCommand:           true, // else a capture or a command named help is one
		Writer:                    c.out,
		ErrWriter:                 c.err,
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {},
		Flags:                     []cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}},
		Commands:                  []*cli.Command{demoCommand(c), recordCommand(c, status), runCommand(c, status), analyzeCommand(c, status), reportCommand(c, status), infoCommand(c, status), explainCommand(c), compareCommand(c, status), markCommand(c), schemaCommand(c), doctorCommand(c), completionCommand(c), manCommand(c), workloadCommand(c)},
	}
	app.Action = func(ctx *cli.Context) error {
		switch {
		case ctx.Bool("version"):
			fmt.Fprintln(c.out, "pcapwho", version())
			return nil
		case ctx.NArg() > 0:
			if _, err := os.Stat(ctx.Args().First()); err == nil {
				return usagef(toType("analyze", fileArgument(ctx.Args().First())), "%q is a file, and no command", ctx.Args().First())
			}
			return usagef("the commands are "+strings.Join(commandNames(app), ", "), "no command %q", ctx.Args().First())
		}
		return cli.ShowAppHelp(ctx)
	}
	app.OnUsageError = usageError
	for _, command := range app.Commands {
		command.OnUsageError, command.HideHelpCommand = usageError, true
	}
	return app
}

// usageError turns what the flag parser says into an error of ours.
func usageError(ctx *cli.Context, err error, _ bool) error {
	help := "pcapwho --help"
	if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != ctx.App.Name {
		help = "pcapwho " + ctx.Command.Name + " --help"
	}
	message, hint := err.Error(), "see "+help
	if name, ok := strings.CutPrefix(message, "flag provided but not defined: -"); ok {
		message = "no flag " + dashed(name)
	} else if m := badValue.FindStringSubmatch(message); m != nil {
		f, _ := lookFlag(ctx.Command, m[2])
		if _, ok := f.(*cli.DurationFlag); ok {
			hint = "a time has a unit: 100ms, 1.5s, 2m"
		}
		message = fmt.Sprintf("%s: %s %s", dashed(m[2]), m[1], wrong(f, m[3]))
	}
	return usagef(hint, "%s", message)
}

// badValue is what the flag parser says of a value.
var badValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-(\S+?)(?:: (.*))?$`)

// wrong says what is wrong with a value of a flag, which the flag parser has a reason for.
func wrong(f cli.Flag, reason string) string {
	if strings.Contains(reason, "out of range") {
		return "is too large"
	}
	switch f.(type) {
	case *cli.BoolFlag:
		return "is neither true nor false"
	case *cli.DurationFlag:
		return "is no time"
	case *cli.Float64Flag:
		return "is no number"
	}
	return "is no whole number"
}

// dashed writes a flag as users do.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func commandNames(app *cli.App) (names []string) {
	for _, command := range app.VisibleCommands() {
		names = append(names, command.Name)
	}
	return names
}

// version returns what the build was made from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

// maker is what files name as their maker.
func maker() string { return "pcapwho " + version() }
