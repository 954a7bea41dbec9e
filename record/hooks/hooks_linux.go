package hooks

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"
)

// The symbols of the debugger are left out, the type information is kept.
//
//go:generate clang -O2 -g -target bpfel -mcpu=v3 -Wall -Werror -fdebug-compilation-dir=. -c hooks.bpf.c -o hooks.bpf.o
//go:generate llvm-strip -g hooks.bpf.o

//go:embed hooks.bpf.o
var object []byte

// Hooks are programs that run in the kernel until Close. One goroutine uses them.
type Hooks struct {
	collection *ebpf.Collection
	links      []link.Link // a link that the garbage collector frees is detached
	files      *link.Iter
	tcp        *link.Iter // nil where the kernel has none
	blind      []string
	events     *ringbuf.Reader
	record     ringbuf.Record
	lost       uint64 // events that found no room, until the last Read
	offset     int64  // see bootOffset
}

// Open attaches the programs, in the first of the ways that the kernel allows.
// pidNamespace is the inode number of the PID namespace that PIDs are of. The error
// names what the kernel refuses, or lacks.
func Open(pidNamespace uint64) (*Hooks, error) {
	var failed refusals
	types := btf.NewCache()
	for _, w := range ways {
		h, err := open(pidNamespace, w, types)
		if err == nil {
			return h, nil
		}
		if errors.Is(err, errHopeless) {
			return nil, err
		}
		failed = append(failed, fmt.Errorf("%s: %w", w.name, err))
	}
	return nil, failed
}

var (
	errHopeless = errors.New("no programs for the kernel here") // in no way
	errLacking  = errors.New("the kernel has no")
)

// refusals say why each way will not do.
type refusals []error

func (r refusals) Error() string { return strings.ReplaceAll(errors.Join(r...).Error(), "\n", "; ") }

// Is tells whether all that the kernel has was refused for that reason.
func (r refusals) Is(reason error) bool {
	return !slices.ContainsFunc(r, func(err error) bool { return !errors.Is(err, reason) && !errors.Is(err, errLacking) })
}

// open attaches the programs of one way. Types has the kernel's own type information,
// which takes long to read.
func open(pidNamespace uint64, w way, types *btf.Cache) (*Hooks, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, fmt.Errorf("%w: not made for big-endian machines", errHopeless)
	}
	groups, err := controlGroups()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errHopeless, err)
	}
	kernel, err := types.Kernel()
	if err != nil {
		return nil, fmt.Errorf("%w: type information of the kernel: %w", errHopeless, err)
	}
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	if err := spec.Variables["pid_namespace"].Set(uint32(pidNamespace)); err != nil {
		return nil, err
	}
	h := &Hooks{}
	if h.blind, err = choose(spec, w, kernel, types); err != nil {
		return nil, err
	}
	if h.offset, err = bootOffset(); err != nil {
		return nil, err
	}
	if h.collection, err = ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{Cache: types}); err != nil {
		return nil, short(err)
	}
	if err = h.attach(spec, groups); err == nil {
		err = h.giveCookies()
	}
	if err == nil {
		if err = h.test(); err != nil {
			err = fmt.Errorf("self-test: %w", err)
		}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Blind says what these hooks do not see, a phrase each.
func (h *Hooks) Blind() []string {
	return append(slices.Clone(h.blind), "who uses a connection of multipath TCP (MPTCP) of another network namespace that was there before the recording")
}

// attach starts the programs.
func (h *Hooks) attach(spec *ebpf.CollectionSpec, groups string) error {
	for name, p := range spec.Programs {
		var l link.Link
		var err error
		program := h.collection.Programs[name]
		switch {
		case p.Type == ebpf.Kprobe:
			continue // several functions share it
		case p.Type == ebpf.Tracing && p.AttachType == ebpf.AttachTraceIter:
			var i *link.Iter
			i, err = link.AttachIter(link.IterOptions{Program: program})
			if l = i; name == "held_sockets" {
				h.files = i
			} else {
				h.tcp = i
			}
		case p.Type == ebpf.Tracing:
			l, err = link.AttachTracing(link.TracingOptions{Program: program, AttachType: p.AttachType})
		default:
			l, err = link.AttachCgroup(link.CgroupOptions{Path: groups, Attach: p.AttachType, Program: program})
		}
		if err != nil {
			return fmt.Errorf("%s: %w", p.SectionName, err)
		}
		h.links = append(h.links, l)
	}
	if spec.Programs["probe_call"] != nil {
		if err := h.probes(); err != nil {
			return err
		}
	}
	var err error
	h.events, err = ringbuf.NewReader(h.collection.Maps["events"])
	return err
}

// giveCookies has every TCP socket asked for its cookie: those of a multipath
// connection are told by the cookies that they have.
func (h *Hooks) giveCookies() error {
	if h.tcp == nil {
		return nil
	}
	reader, err := h.tcp.Open()
	if err == nil {
		_, err = io.Copy(io.Discard, reader)
		reader.Close()
	}
	if err != nil {
		return fmt.Errorf("list of TCP sockets: %w", err)
	}
	return nil
}

// short leaves of an error the program's name and what the verifier says last.
func short(err error) error {
	var v *ebpf.VerifierError
	if !errors.As(err, &v) {
		return err
	}
	program, _, _ := strings.Cut(err.Error(), ": load program")
	for _, line := range slices.Backward(v.Log) {
		if !strings.HasPrefix(line, "processed ") { // statistics
			return fmt.Errorf("%s: %w: %s", program, v.Cause, line)
		}
	}
	return fmt.Errorf("%s: %w", program, v.Cause)
}

// controlGroups returns where the hierarchy of version 2 is mounted, from its
// root on: a program there runs for all processes.
func controlGroups() (string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// id parent device root place options … - type source options: proc_pid_mountinfo(5)
		before, after, _ := strings.Cut(lines.Text(), " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			var info unix.Stat_t
			const root = 1 // inode number of the hierarchy's root (linux/kernfs.h)
			if unix.Stat(fields[4], &info) == nil && info.Ino == root {
				return fields[4], nil
			}
		}
	}
	return "", errors.New("the root of the control groups, version 2, is not mounted")
}

