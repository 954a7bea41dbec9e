package hooks

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Kind is what an Event is about.
type Kind uint8

// The kinds, as in hooks.bpf.c.
const (
	State   Kind = iota + 1 // a TCP socket went from the state Before to State
	Use                     // User sent or received
	Connect                 // a UDP socket gets a fixed peer
	Bind                    // a UDP socket was bound
	Peer                    // User exchanged with Remote, one of several peers of a UDP socket, or with one it did not ask for
	Release                 // a socket's last descriptor is closed
	Held                    // of Hooks.Held: User has the socket open
	Exec
	Fork
	Exit
	Rename
	Create // a socket without ports is there: raw, or of ICMP
)

// Directions of a Use and a Peer.
const (
	Sent     = 1
	Received = 2
)

// States of a TCP socket (include/net/tcp_states.h).
const (
	Established = 1
	SynSent     = 2
	FinWait1    = 4
	Close       = 7
	LastAck     = 9
	Listen      = 10
)

// Identity is a process: of its PID, and when it began in nanoseconds since boot.
type Identity struct {
	Start uint64
	PID   int32 // in the reader's PID namespace; 0 = it is not there, or there is none
	UID   uint32
}

// Event is one of the kernel. Its strings are its own, so that it may be kept.
type Event struct {
	Kind   Kind
	Time   int64 // nanoseconds since boot
	User   Identity
	Netns  uint64 // inode number of the socket's network namespace, or the process's
	Socket        // of socket events

	// Of processes.
	Parent Identity
	Name   string
	Path   string // as given to execve(2)
	Args   []string
}

// OfProcess tells whether the event is one of a process, and not of a socket.
func (e *Event) OfProcess() bool {
	return e.Kind == Exec || e.Kind == Fork || e.Kind == Exit || e.Kind == Rename
}

// Socket is the socket of an event.
type Socket struct {
	Cookie        uint64
	Former        int64  // of a Use: when another process, or this one for other endpoints, used the socket before, since boot; 0 = never
	Inode         uint64 // 0 = no descriptor yet, or not told
	V6            bool   // of the family AF_INET6
	V6Only        bool
	Protocol      uint8
	Before, State uint8
	Direction     uint8 // Sent or Received
	Raw           bool  // SOCK_RAW: it has no port, and Local's means nothing
	Device        int32 // ifindex that it is bound to; 0 = any
	Local, Remote netip.AddrPort
	Counters      *Counters // of a TCP socket that goes to Close
}

// Counters are the kernel's of a TCP socket.
type Counters struct {
	Sent, Received uint64 // bytes of payload, each once
	Retransmits    uint32
	RTT            time.Duration // smoothed
}

// Sizes of what the programs write.
const (
	eventSize = 104
	closeSize = 128
	forkSize  = 136
	execSize  = 4496
	argsAt    = 396
)

// parse reads an event. The record may be longer than the event.
func parse(b []byte, e *Event) error {
	if len(b) < eventSize {
		return fmt.Errorf("event of %d bytes, need %d", len(b), eventSize)
	}
	host := binary.NativeEndian
	*e = Event{Kind: Kind(b[60]), Time: int64(host.Uint64(b)), User: identity(b[32:]), Netns: uint64(host.Uint32(b[48:]))}
	switch e.Kind {
	case Exec, Fork, Rename:
		return parseProcess(b, e)
	case Exit:
		return nil
	}
	const inet6 = 10
	v6 := b[61] == inet6
	const raw = 3 // SOCK_RAW
	e.Socket = Socket{
		Cookie: host.Uint64(b[8:]), Former: int64(host.Uint64(b[16:])), Inode: host.Uint64(b[24:]),
		V6: v6, V6Only: b[63] != 0, Protocol: b[62], Before: b[64], State: b[65], Direction: b[66], Raw: b[67] == raw,
		Device: int32(host.Uint32(b[52:])),
		Local:  netip.AddrPortFrom(address(b[72:88], v6), host.Uint16(b[56:])),
		Remote: netip.AddrPortFrom(address(b[88:104], v6), host.Uint16(b[58:])),
	}
	if e.Kind == State && e.State == Close {
		if len(b) < closeSize {
			return fmt.Errorf("event of the end of a socket of %d bytes, need %d", len(b), closeSize)
		}
		e.Counters = &Counters{Sent: host.Uint64(b[104:]), Received: host.Uint64(b[112:]),
			Retransmits: host.Uint32(b[120:]), RTT: time.Duration(host.Uint32(b[124:])) * time.Microsecond}
	}
	return nil
}

// parseProcess reads what is behind the event. The kernel cuts long arguments.
func parseProcess(b []byte, e *Event) error {
	need := forkSize
	if e.Kind == Exec {
		need = execSize
	}
	if len(b) < need {
		return fmt.Errorf("event of a process of %d bytes, need %d", len(b), need)
	}
	e.Parent, e.Name = identity(b[104:]), text(b[120:136])
	if e.Kind != Exec {
		return nil
	}
	e.Path = text(b[136:392])
	length := int(binary.NativeEndian.Uint32(b[392:]))
	if length > execSize-argsAt {
		return fmt.Errorf("%d bytes of arguments, at most %d", length, execSize-argsAt)
	}
	if args := string(bytes.TrimSuffix(b[argsAt:argsAt+length], []byte{0})); args != "" {
		e.Args = strings.Split(args, "\x00")
	}
	return nil
}

func identity(b []byte) Identity {
	host := binary.NativeEndian
	return Identity{Start: host.Uint64(b), PID: int32(host.Uint32(b[8:])), UID: host.Uint32(b[12:])}
}

// address reads an address; IPv4 in IPv6 is IPv4.
func address(b []byte, v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte(b)).Unmap()
	}
	return netip.AddrFrom4([4]byte(b))
}

// text reads a string that ends with a zero byte, or with b.
func text(b []byte) string {
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}
