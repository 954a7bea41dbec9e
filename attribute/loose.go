package attribute

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// looseKey tells apart sums over packets of no connection.
type looseKey struct {
	source, destination Reason
	mark                int32 // 0 = none, or none that tells of which side
	of                  looseSide
}

// looseSide is a side of a packet of no connection.
type looseSide uint8

const (
	looseSource looseSide = iota
	looseDestination
)

// looseVerdict is what tells verdicts apart.
type looseVerdict struct {
	reason     Reason
	process    int32
	candidates string // packed
}

func (v *Verdict) key() looseVerdict { return looseVerdict{v.Reason, v.Process, packed(v.Candidates)} }

func (v looseVerdict) compare(w looseVerdict) int {
	return cmp.Or(cmp.Compare(v.reason, w.reason), cmp.Compare(v.process, w.process), cmp.Compare(v.candidates, w.candidates))
}

// quoteKey names the end of an instance that an ICMP error is for, and the
// interval of time in which its owner does not change.
type quoteKey struct {
	id          uint64 // of the instance
	side        flow.Side
	from, until int64
	source      Reason
}

// addLoose books a packet that belongs to no connection and quotes none.
func (a *Attribution) addLoose(p *packet.Packet) {
	if p.Mark != 0 {
		a.sighted.note(p)
	}
	addLoose(a.loose, looseKeyOf(a.log, p), looseCounts(p))
}

// looseKeyOf returns the sum to which a packet of no connection belongs.
func looseKeyOf(log *owner.Timeline, p *packet.Packet) (k looseKey) {
	k.source, k.destination = looseReasons(log, p)
	if p.Mark == 0 || p.Class != packet.Network && p.Class != packet.Transport {
		return k
	}
	switch about(log, p, flow.Low) {
	case conn.AboutLow:
		k.mark, k.of = p.Mark, looseSource
	case conn.AboutHigh:
		k.mark, k.of = p.Mark, looseDestination
	}
	return k
}

// verdicts answers for both sides of the packets of k.
func (h *hearing) verdicts(k looseKey) (source, destination Verdict) {
	source, destination = unowned(k.source, looseWhy[k.source]), unowned(k.destination, looseWhy[k.destination])
	by := h.marks.of(k.mark)
	switch {
	case len(by.who) == 0 || by.loose:
	case k.of == looseSource:
		source = confront(source, by.who, len(by.who) > 1, Marked)
	default:
		destination = confront(destination, by.who, len(by.who) > 1, Marked)
	}
	return source, destination
}

func addLoose(sums map[looseKey]Counts, k looseKey, c Counts) {
	sum := sums[k]
	sum.Add(c)
	sums[k] = sum
}

// looseCounts is what a packet of no connection adds to a sum.
func looseCounts(p *packet.Packet) Counts {
	c := Counts{Packets: 1, WireBytes: int64(p.WireLength)}
	if p.Class == packet.Network {
		c.PayloadBytes = int64(p.Payload) // a fragment whose first was not seen
		c.UniqueBytes = c.PayloadBytes
	}
	return c
}

// quoted returns the connection that an ICMP error quotes and the side that
// the error is for: the sender of the quoted packet (RFC 792, RFC 4443).
func quoted(log *owner.Timeline, p *packet.Packet) (flow.Key, flow.Side, bool) {
	if !quotes(p) {
		return flow.Key{}, 0, false
	}
	key, side := p.Quoted.Key(log.Namespace(p.Interface))
	return key, side, true
}

