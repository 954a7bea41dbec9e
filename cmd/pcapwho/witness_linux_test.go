package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// headLength is how much of a packet, from its IP header on, a witness keeps: what
// tells packets apart.
const headLength = 64

// sighting is a packet that passed a socket.
type sighting struct {
	cookie  uint64 // of the socket: SO_COOKIE
	inbound bool
	head    [headLength]byte // zeros where the packet is shorter
}

// witness sees every packet that the sockets of a control group send and receive, by
// two programs of its own that share nothing with those of the recorder: cgroup_skb
// runs where a packet leaves a socket, and where it reaches one, and knows the socket.
type witness struct {
	group  *os.File // the control group
	events *ringbuf.Reader
	lost   *ebpf.Map
	close  []func() error
	seen   []sighting
	done   chan error
}

// newWitness makes a control group for processes to be started in.
func newWitness(t *testing.T) *witness {
	t.Helper()
	need.Root(t)
	w := &witness{done: make(chan error, 1)}
	t.Cleanup(func() {
		for i := range w.close {
			if err := w.close[len(w.close)-1-i](); err != nil {
				t.Errorf("witness: %v", err)
			}
		}
	})
	if err := w.open(); err != nil {
		t.Fatalf("witness: %v", err)
	}
	go w.collect()
	return w
}

func (w *witness) open() error {
	root, err := groupRoot()
	if err != nil {
		return err
	}
	path, err := os.MkdirTemp(root, "pcapwho-test-")
	if err != nil {
		return err
	}
	w.close = append(w.close, func() error { return removeGroup(path) })
	if w.group, err = os.Open(path); err != nil {
		return err
	}
	w.close = append(w.close, w.group.Close)
	ring, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 1 << 24})
	if err != nil {
		return err
	}
	w.close = append(w.close, ring.Close)
	if w.lost, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1}); err != nil {
		return err
	}
	w.close = append(w.close, w.lost.Close)
	for _, inbound := range []bool{false, true} {
		if err := w.attach(path, ring, inbound); err != nil {
			return err
		}
	}
	if w.events, err = ringbuf.NewReader(ring); err != nil {
		return err
	}
	return nil
}

// groupRoot returns where the control groups of version 2 are mounted.
func groupRoot() (string, error) {
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == "cgroup2" {
			return fields[1], nil
		}
	}
	return "", errors.New("control groups, version 2, are not mounted")
}

// removeGroup removes a control group, and ends what is left in it (Linux 5.14).
func removeGroup(path string) error {
	err := os.WriteFile(filepath.Join(path, "cgroup.kill"), []byte("1"), 0)
	for began := time.Now(); err == nil && time.Since(began) < 5*time.Second; time.Sleep(10 * time.Millisecond) {
		if os.Remove(path) == nil {
			return nil
		}
	}
	return errors.Join(err, os.Remove(path))
}

func (w *witness) attach(path string, ring *ebpf.Map, inbound bool) error {
	at := map[bool]ebpf.AttachType{false: ebpf.AttachCGroupInetEgress, true: ebpf.AttachCGroupInetIngress}[inbound]
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: "witness", Type: ebpf.CGroupSKB, AttachType: at, License: "GPL", Instructions: testimony(ring, w.lost, inbound)})
	if err != nil {
		return err
	}
	w.close = append(w.close, p.Close)
	l, err := link.AttachCgroup(link.CgroupOptions{Path: path, Attach: at, Program: p})
	if err == nil {
		w.close = append(w.close, l.Close)
	}
	return err
}

// What testimony puts into the ring: cookie u64, direction u64, head.
const testimonySize = 16 + headLength

// testimony is a program that tells of a packet and lets it pass. r6 is the packet,
// whose bytes begin with the IP header here.
func testimony(ring, lost *ebpf.Map, inbound bool) asm.Instructions {
	const length = 0 // struct __sk_buff (linux/bpf.h)
	direction := int32(0)
	if inbound {
		direction = 1
	}
	program := asm.Instructions{asm.Mov.Reg(asm.R6, asm.R1), asm.Mov.Imm(asm.R0, 0)}
	for at := int16(-testimonySize); at < 0; at += 8 {
		program = append(program, asm.StoreMem(asm.RFP, at, asm.R0, asm.DWord))
	}
	return append(program,
		asm.FnGetSocketCookie.Call(),
		asm.StoreMem(asm.RFP, -testimonySize, asm.R0, asm.DWord),
		asm.StoreImm(asm.RFP, 8-testimonySize, int64(direction), asm.Word),
		asm.LoadMem(asm.R4, asm.R6, length, asm.Word),
		asm.JLE.Imm(asm.R4, headLength, "bounded"),
		asm.Mov.Imm(asm.R4, headLength),
		asm.JEq.Imm(asm.R4, 0, "pass").WithSymbol("bounded"),
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Mov.Imm(asm.R2, 0),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, -headLength),
		asm.FnSkbLoadBytes.Call(),
		asm.LoadMapPtr(asm.R1, ring.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -testimonySize),
		asm.Mov.Imm(asm.R3, testimonySize),
		asm.Mov.Imm(asm.R4, 1), // BPF_RB_NO_WAKEUP
		asm.FnRingbufOutput.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.StoreImm(asm.RFP, -8, 0, asm.Word),
		asm.LoadMapPtr(asm.R1, lost.FD()),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, -8),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "pass"),
		asm.Mov.Imm(asm.R1, 1),
		asm.StoreXAdd(asm.R0, asm.R1, asm.DWord),
		asm.Mov.Imm(asm.R0, 1).WithSymbol("pass"),
		asm.Return(),
	)
}

// collect takes what the programs tell until the ring is closed.
func (w *witness) collect() {
	for r := (ringbuf.Record{}); ; {
		w.events.SetDeadline(time.Now().Add(20 * time.Millisecond))
		switch err := w.events.ReadInto(&r); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		case errors.Is(err, ringbuf.ErrFlushed), errors.Is(err, ringbuf.ErrClosed):
			w.done <- nil
			return
		case err != nil:
			w.done <- err
			return
		}
		s := sighting{cookie: binary.NativeEndian.Uint64(r.RawSample), inbound: r.RawSample[8] == 1}
		copy(s.head[:], r.RawSample[16:])
		w.seen = append(w.seen, s)
	}
}

// run runs a command in the control group, in dir, to its end, for two minutes at most.
func (w *witness) run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, need.Tool(t, name), args...)
	cmd.WaitDelay = time.Second
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(w.group.Fd())}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// end returns all that was seen.
func (w *witness) end(t *testing.T) []sighting {
	t.Helper()
	if err := w.events.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := <-w.done; err != nil {
		t.Fatalf("witness: %v", err)
	}
	if err := w.events.Close(); err != nil {
		t.Fatal(err)
	}
	var lost uint64
	if err := w.lost.Lookup(uint32(0), &lost); err != nil || lost > 0 {
		t.Fatalf("the witness missed %d packets: %v", lost, err)
	}
	return w.seen
}
