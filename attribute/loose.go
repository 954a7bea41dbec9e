package attribute

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// looseKey tells apart sums over packets of no connection.
type looseKey struct {
	source, destination Reason
	process             int32  // of the destination
	candidates          string // of the destination, packed
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
	src, dst := looseReasons(a.log, p)
	addLoose(a.loose, src, dst, looseCounts(p))
}

func addLoose(sums map[looseKey]Counts, src, dst Reason, c Counts) {
	k := looseKey{source: src, destination: dst, process: NoProcess}
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
	list := map[looseKey]*Loose{}
	put := func(src Reason, dst Verdict, c Counts) {
		k := looseKey{src, dst.Reason, dst.Process, packed(dst.Candidates)}
		l := list[k]
		if l == nil {
			l = &Loose{Source: unowned(src, looseWhy[src]), Destination: dst}
			list[k] = l
		}
		l.Destination.Uncertainty = max(l.Destination.Uncertainty, dst.Uncertainty)
		l.Counts.Add(c)
	}
	rest := func(sums map[looseKey]Counts) {
		for k, c := range sums {
			put(k.source, unowned(k.destination, looseWhy[k.destination]), c)
		}
	}
	rest(a.loose)
	for _, s := range a.shares {
		rest(s.loose)
		for q, c := range s.quoting {
			put(q.source, h.quote(q), c)
		}
	}
	keys := make([]looseKey, 0, len(list))
	for k := range list {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y looseKey) int {
		return cmp.Or(cmp.Compare(x.source, y.source), cmp.Compare(x.destination, y.destination),
			cmp.Compare(x.process, y.process), cmp.Compare(x.candidates, y.candidates))
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