// finishLoose returns the sums, those of ICMP errors with the verdict of the
// connection they quote.
func (a *Attribution) finishLoose(h *hearing) []Loose {
	list := map[[2]looseVerdict]*Loose{}
	put := func(src, dst Verdict, c Counts) {
		k := [2]looseVerdict{src.key(), dst.key()}
		l := list[k]
		if l == nil {
			l = &Loose{Source: src, Destination: dst}
			list[k] = l
		}
		l.Destination.Uncertainty = max(l.Destination.Uncertainty, dst.Uncertainty)
		l.Counts.Add(c)
	}
	rest := func(sums map[looseKey]Counts) {
		for k, c := range sums {
			src, dst := h.verdicts(k)
			put(src, dst, c)
		}
	}
	rest(a.loose)
	for _, s := range a.shares {
		rest(s.loose)
		for q, c := range s.quoting {
			put(unowned(q.source, looseWhy[q.source]), h.quote(q), c)
		}
	}
	keys := make([][2]looseVerdict, 0, len(list))
	for k := range list {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y [2]looseVerdict) int {
		return cmp.Or(cmp.Compare(x[0].reason, y[0].reason), x[1].compare(y[1]), x[0].compare(y[0]))
	})
	loose := make([]Loose, len(keys))
	for i, k := range keys {
		loose[i] = *list[k]
	}
	return loose
}

// quote judges the end of a connection that an ICMP error is for.
func (h *hearing) quote(q quoteKey) Verdict {
	r := h.byID(q.id)
	f := h.followers[r.follower]
	in := h.instance(r)
	sent, first := f.Sent(in), f.First(in)
	s := h.subject(r, q.side, first, sent[0].PayloadBytes+sent[1].PayloadBytes > 0)
	v := h.verdict(&s, stretch{q.from, q.until, max(q.from, first), min(q.until, in.Last), true})
	if f.Labels(in) != nil {
		v = h.quoteMarked(v, f, in, q.side, first)
	}
	v.Why = "an ICMP error about this connection; " + v.Why
	return v
}

// packed makes candidates comparable.
func packed(candidates []int32) string {
	var b []byte
	for _, c := range candidates {
		b = binary.BigEndian.AppendUint32(b, uint32(c))
	}
	return string(b)
}

var looseWhy = [NumReasons]string{
	Kernel:    "the kernel itself sends and answers such packets",
	Unknown:   "no evidence for packets of this kind",
	Remote:    "the address is another host's",
	Group:     "the address names a group of receivers",
	Undecoded: "the headers could not be read",
}

// looseReasons answers for both sides of a packet of no connection.
func looseReasons(log *owner.Timeline, p *packet.Packet) (source, destination Reason) {
	switch p.Class {
	case packet.Undecoded:
		return Undecoded, Undecoded
	case packet.Link:
		switch p.Direction {
		case packet.Inbound:
			return Remote, Kernel
		case packet.Outbound:
			return Kernel, Remote
		}
		return Kernel, Kernel
	}
	return looseReason(log, p, p.Tuple.Source, true), looseReason(log, p, p.Tuple.Destination, false)
}

func looseReason(log *owner.Timeline, p *packet.Packet, addr flow.Addr, sends bool) Reason {
	switch log.Locality(addr) {
	case owner.Several:
		return Group
	case owner.Remote:
		return Remote
	case owner.Local:
		if byKernel(p, sends) {
			return Kernel
		}
	}
	return Unknown
}

// The ICMP messages that a process may have asked for or may wait for
// (RFC 792, RFC 4443): echo request and reply. igmp is RFC 3376.
const (
	icmpEchoReply, icmpEchoRequest     = 0, 8
	icmpv6EchoRequest, icmpv6EchoReply = 128, 129
	igmp                               = 2
)

// byKernel tells that a local host's kernel sends (or takes) such a packet
// without any process: every ICMP message but a request that a process sends
// and the reply that it waits for.
func byKernel(p *packet.Packet, sends bool) bool {
	switch p.Tuple.Protocol {
	case igmp:
		return true
	case flow.ICMP:
		return p.ICMPType != icmpEchoRequest && p.ICMPType != icmpEchoReply || (p.ICMPType == icmpEchoReply) == sends
	case flow.ICMPv6:
		return p.ICMPType != icmpv6EchoRequest && p.ICMPType != icmpv6EchoReply || (p.ICMPType == icmpv6EchoReply) == sends
	}
	return false
}
