package attribute

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"

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
	// AllInterfaces counts a packet that is seen on several interfaces on each of
	// them. Otherwise it counts where it is seen first.
	AllInterfaces bool
	// Windows divide the result by time; nil = it is not divided.
	Windows *Windows
	// NoMeasures leaves Connection.Measures, Turns and Facts, and Result.Names, unknown.
	NoMeasures bool
	// Turns keeps every turn, for Result.Turns; not with NoMeasures.
	Turns bool
	// Resent keeps when segments were sent again, for Result.Resent; not with NoMeasures.
	Resent bool
}

// finishedBudget is how many bytes of finished connections are kept in memory,
// by all shares together; further ones are in temporary files.
var finishedBudget = 64 << 20 // tests spill more

// Attribution gives each packet of a recording its owners. Add all packets, or
// Follow a stream of them, then Finish.
type Attribution struct {
	judge  *judge
	shares []*share
	frags  fragments
	sweeps sweeper
	loose  map[looseKey]Counts
	result Result
	moved  [][]uint32  // memory of divideRare
	failed atomic.Bool // a share's temporary file has

	names   *Names        // nil = nobody looks at payload
	marks   []pcapng.Mark // processes that the capture names
	sighted sightings     // of packets without a connection
}

// New returns an Attribution without packets.
func New(cfg Config) *Attribution {
	a := &Attribution{judge: &judge{log: cfg.Log, rules: allRules(), every: cfg.AllInterfaces, windows: cfg.Windows}, loose: map[looseKey]Counts{}, sweeps: newSweeper()}
	if cfg.Log != nil {
		cfg.Log.Seal()
		a.result.KnowsLocal = cfg.Log.KnowsLocal()
	}
	shares := max(cfg.Shares, 1)
	for n := range shares {
		s := newShare(a.judge, n, finishedBudget/shares, &a.failed, newLooker(!cfg.NoMeasures))
		if !cfg.NoMeasures {
			s.measured = newMeasurer(shares, &cfg)
		}
		a.shares = append(a.shares, s)
	}
	if !cfg.NoMeasures {
		a.names = newNames(cfg.Log)
	}
	a.moved = make([][]uint32, len(a.shares))
	a.result.First, a.result.Last = math.MaxInt64, math.MinInt64
	return a
}

// Add books packets, in the order of the file. It keeps nothing of batch.
func (a *Attribution) Add(batch []packet.Packet) {
	for i := range batch {
		p := &batch[i]
		if clock, due := a.sweeps.due(p.Time); due {
			for _, s := range a.shares {
				s.sweep(clock)
			}
		}
		a.bookTotals(1, int64(p.WireLength), p.Time, p.Time)
		if p.Class == packet.Undecoded {
			a.result.Undecoded++
		}
		q := a.frags.resolve(p)
		if hash, ok := shared(q); ok {
			a.shares[ingest.Share(hash, len(a.shares))].take(q, nil)
		} else {
			a.addLoose(p)
		}
	}
}

// Follow books all packets of a stream that is divided into as many shares as
// a has, each share by a goroutine of its own. each, where it is not nil, sees
// every batch before, in the order of the file. When a temporary file fails, of
// which Finish tells, Follow ends early.
func (a *Attribution) Follow(s *ingest.Stream, each func(*ingest.Batch) error) error {
	var wait sync.WaitGroup
	queues := make([]chan work, len(a.shares))
	for n, share := range a.shares {
		queues[n] = make(chan work, 2)
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
func (a *Attribution) distribute(s *ingest.Stream, queues []chan work, each func(*ingest.Batch) error) error {
	for !a.failed.Load() {
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
		if a.names != nil {
			a.names.batch(b)
		}
		w := work{b, a.sweepsOf(b)}
		b.Hold(len(queues) - 1)
		for _, q := range queues {
			q <- w
		}
	}
	return nil
}

// sweepsOf returns the sweeps that are due in a batch.
func (a *Attribution) sweepsOf(b *ingest.Batch) (sweeps []sweep) {
	n := len(b.Packets)
	if a.sweeps.skip(n, b.Earliest, b.Latest, b.Packets[n-1].Time) {
		return nil
	}
	for i := range b.Packets {
		if clock, due := a.sweeps.due(b.Packets[i].Time); due {
			sweeps = append(sweeps, sweep{uint32(i), clock})
		}
	}
	return sweeps
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

// Close frees the temporary files of an Attribution that is given up: Finish
// hands them to its Result.
func (a *Attribution) Close() (err error) {
	for _, s := range a.shares {
		for _, sorter := range append(s.measured.sorters(), s.finished) {
			err = errors.Join(err, sorter.Close())
		}
	}
	return err
}

func (a *Attribution) bookTotals(packets, wire, first, last int64) {
	r := &a.result
	if first != 0 || last != 0 { // else p has no time
		r.First, r.Last = min(r.First, first), max(r.Last, last)
	}
	r.Totals.Packets += packets
	r.Totals.WireBytes += wire
}

// Finish judges every connection that is left and returns the result, which
// owns all its memory; Close it. Its errors are those of temporary files. The
// Attribution must not be used afterwards.
func (a *Attribution) Finish() (*Result, error) {
	r := &a.result
	if r.First > r.Last { // no packet has a time
		r.First, r.Last = 0, 0
	}
	if a.judge.log != nil {
		r.Processes = a.judge.log.Processes
	}
	var wait sync.WaitGroup
	for _, s := range a.shares {
		wait.Go(s.finishAll)
	}
	wait.Wait()
	var err error
	var clocks clocks
	for _, s := range a.shares {
		clocks.merge(s.clocks)
		err = cmp.Or(err, s.err)
		r.Connections.n += s.finished.Len()
		r.Connections.sorters = append(r.Connections.sorters, s.finished)
		r.Connections.codecs = append(r.Connections.codecs, &s.codec)
		if m := s.measured; m != nil {
			r.Measured, r.Runs.sorters = true, append(r.Runs.sorters, m.runs)
			if m.told != nil {
				r.Turns.sorters = append(r.Turns.sorters, m.told)
			}
			if m.resent != nil {
				r.Resent.sorters = append(r.Resent.sorters, m.resent)
			}
		}
		s.measured, s.looker = nil, nil // the result keeps the share, and what it needs no more is large
		r.Totals.Add(s.totals)
		a.sighted.merge(s.sighted)
	}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("the temporary file for finished connections: %w", err)
	}
	r.ClockOffset, r.KnowsClock = clocks.offset()
	m := &marker{log: a.judge.log}
	r.Processes, m.marks = nameMarks(r.Processes, a.marks, a.sighted)
	m.processes = r.Processes
	r.Connections.marker = m
	r.Loose = a.finishLoose(m)
	for _, l := range r.Loose {
		if l.Source.Reason == Duplicate {
			r.Duplicates.Add(l.Counts)
		}
		r.Totals.PayloadBytes += l.Counts.PayloadBytes
		r.Totals.UniqueBytes += l.Counts.UniqueBytes
	}
	r.Names = a.names
	r.Turns.connections, r.Runs.connections = &r.Connections, &r.Connections
	r.log = a.judge.log
	r.find = newFinder(a.judge, &r.Connections)
	return r, nil
}
