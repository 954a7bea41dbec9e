package conn

import (
	"math"
	"sort"
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

// Instance is one connection: a key from its first packet to its end.
type Instance struct {
	ID          uint64 // frame number of its first packet
	Key         flow.Key
	First, Last int64 // earliest and latest packet time, Unix nanoseconds
	IPVersion   uint8

	// Begun tells that the instance starts with its opening: a SYN or SYN-ACK
	// for TCP. Without it the connection may be older than the capture.
	Begun bool
	// Opener is the side that opened the connection; valid iff Begun, else
	// the sender of the first packet.
	Opener flow.Side
	// Flags are the TCP flags that each side sent, all together.
	Flags [2]uint8

	Segments []Segment // in order of From

	// Previous is the index of the key's instance before this one, -1 = none.
	Previous int32

	open     int // index of the segment of the latest packet
	syn      [2]bool
	isn      [2]uint32
	sequence [2]Sequence
}

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

// Follower turns packets into instances.
type Follower struct {
	Instances []Instance // in order of ID
	cut       Cutter
	table     Table
}

// NewFollower returns a Follower that cuts segments by c.
func NewFollower(c Cutter) *Follower { return &Follower{cut: c} }

// Add books p, which must be Transport and whose connection key is k, sent
// from side s. It returns the index of the instance.
func (f *Follower) Add(p *packet.Packet, k flow.Key, s flow.Side) int32 {
	i, ok := f.table.Get(k)
	if !ok || f.Instances[i].ended(p, s) {
		previous := int32(-1)
		if ok {
			previous = i
		}
		i = int32(len(f.Instances))
		f.Instances = append(f.Instances, Instance{ID: p.Frame, Key: k, First: p.Time, Last: p.Time, IPVersion: p.IPVersion, Opener: s, Previous: previous})
		f.table.Put(k, i)
	}
	f.Instances[i].add(p, s, f.cut)
	return i
}

// Latest returns the index of k's latest instance.
func (f *Follower) Latest(k flow.Key) (int32, bool) { return f.table.Get(k) }

// ended tells whether p, sent from side s, begins a new instance.
func (in *Instance) ended(p *packet.Packet, s flow.Side) bool {
	silence := time.Duration(p.Time - in.Last)
	if in.Key.Protocol != flow.TCP {
		return silence > IdleUDP
	}
	if silence > IdleTCP || in.closed() && silence > IdleClosed {
		return true
	}
	if p.Fragmented && p.FragmentOffset > 0 || p.TCPFlags&(packet.SYN|packet.ACK) != packet.SYN {
		return false
	}
	switch {
	case in.syn[s]: // another initial sequence number; the same is a retransmission
		return p.Seq != in.isn[s]
	case in.syn[s.Other()]: // simultaneous open, or a SYN-ACK that the file has before its SYN
		return in.Flags[s]&packet.ACK != 0 || in.closed()
	}
	return true // the packets so far are the end of an older connection
}

// closed tells that the connection was torn down.
func (in *Instance) closed() bool {
	both := in.Flags[0] & in.Flags[1]
	return both&packet.FIN != 0 || (in.Flags[0]|in.Flags[1])&packet.RST != 0
}

func (in *Instance) add(p *packet.Packet, s flow.Side, cut Cutter) {
	in.First, in.Last = min(in.First, p.Time), max(in.Last, p.Time)
	c := Counts{Packets: 1, WireBytes: int64(p.WireLength), PayloadBytes: int64(p.Payload), UniqueBytes: int64(p.Payload)}
	if in.Key.Protocol == flow.TCP {
		c.UniqueBytes = in.addTCP(p, s)
	}
	seg := in.segment(p.Time, cut)
	seg.First, seg.Last = min(seg.First, p.Time), max(seg.Last, p.Time)
	seg.Sent[s].Add(c)
}

// addTCP keeps what TCP says and returns the payload bytes seen for the first time.
func (in *Instance) addTCP(p *packet.Packet, s flow.Side) int64 {
	if p.Fragmented && p.FragmentOffset > 0 {
		return int64(p.Payload) // no header of its own: taken as new
	}
	seq, syn := p.Seq, p.TCPFlags&packet.SYN != 0
	if syn {
		seq++ // the SYN itself takes one sequence number
		if !in.syn[s] {
			in.syn[s], in.isn[s] = true, p.Seq
		}
		if !in.Begun {
			in.Begun, in.Opener = true, s
			if p.TCPFlags&packet.ACK != 0 {
				in.Opener = s.Other()
			}
		}
	}
	in.Flags[s] |= p.TCPFlags
	return int64(in.sequence[s].Add(seq, p.Payload, syn))
}

// segment returns the segment of time t and makes it the open one.
func (in *Instance) segment(t int64, cut Cutter) *Segment {
	if len(in.Segments) > 0 {
		if seg := &in.Segments[in.open]; t >= seg.From && t < seg.Until {
			return seg
		}
	}
	from, until := cut(in.Key, t)
	at := len(in.Segments) // times rarely go backwards
	for at > 0 && in.Segments[at-1].From >= from {
		at--
	}
	in.open = at
	if at < len(in.Segments) && in.Segments[at].From == from {
		return &in.Segments[at]
	}
	in.Segments = append(in.Segments, Segment{})
	copy(in.Segments[at+1:], in.Segments[at:])
	in.Segments[at] = Segment{From: from, Until: until, First: t, Last: t}
	return &in.Segments[at]
}

// At returns the segment that holds time t, nil where there is none.
func (in *Instance) At(t int64) *Segment {
	n := sort.Search(len(in.Segments), func(i int) bool { return in.Segments[i].From > t })
	if n == 0 || t >= in.Segments[n-1].Until {
		return nil
	}
	return &in.Segments[n-1]
}

// Sum returns what each side sent, over all segments.
func (in *Instance) Sum() (sent [2]Counts) {
	for i := range in.Segments {
		sent[flow.Low].Add(in.Segments[i].Sent[flow.Low])
		sent[flow.High].Add(in.Segments[i].Sent[flow.High])
	}
	return sent
}
