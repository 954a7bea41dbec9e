package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// lookFrames is for how many packets of the capture a connection is looked at that
// began to say something and did not end: it bounds what is kept of payloads, and
// does not depend on who else is looked at.
const lookFrames = 1 << 15

// looker looks at what the connections of a share begin with.
type looker struct {
	known map[int32]*look // by instance: those that said something
	queue []waiting       // those of them that may say more, by frame
	free  []*look
}

// look is what one connection said so far.
type look struct {
	content.Beginning
	frame uint64    // of the first packet that was looked at
	begin int64     // its time, Unix nanoseconds
	shook int64     // from there to the end of the handshake of TLS, nanoseconds; tcp.Unknown = it was not seen
	first [2]uint32 // sequence numbers of the first payload byte, by side
	begun [2]bool   // they are known
}

// waiting is a connection in the queue.
type waiting struct {
	instance int32
	frame    uint64
}

// newLooker returns a looker, nil where nobody looks.
func newLooker(looks bool) *looker {
	if !looks {
		return nil
	}
	return &looker{known: map[int32]*look{}}
}

// take looks at a packet of instance i, whose side is not settled, and at what is at
// hand of its payload.
func (l *looker) take(i int32, in *conn.Instance, p *packet.Packet, side flow.Side, body []byte) {
	k := l.known[i]
	switch {
	case k != nil && p.Frame-k.frame > lookFrames:
		k.End()
		settle(in)
	case p.Tuple.Protocol == flow.UDP:
		l.datagram(k, i, in, p, side, body)
	case p.Tuple.Protocol == flow.TCP:
		l.segment(k, i, in, p, side, body)
	default:
		settle(in)
	}
}

// settle ends the looking at an instance.
func settle(in *conn.Instance) {
	in.Settle(flow.Low)
	in.Settle(flow.High)
}

func (l *looker) datagram(k *look, i int32, in *conn.Instance, p *packet.Packet, side flow.Side, body []byte) {
	if dns := dnsPort(p); dns != content.Unrecognized && content.IsDNS(body) {
		l.begin(i, p).Application = dns
		settle(in)
		return
	}
	if k == nil {
		if !content.RecognizableDatagram(body) {
			in.Settle(side)
			return
		}
		k = l.begin(i, p)
	}
	if !k.Datagram(int(side), body) {
		in.Settle(side)
	}
}

func (l *looker) segment(k *look, i int32, in *conn.Instance, p *packet.Packet, side flow.Side, body []byte) {
	seq := p.Seq
	if p.TCPFlags&packet.SYN != 0 {
		seq++
	}
	first, known := in.Initial(side)
	if !known {
		first = seq
		if k != nil && k.begun[side] {
			first = k.first[side]
		}
	}
	offset := int(int32(seq - first))
	if k == nil {
		switch {
		case offset < 0: // a probe whether the other is there, of a byte before the first
			return
		case offset == 0 && dnsPort(p) == content.DNS:
			if message, _ := content.DNSStream(body); content.IsDNS(message) {
				l.begin(i, p).Application = content.DNS
				settle(in)
				return
			}
		}
		if offset == 0 && !content.Recognizable(body) {
			in.Settle(side)
			return
		}
		k = l.begin(i, p)
	}
	k.first[side], k.begun[side] = first, true
	if !k.Segment(int(side), offset, body) {
		in.Settle(side)
		if k.Secured() {
			k.shook = max(0, p.Time-k.begin)
		}
	}
}

// dnsPort tells which kind of DNS has a port of p.
func dnsPort(p *packet.Packet) content.Application {
	if a := content.DNSPort(p.Tuple.DestinationPort); a != content.Unrecognized {
		return a
	}
	return content.DNSPort(p.Tuple.SourcePort)
}

// begin begins to look at instance i.
func (l *looker) begin(i int32, p *packet.Packet) *look {
	k := &look{}
	if n := len(l.free); n > 0 {
		k, l.free = l.free[n-1], l.free[:n-1]
	}
	k.frame, k.begin, k.shook = p.Frame, p.Time, tcp.Unknown
	l.known[i] = k
	l.queue = append(l.queue, waiting{i, p.Frame})
	return k
}

// expire ends the looking at those that waited for too long, by the frame number that
// is next.
func (l *looker) expire(f *conn.Follower, frame uint64) {
	for len(l.queue) > 0 && frame-l.queue[0].frame > lookFrames {
		w := l.queue[0]
		l.queue = l.queue[1:]
		if k := l.known[w.instance]; k != nil && k.frame == w.frame {
			k.End()
			settle(f.Instance(w.instance))
		}
	}
}

// finish returns what instance i said, and how long its handshake of TLS took, for
// good.
func (l *looker) finish(i int32) (facts content.Facts, shook int64) {
	k := l.known[i]
	if k == nil {
		return facts, tcp.Unknown
	}
	k.End()
	facts, shook = k.Facts, k.shook
	delete(l.known, i)
	*k = look{}
	l.free = append(l.free, k)
	return facts, shook
}
