package record

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Examination is what a recording would find on this machine. Its JSON is that of
// pcapwho doctor --json.
type Examination struct {
	OS         string           `json:"os"`
	Kernel     string           `json:"kernel"`  // "" = unknown
	Capture    Finding          `json:"capture"` // may packets be captured, into a ring of that size
	RingMiB    int              `json:"ring_mib"`
	Memory     int64            `json:"memory_bytes"`  // that programs may still take; 0 = unknown
	Rights     []Right          `json:"rights"`        // none where the system does not divide them
	Source     string           `json:"source"`        // what auto takes
	Reason     string           `json:"source_reason"` // why
	Sources    []SourceFinding  `json:"sources"`       // the best one first
	Interfaces []InterfaceState `json:"interfaces"`    // those that can be recorded
	LeftOut    []string         `json:"left_out"`      // why others cannot
	Clock      ClockState       `json:"clock"`
	Disk       DiskState        `json:"disk"`
	Tools      []Tool           `json:"tools"`
}

// Finding is whether something works, else why not, and the remedy.
type Finding struct {
	Works  bool   `json:"works"`
	Reason string `json:"reason,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

// Right is one that a recording uses.
type Right struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	Cost string `json:"cost"` // of not having it
}

// SourceFinding is of one source of socket events.
type SourceFinding struct {
	Name string `json:"name"`
	Finding
	Blind []string `json:"blind"` // what it does not see here
}

// InterfaceState is what an interface is like now.
type InterfaceState struct {
	Name     string   `json:"name"`
	Index    int      `json:"ifindex"`
	LinkType uint16   `json:"link_type"` // LINKTYPE_ number
	MTU      int      `json:"mtu"`       // bytes
	Up       bool     `json:"up"`
	Offloads []string `json:"offloads"` // gro, gso, tso: packets are captured joined
}

// ClockState is what keeps the time that packets are stamped with.
type ClockState struct {
	Source   string `json:"source"`       // of the kernel; "" = unknown
	Synced   *bool  `json:"synced"`       // with others, by NTP or PTP; nil = unknown
	MaxError int64  `json:"max_error_ns"` // of synchronized time, as the kernel reckons
}

// DiskState is how fast the folder of the outputs takes them.
type DiskState struct {
	Folder string  `json:"folder"`
	Free   int64   `json:"free_bytes"`       // -1 = unknown
	Speed  float64 `json:"bytes_per_second"` // written and synced; 0 = not measured
	Error  string  `json:"error,omitempty"`
}

// Tool is another program that reads captures.
type Tool struct {
	Name string `json:"name"`
	Path string `json:"path"` // "" = not there; nothing needs it
}

// Examine tries what a recording into a folder would do, by the same code, with a
// ring of so many MiB (0 = DefaultRingMiB). It leaves nothing behind.
func Examine(folder string, ringMiB int) *Examination {
	x := &Examination{OS: runtime.GOOS, Kernel: kernel(), RingMiB: ringMiB, Memory: freeMemory(), Rights: heldRights(), Clock: clockState(), LeftOut: []string{}}
	if x.RingMiB == 0 {
		x.RingMiB = DefaultRingMiB
	}
	x.Capture = tryCapture(x.RingMiB)
	for _, name := range []string{SourceEBPF, SourceDiag, SourcePoll} {
		f := SourceFinding{Name: name, Blind: []string{}}
		_, f.Blind, f.Finding = tryObserver(name)
		x.Sources = append(x.Sources, f)
	}
	var auto Finding
	x.Source, _, auto = tryObserver(SourceAuto)
	x.Reason = auto.Reason
	x.Interfaces = interfaceStates(func(_ MessageKind, text string) { x.LeftOut = append(x.LeftOut, text) })
	x.Disk = tryDisk(folder)
	for _, name := range []string{"tshark", "capinfos"} {
		path, _ := exec.LookPath(name)
		x.Tools = append(x.Tools, Tool{name, path})
	}
	return x
}

// finding is of an error; none is that it works.
func finding(err error) Finding {
	var e *Error
	switch {
	case err == nil:
		return Finding{Works: true}
	case errors.As(err, &e) && errors.Is(err, fs.ErrPermission):
		return Finding{Reason: e.Message, Remedy: e.Hint} // which right that is, it says
	case errors.As(err, &e):
		return Finding{Reason: e.Error(), Remedy: e.Hint}
	}
	return Finding{Reason: err.Error()}
}

// tryObserver looks once through a source. It returns which one that is, what it
// does not see, and why it is taken, or cannot be.
func tryObserver(source string) (name string, blind []string, f Finding) {
	o, why, err := openObserver(source, nil, func(*connlog.Event) {})
	if err != nil {
		return "", []string{}, finding(err)
	}
	defer o.close()
	if _, err = o.first(); err != nil {
		return "", []string{}, finding(err)
	}
	f = finding(nil)
	if source == SourceAuto {
		f.Reason = why
	}
	return o.name(), append([]string{}, o.blind()...), f
}

func interfaceStates(message func(MessageKind, string)) []InterfaceState {
	states := []InterfaceState{}
	chosen, err := chooseInterfaces(nil, message)
	if err != nil {
		message(Warning, err.Error())
	}
	for _, i := range chosen {
		s := InterfaceState{Name: i.Name, Index: i.Index, LinkType: i.LinkType, MTU: i.MTU, Offloads: offloads(i.Name)}
		if now, err := net.InterfaceByIndex(i.Index); err == nil {
			s.Up = now.Flags&net.FlagUp != 0
		}
		states = append(states, s)
	}
	return states
}

// The test of the disk ends after that much, or that long.
const (
	diskBytes = 32 << 20
	diskTime  = time.Second
)

// tryDisk writes a file that goes again, and waits until the disk has it.
func tryDisk(folder string) DiskState {
	d := DiskState{Folder: folder, Free: -1}
	if absolute, err := filepath.Abs(folder); err == nil {
		d.Folder = absolute
	}
	if free, ok := freeSpace(folder); ok {
		if d.Free = free; free < 2*diskBytes+minimumSpace {
			d.Error = fmt.Sprintf("only %d bytes are free", free)
			return d
		}
	}
	file, err := os.CreateTemp(folder, ".pcapwho-doctor-*")
	if err != nil {
		d.Error = err.Error()
		if of := new(fs.PathError); errors.As(err, &of) {
			d.Error = "no file can be made here: " + of.Err.Error()
		}
		return d
	}
	defer os.Remove(file.Name()) // where a file that is open cannot go
	os.Remove(file.Name())       // elsewhere it goes at once, whatever ends this program
	defer file.Close()
	chunk, began, size := make([]byte, 1<<20), time.Now(), 0
	for size < diskBytes && time.Since(began) < diskTime && err == nil {
		_, err = file.Write(chunk)
		size += len(chunk)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		d.Error = err.Error()
		return d
	}
	d.Speed = float64(size) / max(time.Since(began), time.Microsecond).Seconds()
	return d
}
