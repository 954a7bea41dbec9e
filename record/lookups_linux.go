package record

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// lookups finds the sockets that live too short for a look: when the first packet of a
// connection passes, the kernel is asked for the socket that it is of, and the
// processes for who holds that.
//
//	SYN, or a datagram between two ends that are new
//	  → ask sock_diag for that socket, until it has an inode (accept)
//	  → find its holders (holders), as long as it is there again and again
//	  → the next look takes what was found
//
// It has a thread of its own, so that it is no later than it must be.
type lookups struct {
	packets, wake int           // packet socket; eventfd: written by close
	ready         chan struct{} // closed when it may begin
	done          chan struct{} // closed when the thread ended

	mutex  sync.Mutex // guards the rest
	kernel *netlinkSocket
	holders
	questions []*lookup
	found     map[uint64]*lookup         // those with a sighting, by socket id
	asked     map[flow.FiveTuple]*lookup // nil: there is nothing to find
	known     map[uint64]bool            // inodes that a look saw, and who holds them; nil before the first
	spent     budget
	flood     budget
	deaf      bool  // to datagrams, for there are too many
	rested    int64 // until then, Unix nanoseconds
}

// lookup is one end of a connection that is looked up.
type lookup struct {
	tuple     flow.FiveTuple // from this end to the other
	sent      bool           // its first packet was this end's
	began     int64          // when that was, Unix nanoseconds
	before    int64          // when a look at all began that did not see its socket, likewise
	due       int64          // next time to look, likewise
	pause     time.Duration
	turn      int            // how many of the elders were asked
	sighting  connlog.Socket // with the holders that were seen last; ID 0 = not found yet
	first     int64          // since when they were seen, and no others
	last      int64          // and until when
	sure      bool           // nobody else can have it
	shared    bool           // others may have had it between two sightings, or before
	processes []encounter    // who they are
}

// When an end is looked at again: accept takes a while, and what lives on is left to
// the looks.
const (
	firstPause = 100 * time.Microsecond
	maxPause   = 20 * time.Millisecond
	settled    = 5 * time.Millisecond  // who accepted it has passed it on by now, or given its port back, mostly
	settleFor  = 50 * time.Millisecond // so long it is watched though it may be passed on
	watchFor   = time.Second           // then who has it is taken for the one who keeps it
	heardPart  = 16                    // of a datagram's end: this part of its time passes between two looks at least
)

// Bounds of what may be asked at one time.
const (
	maxQuestions = 4096 // and as many answers, until the next look
	maxAsked     = 1 << 16
)

// priority is that of the thread (setpriority(2)), where it may have it: it works for a
// moment, but at once.
const priority = -20

// Look-ups take this part of a processor, or a little more for a moment, and only so
// many datagrams a second are looked at. After so much time at once it is seen whether to
// end.
const (
	atOnce       = 10 * time.Millisecond
	lookupShare  = 0.25
	lookupBurst  = float64(100 * time.Millisecond)
	datagramRate = 5000 // each wakes the thread, in the place of who sends
	datagramMost = 2000 // at once
	datagramRest = time.Second
)

func datagramBudget() budget {
	return budget{share: datagramRate / 1e9, most: datagramMost, left: datagramMost}
}

// openLookups returns an error where there are no rights to the packets, or to process
// events, without which it cannot be told whether a holder was alone.
func openLookups(reader processReader) (*lookups, error) {
	l := &lookups{packets: -1, wake: -1, ready: make(chan struct{}), done: make(chan struct{}), asked: map[flow.FiveTuple]*lookup{}, found: map[uint64]*lookup{},
		spent: budget{share: lookupShare, most: lookupBurst, left: lookupBurst}, flood: datagramBudget()}
	if err := l.open(reader); err != nil {
		l.release()
		return nil, err
	}
	go l.wait()
	return l, nil
}

