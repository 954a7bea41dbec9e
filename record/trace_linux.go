package record

import (
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

// mostKept is for how many events memory is kept.
const mostKept = 1 << 12

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
	batch     []hooks.Event // that were read together
	total     int           // sockets ever told
	people    int           // processes ever told
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
	t.census = &census{roster: newRoster(reader), reader: reader, renamed: map[connlog.ProcessID]int64{}, write: t.writeProcess}
	return t, nil
}

func (t *trace) name() string { return SourceEBPF }

func (t *trace) blind() []string {
	list := append(t.hooks.Blind(), "SCTP and other protocols with ports, packet sockets")
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

func (t *trace) focus(pids []int32) { t.tree.named = pids }

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
		if e.User.PID == 0 || e.Local.Port() == 0 && !e.Raw || e.Protocol == uint8(flow.TCP) && e.State == hooks.Close {
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
	lost, err := t.hooks.Read(func(e *hooks.Event) { t.batch = append(t.batch, *e) })
	t.takeBatch(lost)
	if err == nil && lost > 0 {
		err = t.renew(lost)
	}
	if err != nil {
		t.gap(0, err.Error())
	}
	t.read = boot
	if last {
		if e := t.findWaiting(); err == nil {
			err = e
		}
		boot += int64(patience) // nobody comes any more
	}
	t.flush(boot)
	t.tellNames(boot - int64(renames))
	t.reap()
	return err
}

// takeBatch takes the events that were read together. Where some among them were lost,
// it is not known who else used a socket between those that were not.
func (t *trace) takeBatch(lost uint64) {
	for i := range t.batch {
		if e := &t.batch[i]; lost == 0 || e.OfProcess() {
			t.take(e)
		}
	}
	clear(t.batch) // what their texts hold
	if t.batch = t.batch[:0]; cap(t.batch) > mostKept {
		t.batch = nil
	}
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

// findWaiting finds the endpoints of the sockets that were about to connect when the
// recording ended: nobody answered, or nothing was sent.
func (t *trace) findWaiting() error {
	waits := func(s *traced) bool { return s.waiting }
	if !slices.ContainsFunc(slices.Collect(maps.Values(t.sockets)), waits) {
		return nil
	}
	return t.hooks.Held(func(e *hooks.Event) {
		if s := t.sockets[e.Cookie]; s != nil && s.waiting && e.Local.Port() != 0 && e.Remote.Port() != 0 {
			t.connected(s, e)
		}
	})
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
	if e.OfProcess() {
		if e.Kind == hooks.Fork {
			t.inherit(e)
		}
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
	case hooks.Create:
		t.takeCreated(e)
	case hooks.Peer:
		t.takePeer(s, e)
	case hooks.Release:
		t.takeRelease(s, e)
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
	if c := e.Counters; c != nil {
		s.Counters = &connlog.Counters{BytesSent: int64(c.Sent), BytesReceived: int64(c.Received), Retransmits: int64(c.Retransmits), RTT: int64(c.RTT)}
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
	case e.Local.Port() == 0 && !e.Raw, s == nil && gone:
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

// takeCreated takes a socket without ports. One of ICMP that is not raw gets its
// identifier when it is used or bound.
func (t *trace) takeCreated(e *hooks.Event) {
	s := t.begin(e, connlog.EvidenceBind)
	if s.waiting = !e.Raw; e.Raw {
		t.fresh = append(t.fresh, s)
	}
}

func direction(e *hooks.Event) connlog.Evidence {
	if e.Direction == hooks.Sent {
		return connlog.EvidenceSend
	}
	return connlog.EvidenceReceive
}

func (t *trace) takePeer(s *traced, e *hooks.Event) {
	parted := s != nil && s.HasRemote && e.Direction == hooks.Sent && e.State == hooks.Close // from its peer: nobody told
	if s == nil || parted {                                                                  // sent without being bound: the kernel chose a port
		s = t.begin(e, direction(e))
		s.Remote, s.HasRemote, s.State = flow.Endpoint{}, false, "unconnected"
		t.fresh = append(t.fresh, s)
	}
	if s.waiting || s.HasRemote && flow.EndpointFrom(e.Remote) == s.Remote {
		return
	}
	t.log(s)
	who := traced{}
	t.give(&who, e)
	out := s.Socket
	out.Change, out.Evidence, out.Owners, out.Partial = connlog.SocketPeer, direction(e), who.Owners, who.Partial
	out.Remote, out.HasRemote = flow.EndpointFrom(e.Remote), e.Remote.Port() != 0
	if !out.HasRemote {
		out.Remote = flow.Endpoint{}
	}
	t.writeSocket(e.Time, &out)
}

// takeRelease ends a socket, not of TCP. Of TCP the kernel goes on to close the
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
	if s.Protocol != flow.TCP {
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

func (t *trace) writeProcess(stamp int64, p *connlog.Process) {
	if p.Change == connlog.ProcessSnapshot || p.Change == connlog.ProcessFork {
		t.people++
	}
	t.write(&connlog.Event{Kind: connlog.KindProcess, Time: stamp + t.ahead, Boot: stamp, Process: p})
}
