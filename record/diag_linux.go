package record

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// rescan is how often the sockets of every process are listed anew, new
// sockets or not: a socket may be handed to another process.
const rescan = time.Second

// diag is the source that reads the kernel's socket tables (sock_diag) and
// /proc/PID/fd.
//
//	dump tcp, tcp6, udp, udp6 → list the processes → for new and young ones,
//	and for all when a socket has an inode that nobody was asked for yet,
//	list the sockets they hold → join by inode
type diag struct {
	fd       int
	sequence uint32
	buffer   []byte
	reader   processReader
	roster   *roster
	held     map[int32]holding // by PID
	sought   map[uint64]bool   // inodes that the last full scan looked for
	full     time.Time         // when that was
	hidden   int               // processes whose files this process may not list
}

// holding is what one process holds.
type holding struct {
	id     connlog.ProcessID
	inodes []uint64
}

func newDiag() (source, error) {
	reader, err := newProcessReader()
	if err != nil {
		return nil, err
	}
	d := &diag{fd: -1, buffer: make([]byte, 1<<18), reader: reader, roster: newRoster(reader),
		held: map[int32]holding{}, sought: map[uint64]bool{}}
	if d.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG); err != nil {
		d.close()
		return nil, &Error{Message: "the kernel has no sock_diag", Hint: "use --source poll", Status: statusFailed, Err: err}
	}
	// The answer of a dump is made while it is read: a second is long.
	if err := unix.SetsockoptTimeval(d.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		d.close()
		return nil, &Error{Message: "sock_diag", Status: statusFailed, Err: os.NewSyscallError("setsockopt", err)}
	}
	return d, nil
}

func (d *diag) name() string { return SourceDiag }

func (d *diag) blind() []string {
	list := []string{
		"sockets that open and close between two polls",
		"sockets of other network namespaces",
		"protocols other than TCP and UDP, raw and packet sockets",
	}
	if d.hidden > 0 {
		list = append(list, fmt.Sprintf("who holds the sockets of %d processes of other users (needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)", d.hidden))
	}
	return list
}

func (d *diag) close() {
	if d.fd >= 0 {
		unix.Close(d.fd)
	}
	d.reader.close()
}

func (d *diag) look(thorough bool) (look, error) {
	l := look{begin: time.Now().UnixNano()}
	var err error
	for _, protocol := range [...]flow.Protocol{flow.TCP, flow.UDP} {
		for _, family := range [...]uint8{familyINET, familyINET6} {
			if l.sockets, err = d.dump(family, protocol, l.sockets); err != nil {
				return l, err
			}
		}
	}
	l.sockets = onlyOnce(l.sockets)
	l.thorough = thorough || time.Since(d.full) >= rescan || d.anyNew(l.sockets)
	if l.processes, err = d.roster.refresh(l.begin, l.thorough); err != nil {
		return l, err
	}
	d.readHoldings(l.thorough)
	if l.thorough {
		d.full = time.Now()
		clear(d.sought)
		for _, s := range l.sockets {
			d.sought[s.Inode] = true
		}
	}
	d.assign(l.sockets)
	l.end = time.Now().UnixNano()
	return l, nil
}

// anyNew tells whether a socket has an inode that no full scan looked for.
func (d *diag) anyNew(sockets []sighting) bool {
	return slices.ContainsFunc(sockets, func(s sighting) bool { return s.Inode != 0 && !d.sought[s.Inode] })
}

// readHoldings lists the sockets of the processes that the roster just
// visited. A process counts only when the same one had the PID before and after
// its files were listed.
func (d *diag) readHoldings(thorough bool) {
	for pid := range d.held {
		if id, ok := d.roster.id(pid); !ok || id != d.held[pid].id {
			delete(d.held, pid)
		}
	}
	if thorough {
		d.hidden = 0
	}
	for _, pid := range d.roster.visited {
		id, _ := d.roster.id(pid)
		inodes, err := d.reader.sockets(pid, d.held[pid].inodes[:0])
		if errors.Is(err, unix.EACCES) && thorough {
			d.hidden++
		}
		if start, ok := d.reader.start(pid); err != nil || !ok || start != id.Start || len(inodes) == 0 {
			delete(d.held, pid)
			continue
		}
		d.held[pid] = holding{id, inodes}
	}
}

// assign gives every socket its holders, in the order of their PIDs.
func (d *diag) assign(sockets []sighting) {
	owners := make(map[uint64][]connlog.ProcessID, len(sockets))
	for _, h := range d.held {
		for _, inode := range h.inodes {
			if list := owners[inode]; !slices.Contains(list, h.id) {
				owners[inode] = append(list, h.id)
			}
		}
	}
	for i := range sockets {
		if s := &sockets[i]; s.Inode != 0 {
			s.Owners = owners[s.Inode]
			slices.SortFunc(s.Owners, func(a, b connlog.ProcessID) int { return int(a.PID) - int(b.PID) })
		}
	}
}

// dump appends every living socket of a family and protocol to list.
func (d *diag) dump(family uint8, protocol flow.Protocol, list []sighting) ([]sighting, error) {
	d.sequence++
	if err := unix.Sendto(d.fd, diagQuery(family, protocol, d.sequence), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return list, os.NewSyscallError("sock_diag: sendto", err)
	}
	done := false
	for !done {
		n, from, err := unix.Recvfrom(d.fd, d.buffer, unix.MSG_TRUNC)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return list, os.NewSyscallError("sock_diag: recvfrom", err)
		}
		if n > len(d.buffer) {
			return list, fmt.Errorf("sock_diag: answer of %d bytes, room for %d", n, len(d.buffer))
		}
		if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
			continue // not from the kernel
		}
		err = eachMessage(d.buffer[:n], func(kind uint16, sequence uint32, payload []byte) error {
			if sequence != d.sequence {
				return nil // the rest of a dump that was given up
			}
			switch kind {
			case netlinkDone:
				done = true
			case netlinkError:
				done = true
				return netlinkFailure(payload, family)
			case sockDiagByFamily:
				s, alive, err := parseSocket(payload, protocol)
				if alive {
					list = append(list, s)
				}
				return err
			}
			return nil
		})
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

// netlinkFailure reads struct nlmsgerr: a negative errno.
func netlinkFailure(payload []byte, family uint8) error {
	code, ok := errorCode(payload)
	switch {
	case !ok:
		return errors.New("sock_diag: error without a number")
	case code == 0, family == familyINET6 && unix.Errno(code) == unix.ENOENT: // no IPv6 in this kernel
		return nil
	}
	return os.NewSyscallError("sock_diag", unix.Errno(code))
}

// onlyOnce removes sockets that a dump told twice, as it may when the table
// changes while it is read.
func onlyOnce(sockets []sighting) []sighting {
	seen := make(map[uint64]bool, len(sockets))
	return slices.DeleteFunc(sockets, func(s sighting) bool {
		again := seen[s.ID]
		seen[s.ID] = true
		return again
	})
}
