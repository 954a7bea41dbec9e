package ingest

import (
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"io"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Reading and decoding allocates nothing for a packet.
func TestReadingAllocates(t *testing.T) {
	for name, file := range map[string][]byte{"pcapng": ng(t, 1, 4000), "pcap": classic(t, 1, 4000)} {
		c := open(t, save(t, name, file))
		batch := make([]packet.Packet, 1)
		if n := testing.AllocsPerRun(3000, func() {
			if n, err := c.Read(batch); n != 1 || err != nil || batch[0].Class != packet.Transport {
				t.Fatal(n, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a packet", name, n)
		}
	}
}

// Neither does reading a log for its usual events.
func TestReadingLogsAllocates(t *testing.T) {
	reading := func(events int) float64 {
		path := save(t, "x.jsonl", lines(t, events))
		return testing.AllocsPerRun(2, func() {
			l, err := OpenLog(path)
			must(t, err)
			must(t, l.Each(t.Context(), func(*connlog.Event) error { return nil }))
		})
	}
	if few, many := reading(10_000), reading(50_000); many > few+400 {
		t.Errorf("%v allocations for 10,000 events, %v for 50,000", few, many)
	}
}

// BenchmarkCapture opens, reads and decodes 60,000 packets of up to 1,054
// bytes, in the page cache.
func BenchmarkCapture(b *testing.B) {
	file := ng(b, 1, 60_000)
	c := open(b, save(b, "a.pcapng", file))
	batch := make([]packet.Packet, 1024)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	var packets int
	for b.Loop() {
		must(b, c.Rewind())
		for {
			n, err := c.Read(batch)
			packets += n
			if err == io.EOF {
				break
			}
			must(b, err)
		}
	}
	b.ReportMetric(float64(packets)/b.Elapsed().Seconds()/1e6, "Mpackets/s")
}
