package conn

import (
	"math"
	"time"

	"github.com/pcapwho/pcapwho/attribute/slab"
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
	Key    flow.Key
	Flags  [2]uint8 // TCP flags that each side sent, all together
	state  uint16
	closed int32     // 1 + index of its latest closed segment; 0 = none
	Last   int64     // latest packet time, Unix nanoseconds
	Number int32     // of its key, as Evidence gave it
	lead   [2]uint16 // by sender: 1 + the device that has its packets first; see duplicate

	sent [2]Counts // of the open segment

	from, until int64 // of the open segment
	first, last int64
	next        [2]uint32 // TCP: see Sequence
	isn         [2]uint32
	ID          uint64 // frame number of its first packet; 0 = there is no such instance
	successor   int32  // 1 + index of the key's next instance; 0 = none yet
	Measured    int32  // for the caller's own use; 0 at first
}

// The bits of Instance.state.
const (
	synLow, synHigh         = 1 << 0, 1 << 1 // that side sent a SYN
	startedLow, startedHigh = 1 << 2, 1 << 3 // that side's sequence numbers are known
	begun                   = 1 << 4
	openedHigh              = 1 << 5
	preceded                = 1 << 6
	holed                   = 1 << 7 // it has holes
	version6                = 1 << 8
	flagged                 = 1 << 9 // by Flag
	labelled                = 1 << 10
	doubled                 = 1 << 11          // another device has the same packets
	settledLow, settledHigh = 1 << 12, 1 << 13 // see Settle
	abroadLow, abroadHigh   = 1 << 14, 1 << 15 // see Abroad
)

// IPVersion returns 4 or 6, that of its first packet.
func (in *Instance) IPVersion() uint8 { return 4 + uint8(in.state/version6&1)*2 }

// Begun tells that the instance starts with its opening: a SYN or SYN-ACK for
// TCP. Without it the connection may be older than the capture.
func (in *Instance) Begun() bool { return in.state&begun != 0 }

// Opener is the side that opened the connection where it is Begun, else the
// sender of the first packet.
func (in *Instance) Opener() flow.Side { return flow.Side(in.state / openedHigh & 1) }

// Preceded tells that the key had an instance before.
func (in *Instance) Preceded() bool { return in.state&preceded != 0 }

// Flag flags the instance, for the caller's own use.
func (in *Instance) Flag() { in.state |= flagged }

// Flagged tells whether Flag was called.
func (in *Instance) Flagged() bool { return in.state&flagged != 0 }

// Evidence is what is known beside the packets.
type Evidence interface {
	// Number returns the number by which Cut knows k, whose hash is h. It is negative
	// where nothing is known but what may be of other keys, too.
	Number(k *flow.Key, h uint64) int32
	// Cut returns the half-open interval [from, until) around time t in which
	// what is known about the owners of k, whose number is n, does not change.
	Cut(n int32, k *flow.Key, t int64) (from, until int64)
}

// Follower turns packets into instances.
type Follower struct {
	evidence  Evidence // nil = none
	every     bool     // packets that are seen on several devices count on each
	instances slab.List[Instance]
	free      []int32 // those that are free
	table     Table
	segments  segments
	holes     map[int32]*[2][]hole // by instance
	labels    map[int32][]Labels   // by instance
	ended     map[int32]int64      // first packet time of the latest instance that was removed, by Number
	confused  map[int32]bool       // Numbers of keys whose instances the times of the capture do not order

	unique int64 // payload bytes that the last packet was the first to bring
}

// NewFollower returns a Follower; e may be nil. With every, packets that are seen on
// several of the recorder's devices count on each.
func NewFollower(e Evidence, every bool) *Follower {
	return &Follower{evidence: e, every: every, holes: map[int32]*[2][]hole{}, labels: map[int32][]Labels{}, ended: map[int32]int64{}, confused: map[int32]bool{}}
}