func (l *lookups) open(reader processReader) (err error) {
	if l.holders, err = newHolders(reader); err != nil {
		return err
	}
	if l.kernel, err = openNetlink(unix.NETLINK_SOCK_DIAG); err != nil {
		return err
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	if l.packets, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := l.listen(true); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(l.packets, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_TIMESTAMPNS", err)
	}
	return os.NewSyscallError("bind", unix.Bind(l.packets, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)}))
}

// listen lets the packets in that may begin a connection: TCP's, and datagrams.
func (l *lookups) listen(datagrams bool) error {
	l.deaf = !datagrams
	program, err := bpf.Assemble(beginnings(datagrams))
	if err != nil {
		return err
	}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER", attach(l.packets, program))
}

// wait is the thread until it may begin, when rights were given up that it does not need.
func (l *lookups) wait() {
	runtime.LockOSThread() // and never unlocked
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), priority)
	<-l.ready
	inspecting(l.run)
	close(l.done)
}

// begin lets the thread begin.
func (l *lookups) begin() { close(l.ready) }

func (l *lookups) close() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(l.wake, one[:]) // it has room
	select {
	case <-l.ready:
	default:
		close(l.ready)
	}
	<-l.done
	l.release()
}

func (l *lookups) release() {
	for _, fd := range []int{l.packets, l.wake} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if l.kernel != nil {
		l.kernel.close()
	}
	l.holders.close()
}

func (l *lookups) run() {
	fds := []unix.PollFd{{Fd: int32(l.packets), Events: unix.POLLIN}, {Fd: int32(l.wake), Events: unix.POLLIN}}
	for {
		wait := l.until()
		if _, err := unix.Ppoll(fds, wait, nil); err != nil && !errors.Is(err, unix.EINTR) || fds[1].Revents != 0 {
			return
		}
		began := threadTime()
		for threadTime()-began < atOnce && l.step() {
		}
		l.mutex.Lock()
		l.spent.take(time.Now().UnixNano(), float64(threadTime()-began))
		l.mutex.Unlock()
	}
}

// step takes a packet, or looks at what is due when there is none, and tells whether
// there was anything.
func (l *lookups) step() bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	var data [128]byte
	var control [64]byte
	n, c, _, from, err := unix.Recvmsg(l.packets, data[:], control[:], 0)
	if err != nil {
		return l.answer()
	}
	if a, ok := from.(*unix.SockaddrLinklayer); ok {
		l.meet(data[:n], a.Pkttype, timestamp(control[:c]))
	}
	return true
}

// until returns for how long nothing is due.
func (l *lookups) until() *unix.Timespec {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	wait := int64(time.Second)
	now := time.Now().UnixNano()
	for _, q := range l.questions {
		wait = min(wait, max(l.dueAt(q)-now, 0))
	}
	t := unix.NsecToTimespec(wait)
	return &t
}

// meet takes a packet: each of its ends that may be here is looked up, unless it is
// already.
func (l *lookups) meet(data []byte, kind uint8, at int64) {
	t, ok := parseBeginning(data)
	now := time.Now().UnixNano()
	if !ok || l.known == nil {
		return
	}
	if t.Protocol == flow.UDP && !l.hears(now) {
		return
	}
	if kind == packetOutgoing || t.Source == t.Destination {
		l.question(t, true, at, now)
	}
	if kind != packetOutgoing || t.Destination.IsLoopback() {
		l.question(t.Reverse(), false, at, now)
	}
}

// hears tells whether a datagram may be looked at. If not, none is let in for a while.
func (l *lookups) hears(now int64) bool {
	if l.deaf || l.flood.take(now, 1) {
		return !l.deaf // else it came before
	}
	l.rested = now + int64(datagramRest)
	_ = l.listen(false) // else they are let in for nothing
	return false
}

// question asks for one end of a connection.
func (l *lookups) question(t flow.FiveTuple, sent bool, at, now int64) {
	q, is := l.asked[t]
	switch {
	case is && t.Protocol == flow.UDP:
		if q != nil && q.sighting.ID != 0 {
			q.heard(now)
		}
		return
	case is && q != nil && q.began+int64(maxPause) > now: // a SYN that is sent again
		return
	case max(len(l.questions), len(l.found)) >= maxQuestions || len(l.asked) >= maxAsked || !l.spent.take(now, 0):
		return
	}
	q = &lookup{tuple: t, sent: sent, began: at, before: min(l.since, at), due: now, pause: firstPause}
	if !sent && t.Protocol == flow.TCP {
		q.due += int64(firstPause) // it is accepted first
	}
	l.asked[t] = q
	l.questions = append(l.questions, q)
}

