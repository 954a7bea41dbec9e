package record

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Recording is a recording that runs.
type Recording struct {
	cfg     Config
	id      string // 32 hexadecimal digits
	tap     tap
	why     string // this source
	capture *capture
	log     *connlog.Writer
	logFile *output
	watch   observer
	local   *addresses
	others  *namespaces
	nat     *translations
	control *control
	command *command

	losses chan connlog.Gap       // from the capture
	met    chan connlog.Interface // that the capture met on its way
	steps  chan struct{}          // the clock was set
	unstep func()
	stop   chan struct{}
	once   sync.Once
	reason string        // why stop was closed
	status *int          // of the command, when its end closed stop
	done   chan struct{} // closed when summary and err are final

	summary Summary
	failed  error // the log's first failed write
	err     error
}

// Summary is what a recording was.
type Summary struct {
	RecordingID string
	Captures    []string // the files of packets: of a rotated capture those that are kept
	Log         string   // the file of events
	Interfaces  []string
	Source      string
	Begin, End  time.Time
	Packets     int64
	Bytes       int64 // captured bytes of those packets
	Dropped     int64 // packets that the ring had no room for
	Sockets     int   // that were seen
	Processes   int   // that were seen
	PID         int   // of the command; 0 = none
	Status      *int  // exit status of the command, 128 + the signal's number when one ended it; nil = no command
}

// Start begins to record and, when that runs and sockets and processes were
// looked at once, starts cfg.Command. Whatever can be found to be wrong is found
// before: then there is an *Error, no file, and no command was started.
//
// With a command the recording ends when the command does; the end of ctx then
// passes SIGTERM to the command. So do SIGTERM and SIGHUP to this process; a third
// SIGTERM kills the command. SIGINT and SIGQUIT, which a terminal sends to all of
// its foreground, are left to the command, as time(1) does. One that
// comes before the command has started keeps it from that: then there is an *Error, too.
// A SIGHUP that was ignored at the start (nohup) stays so. Without a command the recording ends with
// ctx, and signals are left to the program. In both cases Stop and cfg.Duration
// end it too.
func Start(ctx context.Context, cfg Config) (*Recording, error) {
	r, err := start(ctx, cfg)
	if err == nil {
		return r, nil
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Message: "the recording cannot start", Status: statusFailed, Err: err}
	}
	out := *e
	if len(cfg.Command) > 0 && out.Status != statusNotFound && out.Status != statusNotExecutable {
		out.Status = statusNoRecorder
	}
	return nil, &out
}

func start(ctx context.Context, cfg Config) (*Recording, error) {
	r, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	if err := r.begin(ctx); err != nil {
		r.abandon()
		return nil, err
	}
	return r, nil
}

// prepare does all that comes before the command: the ring fills, the log has
// its first look.
func prepare(cfg Config) (*Recording, error) {
	if err := cfg.resolve(); err != nil {
		return nil, err
	}
	who, err := caller()
	if err != nil {
		return nil, err
	}
	r := &Recording{cfg: cfg, id: newID(), losses: make(chan connlog.Gap, 64), met: make(chan connlog.Interface, 64), steps: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{})}
	if len(cfg.Command) > 0 {
		if r.command, err = findCommand(&cfg, who); err != nil {
			return nil, err
		}
	}
	first := cfg.Capture
	if cfg.Rotation.on() {
		first = fileOf(cfg.Capture, 1, time.Now())
	}
	if err := checkOutputs(first, cfg.Log, cfg.Force); err != nil {
		return nil, err
	}
	interfaces, err := chooseInSpaces(&cfg)
	if err != nil {
		return nil, err
	}
	if err := r.open(who, first, interfaces); err != nil {
		r.abandon()
		return nil, err
	}
	return r, nil
}

// open starts to capture into memory and looks at the sockets for the first time,
// gives up the rights that took, then creates the files.
func (r *Recording) open(who *account, first string, interfaces []connlog.Interface) error {
	interfaces, err := r.openTap(interfaces)
	if err != nil {
		return err
	}
	began, err := r.openObservers()
	if err != nil {
		return err
	}
	if r.cfg.DropRights {
		if err := dropRights(who, r.command != nil); err != nil {
			return &Error{Message: "rights that are not needed cannot be given up", Status: statusFailed, Err: err}
		}
	}
	if r.command != nil {
		r.command.listen()
	}
	return r.openFiles(who, first, interfaces, began)
}

// openTap starts to capture, into memory.
func (r *Recording) openTap(interfaces []connlog.Interface) (captured []connlog.Interface, err error) {
	for _, i := range interfaces {
		r.summary.Interfaces = append(r.summary.Interfaces, i.Name)
	}
	r.tap, captured, err = openTap(&r.cfg, interfaces)
	return captured, err
}

// openObservers looks at the sockets for the first time, and returns when.
func (r *Recording) openObservers() (began int64, err error) {
	if r.watch, r.why, err = openObserver(r.cfg.Source, r.cfg.Namespaces, r.note); err != nil {
		return 0, err
	}
	if r.local, err = openAddresses(); err != nil {
		return 0, err
	}
	r.others, r.nat = openNamespaces(r.cfg.Namespaces), openTranslations()
	r.watch.focus(r.cfg.PIDs)
	return r.watch.first()
}