// Len returns how many instances there are.
func (f *Follower) Len() int { return f.instances.Len() - len(f.free) }

// Instance returns the instance of an index. It is valid until it is removed.
func (f *Follower) Instance(i int32) *Instance { return f.instances.At(i) }

// All calls yield with every instance. It must not add any.
func (f *Follower) All(yield func(i int32, in *Instance)) {
	for i := range int32(f.instances.Len()) {
		if in := f.Instance(i); in.ID != 0 {
			yield(i, in)
		}
	}
}

// Add books p, which must be Transport and whose connection key is k, sent from side s.
// It keeps neither. It returns the index of the instance, and whether p was booked before,
// as another device had it: then it is not again.
func (f *Follower) Add(p *packet.Packet, k *flow.Key, s flow.Side) (i int32, duplicate bool) {
	i, ok := f.table.find(f, k, p.Hash)
	if !ok || f.Instance(i).ended(p, s) {
		previous := i
		i = f.open(p, k, s)
		if ok {
			f.succeed(previous, i, p.Time)
		}
		f.table.put(f, k, p.Hash, i)
	}
	in := f.Instance(i)
	if d := p.Device + 1; in.lead[s] != d { // most captures have one
		if in.lead[s] != 0 && !f.every && f.duplicate(i, in, p, s) {
			return i, true
		}
		in.lead[s] = d
	}
	f.add(i, p, s)
	return i, false
}

// Unique returns how many bytes of the payload of the packet that Add was given
// last were seen for the first time.
func (f *Follower) Unique() int64 { return f.unique }

// Group is how many packets are best added in a row, after Seek and Prepare for them: a
// million connections do not fit into the processor's caches.
const Group = 32

// Seek asks for what Prepare needs for packets with these hashes.
func (f *Follower) Seek(hashes []uint64) { f.table.seek(hashes) }

// Prepare asks for what Add needs for packets with these hashes, and makes instances the
// indexes of those that are likely theirs, -1 where there is none yet. It should come
// some time after Seek, and before Add.
func (f *Follower) Prepare(hashes []uint64, instances []int32) {
	for k, h := range hashes {
		if instances[k] = f.table.likely(h); instances[k] >= 0 {
			f.instances.Prefetch(instances[k])
		}
	}
}

// open makes a new instance for p.
func (f *Follower) open(p *packet.Packet, k *flow.Key, s flow.Side) int32 {
	i := f.place()
	in := f.Instance(i)
	in.ID, in.Key, in.Last, in.Number, in.state = p.Frame, *k, p.Time, -1, uint16(s)*openedHigh
	in.from, in.until = math.MaxInt64, math.MinInt64
	if p.IPVersion == 6 {
		in.state |= version6
	}
	if f.evidence != nil {
		in.Number = f.evidence.Number(&in.Key, p.Hash)
	}
	if first, ok := f.ended[in.Number]; ok {
		f.precede(in, first, p.Time)
	}
	return i
}

// place returns the index of a free instance, which is zero.
func (f *Follower) place() int32 {
	if n := len(f.free); n > 0 {
		i := f.free[n-1]
		f.free = f.free[:n-1]
		return i
	}
	return f.instances.Add()
}

// succeed links instance i to the one before, of the same key.
func (f *Follower) succeed(previous, i int32, t int64) {
	before := f.Instance(previous)
	before.successor = i + 1
	f.precede(f.Instance(i), f.First(before), t)
}

// precede notes that the key of in, which begins at time t, had an instance
// that began at first.
func (f *Follower) precede(in *Instance, first, t int64) {
	in.state |= preceded
	if t < first && in.Number >= 0 {
		f.confused[in.Number] = true
	}
}

