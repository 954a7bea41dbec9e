package attribute_test

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// drawTranslation adds that the kernel begins to translate a connection, as it leaves a
// container or comes for one, or ends that.
func drawTranslation(t *rapid.T, o *oracle, at int64) {
	if rapid.IntRange(0, 2).Draw(t, "translation") > 0 {
		return
	}
	wire, far, container := end(0), end(1), end(rapid.IntRange(4, 5).Draw(t, "translated"))
	n := connlog.NAT{Change: connlog.TranslationOpen, Protocol: rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP}).Draw(t, "protocol"),
		Source: container, Destination: far, NewSource: wire, NewDestination: far}
	if rapid.Bool().Draw(t, "published") {
		n.Source, n.Destination, n.NewSource, n.NewDestination = far, wire, far, container
	}
	if rapid.IntRange(0, 2).Draw(t, "over") == 0 {
		n.Change = connlog.TranslationClose
	}
	o.events = append(o.events, connlog.Event{Kind: connlog.KindNAT, Time: at, NAT: &n})
}

// lasting is a translation while it lasts, and where it leads from one end of a packet:
// the ends of the socket there.
type lasting struct {
	begin, end    int64
	local, remote flow.Endpoint
}

func (x *lasting) during(first, last int64) bool {
	return x.begin-second <= last && first-second <= x.end
}

func (x *lasting) throughout(first, last int64) bool {
	return x.begin-second <= first && (x.end == math.MaxInt64 || last+second <= x.end)
}

// elsewhere tells whether it leads to another endpoint than that of the packet.
func (x *lasting) elsewhere(me flow.Endpoint) bool { return x.local != me }

// of tells whether it can be that of a socket.
func (x *lasting) of(s *oracleSocket) bool {
	if s.Protocol == flow.UDP {
		return x.begin-second < s.after && (x.end == math.MaxInt64 || s.before < x.end+second)
	}
	return s.before <= x.begin+second && x.begin-second <= s.after
}

// translations returns those that lead from the end me of packet p elsewhere: the one
// that is asked for is what the kernel makes of it, the one that asks what it was.
func (o *oracle) translations(p *packet.Packet, me flow.Endpoint) (list []lasting) {
	you := p.Tuple.To()
	if me == you {
		you = p.Tuple.From()
	}
	for i, e := range o.events {
		if e.Kind != connlog.KindNAT || e.NAT.Change != connlog.TranslationOpen || e.NAT.Protocol != p.Tuple.Protocol {
			continue
		}
		n, x := e.NAT, lasting{begin: e.Time, end: math.MaxInt64}
		switch {
		case n.Source == you && n.Destination == me:
			x.local, x.remote = n.NewDestination, n.NewSource
		case n.NewSource == me && n.NewDestination == you:
			x.local, x.remote = n.Source, n.Destination
		default:
			continue
		}
		for _, f := range slices.Backward(o.events[i+1:]) { // what ends it first
			if f.Kind != connlog.KindNAT {
				continue
			}
			if same := *f.NAT; true {
				if same.Change = n.Change; same == *n {
					x.end = f.Time
				}
			}
		}
		list = append(list, x)
	}
	return list
}

// translates tells whether the kernel makes something of packets like p, or made p.
func (o *oracle) translates(p *packet.Packet) bool {
	return len(o.translations(p, p.Tuple.From()))+len(o.translations(p, p.Tuple.To())) > 0
}

// translatedTo tells whether a translation leads from the end me of packet p to socket s.
func (o *oracle) translatedTo(s *oracleSocket, p *packet.Packet, me flow.Endpoint) bool {
	return slices.ContainsFunc(o.translations(p, me), func(x lasting) bool {
		return s.Local == x.local && s.Remote == x.remote && o.connected(s.Namespace) && x.of(s)
	})
}

