package conn

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// How long a connection may be silent before its next packet begins a new
// instance.
const (
	// IdleTCP is the time after which Linux sends its first keep-alive
	// (net.ipv4.tcp_keepalive_time): a connection silent for longer may have
	// died unseen.
	IdleTCP = 2 * time.Hour
	// IdleClosed holds after FIN from both ends or RST: twice the maximum
	// segment lifetime of Linux (TCP_TIMEWAIT_LEN, include/net/tcp.h).
	IdleClosed = 2 * time.Minute
	// IdleUDP is conntrack's limit for a UDP stream
	// (nf_conntrack_udp_timeout_stream).
	IdleUDP = 2 * time.Minute
)

// Instance is one connection: a key from its first packet to its end. It holds
// no pointers and fills three cache lines: there may be millions.
type Instance struct {
	Key       flow.Key
	Flags     [2]uint8 // TCP flags that each side sent, all together
	state     uint8
	IPVersion uint8
	cold      int32 // 1 + index into Follower.cold; 0 = none
	Last      int64 // latest packet time, Unix nanoseconds

	sent [2]Counts // of the open segment

	from, until int64 // of the open segment
	first, last int64
	next        [2]uint32 // TCP: see Sequence
	isn         [2]uint32
	ID          uint64 // frame number of its first packet
	Previous    int32  // index of the key's instance before this one; -1 = none
}

// The bits of Instance.state.
const (
	synLow, synHigh         = 1 << 0, 1 << 1 // that side sent a SYN
	startedLow, startedHigh = 1 << 2, 1 << 3 // that side's sequence numbers are known
	begun                   = 1 << 4
	openedHigh              = 1 << 5
	succeeded               = 1 << 6
)

// cold is what few instances have.
type cold struct {
	closed []Segment // the segments but the open one, in order of From
	holes  [2][]hole
	labels []Labels
}

// Begun tells that the instance starts with its opening: a SYN or SYN-ACK for
// TCP. Without it the connection may be older than the capture.
func (in *Instance) Begun() bool { return in.state&begun != 0 }

// Opener is the side that opened the connection where it is Begun, else the
// sender of the first packet.
func (in *Instance) Opener() flow.Side { return flow.Side(in.state / openedHigh & 1) }

// Alone tells that the key has no other instance.
func (in *Instance) Alone() bool { return in.Previous < 0 && in.state&succeeded == 0 }

// Succeeded tells that the key has a later instance.
func (in *Instance) Succeeded() bool { return in.state&succeeded != 0 }

// Segment is a stretch of an instance in which nothing that is known about
// its owners changes.
type Segment struct {
	From, Until int64     // half-open interval of time, as the Cutter gave it
	First, Last int64     // earliest and latest packet in it
	Sent        [2]Counts // by flow.Side
}

// Cutter returns the half-open interval [from, until) around time t in which
// what is known about the owners of k does not change.
type Cutter func(k flow.Key, t int64) (from, until int64)

// Uncut is the Cutter of a recording about which nothing is known.
func Uncut(flow.Key, int64) (from, until int64) { return math.MinInt64, math.MaxInt64 }

// Instances are kept in slabs, so that none is ever moved.
const slabBits = 12

// Follower turns packets into instances.
type Follower struct {
	slabs []*[1 << slabBits]Instance
	n     int
	cold  []cold
	cut   Cutter
	table Table

	unique  int64  // payload bytes that the last packet was the first to bring
	touched uint64 // keeps Prepare from being optimized away
}

// NewFollower returns a Follower that cuts segments by c.
func NewFollower(c Cutter) *Follower { return &Follower{cut: c} }

// Len returns how many instances there are.
func (f *Follower) Len() int { return f.n }

// Instance returns the instance of an index; they are in the order of their
// IDs. It is valid until the next Add.
func (f *Follower) Instance(i int32) *Instance { return &f.slabs[i>>slabBits][i&(1<<slabBits-1)] }

