package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// A list is booked in groups that are asked for ahead: each packet once, whatever their
// number.
func TestEveryPacketOfAListIsBooked(t *testing.T) {
	for groups := range 12 {
		for _, more := range []int{-1, 0, 1} {
			n := max(groups*conn.Group+more, 0)
			b := &ingest.Batch{First: 1}
			var list []uint32
			for i := range 2 * n { // every other one is of this share
				tuple := flow.FiveTuple{Protocol: flow.UDP, Source: flow.AddrFrom4(1), Destination: flow.AddrFrom4(2), SourcePort: uint16(i), DestinationPort: 53}
				b.Packets = append(b.Packets, packet.Packet{Class: packet.Transport, Tuple: tuple, Hash: tuple.Hash(), Time: int64(i), Payload: 1})
				if i%2 == 1 {
					list = append(list, uint32(i))
				}
			}
			s := New(Config{}).shares[0]
			s.takeList(b, list)
			booked := map[uint64]bool{}
			s.follower.All(func(_ int32, in *conn.Instance) {
				if sent := s.follower.Sent(in); sent[0].Packets+sent[1].Packets != 1 {
					t.Errorf("%d packets: that of frame %d is booked %d times", n, in.ID, sent[0].Packets+sent[1].Packets)
				}
				booked[in.ID] = true
			})
			for _, i := range list {
				if !booked[b.First+uint64(i)] {
					t.Errorf("%d packets: frame %d is not booked", n, b.First+uint64(i))
				}
			}
			if len(booked) != n {
				t.Errorf("%d packets: %d booked", n, len(booked))
			}
		}
	}
}
