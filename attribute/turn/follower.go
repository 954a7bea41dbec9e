package turn

import (
	"math"
	"time"

	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

const (
	// QuietTime is how long a connection that is busy may be silent: as long as a TCP
	// sender waits at least before it sends again (TCP_RTO_MIN, include/net/tcp.h).
	QuietTime = 200 * time.Millisecond
	// PauseTime is how long a requester is silent before it makes another request,
	// where there was no response.
	PauseTime = time.Second
	// SlotTime is the width of the slots of time in which payload is added up. They
	// begin at multiples of it since 1970.
	SlotTime = 100 * time.Millisecond
)

// Follower keeps the live connections. The zero value is ready; one goroutine uses
// it.
type Follower struct {
	states     slab.Pool[state]
	cuts       slab.Pool[cut]
	histograms quantile.Histograms
	turn       Turn // see Turn
	run        Run  // see Run
	buckets    []byte
}

// Over tells what a packet ended.
type Over uint8

// What a packet may end, both at once, too.
const (
	TurnOver Over = 1 << iota // Follower.Turn returns it
	RunOver                   // Follower.Run returns it
)

// state is a connection as far as it was followed. It has no pointers. What every packet
// needs comes first.
type state struct {
	first, last  int64 // packets, Unix nanoseconds; valid iff begun
	busy, before int64 // before of busy is that of the runs that are over
	cut          int32 // in Follower.cuts; 0 = there was no Cut
	begun        bool
	spoke        [2]bool // by flow.Side
	turn         Turn    // Frame is 0 before the first
	speaker      [2]speaker
	waiting      int64
	waits        quantile.Summary
}

// speaker is one side.
type speaker struct {
	slot      int64 // the one of its last payload
	sum, peak int64 // bytes, of that slot and of the fullest
	first     int64 // payload, Unix nanoseconds; valid iff it spoke
}

// Begin makes room for a connection, and returns the number by which Add and End know
// it: the least that is free, from 1.
func (f *Follower) Begin() int32 { return f.states.Take() }

// Prefetch asks for what Add needs of connection n.
func (f *Follower) Prefetch(n int32) { f.states.Prefetch(n) }

// Add adds to connection n a packet that a side sent, in the order of the file; unique
// is how many bytes of its payload are in the capture for the first time. It tells what
// is over with it.
func (f *Follower) Add(n int32, p *packet.Packet, side flow.Side, unique int64) (over Over) {
	c := f.states.At(n)
	if !c.begun {
		c.begun, c.first, c.last = true, p.Time, p.Time
	}
	if gap := p.Time - c.last; gap > 0 {
		if gap <= int64(QuietTime) {
			c.busy += gap
		} else {
			f.run, over = Run{c.last - (c.busy - c.before), c.last}, RunOver
			c.before = c.busy
		}
		c.last = p.Time
	}
	c.first = min(c.first, p.Time)
	if unique <= 0 {
		return over
	}
	if !c.spoke[side] {
		c.spoke[side], c.speaker[side].first = true, p.Time
	}
	c.speaker[side].add(p.Time, unique)
	if c.cut != 0 {
		f.cuts.At(c.cut).speaker[side].add(p.Time, unique)
	}
	switch t := &c.turn; {
	case t.Frame == 0:
		c.begin(p, side, unique)
	case side != t.Requester:
		f.respond(c, p.Time, unique)
	case t.Answered || p.Time-t.RequestLast > int64(PauseTime):
		f.turn, over = *t, over|TurnOver
		c.begin(p, side, unique)
	default:
		t.RequestLast = max(t.RequestLast, p.Time)
		t.Request += unique
	}
	return over
}

// Turn returns the turn that the packet before ended, if Add said so.
func (f *Follower) Turn() *Turn { return &f.turn }

// Run returns the run that the packet before ended, if Add said so.
func (f *Follower) Run() Run { return f.run }

// add adds up what a side says.
func (s *speaker) add(t, bytes int64) {
	if slot := t / int64(SlotTime); slot != s.slot {
		s.slot, s.sum = slot, 0
	}
	s.sum += bytes
	s.peak = max(s.peak, s.sum)
}

// begin begins the next turn.
func (c *state) begin(p *packet.Packet, requester flow.Side, bytes int64) {
	c.turn = Turn{Frame: p.Frame, Number: c.turn.Number + 1, Requester: requester, RequestFirst: p.Time, RequestLast: p.Time, Request: bytes}
}

// respond adds to the response.
func (f *Follower) respond(c *state, now, bytes int64) {
	t := &c.turn
	if !t.Answered {
		t.Answered, t.ResponseFirst, t.ResponseLast = true, now, now
		if c.waiting += t.Waiting(); c.waiting < 0 {
			c.waiting = math.MaxInt64 // of a clock that jumped by centuries
		}
		c.waits.Add(&f.histograms, t.Waiting())
	}
	t.ResponseLast = max(t.ResponseLast, now)
	t.Response += bytes
}

// End ends connection n, whose number is free then, and returns its measures, of which
// Wait is that since the last Cut, with Buckets that are valid until the next Cut or End,
// and its last turn, if it has any.
func (f *Follower) End(n int32) (m Measures, last Turn, ok bool) {
	c := f.states.At(n)
	m = Measures{Known: true, Requester: c.turn.Requester, Turns: int64(c.turn.Number), Waiting: c.waiting,
		Busy: c.busy, Idle: max(c.last-c.first-c.busy, 0), Before: c.before}
	m.Wait, f.buckets = c.waits.End(&f.histograms, f.buckets[:0])
	for side := range c.speaker {
		s := &c.speaker[side]
		m.Peak[side], m.FirstByte[side] = s.peak, Unknown
		if c.spoke[side] {
			m.FirstByte[side] = max(s.first-c.first, 0)
		}
	}
	last = c.turn
	f.cuts.Give(c.cut)
	f.states.Give(n)
	return m, last, last.Frame != 0
}
