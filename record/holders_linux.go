package record

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// holders finds who holds a socket that just began, without asking everybody: it began
// after the last look at all processes, so that its holders are
//
//   - one process that opened it,
//   - those that this one forked: they are young, which is since that look, and each
//     was asked after it began, when it had all that it inherited,
//   - and those that it was passed to, which takes a Unix socket.
//
// Who has a Unix socket besides, or an io_uring, is not sure to be alone, until everybody
// was asked, and it waits to receive from the socket: then it was not about to pass that on.
type holders struct {
	reader processReader
	events int // process events (proc connector)
	buffer []byte
	since  int64 // when the last look at all processes began, Unix nanoseconds
	lost   int64 // when process events were last lost, likewise
	young  map[int32]*youngster
	elders []int32             // the others; those first who began, or were found to hold one, last
	forks  map[int32]int64     // when a process forked last, Unix nanoseconds
	passes map[uint64]bool     // by inode: whether a socket passes others on
	seen   map[uint64]int32    // by inode: who had it that was asked last
	mounts mounts              // that descriptors are of in fdinfo
	copies map[int32]bool      // processes that executed nothing since they were forked: they may be about to
	free   map[int32]uint64    // the lowest number that a process had no descriptor of, when it was asked last
	accept map[uint16][]int32  // who listens, by port
	faces  map[int32]encounter // of holders
}

// youngster is a process that began after the last look at all.
type youngster struct {
	parent int32
	forked int64    // Unix nanoseconds
	asked  bool     // since it began
	inodes []uint64 // of the sockets that it had then
}

// found is who holds a socket.
type found struct {
	owners    []connlog.ProcessID // ascending by PID
	processes []encounter
	sure      bool // it is one, and nobody else can
	alone     bool // it is one, and nobody else did when all were asked
	receives  bool // and it waited to receive
}

// Bounds of one search: after so many descriptors no further process is asked, and after
// so many processes that are asked for no reason the next search for the same socket goes on
// with others.
const (
	maxDescriptors = 4096
	askAtOnce      = 16
)

func newHolders(reader processReader) (h holders, err error) {
	h = holders{reader: reader, events: -1, buffer: make([]byte, 1<<16), young: map[int32]*youngster{}, forks: map[int32]int64{}, passes: map[uint64]bool{}, seen: map[uint64]int32{}, copies: map[int32]bool{}, free: map[int32]uint64{}, faces: map[int32]encounter{}}
	if h.events, err = openProcessEvents(h.buffer); err == nil {
		h.mounts = reader.mounts(h.events)
	}
	return h, err
}

func (h *holders) close() {
	if h.events >= 0 {
		unix.Close(h.events)
	}
}

// news takes what happened to processes.
func (h *holders) news() {
	now := time.Now().UnixNano()
	ahead := now - clock(unix.CLOCK_MONOTONIC)
	for {
		n, from, err := unix.Recvfrom(h.events, h.buffer, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			h.lost = now
			continue
		case err != nil:
			return
		}
		if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
			continue // not from the kernel
		}
		err = eachMessage(h.buffer[:n], func(_ uint16, _ uint32, m []byte) error {
			p, ok, err := parseProcess(m)
			if ok && !p.thread {
				h.happened(p, p.at+ahead)
			}
			return err
		})
		if err != nil {
			h.lost = now
		}
	}
}

func (h *holders) happened(p processNews, at int64) {
	switch p.what {
	case processForked:
		h.copies[p.pid] = h.mounts.sockets != 0
		h.young[p.pid] = &youngster{parent: p.parent, forked: at}
		h.forks[p.parent] = at
	case processExecs:
		delete(h.copies, p.pid)
		h.free[p.pid] = 3 // what it is to have closed is, beside standard input and output
	case processExits:
		delete(h.copies, p.pid)
		delete(h.young, p.pid)
		delete(h.free, p.pid)
	}
	delete(h.faces, p.pid)
}