// heard has an end that was found looked at again, for it is there with every datagram. In
// a flood not with each: the pauses are a part of the time for which it is there already.
func (q *lookup) heard(now int64) {
	pause := max(int64(firstPause), (q.last-q.began)/heardPart)
	q.due = min(q.due, max(now, q.last+pause))
}

// dueAt returns when an end is due: soon, if who accepted it forked, for another may go on
// with it.
func (l *lookups) dueAt(q *lookup) int64 {
	if !q.sent && q.sighting.ID != 0 && l.forkedSince(q.sighting.Owners, q.last) {
		return min(q.due, q.last+int64(maxPause))
	}
	return q.due
}

// answer looks at one end that is due, of those that were not found yet if there are
// any, and tells whether there was one. What goes on is left to the looks.
func (l *lookups) answer() bool {
	now := time.Now().UnixNano()
	if l.deaf && now >= l.rested {
		_ = l.listen(true) // else it stays as it is
	}
	next := -1
	for i, q := range l.questions {
		if l.dueAt(q) <= now && (next < 0 || q.sighting.ID == 0) {
			next = i
			if q.sighting.ID == 0 {
				break
			}
		}
	}
	if next < 0 {
		return false
	}
	q := l.questions[next]
	if !l.look(q) {
		l.questions = slices.Delete(l.questions, next, next+1)
		if q.sighting.ID == 0 && l.asked[q.tuple] == q {
			l.asked[q.tuple] = nil
		}
		return true
	}
	q.rest(time.Now().UnixNano())
	return true
}

// rest sets when an end is looked at again: soon where several have what was accepted, for
// one of them is about to let go of it.
func (q *lookup) rest(now int64) {
	if q.sighting.ID == 0 || !q.sent && len(q.sighting.Owners) > 1 {
		q.pause = min(2*q.pause, maxPause)
	} else {
		q.pause *= 4
	}
	q.due = now + int64(q.pause)
}

// look looks at one end once, and tells whether to look again.
func (l *lookups) look(q *lookup) (again bool) {
	at := time.Now().UnixNano()
	if at-q.began > int64(watchFor) && q.sighting.ID == 0 {
		return false
	}
	s, ok := l.ask(&q.tuple)
	switch {
	case !ok || s.ID == 0: // not yet, or no longer
		return !q.sent && q.sighting.ID == 0 && at-q.began < int64(maxPause)
	case q.sighting.ID != 0 && s.ID != q.sighting.ID:
		return false
	case s.Inode == 0:
		return !q.sent && q.sighting.ID == 0 // it waits to be accepted; or was closed
	case l.known[s.Inode]:
		return false
	case q.sighting.ID == 0 && l.found[s.ID] != nil: // of UDP, by another peer
		q = l.found[s.ID]
		q.heard(at)
		return false
	}
	port := uint16(0)
	if !q.sent && q.tuple.Protocol == flow.TCP {
		port = q.tuple.SourcePort
	}
	found := l.find(s.Inode, q.sighting.Owners, port, &q.turn, port != 0 && at-q.began >= int64(settled))
	if len(found.owners) == 0 { // it is on its way
		return true
	}
	if q.sighting.ID == 0 {
		l.found[s.ID] = q
	}
	if found.receives && !q.sure {
		at = time.Now().UnixNano() // before, another may have had it
	}
	l.see(q, s, found, at)
	return true
}

