package attribute

import (
	"errors"
	"io"
	"math"
	"sync"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Config says what is known beside the packets.
type Config struct {
	// Log is the timeline of the recording's connection logs; New seals it.
	// nil = there is no log: every local or unknown side stays without owner.
	Log *owner.Timeline
	// Shares is how many goroutines follow connections; 0 = 1. The result does
	// not depend on it.
	Shares int
}

// Attribution gives each packet of a recording its owners. Add all packets, or
// Follow a stream of them, then Finish.
type Attribution struct {
	log    *owner.Timeline
	cut    conn.Cutter
	shares []*share
	frags  fragments
	loose  map[looseKey]Counts
	rules  []rule
	result Result
	moved  [][]uint32 // memory of divideRare

	marks   []pcapng.Mark // processes that the capture names
	sighted sightings     // of packets without a connection
}

// New returns an Attribution without packets.
func New(cfg Config) *Attribution {
	a := &Attribution{log: cfg.Log, loose: map[looseKey]Counts{}, rules: allRules()}
	a.cut = conn.Uncut
	if cfg.Log != nil {
		cfg.Log.Seal()
		a.cut = cfg.Log.Cut
		a.result.KnowsLocal = cfg.Log.KnowsLocal()
	}
	for range max(cfg.Shares, 1) {
		a.shares = append(a.shares, newShare(a.log, a.cut))
	}
	a.moved = make([][]uint32, len(a.shares))
	a.result.First, a.result.Last = math.MaxInt64, math.MinInt64
	return a
}

// Add books packets, in the order of the file. It keeps nothing of batch.
func (a *Attribution) Add(batch []packet.Packet) {
	for i := range batch {
		p := &batch[i]
		a.bookTotals(1, int64(p.WireLength), p.Time, p.Time)
		if p.Class == packet.Undecoded {
			a.result.Undecoded++
		}
		q := a.frags.resolve(p)
		if hash, ok := shared(q); ok {
			a.shares[ingest.Share(hash, len(a.shares))].take(q)
		} else {
			a.addLoose(p)
		}
	}
}

// Follow books all packets of a stream that is divided into as many shares as
// a has, each share by a goroutine of its own. each, where it is not nil, sees
// every batch before, in the order of the file.
func (a *Attribution) Follow(s *ingest.Stream, each func(*ingest.Batch) error) error {
	var wait sync.WaitGroup
	queues := make([]chan *ingest.Batch, len(a.shares))
	for n, share := range a.shares {
		queues[n] = make(chan *ingest.Batch, 2)
		wait.Go(func() {
			for b := range queues[n] {
				share.takeBatch(b, n)
				b.Done()
			}
		})
	}
	err := a.distribute(s, queues, each)
	for _, q := range queues {
		close(q)
	}
	wait.Wait()
	return err
}

// distribute gives every batch to all shares.
func (a *Attribution) distribute(s *ingest.Stream, queues []chan *ingest.Batch, each func(*ingest.Batch) error) error {
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if each != nil {
			if err := each(b); err != nil {
				return err
			}
		}
		a.bookTotals(int64(len(b.Packets)), b.WireBytes, b.Earliest, b.Latest)
		a.result.Undecoded += b.Undecoded
		a.divideRare(b)
		b.Hold(len(queues) - 1)
		for _, q := range queues {
			q <- b
		}
	}
}

// divideRare books what has no connection, and gives fragments and ICMP errors
// to the share of the connection that they belong to.
func (a *Attribution) divideRare(b *ingest.Batch) {
	if len(b.Rare) == 0 {
		return
	}
	for n := range a.moved {
		a.moved[n] = a.moved[n][:0]
	}
	for _, i := range b.Rare {
		p := &b.Packets[i]
		if q := a.frags.resolve(p); q != p {
			*p = *q
		}
		if hash, ok := shared(p); ok {
			n := ingest.Share(hash, len(a.shares))
			a.moved[n] = append(a.moved[n], i)
		} else {
			a.addLoose(p)
		}
	}
	for n, moved := range a.moved {
		b.Shares[n] = merged(b.Shares[n], moved)
	}
}

// merged merges ascending b into ascending a, from the end.
func merged(a, b []uint32) []uint32 {
	i, j := len(a)-1, len(b)-1
	a = append(a, b...)
	for k := len(a) - 1; j >= 0; k-- {
		if i >= 0 && a[i] > b[j] {
			a[k], i = a[i], i-1
		} else {
			a[k], j = b[j], j-1
		}
	}
	return a
}

func (a *Attribution) bookTotals(packets, wire, first, last int64) {
	r := &a.result
	r.First, r.Last = min(r.First, first), max(r.Last, last)
	r.Totals.Packets += packets
	r.Totals.WireBytes += wire
}

// Finish makes the judgement of every connection possible and returns the
// result, which owns all its memory. The Attribution must not be used
// afterwards.
func (a *Attribution) Finish() *Result {
	r := &a.result
	if r.Totals.Packets == 0 {
		r.First, r.Last = 0, 0
	}
	if a.log != nil {
		r.Processes = a.log.Processes
	}
	var followers []*conn.Follower
	for _, s := range a.shares {
		followers = append(followers, s.follower)
		a.sighted.merge(s.sighted)
	}
	j := newJudge(a.log, followers, a.rules)
	r.Processes, j.marks = nameMarks(r.Processes, a.marks, a.sighted)
	j.processes = r.Processes
	r.Connections = Connections{judge: j}
	for _, i := range j.order {
		for _, c := range followers[i.follower].Sent(j.instance(i)) {
			r.Totals.PayloadBytes += c.PayloadBytes
			r.Totals.UniqueBytes += c.UniqueBytes
		}
	}
	r.find = finder{hearing: hearing{judge: j}}
	r.Loose = a.finishLoose(&r.find.hearing)
	for _, l := range r.Loose {
		r.Totals.PayloadBytes += l.Counts.PayloadBytes
		r.Totals.UniqueBytes += l.Counts.UniqueBytes
	}
	return r
}
