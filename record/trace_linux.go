package record

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/record/hooks"
)

// patience is how long a connection that is over waits for the process that had
// it, where none is known: it may be about to read what came, or to close.
const patience = time.Second

// trace is the observer that the kernel tells of every change (package hooks).
//
//	attach → list the open sockets and the processes → every 20 ms take the events
//	since, and write what they say
//
// A socket's owner in the log is who used it last: opened it to a peer, sent or
// received through it. A process that merely has a descriptor of it is not named.
// Only in the list at the beginning, and for sockets that listen, the owners are
// all that hold it.
//
// Times of the kernel's events are since boot. The log has them as Unix
// nanoseconds: the time since boot, and what real time was ahead of it when the
// event was taken from the ring.
type trace struct {
	*census
	hooks     *hooks.Hooks
	write     func(*connlog.Event)
	namespace uint64 // network namespace of the recorder
	ahead     int64  // real time minus time since boot, nanoseconds
	read      int64  // when the ring was last read to its end, nanoseconds since boot
	sockets   map[uint64]*traced
	listeners map[uint64]*traced // those that listen
	fresh     []*traced          // that began, and are not in the log yet
	orphans   []*traced          // that are over, and nobody is known to have had them
	initial   []connlog.Process
	total     int // sockets ever told
	people    int // processes ever told
}

// traced is a socket that exists, as the log has it or is to have it.
type traced struct {
	connlog.Socket
	born    int64 // nanoseconds since boot; of a snapshot, when it was listed
	opened  int64 // born, as the log has it: Unix nanoseconds; valid iff logged
	since   int64 // it was open after this; 0 = at born itself
	ended   int64 // when the kernel closed it; 0 = it did not
	waiting bool  // it has no endpoints yet: it is about to connect
	logged  bool
	unused  bool // nobody sent or received through it yet, or asked for a connection
}

func newTrace(write func(*connlog.Event)) (*trace, error) {
	reader, err := newProcessReader()
	if err != nil {
		return nil, err
	}
	h, err := hooks.Open(pidNamespace())
	if err != nil {
		reader.close()
		return nil, err
	}
	t := &trace{hooks: h, write: write, namespace: networkNamespace(), sockets: map[uint64]*traced{}, listeners: map[uint64]*traced{}}
	t.census = &census{roster: newRoster(reader), reader: reader, write: t.writeProcess}
	return t, nil
}

func (t *trace) name() string { return SourceEBPF }

func (t *trace) blind() []string {
	list := []string{
		"who used a connection of multipath TCP (MPTCP), and who listened for such before the recording",
		"protocols other than TCP and UDP, raw and packet sockets",
	}
	const initial = 0xEFFFFFFC // PROC_PID_INIT_INO (linux/proc_ns.h)
	if pidNamespace() != initial {
		list = append(list, "processes outside of the recorder's PID namespace")
	}
	return list
}

func (t *trace) interval() (every time.Duration, polls bool) { return DefaultTraceInterval, false }

func (t *trace) close() {
	t.hooks.Close()
	t.reader.close()
}

func (t *trace) started(pid int32) { t.tree.start(t.roster, pid) }

func (t *trace) seen() (sockets, processes int) { return t.total, t.people }

// first lists the sockets and processes that there are. The events that have
// come since the programs were attached are in the ring.
func (t *trace) first() (at int64, err error) {
	boot, now := clocks()
	t.ahead, t.read = now-boot, boot
	if t.initial, err = t.refresh(now, true); err != nil {
		return 0, err
	}
	return now, t.list()
}

// list finds the open sockets, all their holders together.
func (t *trace) list() error {
	return t.hooks.Held(func(e *hooks.Event) {
		if e.User.PID == 0 || e.Local.Port() == 0 || e.Protocol == uint8(flow.TCP) && e.State == hooks.Close {
			return
		}
		s := t.sockets[e.Cookie]
		if s == nil {
			s = &traced{born: e.Time}
			s.Change, s.Evidence = connlog.SocketSnapshot, connlog.EvidencePoll
			t.describe(s, e)
			t.sockets[e.Cookie] = s
			t.fresh = append(t.fresh, s)
		}
		if id := t.id(e.User); !slices.Contains(s.Owners, id) {
			s.Owners = append(s.Owners, id)
		}
	})
}

