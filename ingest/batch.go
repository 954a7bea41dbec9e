package ingest

import (
	"math"
	"sync/atomic"

	"github.com/pcapwho/pcapwho/ingest/packet"
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
	b.Packets, b.Rare = b.Packets[:0], b.Rare[:0]
	for i := range b.Shares {
		b.Shares[i] = b.Shares[i][:0]
	}
	b.WireBytes, b.CapturedBytes, b.Undecoded = 0, 0, 0
	b.Earliest, b.Latest = math.MaxInt64, math.MinInt64
	b.holders.Store(1)
}

// next makes room for one more packet, whose memory holds an old one.
func (b *Batch) next() *packet.Packet {
	n := len(b.Packets)
	if n == cap(b.Packets) {
		b.Packets = append(b.Packets, packet.Packet{})
	} else {
		b.Packets = b.Packets[:n+1]
	}
	return &b.Packets[n]
}

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
		return
	}
	if p.Class == packet.Undecoded {
		b.Undecoded++
	}
	b.Rare = append(b.Rare, uint32(i))
}
