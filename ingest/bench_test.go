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
	l, err := OpenLog(save(t, "x.jsonl", lines(t, 4000)))
	must(t, err)
	defer l.Close()
	var s connlog.Slot
	if n := testing.AllocsPerRun(3000, func() {
		if err := l.next(&s); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
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