// age takes what a look at all processes saw that began at a time.
func (h *holders) age(began int64, pids []int32, held map[int32]holding, sockets []sighting) {
	h.since = began
	h.accept = map[uint16][]int32{}
	for i := range sockets {
		for _, id := range sockets[i].Owners {
			if sockets[i].State == "listen" {
				port := sockets[i].Local.Port
				h.accept[port] = append(h.accept[port], id.PID)
			}
		}
	}
	var grown []int32
	for _, pid := range slices.Backward(h.byAge()) {
		if h.young[pid].forked < began {
			delete(h.young, pid)
			grown = append(grown, pid)
		}
	}
	for pid, at := range h.forks {
		if at < began-int64(10*time.Second) {
			delete(h.forks, pid)
		}
	}
	next := make(map[int32]bool, len(pids)) // who is to be one of the elders
	for _, pid := range pids {
		next[pid] = h.young[pid] == nil
	}
	gone := func(pid int32) bool { _, lives := next[pid]; return !lives && h.young[pid] == nil } // its end was not told
	maps.DeleteFunc(h.free, func(pid int32, _ uint64) bool { return gone(pid) })
	maps.DeleteFunc(h.copies, func(pid int32, _ bool) bool { return gone(pid) })
	before := slices.Concat(grown, h.elders, slices.Sorted(maps.Keys(held)), pids)
	h.elders = make([]int32, 0, len(pids))
	for _, pid := range before {
		if next[pid] {
			next[pid] = false
			h.elders = append(h.elders, pid)
		}
	}
	if len(h.passes) > 1<<16 {
		clear(h.passes)
	}
	if len(h.seen) > 1<<16 {
		clear(h.seen)
	}
	if len(h.faces) > 1<<12 {
		clear(h.faces)
	}
}

// byAge lists the young, those first who began first.
func (h *holders) byAge() []int32 {
	return slices.SortedFunc(maps.Keys(h.young), func(a, b int32) int { return cmp.Compare(h.young[a].forked, h.young[b].forked) })
}

// prefer has a process asked first of the elders, if it is one.
func (h *holders) prefer(pid int32) {
	if i := slices.Index(h.elders, pid); i > 0 {
		copy(h.elders[1:], h.elders[:i])
		h.elders[0] = pid
	}
}

// search is one search for the holders of a socket.
type search struct {
	*holders
	inode       uint64
	holding     []int32
	passes      bool // one of them may pass it on
	several     bool // not all could be asked
	descriptors int
}

// find returns who holds a socket, given who did, the port at which it was accepted, 0 if
// it was not, how many processes were asked in vain, and whether to ask all where it may
// have been passed on.
func (h *holders) find(inode uint64, former []connlog.ProcessID, port uint16, turn *int, all bool) found {
	h.news()
	s := search{holders: h, inode: inode, several: h.lost >= h.since}
	for pid, y := range h.young {
		if !y.asked {
			s.ask(pid)
		}
	}
	for _, id := range former {
		s.ask(id.PID)
	}
	if len(s.holding) == 0 {
		s.first(port, turn)
	}
	s.kin()
	if all && s.passes && len(s.holding) == 1 {
		return s.settle()
	}
	return s.found()
}

// settle asks everybody, and whether the one who holds it waits to receive. Who may not
// be asked is passed over, as by the looks: what counts is who uses it.
func (s *search) settle() found {
	several := s.several
	for _, list := range [...][]int32{s.elders, slices.Collect(maps.Keys(s.young))} {
		for _, pid := range list {
			if pid != s.holding[0] {
				s.ask(pid)
			}
		}
	}
	s.several = several || s.descriptors > maxDescriptors
	f := s.found()
	f.alone = len(f.owners) == 1 && !s.several
	f.receives = f.alone && s.reader.receives(s.holding[0], s.inode)
	return f
}

// first asks until one holds it: who had it when asked for another, who accepts there, who
// has it under the next number, and then one after the other.
func (s *search) first(port uint16, turn *int) {
	if pid, ok := s.seen[s.inode]; ok && s.ask(pid) {
		return
	}
	young := s.byAge()
	for _, pid := range young {
		if port != 0 && slices.Contains(s.accept[port], s.young[pid].parent) && s.ask(pid) {
			return
		}
	}
	for _, list := range [...][]int32{s.accept[port], young, s.elders} {
		if i := slices.IndexFunc(list, s.next); i >= 0 {
			pid := list[i]
			s.prefer(pid)
			s.ask(pid)
			return
		}
	}
	if slices.ContainsFunc(s.accept[port], s.ask) {
		return
	}
	for range askAtOnce {
		i := *turn - len(young)
		if i >= len(s.elders) { // it was on its way: again from the beginning
			*turn = 0
			return
		}
		if i < 0 && s.ask(young[*turn]) {
			return
		}
		if i >= 0 && s.ask(s.elders[i]) {
			s.prefer(s.elders[i])
			return
		}
		*turn++
	}
}

// next tells whether a process has the socket under one of the next numbers that it
// would use.
func (s *search) next(pid int32) bool {
	free, known := s.free[pid]
	for n := free; known && n < free+3; n++ {
		if s.has(pid, n) {
			return true
		}
	}
	return false
}