// openFiles creates both files, the capture or its first, and writes how they begin.
func (r *Recording) openFiles(who *account, first string, interfaces []connlog.Interface, began int64) error {
	newFile := func(path string) (*output, error) {
		if path == "-" {
			return &output{path: path, file: stream{r.cfg.Output}, whole: wholeBlocks}, nil
		}
		return create(path, r.cfg.Force, who, wholeBlocks)
	}
	packets, err := newFile(first)
	if err != nil {
		return err
	}
	if r.control, err = openControl(who, r.cfg.Message); err != nil {
		r.cfg.Message(Warning, fmt.Sprintf("phases cannot be marked: %v", err))
		r.control = &control{}
	}
	r.capture, err = newCapture(r.tap, packets, &r.cfg, r.id, interfaces)
	if err != nil {
		return err
	}
	r.capture.create, r.capture.reached = newFile, func(reason string) { r.end(reason, nil) }
	r.capture.lost = func(g connlog.Gap) { r.losses <- g }
	r.capture.met = func(i connlog.Interface) { r.met <- i }
	if r.logFile, err = create(r.cfg.Log, r.cfg.Force, who, wholeLines); err != nil {
		var e *Error
		if errors.As(err, &e) && e.Hint != "" {
			e.Hint = strings.Replace(e.Hint, "-w", "--log", 1)
		}
		return err
	}
	r.log = connlog.NewWriter(r.logFile)
	r.note(&connlog.Event{Kind: connlog.KindHead, Time: began, Head: r.head(interfaces)})
	inspecting(func() {
		r.watch.report()
		r.tellAddresses(r.others.look())
		r.tellTranslations(r.nat.snapshot(), time.Now().UnixNano())
	})
	return r.log.Flush()
}

func (r *Recording) head(interfaces []connlog.Interface) *connlog.Head {
	host, _ := os.Hostname() // unknown where it has none
	between := int64(0)
	if _, polls := r.watch.interval(); polls {
		between = int64(r.interval())
	}
	return &connlog.Head{
		Schema: connlog.Schema, RecordingID: r.id, Host: host, BootID: bootID(), OS: runtime.GOOS, Kernel: kernel(),
		Tool: program(r.cfg.Version), Source: r.watch.name(), SourceReason: r.why, Blind: r.blind(),
		Interval: between, Captures: []string{filepath.Base(r.capture.out.path)}, Interfaces: interfaces, Addresses: r.local.list(),
		Namespace: networkNamespace(), PIDSpace: pidNamespace(), Snaplen: r.cfg.Snaplen, Filter: r.cfg.FilterText,
		Command: r.cfg.Command, Focus: r.cfg.PIDs, Focused: r.cfg.Focus, Control: r.control.path,
	}
}

// blind tells what cannot be seen.
func (r *Recording) blind() []string {
	list := r.watch.blind()
	if r.nat.list == nil {
		list = append(list, "network address translation")
	}
	return list
}

// interval is the time between two looks at the sockets: as told, else as the
// source finds.
func (r *Recording) interval() time.Duration {
	if r.cfg.Interval > 0 {
		return r.cfg.Interval
	}
	every, _ := r.watch.interval()
	return every
}

// begin starts the command and the goroutines.
func (r *Recording) begin(ctx context.Context) (err error) {
	if r.unstep, err = watchSteps(r.stepped); err != nil {
		return err
	}
	r.summary.RecordingID, r.summary.Source, r.summary.Begin = r.id, r.watch.name(), time.Now()
	r.summary.Captures, r.summary.Log = r.capture.files, r.cfg.Log
	if r.command != nil {
		if err := r.command.interrupted(); err != nil {
			return err
		}
		if err := r.command.start(r.control.path); err != nil {
			return err
		}
		r.summary.PID = r.command.Process.Pid
		inspecting(func() { r.watch.started(int32(r.summary.PID)) })
	}
	r.capture.out.keep()
	r.logFile.keep()
	r.cfg.Message(Information, fmt.Sprintf("recording %s; sockets by %s (%s)",
		strings.Join(r.summary.Interfaces, ", "), r.watch.name(), r.why))
	captured, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(captured)
		r.capture.run()
	}()
	if r.command != nil {
		inspecting(func() { _ = r.watch.lookNow(false) }) // before it is waited for: a short command is seen too
	}
	go func() {
		defer close(finished)
		inspecting(func() { r.follow(captured) })
		r.finish()
	}()
	go func() {
		defer close(r.done)
		status, err := r.supervise(ctx)
		<-finished // from here on summary and err belong to this goroutine
		r.summary.Status, r.err = status, together(err, r.err)
	}()
	return nil
}

// abandon takes back what was made for a recording that does not start.
func (r *Recording) abandon() {
	if r.command != nil {
		r.command.deafen()
	}
	if r.unstep != nil {
		r.unstep()
	}
	if r.watch != nil {
		r.watch.close()
	}
	if r.local != nil {
		r.local.close()
	}
	if r.others != nil {
		r.others.close()
		r.nat.close()
	}
	r.control.close()
	if r.tap != nil {
		r.tap.close()
	}
	if r.capture != nil {
		r.capture.out.remove()
	}
	if r.logFile != nil {
		r.logFile.remove()
	}
}

// Stop ends the recording in order. A command goes on, and Wait waits for it.
func (r *Recording) Stop() { r.end("stopped", nil) }

// end ends the recording, for the first reason that comes.
func (r *Recording) end(reason string, status *int) {
	r.once.Do(func() {
		r.reason, r.status = reason, status
		close(r.stop)
	})
}

// Wait waits for the end. The summary is valid with an error too: that says what
// failed while recording, for instance a full disk. Its text is one line; when
// several things failed it is Failures.
func (r *Recording) Wait() (Summary, error) {
	<-r.done
	return r.summary, r.err
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