// Add books p, which must be Transport and whose connection key is k, sent
// from side s. It returns the index of the instance.
func (f *Follower) Add(p *packet.Packet, k flow.Key, s flow.Side) int32 {
	i, ok := f.table.find(f, &k, p.Hash)
	if !ok || f.Instance(i).ended(p, s) {
		previous := int32(-1)
		if ok {
			previous = i
			f.Instance(i).state |= succeeded
		}
		i = f.open(p, &k, s, previous)
		f.table.put(f, &k, p.Hash, i)
	}
	f.add(f.Instance(i), p, s)
	return i
}

// Group is how many packets are best added in a row: see Prepare.
const Group = 32

// Prepare brings what Add needs for packets with these hashes, no more than
// Group, into the processor's caches: a million connections do not fit there.
func (f *Follower) Prepare(hashes []uint64) { f.touched += f.table.touch(f, hashes) }

// open makes a new instance for p.
func (f *Follower) open(p *packet.Packet, k *flow.Key, s flow.Side, previous int32) int32 {
	if f.n>>slabBits == len(f.slabs) {
		f.slabs = append(f.slabs, new([1 << slabBits]Instance))
	}
	i := int32(f.n)
	f.n++
	in := f.Instance(i)
	*in = Instance{ID: p.Frame, Key: *k, Last: p.Time, IPVersion: p.IPVersion, state: uint8(s) * openedHigh, Previous: previous,
		from: math.MaxInt64, until: math.MinInt64}
	return i
}

// Latest returns the index of k's latest instance.
func (f *Follower) Latest(k flow.Key) (int32, bool) { return f.table.find(f, &k, k.Hash()) }

// ended tells whether p, sent from side s, begins a new instance.
func (in *Instance) ended(p *packet.Packet, s flow.Side) bool {
	silence := time.Duration(p.Time - in.Last)
	if in.Key.Protocol != flow.TCP {
		return silence > IdleUDP
	}
	if silence > IdleClosed && (silence > IdleTCP || in.closed()) {
		return true
	}
	if p.TCPFlags&(packet.SYN|packet.ACK) != packet.SYN || p.Fragmented && p.FragmentOffset > 0 {
		return false
	}
	switch {
	case in.state&(synLow<<s) != 0: // another initial sequence number; the same is a retransmission
		return p.Seq != in.isn[s]
	case in.state&(synLow<<s.Other()) != 0: // simultaneous open, or a SYN-ACK that the file has before its SYN
		return in.Flags[s]&packet.ACK != 0 || in.closed()
	}
	return true // the packets so far are the end of an older connection
}

// closed tells that the connection was torn down.
func (in *Instance) closed() bool {
	both := in.Flags[0] & in.Flags[1]
	return both&packet.FIN != 0 || (in.Flags[0]|in.Flags[1])&packet.RST != 0
}

func (f *Follower) add(in *Instance, p *packet.Packet, s flow.Side) {
	in.Last = max(in.Last, p.Time)
	unique := int64(p.Payload)
	if in.Key.Protocol == flow.TCP {
		unique = f.addTCP(in, p, s)
	}
	f.unique = unique
	if p.Time < in.from || p.Time >= in.until {
		f.turn(in, p.Time)
	}
	in.first, in.last = min(in.first, p.Time), max(in.last, p.Time)
	c := &in.sent[s]
	c.Packets++
	c.WireBytes += int64(p.WireLength)
	c.PayloadBytes += int64(p.Payload)
	c.UniqueBytes += unique
}

