package record

import "github.com/pcapwho/pcapwho/ingest/connlog"

// lineage remembers who began whom, dead parents of the living too, so that it
// can be told who may have inherited a socket that only some holders of are
// seen. Times are rounds of the roster, which no setting of a clock disturbs: a
// process of round n began after round n-1 had listed the processes.
//
//	P ─┬─ X   A socket that is seen with X was opened by X, or by an ancestor P
//	   └─ Y   from which X and Y were forked after that: every process on the
//	          way from P down to X and to Y began after the socket was opened.
type lineage map[connlog.ProcessID]descent

type descent struct {
	parent connlog.ProcessID
	first  uint64 // round in which the process was first seen
}

// mayShare returns the last round in which a socket can have been opened that
// both the holder x and y have by inheritance; ok is false when there is none.
// A socket of an earlier round may be shared, one of a later round is not.
func (l lineage) mayShare(x, y connlog.ProcessID) (round uint64, ok bool) {
	const most = 1 << 16 // generations; a circle has no end
	above := map[connlog.ProcessID]uint64{}
	low := ^uint64(0)
	for p, n := x, 0; !reaper(p) && n < most; n++ {
		if _, twice := above[p]; twice {
			break
		}
		above[p] = low
		d := l[p]
		low, p = min(low, d.first), d.parent
	}
	low = ^uint64(0)
	for p, n := y, 0; !reaper(p) && n < most; n++ {
		if other, common := above[p]; common {
			low = min(low, other)
			return low - 1, low > 0
		}
		d, known := l[p]
		if !known {
			break
		}
		low, p = min(low, d.first), d.parent
	}
	return 0, false
}

// reaper tells whether p is nobody, or one of the two processes that the kernel
// starts: all have them for ancestors, and inherit nothing from them.
func reaper(p connlog.ProcessID) bool { return p.PID <= 2 }

// prune forgets who is not an ancestor of the living.
func (l lineage) prune(living map[int32]*resident) {
	if len(l) < 2*len(living)+1024 {
		return
	}
	kept := make(map[connlog.ProcessID]bool, len(living))
	for _, r := range living {
		for p := r.ID; !kept[p]; p = l[p].parent {
			if _, known := l[p]; !known {
				break
			}
			kept[p] = true
		}
	}
	for p := range l {
		if !kept[p] {
			delete(l, p)
		}
	}
}

// heirs returns the last round in which a socket of the holder x can have been
// opened that a living process, one of those that count, may hold as well.
//
// Of a process that was adopted before it was seen the ancestors are not known:
// it may be of everybody in its control group and network namespace.
func (r *roster) heirs(x connlog.ProcessID, counts func(y *resident) bool) (round uint64, ok bool) {
	holder := r.living[x.PID]
	for _, y := range r.living {
		if y.ID == x || !counts(y) {
			continue
		}
		last, may := r.lineage.mayShare(x, y.ID)
		if holder != nil && y.Cgroup == holder.Cgroup && y.Namespace == holder.Namespace {
			if y.adopted {
				last, may = max(last, y.first-1), true
			}
			if holder.adopted {
				last, may = max(last, holder.first-1), true
			}
		}
		if may && (!ok || last > round) {
			round, ok = last, true
		}
	}
	return round, ok
}

// births remembers in which round of the roster each socket can have been
// opened at the earliest, and which holders have heirs.
type births struct {
	earliest map[uint64]uint64 // by socket id
	asked    map[question]heirdom
	version  uint64 // of the roster that asked is about
}

// question is about who else may hold a socket of a holder: those of whom
// nothing can be seen or, where the source found only one holder and there may be
// more that it could see, those too.
type question struct {
	holder connlog.ProcessID
	first  bool
}

type heirdom struct {
	round uint64
	ok    bool
}

// partial marks the sockets whose owners may not be all: a process that counts,
// and that the source cannot see as a holder, lives, and may have inherited the
// socket from an owner, or with an owner from somebody else. since is the round
// after whose list of processes a socket must have been opened that was not seen
// before, 0 for the first look: then nothing is known. first tells of which
// sockets only the first holder was found.
func (b *births) partial(r *roster, sockets []sighting, since uint64, first func(s *sighting) bool, counts func(q question, y *resident) bool) {
	if b.version != r.version || b.asked == nil {
		b.version, b.asked = r.version, map[question]heirdom{}
	}
	earliest := make(map[uint64]uint64, len(sockets))
	for i := range sockets {
		s := &sockets[i]
		round, known := b.earliest[s.ID]
		if !known {
			round = since
		}
		earliest[s.ID] = round
		for _, x := range s.Owners {
			q := question{x, first(s)}
			h, asked := b.asked[q]
			if !asked {
				h.round, h.ok = r.heirs(x, func(y *resident) bool { return counts(q, y) })
				b.asked[q] = h
			}
			s.Partial = s.Partial || h.ok && round <= h.round
		}
	}
	b.earliest = earliest
}