// see notes a sighting, of a socket that was there at a time.
func (l *lookups) see(q *lookup, s connlog.Socket, f found, at int64) {
	sure := f.sure || f.receives || f.alone && q.sure && slices.Equal(f.owners, q.sighting.Owners)
	switch {
	case q.sighting.ID == 0:
		heir := l.anySince(f.owners, q.began) // it has it by a fork: another sent
		if q.first = at; q.sent && !heir && (q.tuple.Protocol == flow.TCP || at-q.began < int64(settled)) {
			q.first = q.began // it was there when it sent; of UDP later another may have the port
		}
		q.shared = heir && q.sent || l.forkedSince(f.owners, q.began)
	case !slices.Equal(f.owners, q.sighting.Owners):
		q.first = at
		// Who is younger than the connection has it by a fork: of an end that sent, from
		// who did.
		q.shared = q.sent || !l.allSince(f.owners, q.began) || l.forkedSince(f.owners, q.began)
	default:
		q.shared = q.shared || l.forkedSince(f.owners, q.last)
		if sure && !q.sure {
			q.first = at
		}
	}
	if f.receives && !q.sure {
		q.shared = false // all were asked, and who had it before does not count from here on
	}
	q.sighting, q.last, q.sure, q.processes = s, at, sure, f.processes
	q.sighting.Owners = f.owners
}

// ask asks the kernel for the socket of one end: that of the connection, or of UDP one
// that is bound there.
func (l *lookups) ask(t *flow.FiveTuple) (s connlog.Socket, ok bool) {
	err := l.kernel.ask(sockDiagByFamily, netlinkAsk, diagQuestion(t), func(m []byte) (err error) {
		s, _, err = parseSocket(m, t.Protocol)
		return err
	})
	return s, err == nil && s.Local.Port == t.SourcePort && (s.Remote.Port == t.DestinationPort || !s.HasRemote && t.Protocol == flow.UDP)
}

// met returns the processes that hold what was found.
func (l *lookups) met() (list []encounter) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, q := range l.found {
		list = append(list, q.processes...)
	}
	return list
}

// take returns what was found about sockets that a look which began at a time did not
// see any more, and about those that it saw: which live on, and are still watched, unless
// it is the last look. The sockets are all that it saw. What is of processes that are not
// known stays for the next, and whom this saw meanwhile may not be the only one.
func (l *lookups) take(began int64, sockets []sighting, last bool, knows func(connlog.ProcessID) bool) (list []glimpse) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.news()
	there := make(map[uint64]*sighting, len(sockets))
	for i := range sockets {
		there[sockets[i].ID] = &sockets[i]
	}
	for id, q := range l.found {
		unknown := func(id connlog.ProcessID) bool { return !knows(id) }
		s := there[id]
		if slices.ContainsFunc(q.sighting.Owners, unknown) {
			if s != nil {
				s.Partial = true // it was forked since the processes were listed
			}
			continue
		}
		if s == nil && q.last >= began && !last {
			continue
		}
		f := glimpse{Socket: q.sighting, since: q.before, first: q.first, last: q.last, accepted: !q.sent && q.tuple.Protocol == flow.TCP, ended: s == nil}
		f.Partial = !q.sure || q.shared || l.forkedSince(q.sighting.Owners, q.last)
		watch := watchFor
		if f.Partial {
			watch = 0
			if f.accepted {
				watch = settleFor
			}
		}
		f.watched = s != nil && !last && began-q.began < int64(watch)
		if list = append(list, f); f.watched {
			continue
		}
		l.questions = slices.DeleteFunc(l.questions, func(x *lookup) bool { return x == q })
		delete(l.found, id)
	}
	slices.SortFunc(list, func(a, b glimpse) int { return int(a.first - b.first) })
	return list
}

// looked tells what a look at all processes, which began at a time, saw: all sockets, and
// who holds any.
func (l *lookups) looked(began int64, pids []int32, held map[int32]holding, sockets []sighting) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.known = make(map[uint64]bool, len(sockets))
	for i := range sockets {
		if s := &sockets[i]; len(s.Owners) > 0 { // else it is on its way
			l.known[s.Inode] = true
		}
	}
	clear(l.asked)
	for _, q := range l.questions {
		l.asked[q.tuple] = q
	}
	l.age(began, pids, held, sockets)
}
