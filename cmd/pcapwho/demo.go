package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapwho/pcapwho/cmd/pcapwho/workload"
	"github.com/pcapwho/pcapwho/record"
	"github.com/pcapwho/pcapwho/report"
	"github.com/pcapwho/pcapwho/testdata/demo"
)

// demoInterval is how often the demonstration looks at the sockets: its
// connections live for 150 ms and more.
const demoInterval = 10 * time.Millisecond

func demoCommand(c *console) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "analyze a built-in workload and check the result; needs no rights",
		Description: "Starts nine processes that talk over loopback in a network namespace of their\n" +
			"own, records them for three seconds, and checks the analysis against what the\n" +
			"processes counted themselves. Where there are no namespaces it analyzes a\n" +
			"recording that comes with the program.",
		Flags: append(consoleFlags(),
			&cli.StringFlag{Name: "keep", Usage: "keep the recording in this new `FOLDER`"},
			&cli.StringFlag{Name: "inside", Hidden: true}),
		Action: func(ctx *cli.Context) error {
			if err := c.configure(ctx); err != nil {
				return err
			}
			if ctx.NArg() > 0 {
				return usagef("see pcapwho demo --help", "what is %q?", ctx.Args().First())
			}
			asked, stop := stoppable(ctx.Context)
			defer stop()
			if dir := ctx.String("inside"); dir != "" {
				return recordWorkload(asked, dir)
			}
			return showDemo(asked, c, ctx.String("keep"))
		},
	}
}

// showDemo records into a folder, kept where keep names it, and shows what is
// in there.
func showDemo(ctx context.Context, c *console, keep string) (err error) {
	dir := keep
	if keep == "" {
		if dir, err = makeFolder(); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	} else if err := os.Mkdir(dir, 0o700); err != nil {
		return usagef("name a folder that does not exist", "--keep: %v", err)
	}
	c.info("recording nine processes for three seconds…")
	var no *unrecordable
	switch err := recordInside(ctx, dir); {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &no):
		c.info("nothing can be recorded here: %v", err)
		c.info("this is a recording that comes with the program:")
		if err := demo.Unpack(dir); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	if err := showRecording(ctx, c, dir); err != nil {
		return err
	}
	if keep != "" {
		c.info("look at it again: %s", toType("analyze", fileArgument(filepath.Join(dir, demo.Capture))))
	}
	return nil
}

// makeFolder makes a temporary folder, elsewhere where TMPDIR does not let it.
func makeFolder() (string, error) {
	var first error
	for _, parent := range []string{"", "/tmp", "/var/tmp"} {
		dir, err := os.MkdirTemp(parent, "pcapwho-demo-")
		if err == nil {
			return dir, nil
		}
		if first == nil {
			first = err
		}
	}
	return "", &failure{message: fmt.Sprintf("no temporary folder: %v", first), status: statusFailed, err: first,
		hint: "set TMPDIR to a folder that you can write to, or name a new one with --keep"}
}

// unrecordable is why this system does not let the program make a namespace and
// record in it.
type unrecordable struct{ why string }

func (f *unrecordable) Error() string { return f.why }

// unmade says in words why a process in namespaces of its own did not start.
func unmade(err error, root bool) *unrecordable {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // leaves out which program could not be started
	}
	switch {
	case !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOSYS):
		return &unrecordable{fmt.Sprintf("no process in a network namespace: %v", err)}
	case root:
		return &unrecordable{fmt.Sprintf("this system lets nobody make network namespaces (%v)", err)}
	}
	return &unrecordable{fmt.Sprintf("this system lets ordinary users make no namespaces (%v)", err)}
}

// statusForbidden is the exit status of the program inside for the same.
const statusForbidden = 77