// report writes what first found.
func (t *trace) report() {
	boot, _ := clocks()
	for i := range t.initial {
		t.writeProcess(boot, &t.initial[i])
	}
	t.initial = nil
	t.flush(boot)
}

// lookNow takes the events that have come, and writes what they say.
func (t *trace) lookNow(last bool) error {
	boot, now := clocks()
	t.ahead = now - boot
	lost, err := t.hooks.Read(t.take)
	if err == nil && lost > 0 {
		err = t.renew(lost)
	}
	if err != nil {
		t.gap(0, err.Error())
	}
	t.read = boot
	if last {
		boot += int64(patience) // nobody comes any more
	}
	t.flush(boot)
	t.reap()
	return err
}

func (t *trace) gap(count uint64, why string) {
	now := time.Now().UnixNano()
	t.write(&connlog.Event{Kind: connlog.KindGap, Time: now, Gap: &connlog.Gap{
		Source: connlog.GapSockets, Begin: t.read + t.ahead, End: now, Count: int64(count), Message: why}})
}

// renew begins anew after a loss: what was open is known until the ring was last
// read whole, and what is open now is listed.
func (t *trace) renew(lost uint64) error {
	t.gap(lost, "the kernel's ring of events was full")
	boot, now := clocks()
	for _, id := range slices.Sorted(maps.Keys(t.sockets)) {
		t.end(t.sockets[id], boot, max(t.read, t.sockets[id].born))
	}
	t.fresh, t.orphans = nil, nil
	changes, err := t.refresh(now, true)
	if err != nil {
		return err
	}
	for i := range changes {
		t.writeProcess(boot, &changes[i])
	}
	return t.list()
}

// flush writes the sockets that began, and the ends of those for which it was
// waited long enough.
func (t *trace) flush(boot int64) {
	for _, s := range t.fresh {
		t.log(s)
	}
	t.fresh = t.fresh[:0]
	kept := t.orphans[:0]
	for _, s := range t.orphans {
		switch {
		case t.sockets[s.ID] != s: // somebody had it
		case boot-s.ended < int64(patience):
			kept = append(kept, s)
		default:
			t.end(s, s.ended, 0)
		}
	}
	t.orphans = kept
}

func (t *trace) take(e *hooks.Event) {
	switch e.Kind {
	case hooks.Fork:
		t.inherit(e)
		fallthrough
	case hooks.Exec, hooks.Exit, hooks.Rename:
		t.census.take(e)
		return
	}
	s := t.sockets[e.Cookie]
	if s != nil && e.Time < s.born {
		return // the list is of later
	}
	switch e.Kind {
	case hooks.State:
		t.takeState(s, e)
	case hooks.Use:
		t.takeUse(s, e)
	case hooks.Connect:
		s = t.begin(e, connlog.EvidenceConnect)
		s.waiting = true
	case hooks.Bind:
		s = t.begin(e, connlog.EvidenceBind)
		s.unused = true
		t.fresh = append(t.fresh, s)
	case hooks.Peer:
		t.takePeer(s, e)
	case hooks.Release:
		t.takeRelease(s, e)
	}
}

// begin makes a socket, in the place of what it was before.
func (t *trace) begin(e *hooks.Event, how connlog.Evidence) *traced {
	if before := t.sockets[e.Cookie]; before != nil {
		t.end(before, e.Time, 0)
	}
	s := &traced{born: e.Time}
	s.Change, s.Evidence = connlog.SocketOpen, how
	t.describe(s, e)
	t.give(s, e)
	t.sockets[e.Cookie] = s
	return s
}

// describe fills in what the kernel says of a socket but its owners.
func (t *trace) describe(s *traced, e *hooks.Event) {
	s.ID, s.Protocol, s.V6, s.V6Only, s.Interface = e.Cookie, flow.Protocol(e.Protocol), e.V6, e.V6Only, int(e.Device)
	if e.Inode != 0 {
		s.Inode = e.Inode
	}
	s.Namespace = 0
	if e.Netns != t.namespace {
		s.Namespace = e.Netns
	}
	s.Local, s.Remote = flow.EndpointFrom(e.Local), flow.Endpoint{}
	if s.HasRemote = e.Remote.Port() != 0; s.HasRemote {
		s.Remote = flow.EndpointFrom(e.Remote)
	}
	switch {
	case s.Protocol == flow.TCP:
		s.State = stateName(flow.TCP, e.State)
	case s.HasRemote:
		s.State = "established"
	default:
		s.State = "unconnected"
	}
}

