package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// share follows some of the connections: those whose five-tuples hash to it.
// One goroutine uses it.
type share struct {
	log      *owner.Timeline
	cut      conn.Cutter
	follower *conn.Follower
	loose    map[looseKey]Counts
	quoting  map[quoteKey]Counts
	sighted  sightings
}

func newShare(log *owner.Timeline, cut conn.Cutter) *share {
	return &share{log: log, cut: cut, follower: conn.NewFollower(cut), loose: map[looseKey]Counts{}, quoting: map[quoteKey]Counts{}}
}

// takeBatch books the packets of share n.
func (s *share) takeBatch(b *ingest.Batch, n int) {
	var hashes [conn.Group]uint64
	for list := b.Shares[n]; len(list) > 0; {
		group := list[:min(len(list), conn.Group)]
		list = list[len(group):]
		for k, i := range group {
			hashes[k] = b.Packets[i].Hash
		}
		s.follower.Prepare(hashes[:len(group)])
		for _, i := range group {
			p := &b.Packets[i]
			p.Frame = b.First + uint64(i)
			s.take(p)
		}
	}
}

// take books a packet of a connection, or one that quotes one.
func (s *share) take(p *packet.Packet) {
	if p.Class == packet.Transport {
		key, side := p.Tuple.Key(s.log.Namespace(p.Interface))
		if p.Mark != 0 {
			s.follower.AddLabelled(p, key, side, about(s.log, p, side))
			s.sighted.note(p)
			return
		}
		s.follower.Add(p, key, side)
		return
	}
	s.addQuoting(p)
}

// addQuoting books an ICMP error with the connection that it quotes, which is
// judged at the end; where that is not known, as a packet of none.
func (s *share) addQuoting(p *packet.Packet) {
	c := looseCounts(p)
	src, _ := looseReasons(s.log, p)
	key, side := p.Quoted.Key(s.log.Namespace(p.Interface))
	if i, ok := s.follower.Latest(key); ok {
		from, until := s.cut(key, p.Time)
		q := quoteKey{s.follower.Instance(i).ID, side, from, until, src}
		sum := s.quoting[q]
		sum.Add(c)
		s.quoting[q] = sum
		return
	}
	if p.Mark != 0 {
		s.sighted.note(p)
	}
	addLoose(s.loose, looseKeyOf(s.log, p), c)
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

// quotes tells whether p is an ICMP error for the sender of the packet that it
// quotes (RFC 792, RFC 4443).
func quotes(p *packet.Packet) bool { return p.HasQuoted && p.Quoted.Source == p.Tuple.Destination }
