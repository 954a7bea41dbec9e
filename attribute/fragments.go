package attribute

import (
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// maxFragments is how many fragmented datagrams are remembered; the oldest
// are forgotten first. Linux itself holds 4 MiB of fragments
// (net.ipv4.ipfrag_high_thresh), far fewer datagrams.
const maxFragments = 1 << 14

// maxReassembly is for how long Linux waits for the fragments of a datagram
// (net.ipv4.ipfrag_time): its number may be another one's by then.
const maxReassembly = int64(30 * time.Second)

// maxCopy is for how long after the last of a datagram's fragments copies of them may
// come, where one interface has a packet twice. Sooner no sender has its number again.
const maxCopy = int64(50 * time.Millisecond)

// fragments gives later fragments of a datagram the ports of its first one.
// A fragment that comes before its first stays without. The zero value is
// ready.
type fragments struct {
	first map[fragmentKey]fragment
	order []fragmentKey // a ring once it is full
	next  int
}

// fragment is the first of a datagram, and how many bytes came since.
type fragment struct {
	source, destination uint16 // ports
	time, lasts         int64  // others may come for so long
	next                uint32 // TCP: sequence number behind it
	length              uint32 // the most that it can have had itself
	later, whole        uint32 // in later ones, and in all; 0 = not known
}

// fragmentKey identifies a datagram (RFC 791 section 3.2, RFC 8200 section 4.5). Its
// fragments may be in two files of a rotated set.
type fragmentKey struct {
	source, destination flow.Addr
	protocol            flow.Protocol
	id                  uint32
	device              uint16
}

// resolve returns p itself, or for a later fragment whose first was seen a
// copy with its ports and Class Transport; of TCP with a sequence number, as if they came
// in their order.
func (f *fragments) resolve(p *packet.Packet) *packet.Packet {
	if !p.Fragmented {
		return p
	}
	key := fragmentKey{p.Tuple.Source, p.Tuple.Destination, p.Tuple.Protocol, p.FragmentID, p.Device}
	if p.FragmentOffset == 0 {
		if p.Class == packet.Transport && p.FragmentMore {
			f.remember(key, firstOf(p))
		}
		return p
	}
	first, ok := f.first[key]
	if apart := p.Time - first.time; !ok || apart > first.lasts || apart < -first.lasts {
		return p
	}
	q := *p
	q.Seq = first.next + first.later
	first.add(p)
	f.first[key] = first
	q.Class, q.Tuple.SourcePort, q.Tuple.DestinationPort = packet.Transport, first.source, first.destination
	q.Hash = q.Tuple.Hash()
	return &q
}

func firstOf(p *packet.Packet) fragment {
	header, next := uint32(8), p.Seq+p.Payload
	if p.Tuple.Protocol == flow.TCP {
		header = 60 // with all options
	}
	if p.TCPFlags&packet.SYN != 0 {
		next++
	}
	return fragment{next: next, source: p.Tuple.SourcePort, destination: p.Tuple.DestinationPort, time: p.Time, lasts: maxReassembly, length: p.Payload + header}
}

// add adds a later fragment: where all have come, more are of another datagram.
func (f *fragment) add(p *packet.Packet) {
	f.later += p.Payload
	if !p.FragmentMore {
		f.whole = uint32(p.FragmentOffset) + p.Payload
	}
	if f.whole > 0 && f.whole <= f.later+f.length {
		f.time, f.lasts = p.Time, maxCopy
	}
}

func (f *fragments) remember(key fragmentKey, first fragment) {
	if f.first == nil {
		f.first = make(map[fragmentKey]fragment)
	}
	if _, known := f.first[key]; !known {
		if len(f.order) < maxFragments {
			f.order = append(f.order, key)
		} else {
			delete(f.first, f.order[f.next])
			f.order[f.next] = key
			f.next = (f.next + 1) % maxFragments
		}
	}
	f.first[key] = first
}
