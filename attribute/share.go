package attribute

import (
	"slices"
	"sync/atomic"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/attribute/spill"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// share follows some of the connections: those whose five-tuples hash to it.
// One goroutine uses it.
type share struct {
	hearing    hearing
	follower   *conn.Follower // the hearing's
	measured   *measurer      // nil = nothing is to be measured
	loose      map[looseKey]Counts
	quoting    map[int32]map[quoteKey]Counts // by instance
	quoted     looseSums                     // those of finished instances
	duplicates map[int64]Counts              // packets that another device had before, by window
	pending    []pendingQuote                // those of finished instances with marks
	sighted    sightings
	finished   *spill.Sorter
	codec      codec
	looker     *looker // nil = nobody looks at payload
	clocks     *clocks
	asked      []int32
	totals     Counts        // payload of the finished connections
	packet     packet.Packet // that is taken
	key        flow.Key      // its own
	connection Connection
	record     []byte
	over       []int32
	touched    uint64       // keeps prepare from being optimized away
	err        error        // the first of finished
	failed     *atomic.Bool // whether any share has one
}

func newShare(j *judge, number, budget int, failed *atomic.Bool, l *looker) *share {
	f := newFollower(j)
	return &share{looker: l, hearing: hearing{judge: j, follower: f}, follower: f, loose: map[looseKey]Counts{}, quoting: map[int32]map[quoteKey]Counts{},
		quoted: looseSums{}, duplicates: map[int64]Counts{}, clocks: &clocks{},
		finished: spill.NewSorter(budget), codec: newCodec(number), failed: failed}
}

// newFollower returns a Follower that cuts segments where the log says, and at
// the ends of windows.
func newFollower(j *judge) *conn.Follower {
	switch {
	case j.windows != nil:
		return conn.NewFollower(evidence{j.log, j.windows}, j.every)
	case j.log != nil:
		return conn.NewFollower(j.log, j.every)
	}
	return conn.NewFollower(nil, j.every)
}

// work is a batch and the sweeps that are due in it.
type work struct {
	*ingest.Batch
	sweeps []sweep
}

// takeBatch books the packets of share n.
func (s *share) takeBatch(w work, n int) {
	list := w.Shares[n]
	s.prepare(w.Batch, list)
	for _, due := range w.sweeps {
		k, _ := slices.BinarySearch(list, due.before)
		s.takeList(w.Batch, list[:k])
		list = list[k:]
		s.sweep(due.clock)
	}
	s.takeList(w.Batch, list)
	if s.looker != nil {
		s.looker.expire(s.follower, w.First+uint64(len(w.Packets)))
	}
}

// prepare brings what the log has about connections that begin in a batch into the
// processor's caches.
func (s *share) prepare(b *ingest.Batch, list []uint32) {
	log := s.hearing.log
	if log == nil {
		return
	}
	var hashes [owner.Group]uint64
	n := 0
	for _, i := range list {
		if p := &b.Packets[i]; p.TCPFlags&(packet.SYN|packet.ACK) == packet.SYN {
			hashes[n] = p.Hash
			if n++; n == owner.Group {
				s.touched += log.Prepare(hashes[:])
				n = 0
			}
		}
	}
	s.touched += log.Prepare(hashes[:n])
}

// takeList books the packets of some indexes. All that is needed for a group of them is
// asked for while those before it are booked, step by step: one thing tells where the
// next is.
func (s *share) takeList(b *ingest.Batch, list []uint32) {
	const steps = 5
	var groups [steps]upcoming // the latest, around
	count := (len(list) + conn.Group - 1) / conn.Group
	at := func(n int) *upcoming {
		if n < 0 || n >= count {
			return &upcoming{} // none
		}
		return &groups[n%steps]
	}
	for n := range count + steps - 1 {
		if n < count {
			groups[n%steps].list = list[n*conn.Group : min((n+1)*conn.Group, len(list))]
		}
		at(n).fetch(b)
		at(n-1).seek(b, s.follower)
		at(n - 2).prepare(s.follower)
		at(n - 3).measured(s)
		s.takeGroup(b, at(n-4).list)
	}
}

func (s *share) takeGroup(b *ingest.Batch, list []uint32) {
	for _, i := range list {
		p := &s.packet // not where it is: that is another core's memory, and writing there is waited for
		*p = b.Packets[i]
		p.Frame = b.First + uint64(i)
		s.take(p, b.Body(p))
	}
}

// take books a packet of a connection, or one that quotes one, and looks at what is at
// hand of its payload.
func (s *share) take(p *packet.Packet, body []byte) {
	if p.Class == packet.Transport {
		var i int32
		var duplicate bool
		side := s.key.Set(&p.Tuple, s.hearing.log.Namespace(p.Place, &p.Tuple))
		if p.Mark != 0 {
			i, duplicate = s.follower.AddLabelled(p, &s.key, side, about(s.hearing.log, p, side))
			s.sighted.note(p)
		} else {
			i, duplicate = s.follower.Add(p, &s.key, side)
		}
		if p.Direction != packet.DirectionUnknown && s.hearing.log.LeadsOut(p.Place) {
			away := side // whoever it came from, or went to
			if p.Direction == packet.Outbound {
				away = side.Other()
			}
			s.follower.Instance(i).Send(away)
		}
		if duplicate {
			window, _ := s.hearing.windows.At(p.Time)
			sum := s.duplicates[window]
			sum.Add(Counts{Packets: 1, WireBytes: int64(p.WireLength), PayloadBytes: int64(p.Payload)})
			s.duplicates[window] = sum
		} else if s.measured != nil {
			s.measure(i, p, side)
		}
		if len(body) > 0 && s.looker != nil {
			if in := s.follower.Instance(i); in.Unsettled(side) {
				s.looker.take(i, in, p, side, body)
			}
		}
		return
	}
	s.addQuoting(p)
}

// sweep finishes the connections that are over at a time of the capture.
func (s *share) sweep(clock int64) {
	s.over = over(s.follower, s.hearing.log, clock, s.over[:0])
	for _, i := range s.over { // all, before any is forgotten: one may follow the other
		s.finish(i, s.follower.Instance(i))
	}
	for _, i := range s.over {
		s.follower.Remove(i)
	}
}

// over appends the instances that no packet can join any more: those that
// another followed, which must not be forgotten before them, and those that are
// over and whose sockets, too, were seen for the last time before clock: what
// comes later cannot make them another connection's.
func over(f *conn.Follower, log *owner.Timeline, clock int64, list []int32) []int32 {
	var sockets []int32
	f.All(func(i int32, in *conn.Instance) {
		if _, succeeded := f.Successor(in); succeeded {
			list = append(list, i)
			return
		}
		if !in.Over(clock) {
			return
		}
		if in.Number >= 0 && in.Key.Protocol == flow.TCP {
			sockets = log.Connected(log.Connected(sockets[:0], in.Number, flow.Low), in.Number, flow.High)
			for _, k := range sockets {
				if s := log.Socket(k); max(s.LastBegin, s.FirstEnd) >= clock { // see belongs
					return
				}
			}
		}
		list = append(list, i)
	})
	return list
}

// finish judges an instance, for good.
func (s *share) finish(i int32, in *conn.Instance) {
	if s.err != nil {
		return
	}
	c := &s.connection
	s.hearing.connection(i, in, c)
	c.Facts, c.TLSHandshake = content.Facts{}, tcp.Unknown
	if s.looker != nil {
		c.Facts, c.TLSHandshake = s.looker.finish(i)
	}
	s.compareClocks(in, c.First)
	s.finishMeasures(in, c)
	if in.Flagged() {
		s.finishQuotes(i, in, c)
	}
	for _, sent := range c.Sum() {
		s.totals.PayloadBytes += sent.PayloadBytes
		s.totals.UniqueBytes += sent.UniqueBytes
	}
	s.record = s.codec.append(s.record[:0], c)
	if s.err = s.finished.Add(c.ID, s.record); s.err != nil {
		s.failed.Store(true)
	}
}

// finishAll judges all that are left.
func (s *share) finishAll() {
	group := make([]int32, 0, owner.Group)
	finish := func() {
		s.fetch(group)
		for _, i := range group {
			s.finish(i, s.follower.Instance(i))
		}
		group = group[:0]
	}
	s.follower.All(func(i int32, _ *conn.Instance) {
		if group = append(group, i); len(group) == cap(group) {
			finish()
		}
	})
	finish()
	s.follower, s.hearing = nil, hearing{}
}

// fetch brings what is known of some instances, no more than owner.Group, into the
// processor's caches.
func (s *share) fetch(instances []int32) {
	var numbers [owner.Group]int32
	for k, i := range instances {
		in := s.follower.Instance(i)
		numbers[k] = in.Number
		s.follower.Prefetch(in)
	}
	if s.hearing.log != nil {
		s.touched += s.hearing.log.PrepareNumbers(numbers[:len(instances)])
	}
}

// shared returns the hash that tells the share of a packet: of its five-tuple,
// or of that which an ICMP error quotes. ok is false for all others.
func shared(p *packet.Packet) (hash uint64, ok bool) {
	switch {
	case p.Class == packet.Transport:
		return p.Tuple.Hash(), true
	case quotes(p):
		return p.Quoted.Hash(), true
	}
	return 0, false
}