// recordInside runs the program again in a network namespace of its own, where
// it may do as it likes, and has it record the workload into dir.
func recordInside(ctx context.Context, dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var told bytes.Buffer
	for _, attributes := range ownNamespaces() {
		inside := exec.CommandContext(ctx, self, "demo", "--inside", dir)
		inside.Args[0] = os.Args[0]
		inside.Env = withoutSudo(os.Environ())
		inside.Stderr, inside.SysProcAttr = &told, attributes
		inside.Cancel = func() error { return inside.Process.Signal(os.Interrupt) }
		inside.WaitDelay = 5 * time.Second
		told.Reset()
		err = inside.Run()
		var exit *exec.ExitError
		if err == nil || errors.As(err, &exit) && exit.ExitCode() != statusForbidden {
			break
		}
	}
	switch text := strings.TrimPrefix(strings.TrimSpace(told.String()), "error: "); {
	case err == nil && ownNamespaces() != nil:
		return nil
	case err == nil:
		return &unrecordable{"recording is for Linux"}
	case text == "":
		return unmade(err, os.Geteuid() == 0)
	case isStatus(err, statusForbidden):
		first, _, _ := strings.Cut(text, "\n")
		return &unrecordable{"this system gives no rights in a namespace: " + first}
	default:
		return errors.New(text)
	}
}

func isStatus(err error, status int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == status
}

// withoutSudo leaves out who called sudo: everything inside is one user's.
func withoutSudo(environment []string) (kept []string) {
	for _, v := range environment {
		if !strings.HasPrefix(v, "SUDO_") {
			kept = append(kept, v)
		}
	}
	return kept
}

// recordWorkload is the program inside: it records loopback.
func recordWorkload(ctx context.Context, dir string) error {
	err := raiseLoopback()
	if err == nil {
		err = record.CanRecord()
	}
	if err != nil {
		return &failure{message: err.Error(), status: statusForbidden}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	r, err := record.Start(ctx, record.Config{
		Interfaces: []string{"lo"},
		Snaplen:    256, // headers
		Capture:    filepath.Join(dir, demo.Capture),
		Log:        filepath.Join(dir, demo.Log),
		Interval:   demoInterval,
		Command:    []string{self, "workload", filepath.Join(dir, demo.Ledger)},
		Stderr:     os.Stderr,
		Version:    version(),
		DropRights: true,
	})
	if err != nil {
		return err
	}
	summary, err := r.Wait()
	if err == nil && *summary.Status != 0 {
		err = fmt.Errorf("the workload ended with status %d", *summary.Status)
	}
	return err
}

// workloadCommand is the recorded command, and with --play each process that it
// starts.
func workloadCommand(c *console) *cli.Command {
	return &cli.Command{
		Name: "workload", Hidden: true,
		UsageText: "pcapwho workload LEDGER [--long N]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "play"},
			&cli.IntFlag{Name: "long", Usage: "`N` connections that live for as long as --hold says, instead of the demonstration"},
			&cli.DurationFlag{Name: "hold", Value: 1500 * time.Millisecond},
		},
		Action: func(ctx *cli.Context) error {
			if role := ctx.String("play"); role != "" {
				return workload.Play(ctx.Context, role, os.Stdin, c.out)
			}
			plan := workload.Demo()
			if n := ctx.Int("long"); n > 0 {
				plan = workload.Long(n, ctx.Duration("hold"))
			}
			ledger, err := os.OpenFile(ctx.Args().First(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			self, err := os.Executable()
			if err != nil {
				return err
			}
			start := workload.Start{Path: self, Args: []string{os.Args[0], "workload", "--play"}}
			return errors.Join(workload.Run(ctx.Context, start, plan, ledger), ledger.Close())
		},
	}
}

// showRecording analyzes the recording in dir, prints the summary, and checks
// it against the ledger.
func showRecording(ctx context.Context, c *console, dir string) error {
	capture, log := filepath.Join(dir, demo.Capture), filepath.Join(dir, demo.Log)
	result, err := report.Analyze(ctx, report.Config{Captures: []string{capture}, Logs: []string{log}, Tool: maker()})
	if err != nil {
		return err
	}
	defer result.Close()
	out := report.Output{Format: report.Text, Stdout: c.out, Terminal: isTerminal(c.out), Width: width(c.out), Color: c.colors(c.out)}
	if err := result.Write(ctx, out); err != nil {
		return err
	}
	ledger, err := workload.ReadLedger(filepath.Join(dir, demo.Ledger))
	if err != nil {
		return err
	}
	known, err := readEvidence(log)
	if err != nil {
		return err
	}
	balance := compareLedger(result, known, ledger)
	fmt.Fprintf(c.out, "\n%s\n", balance)
	return balance.err()
}