// has tells whether a process has the socket under a number.
func (s *search) has(pid int32, number uint64) bool {
	if !s.copies[pid] {
		return s.reader.holds(pid, descriptor{uint32(number), s.inode})
	}
	info, err := s.reader.info(s.reader.dir, fmt.Sprintf("%d/fdinfo/%d", pid, number))
	inode, _ := s.mounts.descriptor(info)
	return err == nil && inode == s.inode
}

// kin asks those who may have it by a fork, from a holder that is young itself or to
// one that had it when it was asked.
func (s *search) kin() {
	for i := 0; i < len(s.holding); i++ {
		if y := s.young[s.holding[i]]; y != nil {
			s.ask(y.parent)
		}
	}
	for pid, y := range s.young {
		if slices.Contains(y.inodes, s.inode) {
			s.ask(pid)
		}
		s.several = s.several || !y.asked && len(s.holding) > 0
	}
}

// ask asks a process for its descriptors, and tells whether one is of the socket.
func (s *search) ask(pid int32) (holds bool) {
	if slices.Contains(s.holding, pid) {
		return true
	}
	if s.descriptors > maxDescriptors {
		s.several = true
		return false
	}
	passes, free := false, uint64(0)
	var inodes []uint64
	err := s.each(pid, func(number, inode uint64, passesOn bool) {
		if s.descriptors++; number == free {
			free++
		}
		holds, passes = holds || inode == s.inode, passes || passesOn
		if inode != 0 {
			s.seen[inode] = pid
			inodes = append(inodes, inode)
		}
	})
	if s.free[pid] = free; s.young[pid] != nil {
		s.young[pid].asked, s.young[pid].inodes = true, inodes
	}
	if refused(err) && s.reader.mayHold(pid) {
		s.several = true
	}
	if holds {
		s.holding, s.passes = append(s.holding, pid), s.passes || passes
	}
	return holds
}

// each calls f with each descriptor of a process: its number, the inode if it is a socket,
// else 0, and whether others can be passed on by it.
func (s *search) each(pid int32, f func(number, inode uint64, passes bool)) error {
	if s.copies[pid] {
		return s.reader.infos(pid, func(number uint64, info []byte) {
			inode, passes := s.mounts.descriptor(info)
			f(number, inode, passes)
		})
	}
	return s.reader.descriptors(pid, func(number uint64, link []byte) {
		if inode, ok := socketInode(link); ok {
			f(number, inode, inode != s.inode && s.passesOn(pid, number, inode))
		} else {
			f(number, 0, string(link) == "anon_inode:[io_uring]")
		}
	})
}

// passesOn tells whether a socket of a process may pass descriptors: a Unix socket, or
// one whose protocol is not told.
func (h *holders) passesOn(pid int32, number, inode uint64) bool {
	passes, known := h.passes[inode]
	if !known {
		var name [32]byte
		n, err := unix.Getxattr(fmt.Sprintf("/proc/%d/fd/%d", pid, number), "system.sockprotoname", name[:])
		passes = err != nil || strings.HasPrefix(string(name[:n]), "UNIX")
		h.passes[inode] = passes
	}
	return passes
}

// found names the holders.
func (s *search) found() (f found) {
	slices.Sort(s.holding)
	for _, pid := range s.holding {
		e, known := s.faces[pid]
		if !known {
			var ok bool
			if e.face, ok = s.reader.face(pid); !ok { // it went
				return found{}
			}
			e.process = s.reader.describe(pid)
			e.process.ID = connlog.ProcessID{PID: pid, Start: e.face.start}
			s.faces[pid] = e
		}
		f.owners, f.processes = append(f.owners, e.process.ID), append(f.processes, e)
	}
	f.sure = len(f.owners) == 1 && !s.several && !s.passes
	return f
}

// forkedSince tells whether one of these processes forked since a time, or may have.
func (h *holders) forkedSince(owners []connlog.ProcessID, at int64) bool {
	return h.lost >= at || slices.ContainsFunc(owners, func(id connlog.ProcessID) bool { return h.forks[id.PID] >= at })
}

// allSince tells whether all of these processes began since a time.
func (h *holders) allSince(owners []connlog.ProcessID, at int64) bool {
	return !slices.ContainsFunc(owners, func(id connlog.ProcessID) bool {
		y := h.young[id.PID]
		return y == nil || y.forked < at
	})
}

// anySince tells whether one of these processes began since a time.
func (h *holders) anySince(owners []connlog.ProcessID, at int64) bool {
	return slices.ContainsFunc(owners, func(id connlog.ProcessID) bool {
		y := h.young[id.PID]
		return y != nil && y.forked >= at
	})
}
