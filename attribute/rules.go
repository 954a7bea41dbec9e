package attribute

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// rule answers for a subject during a stretch, or passes.
type rule func(*judge, *subject, stretch) (Verdict, bool)

// allRules returns the rules in their order; the first that answers decides.
// Each is stated in docs/attribution.md under its reason's name.
func allRules() []rule {
	return []rule{group, remote, exact, wildcard, streamTCP, streamUDP, listener, reset}
}

// verdict answers who a subject was during a stretch.
func (j *judge) verdict(s *subject, t stretch) Verdict {
	for _, r := range j.rules {
		if v, ok := r(j, s, t); ok {
			return v
		}
	}
	if j.log == nil {
		return unowned(Unknown, "there is no connection log")
	}
	return unowned(Unknown, "no socket of this connection was seen")
}

// group: what is sent to a multicast or broadcast address is received by every
// socket bound to the port; they are listed.
func group(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.locality != owner.Several {
		return Verdict{}, false
	}
	v := unowned(Group, "the address names a group of receivers")
	v.Candidates = owners(covering(s.bound(), t))
	return v, true
}

// remote: the other host's side.
func remote(j *judge, s *subject, t stretch) (Verdict, bool) {
	return unowned(Remote, "the address is another host's"), s.locality == owner.Remote
}

// exact: a socket with this five-tuple was held throughout.
func exact(j *judge, s *subject, t stretch) (Verdict, bool) {
	return held(Exact, covering(s.exact, t))
}

// wildcard: a UDP socket without a peer was bound to the endpoint throughout.
func wildcard(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol == flow.TCP {
		return Verdict{}, false
	}
	return held(Wildcard, covering(s.bound(), t))
}

// streamTCP: before the first and after the last sighting of a TCP
// connection's socket, and between two, its owner is the nearest seen: a TCP
// socket lives as long as its connection. Not across lost packets, which may
// hide that the five-tuple was used again.
func streamTCP(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol != flow.TCP {
		return Verdict{}, false
	}
	before, after := around(s.exact, t)
	from, to := t.first, t.last // from these packets to the sightings
	if len(before) > 0 {
		from = min(from, before[0].To)
	}
	if len(after) > 0 {
		to = max(to, after[0].From)
	}
	near := joined(before, after)
	if len(near) > 0 && j.log.Lossy(from, to) {
		return unowned(Unknown, "packets were lost between these and the sighting of the socket"), true
	}
	v, ok := held(Stream, near)
	v.Uncertainty = to - from
	return v, ok
}

// streamUDP: between two sightings by the same process, and only there.
func streamUDP(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol == flow.TCP {
		return Verdict{}, false
	}
	before, after := around(s.exact, t)
	if len(before) == 0 || len(after) == 0 {
		return Verdict{}, false
	}
	v, ok := held(Stream, joined(before, after))
	from, to := before[0].To, after[0].From
	if !ok || v.Reason != Stream || j.log.Lossy(from, to) {
		return Verdict{}, false
	}
	v.Uncertainty = to - from
	return v, true
}

// listener: the server's end of a handshake that nobody was seen to accept
// belongs to the listening socket. Once data flowed, or the new socket was
// seen without an owner, somebody may have accepted: perhaps the listening
// process, perhaps one it passed the socket to.
func listener(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol != flow.TCP || !s.server || len(s.exact) > 0 {
		return Verdict{}, false
	}
	v, ok := held(Listener, covering(s.bound(), stretch{from: s.first, until: s.first + 1}))
	if ok && v.Reason == Listener && (s.data || s.seen) {
		v.Candidates, v.Reason, v.Process = []int32{v.Process}, Ambiguous, NoProcess
		v.Why = "the accepted socket was not seen: the listening process or one it passed it to"
	}
	return v, ok
}

// reset: the kernel answers a SYN to a port where nobody listens.
func reset(j *judge, s *subject, t stretch) (Verdict, bool) {
	f := s.in.Flags[s.side]
	refused := s.in.Key.Protocol == flow.TCP && s.locality == owner.Local && s.server && s.in.Begun() && len(s.bound()) == 0 &&
		f&packet.RST != 0 && f&(packet.SYN|packet.FIN|packet.PSH) == 0
	return unowned(Kernel, "nobody listened on the port"), refused
}

// held answers with the one process that the holds name, or with all they name.
func held(r Reason, holds []owner.Hold) (Verdict, bool) {
	if len(holds) == 0 {
		return Verdict{}, false
	}
	v := Verdict{Reason: r, Process: NoProcess}
	one := true
	for i := range holds {
		h := &holds[i]
		v.Uncertainty = max(v.Uncertainty, h.Slack)
		one = one && len(h.Owners) == 1 && h.Owners[0] == holds[0].Owners[0]
	}
	if one {
		v.Process, v.Why = holds[0].Owners[0], whyHeld[r]
		return v, true
	}
	v.Reason, v.Candidates, v.Why = Ambiguous, owners(holds), "several processes held the socket"
	return v, true
}

// whyHeld words the reasons that name an owner.
var whyHeld = [NumReasons]string{
	Exact:    "it held the socket with this five-tuple",
	Stream:   "it held this connection's socket at the nearest sighting",
	Listener: "it held the listening socket, and no accept followed",
	Wildcard: "it held the socket bound to this port",
}

func unowned(r Reason, why string) Verdict { return Verdict{Reason: r, Process: NoProcess, Why: why} }

// covering returns the holds that lasted throughout the stretch's interval.
func covering(holds []owner.Hold, t stretch) []owner.Hold {
	if len(holds) == 1 { // no new list
		if holds[0].From <= t.from && t.until <= holds[0].To+1 {
			return holds
		}
		return nil
	}
	var c []owner.Hold
	for _, h := range holds {
		if h.From <= t.from && t.until <= h.To+1 {
			c = append(c, h)
		}
	}
	return c
}

// around returns the holds that ended last before the stretch and those that
// began first after it.
func around(holds []owner.Hold, t stretch) (before, after []owner.Hold) {
	if len(holds) == 1 { // no new lists
		switch h := &holds[0]; {
		case h.To < t.from:
			return holds, nil
		case h.From >= t.until:
			return nil, holds
		}
		return nil, nil
	}
	for _, h := range holds {
		switch {
		case h.To < t.from && (len(before) == 0 || h.To >= before[0].To):
			if len(before) > 0 && h.To > before[0].To {
				before = before[:0]
			}
			before = append(before, h)
		case h.From >= t.until && (len(after) == 0 || h.From == after[0].From):
			after = append(after, h) // holds are ordered by From
		}
	}
	return before, after
}

// joined returns the holds of both lists.
func joined(a, b []owner.Hold) []owner.Hold {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	return slices.Concat(a, b)
}

// owners returns every process of the holds, ascending, each once.
func owners(holds []owner.Hold) []int32 {
	var who []int32
	for _, h := range holds {
		who = append(who, h.Owners...)
	}
	slices.Sort(who)
	return slices.Compact(who)
}
