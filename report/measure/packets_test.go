package measure

import (
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"

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
	rest, stopped := packets, 0
	pass := func() (func() ([]packet.Packet, error), func(), error) {
		return func() ([]packet.Packet, error) {
			if len(rest) == 0 {
				return nil, io.EOF
			}
			some := rest[:min(len(rest), 1000)]
			rest = rest[len(some):]
			return some, nil
		}, func() { stopped++ }, nil
	}
	rows, prepared := int64(0), atomic.Int64{}
	err = Packets(r, nil, pass, nil, func() []ingest.Interface { return nil }, true, 2).Each(
		func(b *table.Batch) { prepared.Add(int64(b.Rows)) },
		func(b *table.Batch) error {
			for _, frame := range b.Columns[b.Schema.Index("frame_number")].Ints {
				if rows++; frame != rows {
					t.Fatalf("row %d is of packet %d", rows, frame)
				}
			}
			if b.Rows > 4096 || prepared.Load() < rows {
				t.Errorf("a batch of %d rows, %d of %d prepared", b.Rows, prepared.Load(), rows)
			}
			return nil
		})
	if stopped != 1 {
		t.Errorf("the pass was stopped %d times", stopped)
	}
	if err != nil || rows != n {
		t.Errorf("%d rows, want %d: %v", rows, n, err)
	}
}

// When the output fails, the pass is stopped, once and behind the last who reads.
func TestPacketsStop(t *testing.T) {
	a := attribute.New(attribute.Config{})
	r, err := a.Finish()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	failed := errors.New("disk full")
	synctest.Test(t, func(t *testing.T) { // which waits for all goroutines
		frame, stopped := uint64(0), 0
		pass := func() (func() ([]packet.Packet, error), func(), error) {
			return func() ([]packet.Packet, error) { // without end
				if stopped > 0 {
					t.Error("a pass is read that was stopped")
				}
				some := make([]packet.Packet, 1000)
				for i := range some {
					frame++
					some[i] = packet.Packet{Frame: frame, Time: 1}
				}
				return some, nil
			}, func() { stopped++ }, nil
		}
		err := Packets(r, nil, pass, nil, func() []ingest.Interface { return nil }, true, 3).Each(
			func(*table.Batch) {}, func(*table.Batch) error { return failed })
		if err != failed || stopped != 1 {
			t.Errorf("error %v, stopped %d times", err, stopped)
		}
	})
}