// ledTo tells whether one that was there between two times leads from an end of p to s.
func (o *oracle) ledTo(s *oracleSocket, p *packet.Packet, first, last int64) bool {
	return slices.ContainsFunc(append(o.translations(p, p.Tuple.From()), o.translations(p, p.Tuple.To())...), func(x lasting) bool {
		return s.Local == x.local && s.Remote == x.remote && x.of(s) && x.during(first, last)
	})
}

// reaches tells whether what the end me of packet i exchanged, while nothing changed,
// was a UDP socket's: always or perhaps.
func (o *oracle) reaches(s *oracleSocket, i int, me flow.Endpoint) (always, perhaps bool) {
	first, last := o.stretch(i)
	direct := s.Local == me
	if !direct {
		always, perhaps = false, false
	} else {
		always, perhaps = true, true
	}
	for _, x := range o.translations(&o.packets[i], me) {
		switch leads := s.Local == x.local && s.Remote == x.remote && x.of(s); {
		case direct:
			always, perhaps = always && !x.during(first, last), perhaps && !x.throughout(first, last)
		case leads:
			always, perhaps = always || x.throughout(first, last), perhaps || x.during(first, last)
		}
	}
	return always, perhaps
}

// stretch returns the times of the first and the last packet of packet i's connection
// between which nothing changed.
func (o *oracle) stretch(i int) (first, last int64) {
	first, last = o.packets[i].Time, o.packets[i].Time
	for k := range o.packets {
		if o.together(i, k) {
			first, last = min(first, o.packets[k].Time), max(last, o.packets[k].Time)
		}
	}
	return first, last
}

func (o *oracle) connected(namespace uint64) bool {
	return namespace == 0 || slices.Contains(o.reached(), namespace)
}

// lives tells whether a socket of a namespace may be bound to an address that the
// recorder's namespace sends to.
func (o *oracle) lives(namespace uint64, a flow.Addr) bool {
	homes := o.homes(a)
	if namespace == 0 {
		return len(homes) == 0 || o.own(a)
	}
	return slices.Contains(homes, namespace)
}

// bindingPlace is where a socket without a peer may be bound.
type bindingPlace struct {
	namespace uint64
	endpoint  flow.Endpoint
}

// places returns where a socket without a peer may be bound that had the end me of p,
// with others, between two times. What was translated all the time is elsewhere.
func (o *oracle) places(p *packet.Packet, me flow.Endpoint, first, last int64) (list []bindingPlace) {
	away := false
	for _, namespace := range []uint64{0, inside, beside, behind} {
		for _, x := range o.translations(p, me) {
			if x.elsewhere(me) && o.lives(namespace, x.local.Addr) && x.during(first, last) {
				list = append(list, bindingPlace{namespace, x.local})
				away = away || x.throughout(first, last)
			}
		}
	}
	if away {
		return list
	}
	for _, namespace := range []uint64{0, inside, beside, behind} {
		if o.bindable(&oracleSocket{Socket: &connlog.Socket{Namespace: namespace}}, p, me) {
			list = append(list, bindingPlace{namespace, me})
		}
	}
	return list
}

// boundBetween tells whether socket s, without a peer, may have had the end me of p
// between two times.
func (o *oracle) boundBetween(s *oracleSocket, p *packet.Packet, me flow.Endpoint, first, last int64) bool {
	return slices.ContainsFunc(o.places(p, me, first, last), func(q bindingPlace) bool {
		return s.Namespace == q.namespace && s.Local.Port == q.endpoint.Port && (s.Local.Addr == q.endpoint.Addr || s.Local.Addr.IsUnspecified())
	})
}

// boundTo tells the same of packet i: of TCP for its connection, of UDP while nothing
// changed.
func (o *oracle) boundTo(s *oracleSocket, i int, me flow.Endpoint) bool {
	ps := o.ofInstance(o.inst[i])
	first, last := ps[0].Time, latest(ps)
	if s.Protocol == flow.UDP {
		first, last = o.stretch(i)
	}
	return o.boundBetween(s, &o.packets[i], me, first, last)
}
