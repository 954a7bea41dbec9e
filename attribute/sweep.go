package attribute

import "time"

// How often connections that are over are looked for, so that only those that
// may go on take memory: not before so much time of the capture has passed, and
// so many packets.
const sweepTime = int64(30 * time.Second)

var sweepPackets = 1 << 14 // tests sweep more often

// sweeper tells when to look: from the times of the packets in their order
// alone, so that every pass over a capture does it at the same packets. A time
// counts when the packets before it and after it have come that far, too: one
// wrong time ends nothing.
type sweeper struct {
	last    int64 // time of the latest sweep, or of the first packet
	before  int64 // time of the packet before
	packets int   // since the latest sweep; -1 = the first is still to come
}

func newSweeper() sweeper { return sweeper{packets: -1} }

// due takes the time of the next packet, and tells whether a sweep is due before
// it, and which time it then is.
func (s *sweeper) due(t int64) (clock int64, due bool) {
	if t == 0 { // it has none
		if s.packets >= 0 {
			s.packets++
		}
		return 0, false
	}
	if s.packets < 0 {
		s.last, s.before = t, t
	}
	low, high := min(s.before, t), max(s.before, t)
	s.before = t
	s.packets++
	switch {
	case high < s.last-sweepTime: // the clock was set back
		s.last = high
	case low >= s.last+sweepTime && s.packets > sweepPackets:
		s.last, s.packets = low, 0
		return low, true
	}
	return 0, false
}

// skip takes the times of n packets at once, between earliest and latest, the
// last of which is given, if none of them makes a difference.
func (s *sweeper) skip(n int, earliest, latest, last int64) bool {
	if s.packets < 0 || last == 0 || earliest < s.last-sweepTime || latest >= s.last+sweepTime && s.packets+n > sweepPackets {
		return false
	}
	s.before = last
	s.packets += n
	return true
}

// sweep is one that is due before a packet of a batch.
type sweep struct {
	before uint32 // index in the batch
	clock  int64
}
