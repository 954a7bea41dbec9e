package attribute

import (
	"cmp"
	"encoding/binary"
	"maps"
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
	window              int64 // where it begins
	of                  looseSide
	from, to            looseOwner // of the source and the destination
}

// looseOwner is whom the log says that a side is of, so that it can be compared.
type looseOwner struct {
	process     int32 // one more than its index; 0 = nobody
	candidates  string
	uncertainty int64
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

// looseSums are sums over packets of no connection whose owners are known.
type looseSums map[looseSum]*Loose

// looseSum is what tells them apart.
type looseSum struct {
	window              int64
	source, destination looseVerdict
}

func (sums looseSums) add(window int64, src, dst Verdict, c Counts) {
	k := looseSum{window, src.key(), dst.key()}
	l := sums[k]
	if l == nil {
		dst.Candidates = slices.Clone(dst.Candidates)
		l = &Loose{Window: window, Source: src, Destination: dst}
		sums[k] = l
	}
	l.Destination.Uncertainty = max(l.Destination.Uncertainty, dst.Uncertainty)
	l.Destination.Why = min(l.Destination.Why, dst.Why) // of several, always the same
	l.Counts.Add(c)
}

// sorted returns the sums in the order of a Result.
func (sums looseSums) sorted() []Loose {
	keys := slices.SortedFunc(maps.Keys(sums), func(x, y looseSum) int {
		return cmp.Or(cmp.Compare(x.window, y.window), cmp.Compare(x.source.reason, y.source.reason),
			x.destination.compare(y.destination), x.source.compare(y.source))
	})
	loose := make([]Loose, len(keys))
	for i, k := range keys {
		loose[i] = *sums[k]
	}
	return loose
}

// addLoose books a packet that belongs to no connection and quotes none.
func (a *Attribution) addLoose(p *packet.Packet) {
	if p.Mark != 0 {
		a.sighted.note(p)
	}
	addLoose(a.loose, a.judge.looseKey(p), looseCounts(p))
}

// looseKey returns the sum to which a packet of no connection belongs, of its
// window.
func (j *judge) looseKey(p *packet.Packet) looseKey {
	k := looseKeyOf(j.log, p)
	k.window, _ = j.windows.At(p.Time)
	return k
}

// looseKeyOf returns the sum to which a packet of no connection belongs.
func looseKeyOf(log *owner.Timeline, p *packet.Packet) (k looseKey) {
	k.source, k.destination = looseReasons(log, p)
	if k.source == Unknown || k.destination == Unknown {
		k.from, k.source = rawOwner(log, p, p.Tuple.Source, k.source, true)
		k.to, k.destination = rawOwner(log, p, p.Tuple.Destination, k.destination, false)
	}
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

// loose answers for both sides of the packets of k.
func (m *marker) loose(k looseKey) (source, destination Verdict) {
	source, destination = k.from.verdict(k.source), k.to.verdict(k.destination)
	by := m.marks.of(k.mark)
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

// finishLoose returns all sums over packets of no connection.
func (a *Attribution) finishLoose(m *marker) []Loose {
	sums := looseSums{}
	unmarked := func(counts map[looseKey]Counts) {
		for k, c := range counts {
			src, dst := m.loose(k)
			sums.add(k.window, src, dst, c)
		}
	}
	unmarked(a.loose)
	again := unowned(Duplicate, "another interface had it before")
	for _, s := range a.shares {
		unmarked(s.loose)
		for window, c := range s.duplicates {
			sums.add(window, again, again, c)
		}
		for _, l := range s.quoted {
			sums.add(l.Window, l.Source, l.Destination, l.Counts)
		}
		for i := range s.pending {
			q := &s.pending[i]
			sums.add(q.quote.window, unowned(q.quote.source, looseWhy[q.quote.source]), m.quote(&q.connection, &q.quote), q.counts)
		}
	}
	return sums.sorted()
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
	Exact:     "it held the ICMP socket with this identifier",
	Wildcard:  "it held the only raw socket for this protocol",
	Ambiguous: "several processes may have held a raw socket for this protocol",
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

// igmp is RFC 3376.
const igmp = 2

// byKernel tells that a local host's kernel sends (or takes) such a packet
// without any process: every ICMP message but a request that a process sends
// and the reply that it waits for.
func byKernel(p *packet.Packet, sends bool) bool {
	switch p.Tuple.Protocol {
	case igmp:
		return true
	case flow.ICMP, flow.ICMPv6:
		return !p.Echoes() || p.Answers() == sends
	}
	return false
}