// give makes the event's user the owner; there is none where the network caused
// the event, and an unknown one where it is of another PID namespace.
func (t *trace) give(s *traced, e *hooks.Event) {
	s.Owners, s.Partial = nil, false
	switch {
	case e.User.PID != 0:
		s.Owners = []connlog.ProcessID{t.know(e.Time, e.User)}
	case e.User.Start != 0:
		s.Partial = true
	}
}

func (t *trace) takeState(s *traced, e *hooks.Event) {
	switch e.State {
	case hooks.SynSent:
		t.begin(e, connlog.EvidenceConnect).waiting = true
	case hooks.Listen:
		t.fresh = append(t.fresh, t.begin(e, connlog.EvidenceBind))
	case hooks.Established:
		switch {
		case s == nil:
			s = t.begin(e, connlog.EvidenceAccept)
			s.unused = true
			t.fresh = append(t.fresh, s)
		case s.waiting:
			t.connected(s, e)
		}
	case hooks.FinWait1, hooks.LastAck:
		if s != nil && !s.waiting && !known(s) {
			t.use(s, e, connlog.EvidenceDestroy)
		}
	case hooks.Close:
		t.takeClosed(s, e)
	}
}

// known tells whether it is known who had a socket.
func known(s *traced) bool { return len(s.Owners) > 0 || s.Partial }

// connected notes the endpoints of a socket that waited for them.
func (t *trace) connected(s *traced, e *hooks.Event) {
	t.describe(s, e)
	s.waiting = false
	t.fresh = append(t.fresh, s)
}

// takeClosed ends a TCP socket: no packet is its any more.
func (t *trace) takeClosed(s *traced, e *hooks.Event) {
	if s == nil {
		return
	}
	if s.waiting { // refused, or given up
		if e.Local.Port() == 0 || e.Remote.Port() == 0 {
			delete(t.sockets, s.ID)
			return
		}
		t.connected(s, e)
	}
	if known(s) {
		t.end(s, e.Time, 0)
		return
	}
	s.ended = e.Time
	t.orphans = append(t.orphans, s)
}

func (t *trace) takeUse(s *traced, e *hooks.Event) {
	gone := e.Protocol == uint8(flow.TCP) && (e.State == hooks.Close || e.State == hooks.Listen)
	switch how := direction(e); {
	case e.Local.Port() == 0, s == nil && gone:
	case s == nil: // it was there before, and nobody had it open
		s = t.begin(e, how)
		s.Change = connlog.SocketSnapshot
		t.fresh = append(t.fresh, s)
	case s.waiting && gone:
	case s.waiting:
		t.connected(s, e)
		t.use(s, e, how)
	case s.Protocol == flow.UDP && !t.same(s, e):
		t.end(s, e.Time, max(e.Former, s.born))
		s = t.begin(e, how)
		s.since = max(e.Former, s.born-1)
		t.fresh = append(t.fresh, s)
	default:
		t.use(s, e, how)
	}
}

func direction(e *hooks.Event) connlog.Evidence {
	if e.Direction == hooks.Sent {
		return connlog.EvidenceSend
	}
	return connlog.EvidenceReceive
}

// same tells whether a socket is still what it was.
func (t *trace) same(s *traced, e *hooks.Event) bool {
	now := *s
	t.describe(&now, e)
	return now.Local == s.Local && now.Remote == s.Remote && now.Interface == s.Interface && now.V6Only == s.V6Only && now.Namespace == s.Namespace
}

