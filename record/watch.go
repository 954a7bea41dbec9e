package record

import (
	"cmp"
	"runtime"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// watch turns looks into events of the log. One goroutine uses it, so that
// events are written in the order of their times.
type watch struct {
	source
	write    func(*connlog.Event)
	sockets  map[uint64]*tracked
	initial  look // until it is reported
	previous look // without its lists
	looked   bool
	found    map[uint64]*glimpse // that are there yet, by socket id, during a look
	round    uint64
	pace     pace
	total    int // sockets ever seen
	people   int // processes ever seen
}

// tracked is a socket that the log says is open.
type tracked struct {
	connlog.Socket
	checked int64 // Unix nanoseconds when its holders were last known to be these and no others
	ended   int64 // when the kernel told that it is gone; 0 = it did not
	round   uint64
	doubted int64 // until then its holder may be about to pass it on, Unix nanoseconds; 0 = no
}

// handover is how long a process that accepted a connection, and could pass it on, is not
// taken for the one that keeps it.
const handover = int64(time.Second)

func newWatch(s source, write func(*connlog.Event)) *watch {
	return &watch{source: s, write: write, sockets: map[uint64]*tracked{}}
}

func (w *watch) interval() (every time.Duration, polls bool) { return w.pace.next(), true }

func (w *watch) first() (at int64, err error) {
	w.initial, err = w.timed(true)
	if err != nil {
		return 0, &Error{Message: "the sockets cannot be read", Status: statusFailed, Err: err, Hint: "try another --source"}
	}
	return w.initial.begin, nil
}

// timed looks, and notes what that takes.
func (w *watch) timed(thorough bool) (look, error) {
	runtime.LockOSThread() // its processor time is measured
	defer runtime.UnlockOSThread()
	began := threadTime()
	l, err := w.look(thorough)
	w.pace.looked(l.begin, threadTime()-began)
	return l, err
}

func (w *watch) report() {
	w.compare(&w.initial)
	w.initial = look{}
	w.begin()
}

func (w *watch) seen() (sockets, processes int) { return w.total, w.people }

// lookNow looks once and logs what changed. A failed look is a gap.
func (w *watch) lookNow(thorough bool) error {
	began := time.Now().UnixNano()
	l, err := w.timed(thorough)
	if err != nil {
		now := time.Now().UnixNano()
		w.write(&connlog.Event{Kind: connlog.KindGap, Time: now, Gap: &connlog.Gap{
			Source: connlog.GapSockets, Begin: began, End: now, Message: err.Error()}})
		return err
	}
	w.compare(&l)
	return nil
}

// compare logs the difference between l and the look before.
func (w *watch) compare(l *look) {
	w.round++
	for i := range l.processes {
		w.reportProcess(l.end, &l.processes[i])
	}
	w.found = map[uint64]*glimpse{}
	for i := range l.found {
		w.reportFound(l, &l.found[i])
	}
	for i := range l.sockets {
		w.reportSocket(l, &l.sockets[i])
	}
	for id, e := range l.ends {
		if t := w.sockets[id]; t != nil {
			t.ended, t.Counters = e.at, cmp.Or(e.counters, t.Counters)
		}
	}
	w.reportClosed(l)
	w.write(&connlog.Event{Kind: connlog.KindPoll, Time: l.end, Poll: &connlog.Poll{Begin: l.begin, End: l.end, Sockets: len(l.sockets), Thorough: l.thorough}})
	w.previous, w.looked = look{begin: l.begin, end: l.end}, true
}

func (w *watch) reportProcess(at int64, p *connlog.Process) {
	if p.Change == connlog.ProcessSnapshot {
		w.people++
	}
	w.write(&connlog.Event{Kind: connlog.KindProcess, Time: at, Process: p})
}

func (w *watch) reportSocket(l *look, s *sighting) {
	t, known := w.sockets[s.ID]
	if f := w.found[s.ID]; f != nil && f.watched && (!known || len(t.Owners) == 0) {
		if known {
			t.round = w.round
		}
		return
	}
	if known && !sameSocket(&t.Socket, s) {
		w.end(t, l.end) // connected anew, or detached from its process
		delete(w.sockets, s.ID)
		if s.Inode == 0 && t.Inode != 0 {
			return
		}
		known = false
	}
	if !known {
		w.open(l, s)
		return
	}
	if l.end < t.doubted && slices.Equal(t.Owners, s.Owners) {
		s.Partial = true
	}
	t.round = w.round
	t.State, t.Counters = s.State, s.Counters
	if !slices.Equal(t.Owners, s.Owners) || t.Inode != s.Inode || t.Partial != s.Partial {
		t.Inode, t.Owners, t.Partial = s.Inode, s.Owners, s.Partial
		w.writeSocket(l.end, t, connlog.SocketOwner, t.checked)
	}
	if l.thorough {
		t.checked = l.end
	}
}

// reportFound logs a socket that was seen between two looks: at once if it went before
// this one, else, when it is watched no more, as one that this sees.
func (w *watch) reportFound(l *look, f *glimpse) {
	switch t, known := w.sockets[f.ID]; {
	case !w.looked:
		return
	case f.watched, !known && !f.ended:
		w.found[f.ID] = f
		return
	case !known && f.accepted && f.Partial: // all who listen are candidates, unless it is said who had it
		return
	case known:
		if len(t.Owners) == 0 && !f.Partial && sameSocket(&t.Socket, &f.Socket) { // nobody had it yet
			t.Inode, t.Owners, t.Partial, t.Evidence = f.Inode, f.Owners, false, connlog.EvidencePacket
			w.writeSocket(f.first, t, connlog.SocketOwner, min(t.checked, f.first))
			t.checked = f.last
		}
		return
	}
	t := &tracked{Socket: f.Socket}
	t.Evidence = connlog.EvidencePacket
	w.total++
	w.writeSocket(f.first, t, connlog.SocketOpen, f.since)
	at := l.end
	if e, told := l.ends[f.ID]; told && e.at >= f.last {
		at, t.Counters = min(at, e.at), cmp.Or(e.counters, t.Counters)
	}
	w.writeSocket(at, t, connlog.SocketClose, f.last)
}

// sameSocket tells whether s is what is tracked as t: the same endpoints, and
// not detached. An inode that comes later (accept) changes nothing.
func sameSocket(t, s *connlog.Socket) bool {
	return t.Protocol == s.Protocol && t.Local == s.Local && t.Remote == s.Remote && t.HasRemote == s.HasRemote &&
		(t.Inode == 0 || t.Inode == s.Inode) && (t.State == "listen") == (s.State == "listen")
}

func (w *watch) open(l *look, s *sighting) {
	t := &tracked{Socket: *s, checked: l.end, round: w.round}
	t.Evidence = connlog.EvidencePoll
	w.sockets[s.ID] = t
	w.total++
	f := w.found[s.ID]
	if f != nil && f.Partial {
		t.Partial, t.doubted = true, f.first+handover
	}
	sure := f != nil && sameSocket(&f.Socket, s) && !f.Partial && !s.Partial
	if sure && (slices.Equal(f.Owners, s.Owners) || len(s.Owners) == 0) {
		t.Evidence, t.Owners = connlog.EvidencePacket, f.Owners
		w.writeSocket(f.first, t, connlog.SocketOpen, f.since)
		if len(s.Owners) == 0 { // it went while this looked
			t.Owners = nil
			w.writeSocket(l.end, t, connlog.SocketOwner, f.last)
		}
	} else if w.looked {
		w.writeSocket(l.end, t, connlog.SocketOpen, w.previous.begin)
	} else {
		w.writeSocket(l.end, t, connlog.SocketSnapshot, 0)
	}
}

// reportClosed logs the sockets that l did not see, in the order of their ids.
func (w *watch) reportClosed(l *look) {
	var gone []uint64
	for id, t := range w.sockets {
		if t.round != w.round {
			gone = append(gone, id)
		}
	}
	slices.Sort(gone)
	for _, id := range gone {
		t, at := w.sockets[id], l.end
		if w.previous.end < t.ended && t.ended < at {
			at = t.ended
		}
		w.end(t, at)
		delete(w.sockets, id)
	}
}

// end logs that a socket is gone. It existed in the look before, but its
// holders are told only for as long as they were known to be all.
func (w *watch) end(t *tracked, at int64) {
	w.writeSocket(at, t, connlog.SocketClose, t.checked)
}

func (w *watch) writeSocket(at int64, t *tracked, change connlog.SocketChange, since int64) {
	s := t.Socket
	s.Change, s.Since = change, since
	if change != connlog.SocketClose {
		s.Counters = nil
	}
	w.write(&connlog.Event{Kind: connlog.KindSocket, Time: at, Socket: &s})
}
