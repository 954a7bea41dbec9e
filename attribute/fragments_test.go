package attribute

import (
	"testing"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// A segment in two fragments that is sent again brings nothing new, and what follows it is new.
func TestFragmentedSegmentAgain(t *testing.T) {
	five := tuple(flow.TCP, endpoint("10.0.0.1:5000"), endpoint("10.0.0.2:80"))
	a := New(Config{})
	now := int64(1e18)
	send := func(p packet.Packet) {
		now += 1e9
		p.Time, p.Frame, p.IPVersion, p.Tuple, p.TCPFlags, p.Hash = now, uint64(now/1e9), 4, five, packet.ACK, five.Hash()
		if p.Class = packet.Transport; p.FragmentOffset > 0 {
			p.Class, p.Tuple.SourcePort, p.Tuple.DestinationPort, p.TCPFlags = packet.Network, 0, 0, 0
		}
		a.Add([]packet.Packet{p})
	}
	for id := range uint32(2) {
		send(packet.Packet{Seq: 1000, Payload: 1460, Fragmented: true, FragmentMore: true, FragmentID: id})
		send(packet.Packet{Payload: 540, Fragmented: true, FragmentOffset: 1480, FragmentID: id})
	}
	send(packet.Packet{Seq: 3000, Payload: 10})
	r, err := a.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	err = r.Connections.All(func(c *Connection) error {
		if sent := c.Sum()[Client]; sent.PayloadBytes != 4010 || sent.UniqueBytes != 2010 {
			t.Errorf("%d bytes, %d of them once, want 4010 and 2010", sent.PayloadBytes, sent.UniqueBytes)
		}
		if d := &c.Measures.Sent[Client]; d.Retransmitted != 1 || d.Lost != 0 {
			t.Errorf("%d segments again and %d lost, want 1 and 0", d.Retransmitted, d.Lost)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
