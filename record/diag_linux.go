package record

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// The sockets of every process are listed anew, new sockets or not, once in
// rescan at least: a socket may be handed to another process. It is done more
// often as long as it takes no more than 1/rescanShare of a processor, for a hold
// is certain only from one such time to the next.
const (
	rescan      = time.Second
	rescanShare = 10
)

// verifyEach is how many descriptors are verified in a look, at 3 to 5 µs each.
// Of more sockets some have their turn in the next look, or the one after.
const verifyEach = 512

// diag is the source that reads the kernel's socket tables (sock_diag) and
// /proc/PID/fd.
//
//	dump tcp, tcp6, udp, udp6 → list the processes → for new and young ones
//	list the sockets they hold, for the others verify that each descriptor is
//	still that socket's → join by inode
//
// Between two looks lookups finds what lives too short for them.
//
// All processes are asked for all they hold once a second or, where that is
// cheap, more often, and in any look in which a socket has an inode that nobody was asked for yet, or a socket that
// goes on lost a holder: then somebody else may have it.
type diag struct {
	tables   []tables // of this network namespace, and of others
	sequence uint32
	buffer   []byte
	reader   processReader
	roster   *roster
	held     map[int32]holding // by PID
	sockets  int               // how many the last look saw
	sought   map[uint64]use    // inodes that the last full scan looked for
	full     time.Time         // when that was
	cost     time.Duration     // processor time that it took
	hidden   map[int32]bool    // PIDs of processes whose files this process may not list
	births   births
	since    uint64     // round of the roster before the last look that succeeded
	ends     *destroyed // nil where the kernel does not tell
	lookups  *lookups   // nil where there are no rights to them
}

// tables are the socket tables of a network namespace.
type tables struct {
	fd        int
	namespace uint64 // inode; 0 = the recorder's own
}

// openTables opens those of the calling thread's.
func openTables(namespace uint64) (t tables, err error) {
	t.namespace = namespace
	if t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG); err != nil {
		return t, &Error{Message: "the kernel has no sock_diag", Hint: "use --source poll", Status: statusFailed, Err: err}
	}
	// The answer of a dump is made while it is read: a second is long.
	if err := unix.SetsockoptTimeval(t.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		unix.Close(t.fd)
		return t, &Error{Message: "sock_diag", Status: statusFailed, Err: os.NewSyscallError("setsockopt", err)}
	}
	return t, nil
}

// holding is what one process holds.
type holding struct {
	id          connlog.ProcessID
	descriptors []descriptor
}

// descriptor is one socket that a process holds.
type descriptor struct {
	number uint32
	inode  uint64
}

// use is what a socket is used for. The same inode in another use is looked
// for as a new one is.
type use struct {
	local, remote flow.Endpoint
	listens       bool
}

func useOf(s *sighting) use { return use{s.Local, s.Remote, s.State == "listen"} }

func newDiag() (source, error) {
	reader, err := newProcessReader()
	if err != nil {
		return nil, err
	}
	d := &diag{buffer: make([]byte, 1<<18), reader: reader, roster: newRoster(reader),
		held: map[int32]holding{}, sought: map[uint64]use{}, hidden: map[int32]bool{}}
	own, err := openTables(0)
	if err != nil {
		d.close()
		return nil, err
	}
	d.tables = append(d.tables, own)
	d.ends, _ = newDestroyed()                   // without, an end is as of the next look
	d.lookups, _ = openLookups(reader.another()) // without, what lives between two looks is not seen
	return d, nil
}

func (d *diag) name() string { return SourceDiag }

func (d *diag) blind() []string {
	short := "sockets that open and close between two polls"
	if d.lookups != nil {
		short += ", but for those that were there a moment after their first packet"
	}
	if d.lookups != nil && len(d.tables) > 1 { // there alone it looks up
		short += " in the recorder's own network namespace"
	}
	others := "sockets of other network namespaces"
	if len(d.tables) > 1 {
		others += ", but for those that were named"
	}
	list := []string{
		short,
		others,
		"protocols other than TCP and UDP, raw and packet sockets",
	}
	if n := len(d.hidden); n > 0 {
		remedy := "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
		if mayInspect() {
			remedy = "they have more rights than this one"
		}
		list = append(list, fmt.Sprintf("who holds the sockets of %s that may not be inspected (%s)", plural(n, "process", "processes"), remedy))
	}
	return list
}