// Remove forgets instance i, which is Over or has a Successor; its key is new
// again. One that it follows must be forgotten before, or with it.
func (f *Follower) Remove(i int32) {
	in := f.Instance(i)
	if in.successor == 0 {
		f.table.delete(f, i)
		if in.Number >= 0 {
			f.ended[in.Number] = f.First(in)
		}
	}
	f.segments.release(in.closed)
	if in.state&holed != 0 {
		delete(f.holes, i)
	}
	if in.state&labelled != 0 {
		delete(f.labels, i)
	}
	*in = Instance{}
	f.free = append(f.free, i)
}

// Latest returns the index of k's latest instance.
func (f *Follower) Latest(k flow.Key) (int32, bool) { return f.table.find(f, &k, k.Hash()) }

// Successor returns the first packet time of the key's next instance, if there
// is one.
func (f *Follower) Successor(in *Instance) (first int64, ok bool) {
	if in.successor == 0 {
		return 0, false
	}
	return f.First(f.Instance(in.successor - 1)), true
}

// Confused tells that the times of the capture go backwards from one instance
// of a key that has a number to the next.
func (f *Follower) Confused(in *Instance) bool {
	return len(f.confused) > 0 && f.confused[in.Number]
}

// Over tells that a packet of time t could not belong to the instance any more.
func (in *Instance) Over(t int64) bool {
	silence := time.Duration(t - in.Last)
	if in.Key.Protocol != flow.TCP {
		return silence > IdleUDP
	}
	return silence > IdleClosed && (silence > IdleTCP || in.tornDown())
}

// ended tells whether p, sent from side s, begins a new instance.
func (in *Instance) ended(p *packet.Packet, s flow.Side) bool {
	if in.Over(p.Time) {
		return true
	}
	if in.Key.Protocol != flow.TCP || p.TCPFlags&(packet.SYN|packet.ACK) != packet.SYN || p.Fragmented && p.FragmentOffset > 0 {
		return false
	}
	switch {
	case in.state&(synLow<<s) != 0: // another initial sequence number; the same is a retransmission
		return p.Seq != in.isn[s]
	case in.state&(synLow<<s.Other()) != 0: // simultaneous open, or a SYN-ACK that the file has before its SYN
		return in.Flags[s]&packet.ACK != 0 || in.tornDown()
	}
	return true // the packets so far are the end of an older connection
}

// tornDown tells that both ends said FIN, or one RST.
func (in *Instance) tornDown() bool {
	both := in.Flags[0] & in.Flags[1]
	return both&packet.FIN != 0 || (in.Flags[0]|in.Flags[1])&packet.RST != 0
}

func (f *Follower) add(i int32, p *packet.Packet, s flow.Side) {
	in := f.Instance(i)
	in.Last = max(in.Last, p.Time)
	unique := int64(p.Payload)
	if in.Key.Protocol == flow.TCP {
		unique = f.addTCP(i, in, p, s)
	} else {
		in.noteDatagram(p, s)
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
func (f *Follower) addTCP(i int32, in *Instance, p *packet.Packet, s flow.Side) int64 {
	if p.Fragmented && p.FragmentOffset > 0 {
		return int64(f.addSequence(i, in, s, p.Seq, p.Payload, false)) // no header of its own
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
			in.state = in.state&^openedHigh | begun | uint16(opener)*openedHigh
		}
	}
	return int64(f.addSequence(i, in, s, seq, p.Payload, syn))
}

// addSequence is Sequence.Add, of a Sequence that is kept in pieces.
func (f *Follower) addSequence(i int32, in *Instance, s flow.Side, seq, n uint32, syn bool) uint32 {
	q := Sequence{started: in.state&(startedLow<<s) != 0, next: in.next[s]}
	if in.state&holed != 0 {
		q.holes = f.holes[i][s]
	}
	unique := q.Add(seq, n, syn)
	in.state |= startedLow << s
	in.next[s] = q.next
	if q.holes != nil {
		if in.state&holed == 0 {
			in.state |= holed
			f.holes[i] = new([2][]hole)
		}
		f.holes[i][s] = q.holes
	}
	return unique
}
