package measure

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/report/table"
)

// The packets table hands on every packet, and never many at a time: their rows
// take a thousand bytes each with what an encoder makes of them.
func TestPacketsInSmallBatches(t *testing.T) {
	const n = 3*packetBatch + 1
	packets := make([]packet.Packet, n)
	for i := range packets {
		packets[i] = packet.Packet{Frame: uint64(i + 1), Time: 1, WireLength: 60}
	}
	a := attribute.New(attribute.Config{})
	a.Add(packets)
	r, err := a.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	pass := func(yield func([]packet.Packet) error) error { return yield(packets) }
	rows, prepared := 0, 0
	err = Packets(r, nil, pass, nil, func() []ingest.Interface { return nil }, true).Each(
		func(b *table.Batch) { prepared += b.Rows },
		func(b *table.Batch) error {
			if rows += b.Rows; b.Rows > 4096 || prepared != rows {
				t.Errorf("a batch of %d rows, %d of %d prepared", b.Rows, prepared, rows)
			}
			return nil
		})
	if err != nil || rows != n {
		t.Errorf("%d rows, want %d: %v", rows, n, err)
	}
}
