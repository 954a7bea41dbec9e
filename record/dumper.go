package record

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// dumper is a tap of systems without a ring: the capture program that the system
// has, dumpcap or tcpdump, which writes to a pipe.
type dumper struct {
	program string
	command *exec.Cmd
	said    *lastLines
	index   []int // by interface of the program: ifindex
	frames  chan frame
	reader  *pcapng.Reader // belongs to run until frames is closed
	failed  error          // of run; valid when frames is closed
	wake    chan struct{}
	dropped atomic.Int64
	asked   atomic.Bool // to end
}

// How long a capture program may take to begin and to end, and how long it goes on:
// dumpcap takes packets from the kernel every 250 ms, and leaves there what it did not
// take when it is told to end.
const (
	dumperBegins = 10 * time.Second
	dumperEnds   = 5 * time.Second
	dumperLinger = 400 * time.Millisecond
)

var errNoDumper = &Error{Message: "there is no program that captures packets here: neither dumpcap nor tcpdump", Status: statusFailed,
	Hint: "install Wireshark, which brings dumpcap, or tcpdump; or record on Linux"}

// openDumper starts the first of the programs that can capture from all interfaces.
func openDumper(cfg *Config, interfaces []connlog.Interface, programs []string) (tap, []connlog.Interface, error) {
	if cfg.FilterText == "" && cfg.Filter != nil {
		return nil, nil, &Error{Message: "a filter program is for Linux alone", Hint: "give an expression: -f 'tcp port 80'", Status: statusUsage}
	}
	for _, path := range programs {
		arguments, captured := dumperArguments(path, runtime.GOOS, cfg, interfaces)
		if captured == nil {
			continue
		}
		d, err := startDumper(path, arguments, captured)
		if err != nil {
			return nil, nil, err
		}
		return d, captured, nil
	}
	if len(programs) > 0 {
		return nil, nil, &Error{Message: "tcpdump captures from one interface at a time", Hint: "name one with -i, or install Wireshark, which brings dumpcap", Status: statusUsage}
	}
	return nil, nil, errNoDumper
}

// dumperArguments returns how to run a program, and the interfaces that its output
// has; nil where it cannot capture from all of them.
func dumperArguments(path, system string, cfg *Config, interfaces []connlog.Interface) (arguments []string, captured []connlog.Interface) {
	snaplen := strconv.Itoa(cmp.Or(cfg.Snaplen, maxFrame))
	switch name := strings.TrimSuffix(strings.ToLower(filepath.Base(path)), ".exe"); {
	case name == "dumpcap":
		arguments = []string{"-q", "-w", "-"}
		for _, i := range interfaces { // what stands before the first -i is for all
			arguments = append(arguments, "-i", i.Name, "-s", snaplen, "-B", strconv.Itoa(cfg.RingMiB))
			if cfg.FilterText != "" {
				arguments = append(arguments, "-f", cfg.FilterText)
			}
		}
		return arguments, slices.Clone(interfaces)
	case system == "darwin":
		list := "pktap,all"
		if len(cfg.Interfaces) > 0 {
			list = "pktap"
			for _, i := range interfaces {
				list += "," + i.Name
			}
		}
		captured = []connlog.Interface{{Name: "pktap", Index: -1, LinkType: pcapng.LinkPKTAP}}
		arguments = []string{"-i", list}
	case len(interfaces) == 1:
		captured, arguments = slices.Clone(interfaces), []string{"-i", interfaces[0].Name}
	default:
		return nil, nil
	}
	arguments = append(arguments, "-n", "-U", "--immediate-mode", "-w", "-", "-s", snaplen, "-B", strconv.Itoa(cfg.RingMiB<<10))
	if cfg.FilterText != "" {
		arguments = append(arguments, cfg.FilterText)
	}
	return arguments, captured
}

// startDumper runs a program until it has told its interfaces, whose link types it
// puts into the list.
func startDumper(path string, arguments []string, interfaces []connlog.Interface) (*dumper, error) {
	d := &dumper{program: filepath.Base(path), said: &lastLines{}, frames: make(chan frame, 4096), wake: make(chan struct{}, 1)}
	d.command = exec.Command(path, arguments...)
	d.command.Stderr = d.said
	apart(d.command) // a terminal's Ctrl-C is for the recorder
	out, err := d.command.StdoutPipe()
	if err == nil {
		err = d.command.Start()
	}
	if err != nil {
		return nil, &Error{Message: d.program + " cannot be started", Status: statusFailed, Err: err}
	}
	begins := time.AfterFunc(dumperBegins, func() { d.command.Process.Kill() })
	stream := bufio.NewReaderSize(out, 1<<20)
	links, err := linkTypes(stream, len(interfaces))
	if err == nil {
		d.reader, err = pcapng.NewReader(stream, d.program)
	}
	if begins.Stop(); err != nil {
		d.command.Process.Kill()
		d.command.Wait()
		return nil, d.refused(err)
	}
	for i := range interfaces {
		interfaces[i].LinkType = links[i]
		d.index = append(d.index, interfaces[i].Index)
	}
	go d.run()
	return d, nil
}

