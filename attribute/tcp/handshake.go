package tcp

import "github.com/pcapwho/pcapwho/ingest/packet"

// handshake is how a connection is opened: when which segment was seen first,
// Unix nanoseconds; 0 = it was not.
type handshake struct {
	first, last int64 // SYN, the first and the last
	answered    int64 // SYN-ACK
	established int64 // ACK that is no SYN, after a SYN
	opener      uint8 // the side that sent the SYN
}

// add is told of every segment of a side until it says that the handshake is over.
func (s *handshake) add(p *packet.Packet, side uint8) (over bool) {
	if s.established != 0 {
		return true
	}
	switch p.TCPFlags & (packet.SYN | packet.ACK) {
	case packet.SYN:
		if s.first == 0 {
			s.first, s.opener = p.Time, side
		}
		s.last = p.Time
	case packet.SYN | packet.ACK:
		if s.answered == 0 {
			s.answered = p.Time
		}
	case packet.ACK:
		if s.first != 0 {
			s.established = p.Time
		}
	}
	return s.established != 0
}

// initialRTT returns the time from the last SYN to the ACK, Unknown where one is
// missing.
func (s *handshake) initialRTT() int64 { return between(s.last, s.established) }

// part returns how long a side took for its part: the opener for the ACK, the
// other for the SYN-ACK.
func (s *handshake) part(side uint8) int64 {
	if side == s.opener {
		return between(s.answered, s.established)
	}
	return between(s.first, s.answered)
}

// between returns the time from one moment to another, Unknown where one is not
// known or the clock was set back between them.
func between(from, to int64) int64 {
	if from == 0 || to < from {
		return Unknown
	}
	return to - from
}