// Held calls f for every descriptor of a socket of TCP or UDP that a process has
// open, in all namespaces. The event is f's only during the call.
func (h *Hooks) Held(f func(*Event)) error {
	reader, err := h.files.Open()
	if err != nil {
		return fmt.Errorf("list of open files: %w", err)
	}
	defer reader.Close()
	var e Event
	record := make([]byte, eventSize)
	for buffered := bufio.NewReaderSize(reader, 1<<16); ; {
		if _, err := io.ReadFull(buffered, record); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("list of open files: %w", err)
		}
		if err := parse(record, &e); err != nil {
			return err
		}
		e.shift(h.offset)
		f(&e)
	}
}

// Read calls f for every event since the last call, in the order in which they
// came into the ring, and returns how many were lost meanwhile. It does not wait.
// The event is f's only during the call.
func (h *Hooks) Read(f func(*Event)) (lost uint64, err error) {
	var e Event
	h.events.SetDeadline(time.Unix(1, 0)) // long past
	for h.events.AvailableBytes() > 0 {
		if err := h.events.ReadInto(&h.record); errors.Is(err, os.ErrDeadlineExceeded) {
			break
		} else if err != nil {
			return 0, fmt.Errorf("ring of events: %w", err)
		}
		if err := parse(h.record.RawSample, &e); err != nil {
			return 0, err
		}
		e.shift(h.offset)
		f(&e)
	}
	var total uint64
	if err := h.collection.Variables["lost"].Get(&total); err != nil {
		return 0, fmt.Errorf("lost events: %w", err)
	}
	lost, h.lost = total-h.lost, total
	return lost, nil
}

// Close detaches the programs.
func (h *Hooks) Close() {
	for _, l := range h.links {
		l.Close()
	}
	if h.events != nil {
		h.events.Close()
	}
	h.collection.Close()
}

// test makes calls that send nothing and wants their events.
func (h *Hooks) test() error {
	if err := probe(); err != nil {
		return err
	}
	want := []Kind{State, Bind, Use, Release}
	self := int32(os.Getpid())
	for began := time.Now(); len(want) > 0; time.Sleep(time.Millisecond) {
		_, err := h.Read(func(e *Event) {
			if e.User.PID == self {
				want = slices.DeleteFunc(want, func(k Kind) bool { return k == e.Kind })
			}
		})
		if err != nil {
			return err
		}
		if time.Since(began) > time.Second {
			return fmt.Errorf("no events of kind %v", want)
		}
	}
	return nil
}

// probe listens on a TCP socket for a moment, and receives the end of nothing on
// a UDP socket.
func probe() error {
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM} {
		fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		if errors.Is(err, unix.EADDRNOTAVAIL) { // loopback is down
			err = unix.Bind(fd, &unix.SockaddrInet4{})
		}
		if err != nil {
			return os.NewSyscallError("bind", err)
		}
		if kind == unix.SOCK_STREAM {
			if err := unix.Listen(fd, 0); err != nil {
				return os.NewSyscallError("listen", err)
			}
			continue
		}
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
		_ = unix.Shutdown(fd, unix.SHUT_RD) // it does, and says that there is no peer
		if _, _, err := unix.Recvfrom(fd, nil, 0); err != nil {
			return os.NewSyscallError("recvfrom", err)
		}
	}
	return nil
}
