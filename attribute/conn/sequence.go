package conn

// maxHoles bounds the memory that one direction of a connection can take.
const maxHoles = 64

// maxSegment is the longest payload that is taken for one.
const maxSegment = 1 << 30

// lookback is how far below its first packet a connection whose start was not
// captured may still bring bytes that count as new: the largest window that
// common systems use without tuning is 6 MiB (net.ipv4.tcp_rmem).
const lookback = 6 << 20

// Sequence counts the TCP sequence numbers of one direction that appeared in
// the capture, each once (RFC 9293 section 3.4, modulo 2^32). The zero value
// is ready.
type Sequence struct {
	started bool
	next    uint32 // one above the highest sequence number seen
	holes   []hole // ranges below next that were not seen, ascending
}

// hole is the half-open range [begin, end) of sequence numbers.
type hole struct{ begin, end uint32 }

// Add books a segment whose payload is the n bytes from seq on (a SYN's own
// sequence number not among them) and returns how many are seen for the
// first time. syn tells that the connection's start is known to be here.
func (s *Sequence) Add(seq, n uint32, syn bool) (unique uint32) {
	if !s.started {
		s.started, s.next = true, seq
		if !syn {
			s.holes = append(s.holes, hole{seq - lookback, seq})
		}
	}
	if n == 0 || n > maxSegment {
		return 0
	}
	end := seq + n
	if ahead := int32(end - s.next); ahead > 0 {
		if skipped := int32(seq - s.next); skipped > 0 {
			s.dig(hole{s.next, seq})
			s.next = seq
		}
		unique = end - s.next
		end = s.next
		s.next += unique
	}
	if int32(end-seq) > 0 {
		unique += s.fill(seq, end)
	}
	return unique
}

// dig appends a hole, the highest so far.
func (s *Sequence) dig(h hole) {
	if len(s.holes) == maxHoles {
		s.holes = append(s.holes[:0], s.holes[1:]...)
	}
	s.holes = append(s.holes, h)
}

// fill takes [begin, end) out of the holes and returns how much of it was in them.
func (s *Sequence) fill(begin, end uint32) (filled uint32) {
	for i := len(s.holes) - 1; i >= 0; i-- {
		h := s.holes[i]
		if int32(h.end-begin) <= 0 {
			break // this hole and all lower ones end before the segment
		}
		lo, hi := later(h.begin, begin), earlier(h.end, end)
		if int32(hi-lo) <= 0 {
			continue
		}
		filled += hi - lo
		left, right := hole{h.begin, lo}, hole{hi, h.end}
		switch {
		case left.begin == left.end && right.begin == right.end:
			s.holes = append(s.holes[:i], s.holes[i+1:]...)
		case left.begin == left.end:
			s.holes[i] = right
		case right.begin == right.end:
			s.holes[i] = left
		case len(s.holes) == maxHoles:
			s.holes[i] = right // the lower rest is forgotten
		default:
			s.holes = append(s.holes[:i+1], s.holes[i:]...)
			s.holes[i], s.holes[i+1] = left, right
		}
	}
	return filled
}

func later(a, b uint32) uint32 {
	if int32(a-b) >= 0 {
		return a
	}
	return b
}

func earlier(a, b uint32) uint32 {
	if int32(a-b) <= 0 {
		return a
	}
	return b
}