// refused tells why the program does not capture: by what it said, where it did.
func (d *dumper) refused(err error) error {
	if said := d.said.String(); said != "" {
		return &Error{Message: fmt.Sprintf("%s does not capture: %s", d.program, said), Status: statusFailed, Hint: "it may need more rights: run this as root or as administrator"}
	}
	return &Error{Message: d.program + " does not capture", Status: statusFailed, Err: err}
}

// linkTypes looks ahead at the link types of the n interfaces that a capture begins
// with: in the header of pcap, or the blocks of pcapng behind the section header.
func linkTypes(r *bufio.Reader, n int) (links []uint16, err error) {
	head, err := r.Peek(24)
	if err != nil {
		return nil, errors.New("it writes nothing")
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if binary.BigEndian.Uint32(head) != 0x0a0d0d0a {
		if head[0] == 0xa1 {
			order = binary.BigEndian
		}
		if n != 1 {
			return nil, fmt.Errorf("it captures from one interface, not from %d", n)
		}
		return []uint16{uint16(order.Uint32(head[20:]))}, nil
	}
	if binary.BigEndian.Uint32(head[8:]) == 0x1a2b3c4d {
		order = binary.BigEndian
	}
	const interfaceBlock = 1
	for at, length := 0, order.Uint32(head[4:]); ; {
		if length < 12 || length > 1<<16 {
			return nil, fmt.Errorf("a block of %d bytes at %d", length, at)
		}
		if at += int(length); len(links) == n {
			return links, nil
		}
		block, err := r.Peek(at + 12)
		if err != nil {
			return nil, err
		}
		if block = block[at:]; order.Uint32(block) != interfaceBlock {
			return nil, fmt.Errorf("it tells of %d interfaces, not of %d", len(links), n)
		}
		links, length = append(links, order.Uint16(block[8:])), order.Uint32(block[4:])
	}
}

// run reads what the program writes.
func (d *dumper) run() {
	defer close(d.frames)
	defer func() {
		d.command.Wait() // it has said all then
		d.dropped.Store(d.count())
	}()
	var rec pcapng.Record
	for {
		err := d.reader.Next(&rec)
		var damage *pcapng.FormatError
		switch {
		case errors.As(err, &damage): // of its last block, when it is killed
			continue
		case err != nil:
			if err != io.EOF {
				d.failed = err
				d.command.Process.Kill()
			}
			return
		case int(rec.Interface) >= len(d.index):
			continue
		}
		d.frames <- frame{time: rec.Time, data: bytes.Clone(rec.Data), wire: rec.WireLength, index: d.index[rec.Interface], told: rec.Flags, foreign: true}
	}
}

func (d *dumper) read(timeout time.Duration, f func(*frame)) (bool, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case one, ok := <-d.frames:
		if !ok {
			return false, d.ended()
		}
		f(&one)
	case <-d.wake:
		return false, nil
	case <-timer.C:
		return d.asked.Load(), nil // what it still has comes yet
	}
	for n := len(d.frames); n > 0; n-- {
		one, ok := <-d.frames
		if !ok {
			break
		}
		f(&one)
	}
	return true, nil
}

// ended tells why the program has: nil where it was asked to.
func (d *dumper) ended() error {
	if d.asked.Load() || d.failed != nil {
		return d.failed
	}
	return d.refused(errors.New("it has ended"))
}

func (d *dumper) interrupt() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// shut asks the program to end. What it has goes on to be read.
func (d *dumper) shut() error {
	if !d.asked.Swap(true) {
		time.AfterFunc(dumperLinger, func() {
			if err := d.command.Process.Signal(os.Interrupt); err != nil {
				d.command.Process.Kill() // Windows has no signals
			}
		})
		time.AfterFunc(dumperEnds, func() { d.command.Process.Kill() }) // no more than an error when it has ended
	}
	return nil
}

// drops returns what the program tells when it ends: dumpcap in interface
// statistics, tcpdump in words.
func (d *dumper) drops() (int64, error) { return d.dropped.Swap(0), nil }

var kernelDrops = regexp.MustCompile(`([0-9]+) packets? dropped by kernel`)

// count gathers the drops when the program has ended.
func (d *dumper) count() (n int64) {
	for _, i := range d.reader.Interfaces() {
		if i.Dropped.Known {
			n += int64(i.Dropped.N)
		}
	}
	if m := kernelDrops.FindStringSubmatch(d.said.all()); m != nil {
		v, _ := strconv.ParseInt(m[1], 10, 64)
		n += v
	}
	return n
}

func (d *dumper) troubles() (damaged int64, down bool) { return 0, false }

func (d *dumper) close() {
	d.shut()
	for range d.frames {
	}
}

// lastLines keeps the end of what a program says.
type lastLines struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastLines) Write(b []byte) (int, error) {
	const most = 4 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	l.text = l.text[max(0, len(l.text)-most):]
	return len(b), nil
}

func (l *lastLines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// String returns the last line that says something, as one line.
func (l *lastLines) String() string {
	lines := strings.FieldsFunc(strings.ToValidUTF8(l.all(), "?"), func(c rune) bool { return c == '\n' || c == '\r' })
	if len(lines) == 0 {
		return ""
	}
	return strings.TrimSpace(lines[len(lines)-1])
}
