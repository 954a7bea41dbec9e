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
// Each is stated in docs/attribution.md.
func allRules() []rule {
	return []rule{group, remote, twice, apart, exact, stream, datagram, listener, reset}
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
	if j.log != nil {
		v.Candidates = owners(covering(appendHolds(nil, j.log, s.bound()), t))
	}
	return v, true
}

// remote: the other host's side.
func remote(j *judge, s *subject, t stretch) (Verdict, bool) {
	return unowned(Remote, "the address is another host's"), s.locality == owner.Remote
}

// twice: times that passed twice tell nothing.
func twice(j *judge, s *subject, t stretch) (Verdict, bool) {
	return unowned(Unknown, "the clock was set back over this time, so that it passed twice"), j.log.Twice(t.first, t.last)
}

// apart: where sockets of several namespaces have the five-tuple, and the interface
// does not tell which of them the packets reach, each may be the end of the whole
// connection, whenever it was seen.
func apart(j *judge, s *subject, _ stretch) (Verdict, bool) {
	if !s.apart {
		return Verdict{}, false
	}
	var may suspects
	for _, i := range s.sockets {
		may.addHolders(j.log.Socket(i), s.holds(i), s.first, s.in.Last+apartTime)
	}
	v := may.verdict(Stream)
	if v.Process == NoProcess {
		v.Why = "sockets of several network namespaces have this five-tuple"
	}
	return v, true
}

// exact: a TCP socket with this five-tuple was held throughout.
func exact(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol != flow.TCP {
		return Verdict{}, false
	}
	return held(Exact, covering(s.exact, t))
}

// stream: before the first and after the last sighting of a TCP connection's
// socket, and between two, its owner is the nearest seen: a TCP socket lives as
// long as its connection. Before the first it may have been that of whoever
// accepted the connection. Not across lost packets, which may hide that the
// five-tuple was used again.
func stream(j *judge, s *subject, t stretch) (Verdict, bool) {
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
	if !ok {
		return v, false
	}
	if len(before) == 0 && v.Process != NoProcess && slices.ContainsFunc(after, func(h owner.Hold) bool { return !h.Opener }) {
		v = j.opened(s, after, v)
	}
	if v.Process != NoProcess && (s.server || !s.in.Begun()) {
		v = j.glimpsed(s, v)
	}
	v.Uncertainty = to - from
	return v, true
}

// glimpsed doubts v, who held the socket of a server's end, where that was seen once
// and by looks: a process that listens may have accepted it just then, to pass it on, or
// to fork another that goes on with it.
func (j *judge) glimpsed(s *subject, v Verdict) Verdict {
	if len(s.exact) != 1 || s.exact[0].Opener || s.exact[0].From <= s.exact[0].To {
		return v
	}
	var listening suspects
	j.listeners(s, s.exact[0].From, &listening)
	if !listening.any || !slices.Contains(listening.list(), v.Process) {
		return v
	}
	var may suspects
	may.add(v.Process)
	may.doubt("it was seen once, in the hands of a process that listens: that one may have passed it on")
	return may.verdict(Stream)
}

// opened doubts v, who held a connection's socket when it was first seen: it
// may have come from another process, unless the kernel told that nobody used it
// before. That is known of a process which began
// after the connection, and of the server's end where others could accept.
func (j *judge) opened(s *subject, first []owner.Hold, v Verdict) Verdict {
	var may suspects
	may.add(v.Process)
	if p := &j.log.Processes[v.Process]; p.ID.Start > s.first {
		if parent, ok := j.log.Parent(v.Process); ok {
			may.add(parent)
		}
		may.doubt("the process that held the socket when it was first seen began after the connection")
	}
	if s.server || !s.in.Begun() {
		j.listeners(s, first[0].From, &may)
	}
	if len(may.others) > 0 && !may.unseen {
		may.doubt("another process listened: it may have accepted, and passed the socket on")
	}
	return may.verdict(Stream)
}

// listeners adds who may have accepted a connection up to a time: all that held
// a listening socket which was there when it began. It tells whether one
// certainly was.
func (j *judge) listeners(s *subject, until int64, may *suspects) (certain bool) {
	for _, i := range s.bound() {
		k, holds := j.log.Socket(i), s.holds(i)
		covered := slices.ContainsFunc(holds, func(h owner.Hold) bool { return h.From <= s.first && s.first <= h.To })
		if !covered && !k.Existed(s.first) {
			continue
		}
		may.addHolders(k, holds, s.first, max(until, s.first))
		certain = certain || covered && j.log.OnDevice(i, s.peer())
	}
	return certain
}

// listener: the server's end of a handshake that nobody was seen to accept
// belongs to the listening socket. Once data flowed, or the new socket was
// seen without an owner, somebody may have accepted: perhaps the listening
// process, perhaps one it passed the socket to.
func listener(j *judge, s *subject, t stretch) (Verdict, bool) {
	if s.in.Key.Protocol != flow.TCP || !s.server || len(s.exact) > 0 {
		return Verdict{}, false
	}
	var may suspects
	if !j.listeners(s, s.first, &may) {
		return Verdict{}, false
	}
	if s.data || len(s.sockets) > 0 {
		may.doubt("the accepted socket was not seen: the listening process or one it passed it to")
	}
	if s.abroad {
		may.doubt(whyAbroad)
	}
	return may.verdict(Listener), true
}

// whyAbroad is why a socket that is only bound to an address proves nothing.
const whyAbroad = "packets came from this address, or went to it, by an interface: another host has it, too, or instead"

// reset: the kernel answers a SYN to a port where nobody listens.
func reset(j *judge, s *subject, t stretch) (Verdict, bool) {
	f := s.in.Flags[s.side]
	if s.in.Key.Protocol != flow.TCP || s.locality != owner.Local || !s.server || !s.in.Begun() ||
		f&packet.RST == 0 || f&(packet.SYN|packet.FIN|packet.PSH) != 0 {
		return Verdict{}, false
	}
	listens := slices.ContainsFunc(s.bound(), func(i int32) bool { return j.log.Socket(i).Existed(s.first) })
	return unowned(Kernel, "nobody listened on the port"), !listens
}

// held answers with the one process that the holds name, or with all they name.
func held(r Reason, holds []owner.Hold) (Verdict, bool) {
	if len(holds) == 0 {
		return Verdict{}, false
	}
	var s suspects
	for i := range holds {
		s.addHold(&holds[i])
	}
	return s.verdict(r), true
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
