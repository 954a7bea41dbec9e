package attribute

import (
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/attribute/owner"
)

// suspects are the processes that may own something. The zero value is none.
// One alone takes no memory.
type suspects struct {
	one    int32 // valid iff any
	any    bool
	others []int32 // none of them is one; unordered, with repetitions
	unseen bool    // there may be more, which the log could not see
	why    string  // why unseen, where it is not that a socket's holders were not all seen
	slack  int64   // width of the widest sighting behind them
}

func (s *suspects) add(process int32) {
	switch {
	case !s.any:
		s.one, s.any = process, true
	case s.one != process:
		s.others = append(s.others, process)
	}
}

func (s *suspects) addHold(h *owner.Hold) {
	for _, p := range h.Owners {
		s.add(p)
	}
	s.unseen = s.unseen || h.Partial
	s.slack = max(s.slack, h.Slack)
}

// doubt notes why there may be others.
func (s *suspects) doubt(why string) { s.unseen, s.why = true, why }

// addHolders adds who may have held a socket, whose holds are given, at any
// time from a to b.
func (s *suspects) addHolders(k *owner.Socket, holds []owner.Hold, a, b int64) {
	seen := false
	n := sort.Search(len(holds), func(i int) bool { return i+1 == len(holds) || holds[i+1].From > a })
	for ; n < len(holds); n++ {
		from := k.Before // its holders may be these from here on
		if n > 0 {
			from = holds[n-1].To
		}
		if from >= b && holds[n].From > b {
			break
		}
		s.addHold(&holds[n])
		seen = true
	}
	s.unseen = s.unseen || !seen
}

// verdict answers with the one process, or with all.
func (s *suspects) verdict(r Reason) Verdict {
	v := Verdict{Reason: r, Process: NoProcess, Uncertainty: s.slack}
	switch {
	case s.any && len(s.others) == 0 && !s.unseen:
		v.Process, v.Why = s.one, whyHeld[r]
	case s.any:
		v.Reason, v.Candidates, v.Why = Ambiguous, s.list(), "several processes may have held the socket"
		if s.why != "" {
			v.Why = s.why
		} else if s.unseen {
			v.Why = "the log could not see all holders of the socket"
		}
	default:
		v.Reason, v.Why = Unknown, "the log could not see who held the socket"
	}
	return v
}

// list returns the processes, ascending.
func (s *suspects) list() []int32 {
	all := append([]int32{s.one}, s.others...)
	slices.Sort(all)
	return slices.Compact(all)
}

// whyHeld words the reasons that name an owner.
var whyHeld = [NumReasons]string{
	Exact:    "it held the socket with this five-tuple",
	Stream:   "it held this connection's socket at the nearest sighting",
	Listener: "it held the listening socket, and no accept followed",
	Wildcard: "it held the socket bound to this port",
}