// use makes the event's process the owner. Whoever uses a socket first, that
// nobody asked for or that was only bound, had it from its beginning: what had
// come meanwhile was for that one.
func (t *trace) use(s *traced, e *hooks.Event, how connlog.Evidence) {
	first, at, before := s.unused, e.Time, s.Owners
	s.unused = false
	if e.Inode != 0 {
		s.Inode = e.Inode
	}
	if s.ended != 0 {
		at = s.ended
	}
	since := max(e.Former, s.born)
	if first {
		since = s.born
	}
	if first && !s.logged {
		t.give(s, e)
		s.Evidence = how
	} else {
		t.log(s)
		t.give(s, e)
		if s.Partial || !slices.Equal(before, s.Owners) {
			out := s.Socket
			out.Change, out.Evidence, out.Since = connlog.SocketOwner, how, t.moment(s, since)
			t.writeSocket(at, &out)
		}
	}
	if s.ended != 0 {
		t.end(s, s.ended, 0)
	}
}

func (t *trace) takePeer(s *traced, e *hooks.Event) {
	if s == nil { // sent without being bound: the kernel chose a port
		s = t.begin(e, direction(e))
		s.Remote, s.HasRemote, s.State = flow.Endpoint{}, false, "unconnected"
		t.fresh = append(t.fresh, s)
	}
	if s.waiting || s.HasRemote {
		return
	}
	t.log(s)
	out := s.Socket
	out.Change, out.Evidence, out.Remote, out.HasRemote = connlog.SocketPeer, direction(e), flow.EndpointFrom(e.Remote), true
	if e.User.PID != 0 {
		out.Owners = []connlog.ProcessID{t.know(e.Time, e.User)}
	}
	t.writeSocket(e.Time, &out)
}

// takeRelease ends a UDP socket. Of TCP the kernel goes on to close the
// connection.
func (t *trace) takeRelease(s *traced, e *hooks.Event) {
	if s == nil || s.Protocol == flow.TCP && s.waiting {
		return
	}
	if s.waiting && e.Local.Port() != 0 && e.Remote.Port() != 0 { // it never sent
		t.connected(s, e)
	}
	if !s.waiting && !known(s) {
		t.use(s, e, connlog.EvidenceDestroy)
	}
	if s.Protocol == flow.UDP {
		t.end(s, e.Time, 0)
	}
}

// inherit notes that a child has the listening sockets of its parent, until it
// executes another program or closes them: nobody tells.
func (t *trace) inherit(e *hooks.Event) {
	if e.Parent.PID == 0 {
		return
	}
	parent := t.id(e.Parent)
	for _, s := range t.listeners {
		if !s.Partial && slices.Contains(s.Owners, parent) {
			t.log(s)
			s.Partial = true
			out := s.Socket
			out.Change = connlog.SocketOwner
			t.writeSocket(e.Time, &out)
		}
	}
}

// log writes that a socket is open, if that is not written yet.
func (t *trace) log(s *traced) {
	if s.logged || t.sockets[s.ID] != s {
		return
	}
	s.logged = true
	t.total++
	if s.State == "listen" {
		t.listeners[s.ID] = s
	}
	slices.SortFunc(s.Owners, func(a, b connlog.ProcessID) int { return cmp.Compare(a.PID, b.PID) })
	s.opened = s.born + t.ahead
	out := s.Socket
	if s.since != 0 {
		out.Since = s.since + t.ahead
	}
	t.writeSocket(s.born, &out)
}

// end writes that a socket is gone at a time; its holders were the last ones
// until since, 0 = until then.
func (t *trace) end(s *traced, at, since int64) {
	if !s.waiting {
		t.log(s)
		out := s.Socket
		out.Change, out.Evidence = connlog.SocketClose, 0
		if since != 0 {
			out.Since = t.moment(s, since)
		}
		t.writeSocket(at, &out)
	}
	delete(t.sockets, s.ID)
	delete(t.listeners, s.ID)
}

// moment brings a time since boot to that of the log. A socket's opening is told
// once: the clocks drift.
func (t *trace) moment(s *traced, stamp int64) int64 {
	if stamp == s.born {
		return s.opened
	}
	return stamp + t.ahead
}

func (t *trace) writeSocket(stamp int64, s *connlog.Socket) {
	t.write(&connlog.Event{Kind: connlog.KindSocket, Time: stamp + t.ahead, Boot: stamp, Socket: s})
}

func (t *trace) writeProcess(stamp int64, p *connlog.Process) {
	if p.Change == connlog.ProcessSnapshot || p.Change == connlog.ProcessFork {
		t.people++
	}
	t.write(&connlog.Event{Kind: connlog.KindProcess, Time: stamp + t.ahead, Boot: stamp, Process: p})
}