func plural(n int, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (d *diag) close() {
	if d.lookups != nil {
		d.lookups.close()
	}
	if d.ends != nil {
		d.ends.close()
	}
	for _, t := range d.tables {
		unix.Close(t.fd)
	}
	d.reader.close()
}

func (d *diag) enter(namespaces []string) error {
	own := networkNamespace()
	for _, text := range namespaces {
		err := entering(spacePath(text), func() error {
			inode := networkNamespace()
			if inode == own {
				return nil
			}
			t, err := openTables(inode)
			if err == nil {
				d.tables = append(d.tables, t)
			}
			return err
		})
		if err != nil {
			return spaceError(text, err)
		}
	}
	return nil
}

func (d *diag) focus(pids []int32) { d.roster.tree.named = pids }

func (d *diag) started(pid int32) { d.roster.tree.start(d.roster, pid) }

func (d *diag) begin() {
	if d.lookups != nil {
		d.lookups.begin()
	}
}

func (d *diag) look(thorough bool) (look, error) {
	l := look{begin: time.Now().UnixNano(), sockets: make([]sighting, 0, d.sockets+d.sockets/8)}
	var err error
	for _, t := range d.tables {
		for _, protocol := range [...]flow.Protocol{flow.TCP, flow.UDP} {
			for _, family := range [...]uint8{familyINET, familyINET6} {
				if l.sockets, err = d.dump(t, family, protocol, l.sockets); err != nil {
					return l, err
				}
			}
		}
	}
	l.sockets = onlyOnce(l.sockets)
	d.sockets = len(l.sockets)
	before := d.roster.round
	if d.lookups != nil {
		d.roster.met = d.lookups.met()
	}
	runtime.LockOSThread() // its processor time is measured
	defer runtime.UnlockOSThread()
	began := threadTime()
	l.thorough = thorough || time.Since(d.full) >= min(rescan, rescanShare*d.cost) || d.anyNew(l.sockets)
	if l.processes, err = d.roster.refresh(l.begin, l.thorough); err != nil {
		return l, err
	}
	lost := d.readHoldings(l.sockets)
	if lost && !l.thorough {
		l.thorough, began = true, threadTime()
		more, err := d.roster.refresh(l.begin, true)
		if err != nil {
			return l, err
		}
		l.processes = append(l.processes, more...)
		d.readHoldings(l.sockets)
	}
	if l.thorough {
		d.full, d.cost = time.Now(), threadTime()-began
		clear(d.sought)
		for i := range l.sockets {
			d.sought[l.sockets[i].Inode] = useOf(&l.sockets[i])
		}
	}
	d.assign(l.sockets)
	if l.thorough && d.lookups != nil {
		d.lookups.looked(l.begin, d.roster.pids, d.held, l.sockets)
	}
	if lost && slices.ContainsFunc(l.sockets, func(s sighting) bool { return s.Inode != 0 && len(s.Owners) == 0 }) {
		d.full = time.Time{} // one is on its way to another process: the next look asks all again
	}
	d.births.partial(d.roster, l.sockets, d.since, func(*sighting) bool { return false },
		func(_ question, y *resident) bool { return d.hidden[y.ID.PID] })
	d.since = before
	if d.ends != nil {
		l.ends = d.ends.since()
	}
	if d.lookups != nil {
		l.found = d.lookups.take(l.begin, l.sockets, thorough, func(id connlog.ProcessID) bool {
			now, ok := d.roster.id(id.PID)
			return ok && now == id
		})
	}
	l.end = time.Now().UnixNano()
	return l, nil
}

// anyNew tells whether a socket has an inode, or a use, that no full scan looked
// for.
func (d *diag) anyNew(sockets []sighting) bool {
	return slices.ContainsFunc(sockets, func(s sighting) bool {
		u, known := d.sought[s.Inode]
		return s.Inode != 0 && (!known || u != useOf(&s))
	})
}

// readHoldings lists the sockets of the processes that the roster just
// visited, and of the others asks each descriptor whether it is still what it
// was. It tells whether one of these sockets lost a holder. A process counts only
// when the same one had the PID before and after its files were listed.
func (d *diag) readHoldings(sockets []sighting) (lost bool) {
	alive := make(map[uint64]bool, len(sockets))
	for i := range sockets {
		alive[sockets[i].Inode] = sockets[i].Inode != 0
	}
	for pid, h := range d.held {
		if id, ok := d.roster.id(pid); !ok || id != h.id {
			delete(d.held, pid)
			lost = lost || slices.ContainsFunc(h.descriptors, func(f descriptor) bool { return alive[f.inode] })
		}
	}
	for pid := range d.hidden {
		if _, ok := d.roster.id(pid); !ok {
			d.hide(pid, false)
		}
	}
	visited := make(map[int32]bool, len(d.roster.visited))
	for _, pid := range d.roster.visited {
		visited[pid] = true
		lost = d.list(pid, alive) || lost
	}
	for pid, h := range d.held {
		if !visited[pid] {
			lost = d.verify(pid, h, alive) || lost
		}
	}
	return lost
}

// list reads which sockets a process holds, and tells whether it lost one that
// is alive.
func (d *diag) list(pid int32, alive map[uint64]bool) (lost bool) {
	id, _ := d.roster.id(pid)
	before := d.held[pid].descriptors
	now, err := d.reader.sockets(pid, nil)
	if start, ok := d.reader.start(pid); err != nil || !ok || start != id.Start {
		now = nil
	}
	d.hide(pid, refused(err) && d.reader.mayHold(pid))
	if len(now) > 0 {
		d.held[pid] = holding{id, now}
	} else {
		delete(d.held, pid)
	}
	for _, f := range before {
		if alive[f.inode] && !slices.ContainsFunc(now, func(g descriptor) bool { return g.inode == f.inode }) {
			return true
		}
	}
	return false
}

// verify keeps the descriptors of living sockets that are still what they were.
func (d *diag) verify(pid int32, h holding, alive map[uint64]bool) (lost bool) {
	kept := h.descriptors[:0]
	for _, f := range h.descriptors {
		switch {
		case !alive[f.inode]:
		case !d.due(f) || d.reader.holds(pid, f):
			kept = append(kept, f)
		default:
			lost = true
		}
	}
	h.descriptors = kept
	d.held[pid] = h
	return lost
}

// due tells whether it is a descriptor's turn to be verified.
func (d *diag) due(f descriptor) bool {
	turns := uint64(len(d.sought)/verifyEach) + 1
	return (f.inode+d.roster.round)%turns == 0
}

// hide notes whether the files of a process may not be listed.
func (d *diag) hide(pid int32, hidden bool) {
	if d.hidden[pid] == hidden {
		return
	}
	if d.births.asked = nil; hidden {
		d.hidden[pid] = true
	} else {
		delete(d.hidden, pid)
	}
}

// refused tells whether err says that a process has files that cannot be
// listed; one that went has none.
func refused(err error) bool {
	return err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH)
}

// assign gives every socket its holders, in the order of their PIDs.
func (d *diag) assign(sockets []sighting) {
	owners := make(map[uint64][]connlog.ProcessID, len(sockets))
	for _, h := range d.held {
		for _, f := range h.descriptors {
			if list := owners[f.inode]; !slices.Contains(list, h.id) {
				owners[f.inode] = append(list, h.id)
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

// dump appends every living socket of a family and protocol in some tables to list.
func (d *diag) dump(t tables, family uint8, protocol flow.Protocol, list []sighting) ([]sighting, error) {
	d.sequence++
	if err := unix.Sendto(t.fd, diagQuery(family, protocol, d.sequence), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return list, os.NewSyscallError("sock_diag: sendto", err)
	}
	done := false
	for !done {
		n, from, err := unix.Recvfrom(t.fd, d.buffer, unix.MSG_TRUNC)
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
				if s.Namespace = t.namespace; alive {
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
