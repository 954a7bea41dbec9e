package attribute

import (
	"unsafe"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/prefetch"
)

// upcoming is some packets of a batch, which are booked soon.
type upcoming struct {
	list      []uint32 // their indexes, no more than conn.Group
	hashes    [conn.Group]uint64
	instances [conn.Group]int32 // likely theirs; -1 = none
}

// fetch asks for the packets.
func (g *upcoming) fetch(b *ingest.Batch) {
	for _, i := range g.list {
		prefetch.Read(unsafe.Pointer(&b.Packets[i]), packet.Usual)
	}
}

// seek asks for what tells their instances.
func (g *upcoming) seek(b *ingest.Batch, f *conn.Follower) {
	for k, i := range g.list {
		g.hashes[k] = b.Packets[i].Hash
	}
	f.Seek(g.hashes[:len(g.list)])
}

// prepare asks for their instances.
func (g *upcoming) prepare(f *conn.Follower) {
	f.Prepare(g.hashes[:len(g.list)], g.instances[:len(g.list)])
}

// measured asks for what is measured of them.
func (g *upcoming) measured(s *share) {
	if s.measured == nil {
		return
	}
	for _, i := range g.instances[:len(g.list)] {
		if i >= 0 {
			s.measured.prefetch(s.follower.Instance(i))
		}
	}
}
