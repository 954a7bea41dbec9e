package ingest

import (
	"math"
	"sync/atomic"
	"unsafe"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// Batch is packets of a recording in a row, with their sums and how they are
// divided among shares. Its memory is used again once every holder called Done.
type Batch struct {
	Packets []packet.Packet // Frame is not set: that of packet i is First + i
	First   uint64          // frame number of the first

	// Shares has, for each share, the indexes of its packets, ascending: the
	// two directions of a five-tuple are always of one share. Packets that have
	// no five-tuple of their own, for they are fragments or no Transport, are
	// in Rare.
	Shares [][]uint32
	Rare   []uint32

	// Named has the indexes of packets that may ask or answer for names: they have
	// payload, and go to or come from a port of DNS.
	Named []uint32

	// Data has the bytes that Packet.Body of its packets is about: what was read of
	// the file, or of each packet what is at hand of its payload.
	Data []byte

	WireBytes, CapturedBytes int64
	Undecoded                int64 // packets whose headers could not be read
	Earliest, Latest         int64 // of the packets' times, where one has any: else Earliest is after Latest

	holders atomic.Int32
	pool    chan *Batch
}

func newBatch(shares int, pool chan *Batch) *Batch {
	return &Batch{Shares: make([][]uint32, shares), pool: pool}
}

// Hold says that n more holders will call Done.
func (b *Batch) Hold(n int) { b.holders.Add(int32(n)) }

// Done gives the batch back. The last holder's call must be the last use of it.
func (b *Batch) Done() {
	if b.holders.Add(-1) == 0 {
		b.pool <- b
	}
}

// Share tells which of n shares a five-tuple with this hash belongs to.
func Share(hash uint64, n int) int { return int(hash >> 32 * uint64(n) >> 32) }

// empty makes the batch ready to be filled.
func (b *Batch) empty() {
	b.Packets, b.Rare, b.Named, b.Data = b.Packets[:0], b.Rare[:0], b.Named[:0], b.Data[:0]
	for i := range b.Shares {
		b.Shares[i] = b.Shares[i][:0]
	}
	b.WireBytes, b.CapturedBytes, b.Undecoded = 0, 0, 0
	b.Earliest, b.Latest = math.MaxInt64, math.MinInt64
	b.holders.Store(1)
}

// early is how many packets before it is decoded the memory of one is asked for: it was
// read by another core last.
const early = 8

// next makes room for one more packet, whose memory holds an old one.
func (b *Batch) next() *packet.Packet {
	n := len(b.Packets)
	if n == cap(b.Packets) {
		b.Packets = append(b.Packets, packet.Packet{})
	} else {
		b.Packets = b.Packets[:n+1]
	}
	if n+early < cap(b.Packets) {
		prefetch.Write(unsafe.Pointer(&b.Packets[:n+early+1][n+early]), packet.Usual)
	}
	return &b.Packets[n]
}

// maxData is how many bytes of payload a batch keeps that was not read as a piece:
// the packet that reaches it is the last.
const maxData = 1 << 20

// keep copies what is at hand of p's payload, out of its frame. A nil batch keeps
// nothing.
func (b *Batch) keep(p *packet.Packet, frame []byte) {
	if b == nil || p.Held == 0 {
		return
	}
	at := len(b.Data)
	b.Data = append(b.Data, frame[p.Body:][:p.Held]...)
	p.Body = uint32(at)
}

// Body returns what is at hand of the payload of a packet of the batch; it is the
// batch's.
func (b *Batch) Body(p *packet.Packet) []byte { return b.Data[p.Body:][:p.Held] }

// named tells whether a port is one of DNS, MDNS or LLMNR: see content.DNSPort.
func named(port uint16) bool { return port == 53 || port == 5353 || port == 5355 }

// book adds the last packet to the sums and to its share.
func (b *Batch) book() {
	i := len(b.Packets) - 1
	p := &b.Packets[i]
	b.WireBytes += int64(p.WireLength)
	b.CapturedBytes += int64(p.CapturedLength)
	if p.Time != 0 {
		b.Earliest, b.Latest = min(b.Earliest, p.Time), max(b.Latest, p.Time)
	}
	if p.Class == packet.Transport && !p.Fragmented {
		share := &b.Shares[Share(p.Hash, len(b.Shares))]
		*share = append(*share, uint32(i))
		if p.Held > 0 && (named(p.Tuple.SourcePort) || p.Tuple.Protocol == flow.UDP && named(p.Tuple.DestinationPort)) {
			b.Named = append(b.Named, uint32(i))
		}
		return
	}
	if p.Class == packet.Undecoded {
		b.Undecoded++
	}
	b.Rare = append(b.Rare, uint32(i))
}
