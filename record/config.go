package record

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/net/bpf"
)

// Defaults of a Config whose fields are zero.
const (
	// DefaultSnaplen keeps headers, DNS answers and a TLS hello whole, and cuts
	// the 64 KB super-packets that segmentation offload makes. It is the
	// command line's default; Config.Snaplen 0 keeps everything.
	DefaultSnaplen = 2048

	DefaultRingMiB       = 64
	DefaultTraceInterval = 20 * time.Millisecond // between two readings of the kernel's events
)

// The sources of socket events.
const (
	SourceAuto = "auto" // the best one that this system has
	SourceEBPF = "ebpf" // programs in the Linux kernel, which miss nothing
	SourceDiag = "diag" // Linux sock_diag and /proc
	SourcePoll = "poll" // gopsutil, everywhere
)

// Config says what to record. The zero value of every field but Capture works.
type Config struct {
	Interfaces []string // names; none, or "any" among them, = all

	// Namespaces are the network namespaces to capture in, in the place of the
	// recorder's own: each a path, a PID or a name of ip netns. All named interfaces must
	// be in each. It takes CAP_SYS_ADMIN. Linux.
	Namespaces []string

	Filter     []bpf.RawInstruction // see ParseFilter; nil = every packet
	FilterText string               // the filter as the user gave it, for the files' descriptions
	Snaplen    int                  // bytes kept of a frame; 0 = all
	RingMiB    int                  // size of the capture ring

	Capture string // path of the pcapng file
	Log     string // path of the connection log; "" = LogPath(Capture)

	// Output takes the packets when Capture is "-": whole blocks, each write within
	// 100 ms of its packets. The recording ends when it cannot be written to. A reader
	// that does not keep up makes the ring drop packets.
	Output io.Writer
	Force  bool // replace existing files

	Rotation Rotation // of the capture
	Sync     bool     // bring both files to the disk each second, not only at the end

	Source   string        // SourceAuto (also ""), SourceEBPF, SourceDiag or SourcePoll
	Interval time.Duration // between two looks at the sockets, or readings of the kernel's events
	Duration time.Duration // the recording ends after this; 0 = no limit
	Limits   Limits        // it ends at the first that is reached, too

	// DropRights gives up for good, in this whole process, all rights that the
	// recording does not need once it runs, before a file is created or the command
	// started. Under sudo the process becomes the caller.
	DropRights bool

	// PIDs are processes that are the user's own, with all that they start, as the
	// Command is: the log marks them (in_command). Focus asks whoever analyzes the
	// recording to show these; nothing is left out of it.
	PIDs  []int32
	Focus bool

	// Command is run while recording, and the recording ends with it. Under
	// sudo it runs as the caller. On Linux this process adopts what the command
	// leaves behind while it runs, and waits for its end; processes that this
	// program starts itself meanwhile count as the command's too, and it should
	// wait for those that end within a second.
	Command []string
	Stdin   io.Reader // of the command; nil = none, as in os/exec
	Stdout  io.Writer
	Stderr  io.Writer

	Version string // of the program, for the files' descriptions

	// Message receives what a person should read: one line without a newline,
	// lower case. It may be called from several goroutines. nil = dropped.
	Message func(kind MessageKind, text string)
}

// MessageKind tells warnings from plain information.
type MessageKind uint8

// The kinds of messages.
const (
	Information MessageKind = iota
	Warning
)

// LogPath returns where the connection log of a capture is expected:
// "run.pcapng" and "run.pcap" have theirs in "run.conns.jsonl".
func LogPath(capture string) string {
	for _, suffix := range []string{".pcapng", ".pcap"} {
		if base, ok := strings.CutSuffix(capture, suffix); ok && base != "" && !os.IsPathSeparator(base[len(base)-1]) {
			return base + ".conns.jsonl"
		}
	}
	return capture + ".conns.jsonl"
}

// resolve fills in the defaults and refuses what makes no sense.
func (c *Config) resolve() error {
	usage := func(message, hint string) error { return &Error{Message: message, Hint: hint, Status: statusUsage} }
	switch {
	case c.Capture == "":
		return usage("no capture file named", "name one with -w run.pcapng")
	case c.Capture == "-" && c.Output == nil:
		return usage("the packets cannot be written to standard output", "name a file with -w run.pcapng; others may read it while it grows: tail -c +1 -f run.pcapng")
	case c.Capture == "-" && c.Log == "":
		return usage("no connection log named", "packets on standard output have no name that it could have: --log run.conns.jsonl")
	case c.Capture == "-" && c.Rotation.on():
		return usage("standard output is not several files", "name them with -w run.pcapng")
	case c.Capture == "-" && len(c.Command) > 0:
		return usage("standard output is the command's", "write the packets to a file: -w run.pcapng")
	case c.Log == "-":
		return usage("the connection log cannot be written to standard output", "name a file with --log run.conns.jsonl; others may read it while it grows: tail -n +1 -f run.conns.jsonl")
	case c.Snaplen < 0:
		return usage("the snaplen is negative", "0 keeps whole frames")
	case c.RingMiB < 0 || c.RingMiB > 4095:
		return usage("the ring is 1 to 4095 MiB", "64 MiB is the default")
	case c.Focus && len(c.PIDs) == 0 && len(c.Command) == 0:
		return usage("there is nothing to focus on", "name processes with --pid, or a command behind --")
	case c.Interval < 0 || c.Duration < 0:
		return usage("a time span is negative", "")
	}
	for _, pid := range c.PIDs {
		if all, err := process.Pids(); err == nil && !slices.Contains(all, pid) { // a thread's number is none
			return usage(fmt.Sprintf("there is no process %d", pid), "name one that runs")
		}
	}
	switch c.Source {
	case "":
		c.Source = SourceAuto
	case SourceAuto, SourceEBPF, SourceDiag, SourcePoll:
	default:
		return usage(fmt.Sprintf("unknown source %q", c.Source), "the sources are auto, ebpf, diag and poll")
	}
	if err := c.Rotation.check(&c.Limits); err != nil {
		return err
	}
	if c.Log == "" {
		c.Log = LogPath(c.Capture)
	}
	if c.RingMiB == 0 {
		c.RingMiB = DefaultRingMiB
	}
	if slices.Contains(c.Interfaces, "any") {
		c.Interfaces = nil
	}
	if c.Message == nil {
		c.Message = func(MessageKind, string) {}
	}
	return nil
}
