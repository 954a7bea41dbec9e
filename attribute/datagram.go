package attribute

import (
	"sort"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// datagram: UDP, whose sockets come and go under one five-tuple, and of which
// several may fit. What arrives is delivered to the connected socket, if there
// is one; what is sent comes from any that fits. One process is named if one of
// its sockets was certainly there, and no other process can have had one that
// fits.
func datagram(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol == flow.TCP {
		return Verdict{}, false
	}
	var f field
	at := min(max(t.first, t.from), t.until-1) // any moment of the stretch will do
	for _, i := range s.sockets {
		always, perhaps := j.log.Reached(s.in.Number, s.side, i, t.first, t.last)
		if perhaps {
			f.add(j.log.Socket(i), s.holds(i), at, always)
		}
	}
	connected, there := f.certain, f.certain || f.between
	if !there || t.sent {
		f.fits = false
		for _, i := range s.boundAt(t.first, t.last) {
			f.add(j.log.Socket(i), s.holds(i), at, j.log.OnDevice(i, s.peer()))
		}
		if f.fits && !there {
			f.addSharers(j.log, s, t)
		}
		if s.abroad && !there {
			f.doubt(whyAbroad)
		}
	}
	switch {
	case connected:
		return f.verdict(Exact), true
	case !f.certain && !f.between:
		return Verdict{}, false
	}
	v := f.verdict(Wildcard)
	if !f.certain {
		v = f.verdict(Stream)
		v.Uncertainty = f.gap
	}
	if v.Reason == Ambiguous && len(s.sockets) == 0 && !s.abroad {
		if w, ok := j.exchanged(s, t, at); ok {
			return w, true
		}
	}
	return v, true
}

// exchanged: of several processes at one port those count that exchanged with this
// peer, where the log tells of everybody who did: who sent to it, of packets that
// were sent, and who received from it, of those that came.
func (j *judge) exchanged(s *subject, t stretch, at int64) (Verdict, bool) {
	list, told, stable := j.log.Exchanges(s.in.Number, &s.in.Key, s.side, s.first, at, s.in.Last)
	if !told || t.received && !stable {
		return Verdict{}, false
	}
	var may suspects
	sent, received := false, false
	for _, x := range list {
		if x.Received && !t.received || !x.Received && !t.sent {
			continue
		}
		sent, received = sent || !x.Received, received || x.Received
		may.addHold(&owner.Hold{Owners: x.Owners, Partial: x.Partial})
	}
	if t.sent && !sent || t.received && !received || !may.any {
		return Verdict{}, false
	}
	v := may.verdict(Wildcard)
	if v.Process != NoProcess {
		v.Why = "it alone exchanged with this peer through the port"
	}
	return v, true
}

// field is what is known about the UDP sockets that fit one end at one moment.
type field struct {
	suspects
	fits    bool  // there is one, perhaps
	certain bool  // one of them was held throughout
	between bool  // one of them was there, between two sightings
	gap     int64 // and how far apart those were, nanoseconds
}

// add adds a socket, whose holds are given; here tells whether it surely takes
// the packets, by the interface that they pass and the translations of their addresses.
func (f *field) add(k *owner.Socket, holds []owner.Hold, at int64, here bool) {
	n := sort.Search(len(holds), func(i int) bool { return holds[i].From > at })
	covered := n > 0 && at <= holds[n-1].To
	if !covered && !k.Existed(at) {
		return
	}
	f.fits = true
	if !here {
		f.doubt("the socket is bound to one interface, which these packets need not have passed, or was reached by a translation of addresses for a part of the time")
	}
	switch {
	case covered:
		f.addHold(&holds[n-1])
		f.certain = f.certain || here
	case len(holds) == 0:
		f.unseen = true
	default:
		if n > 0 {
			f.addHold(&holds[n-1])
		}
		if n < len(holds) {
			f.addHold(&holds[n])
		}
		if here && n > 0 && n < len(holds) {
			f.between, f.gap = true, max(f.gap, holds[n].From-holds[n-1].To)
		}
	}
}

// addSharers adds the processes that used the port together: where several do,
// one of them, or another, may have connected a socket to this peer that was
// not seen.
func (f *field) addSharers(log *owner.Timeline, s *subject, t stretch) {
	who, shared := log.Shared(s.in.Number, &s.in.Key, s.side, t.first, t.last)
	if !shared {
		return
	}
	for _, p := range who {
		f.suspects.add(p)
	}
	f.doubt("several processes used this port at one time: any of them may have had a socket for this peer")
}
