package attribute

import (
	"math"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// quoteKey names the end of an instance that an ICMP error is for, the interval
// of time in which its owner does not change, and the error's window.
type quoteKey struct {
	side        flow.Side
	from, until int64
	source      Reason
	window      int64 // where it begins; not kept with the connection
}

// quoteVerdict is who the end was then.
type quoteVerdict struct {
	quoteKey
	verdict Verdict
}

// quote returns the instance that an ICMP error, which quotes, is about, and
// which end of it, when. src is the reason of the error's source.
func quote(log *owner.Timeline, f *conn.Follower, p *packet.Packet, src Reason) (i int32, q quoteKey, ok bool) {
	key, side := p.Quoted.Key(log.Namespace(p.Place, &p.Quoted))
	if i, ok = f.Latest(key); !ok {
		return 0, q, false
	}
	q = quoteKey{side: side, from: math.MinInt64, until: math.MaxInt64, source: src}
	if log != nil {
		q.from, q.until = log.Cut(f.Instance(i).Number, &key, p.Time)
	}
	return i, q, true
}

// quote judges the end of a connection that an ICMP error is for, by the log.
func (h *hearing) quote(in *conn.Instance, q quoteKey) Verdict {
	sent, first := h.follower.Sent(in), h.follower.First(in)
	s := h.hear(in, q.side, first, sent[0].PayloadBytes+sent[1].PayloadBytes > 0)
	return h.verdict(s, stretch{q.from, q.until, max(q.from, first), min(q.until, in.Last), true, false})
}

// quote answers for an end that an ICMP error is for.
func (m *marker) quote(c *Connection, q *quoteVerdict) Verdict {
	v := q.verdict
	if len(c.labels) > 0 {
		v = m.quoted(v, c, q.side)
	}
	v.Why = "an ICMP error about this connection; " + v.Why
	return v
}

// addQuoting books an ICMP error with the connection that it quotes, which is
// judged when it has finished; where that is not known, as a packet of none.
func (s *share) addQuoting(p *packet.Packet) {
	c := looseCounts(p)
	src, _ := looseReasons(s.hearing.log, p)
	i, q, ok := quote(s.hearing.log, s.follower, p, src)
	if !ok {
		if p.Mark != 0 {
			s.sighted.note(p)
		}
		addLoose(s.loose, s.hearing.looseKey(p), c)
		return
	}
	q.window, _ = s.hearing.windows.At(p.Time)
	s.follower.Instance(i).Flag()
	if s.quoting[i] == nil {
		s.quoting[i] = map[quoteKey]Counts{}
	}
	sum := s.quoting[i][q]
	sum.Add(c)
	s.quoting[i][q] = sum
}

// pendingQuote is ICMP errors about a connection, of which marks may tell more
// when all are known.
type pendingQuote struct {
	connection Connection
	quote      quoteVerdict
	counts     Counts
}

// finishQuotes judges the ICMP errors about an instance.
func (s *share) finishQuotes(i int32, in *conn.Instance, c *Connection) {
	for q, sum := range s.quoting[i] {
		v := quoteVerdict{q, s.hearing.quote(in, q)}
		if len(c.labels) > 0 {
			s.pending = append(s.pending, pendingQuote{c.clone(), v, sum})
		} else {
			v.verdict = (*marker)(nil).quote(c, &v)
			s.quoted.add(q.window, unowned(q.source, looseWhy[q.source]), v.verdict, sum)
		}
		c.quotes = append(c.quotes, v)
	}
	delete(s.quoting, i)
}

// quotes tells whether p is an ICMP error for the sender of the packet that it
// quotes (RFC 792, RFC 4443).
func quotes(p *packet.Packet) bool { return p.HasQuoted && p.Quoted.Source == p.Tuple.Destination }