// addTCP keeps what TCP says and returns the payload bytes seen for the first time.
func (f *Follower) addTCP(in *Instance, p *packet.Packet, s flow.Side) int64 {
	if p.Fragmented && p.FragmentOffset > 0 {
		return int64(p.Payload) // no header of its own: taken as new
	}
	in.Flags[s] |= p.TCPFlags
	seq, syn := p.Seq, p.TCPFlags&packet.SYN != 0
	if !syn && in.state&(startedLow<<s) != 0 && seq == in.next[s] && p.Payload <= maxSegment {
		in.next[s] += p.Payload // what nearly all packets are
		return int64(p.Payload)
	}
	if syn {
		seq++ // the SYN itself takes one sequence number
		if in.state&(synLow<<s) == 0 {
			in.state |= synLow << s
			in.isn[s] = p.Seq
		}
		if in.state&begun == 0 {
			opener := s
			if p.TCPFlags&packet.ACK != 0 {
				opener = s.Other()
			}
			in.state = in.state&^openedHigh | begun | uint8(opener)*openedHigh
		}
	}
	return int64(f.addSequence(in, s, seq, p.Payload, syn))
}

// addSequence is Sequence.Add, of a Sequence that is kept in pieces.
func (f *Follower) addSequence(in *Instance, s flow.Side, seq, n uint32, syn bool) uint32 {
	q := Sequence{started: in.state&(startedLow<<s) != 0, next: in.next[s]}
	if in.cold != 0 {
		q.holes = f.cold[in.cold-1].holes[s]
	}
	unique := q.Add(seq, n, syn)
	in.state |= startedLow << s
	in.next[s] = q.next
	if q.holes != nil {
		f.colds(in).holes[s] = q.holes
	}
	return unique
}

// colds returns what few instances have, made where it is not there.
func (f *Follower) colds(in *Instance) *cold {
	if in.cold == 0 {
		f.cold = append(f.cold, cold{})
		in.cold = int32(len(f.cold))
	}
	return &f.cold[in.cold-1]
}

// turn makes the segment of time t the open one.
func (f *Follower) turn(in *Instance, t int64) {
	from, until := f.cut(in.Key, t)
	if in.from > in.until { // the first
		in.from, in.until, in.first, in.last = from, until, t, t
		return
	}
	c := f.colds(in)
	at, _ := slices.BinarySearchFunc(c.closed, in.from, bySegmentFrom)
	c.closed = slices.Insert(c.closed, at, in.segment())
	in.from, in.until, in.first, in.last, in.sent = from, until, t, t, [2]Counts{}
	if at, ok := slices.BinarySearchFunc(c.closed, from, bySegmentFrom); ok {
		s := c.closed[at]
		in.first, in.last, in.sent = s.First, s.Last, s.Sent
		c.closed = slices.Delete(c.closed, at, at+1)
	}
}

func bySegmentFrom(s Segment, from int64) int { return cmp.Compare(s.From, from) }

// segment returns the open segment.
func (in *Instance) segment() Segment {
	return Segment{From: in.from, Until: in.until, First: in.first, Last: in.last, Sent: in.sent}
}

// Segments appends the segments of an instance to buf, in order of From.
func (f *Follower) Segments(in *Instance, buf []Segment) []Segment {
	if in.cold == 0 {
		return append(buf, in.segment())
	}
	closed := f.cold[in.cold-1].closed
	at, _ := slices.BinarySearchFunc(closed, in.from, bySegmentFrom)
	buf = append(buf, closed[:at]...)
	buf = append(buf, in.segment())
	return append(buf, closed[at:]...)
}

// First returns the earliest packet time of an instance, Unix nanoseconds.
func (f *Follower) First(in *Instance) int64 {
	first := in.first
	if in.cold != 0 {
		for i := range f.cold[in.cold-1].closed {
			first = min(first, f.cold[in.cold-1].closed[i].First)
		}
	}
	return first
}

// Sent returns what each side of an instance sent, over all segments.
func (f *Follower) Sent(in *Instance) (sent [2]Counts) {
	sent = in.sent
	if in.cold != 0 {
		for i := range f.cold[in.cold-1].closed {
			sent[flow.Low].Add(f.cold[in.cold-1].closed[i].Sent[flow.Low])
			sent[flow.High].Add(f.cold[in.cold-1].closed[i].Sent[flow.High])
		}
	}
	return sent
}
