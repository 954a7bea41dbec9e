package tcp

import (
	"testing"
	"unsafe"

	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// What docs/architecture.md says of memory.
func TestSizes(t *testing.T) {
	if s, r, h := unsafe.Sizeof(state{}), unsafe.Sizeof(trouble{}), unsafe.Sizeof(quantile.Histogram{}); s > 256 || r > 80 || h > 224 {
		t.Errorf("a connection takes %d bytes, its troubles %d, its histogram %d; want 256, 80 and 224", s, r, h)
	}
}

// Segments of connections that come and go allocate nothing.
func TestAllocations(t *testing.T) {
	var f Follower
	run := func() {
		n := f.Begin()
		for i := range uint32(100) {
			p := packet.Packet{Time: int64(i+1) * 1e6, Seq: i / 2 * 100, Ack: i / 2 * 100, Payload: 100 + i/20%2*100, Window: uint16(i % 4), TCPFlags: packet.ACK}
			f.Add(n, &p, flow.Side(i%2), 0)
		}
		if m := f.End(n); !m.Known || m.Sent[0].RTT.Count < 3 || m.Sent[1].Retransmitted == 0 || f.histograms.Len() != 0 {
			t.Fatalf("%+v", m)
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%v allocations a connection", n)
	}
	if f.states.Len()+f.troubles.Len()+f.histograms.Len() != 0 {
		t.Errorf("%d states, %d troubles, %d histograms are left", f.states.Len(), f.troubles.Len(), f.histograms.Len())
	}
}
