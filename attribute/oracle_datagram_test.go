package attribute_test

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

func (o *oracle) datagram(i int, source bool, me flow.Endpoint, exact, bound []*oracleSocket) string {
	p := &o.packets[i]
	var who []int32
	sure, there, sharing := false, false, false
	look := func(s *oracleSocket, here bool) (certain, between bool) {
		if !s.existed(p.Time) {
			return false, false
		}
		sharing = true
		who = append(who, s.holders(p.Time)...)
		if !here {
			who = append(who, unseen)
			return false, false
		}
		before, after := false, false
		for _, h := range s.holds {
			certain = certain || h[0] <= p.Time && p.Time <= h[1]
			before, after = before || h[1] < p.Time, after || h[0] > p.Time
		}
		return certain, before && after
	}
	for _, s := range exact {
		always, perhaps := o.reaches(s, i, me)
		if !perhaps {
			continue
		}
		certain, between := look(s, always)
		sure, there = sure || certain, there || certain || between
	}
	connected, certain, between := sure, false, there
	if !there || o.sent(i, source, me) {
		sharing = false
		for _, s := range bound {
			c, b := look(s, o.device(s, p, me))
			certain, between = certain || c, between || b
		}
		if sharing && !there {
			who = append(who, o.sharers(i, me)...)
		}
		if o.abroad(i, me) && !there {
			who = append(who, unseen)
		}
	}
	slices.Sort(who)
	who = slices.Compact(who)
	if talked := o.talked(i, source, me); (certain || between) && len(who) > 1 && !o.abroad(i, me) && len(exact) == 0 && len(talked) > 0 {
		return verdict("wildcard", talked)
	}
	switch {
	case connected:
		return verdict("exact", who)
	case certain:
		return verdict("wildcard", who)
	case between:
		return verdict("stream", who)
	}
	return "unknown []"
}

// talked returns who exchanged with the other end of packet i, as far as all who
// did are told: in both directions in which this connection has packets. None where
// that is not known, or nobody is.
func (o *oracle) talked(i int, source bool, me flow.Endpoint) (who []int32) {
	p, ps := &o.packets[i], o.ofInstance(o.inst[i])
	you := p.Tuple.To()
	if !source {
		you = p.Tuple.From()
	}
	first, last := ps[0].Time, ps[len(ps)-1].Time
	sends, receives := o.sent(i, source, me), o.receives(i, source, me)
	somebodySent, somebodyReceived := false, false
	recording, fit, moved := o.teller(first, last), 0, false
	if recording == 0 || !o.simple(p) {
		return nil
	}
	for _, s := range o.sockets() {
		takes := s.Local.Addr == me.Addr || s.Local.Addr.IsUnspecified()
		if s.Protocol != flow.UDP || s.Local.Port != me.Port || s.Namespace != 0 {
			continue
		}
		if !s.HasRemote && o.recording(s.index) != recording {
			return nil
		}
		if !s.HasRemote && takes && s.before < last && s.after > first {
			fit++
			moved = moved || s.before >= first || s.after <= last
		}
		if s.HasRemote && s.Local.Addr != me.Addr || !s.HasRemote && (!takes || !s.existed(p.Time)) {
			continue
		}
		for _, e := range o.exchanges(s) {
			got := e.Evidence == connlog.EvidenceReceive
			if e.HasRemote && e.Remote != you || got && !receives || !got && !sends {
				continue
			}
			somebodySent, somebodyReceived = somebodySent || !got, somebodyReceived || got
			if who = append(who, pids(e)...); len(e.Owners) == 0 {
				who = append(who, unseen)
			}
		}
	}
	slices.Sort(who)
	who = slices.Compact(who)
	if sends && !somebodySent || receives && !somebodyReceived || receives && moved && fit > 1 || len(who) == 0 || slices.Equal(who, []int32{unseen}) {
		return nil
	}
	return who
}

// sharers returns those of an endpoint in all namespaces where a socket may be bound to
// it.
func (o *oracle) sharers(i int, me flow.Endpoint) (who []int32) {
	first, last := o.stretch(i)
	for _, p := range o.places(&o.packets[i], me, first, last) {
		who = append(who, o.sharersIn(p.namespace, p.endpoint)...)
	}
	return who
}

// sharersIn returns the holders of all UDP sockets of an endpoint, and unseen,
// if two of them were seen at one time in the hands of different processes, or
// one in those of several that run one program, or of one that has a copy.
func (o *oracle) sharersIn(namespace uint64, me flow.Endpoint) (who []int32) {
	var fit []*oracleSocket
	shared, told, bound := false, true, false
	for _, s := range o.sockets() {
		if s.Namespace != namespace {
			continue
		}
		bound = bound || s.Protocol == flow.UDP && s.Local.Port == me.Port && !s.HasRemote
		told = told && (s.told || s.Protocol != flow.UDP || s.Local.Port != me.Port)
		if s.Protocol == flow.UDP && s.Local.Port == me.Port && (s.Local.Addr == me.Addr || !s.HasRemote && s.Local.Addr.IsUnspecified()) {
			fit = append(fit, s)
			for _, w := range s.owners {
				who = append(who, w...)
			}
		}
	}
	all := func(s *oracleSocket) []int32 {
		if len(s.holds) == 0 {
			return []int32{unseen}
		}
		w := slices.Concat(s.owners...)
		slices.Sort(w)
		return slices.Compact(w)
	}
	for i, a := range fit {
		for _, w := range a.owners {
			shared = shared || len(w)-b2i(slices.Contains(w, 3))-b2i(slices.Contains(w, unseen)) > 1
			if slices.Contains(w, 2) && !a.HasRemote && process(4).Start <= a.last[1] && o.exit() >= a.first[0] {
				shared, who = true, append(who, 2, 4)
			}
		}
		for _, b := range fit[i+1:] {
			one := len(all(a)) == 1 && all(a)[0] != unseen && slices.Equal(all(a), all(b))
			shared = shared || a.first[0] <= b.last[1] && b.first[0] <= a.last[1] && !one
		}
	}
	if !shared || told || !bound { // the kernel told of all there were
		return nil
	}
	return append(who, unseen)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
