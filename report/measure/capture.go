package measure

import (
	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/report/table"
)

// Capture is the recording as a whole.
type Capture struct {
	RecordingID     string // "" = unknown
	Files           []string
	CapturedBytes   int64
	Dropped         int64 // packets that the recorder lost; valid iff DropsKnown
	DropsKnown      bool
	Totals          attribute.Counts
	Undecoded       int64
	Duplicates      int64 // packets that were seen on another interface before; valid iff DuplicatesKnown
	DuplicatesKnown bool
	First, Last     int64 // Unix nanoseconds; valid iff Totals.Packets > 0
}

// Table returns the one row.
func (c *Capture) Table() *table.Table {
	return table.Of(table.Capture(), 1, func(b *table.Batch, _ int) {
		b.Int("schema_version", table.Version)
		b.TextIf("recording_id", c.RecordingID)
		b.Int("files", int64(len(c.Files)))
		b.Int("packets", c.Totals.Packets)
		b.Int("wire_bytes", c.Totals.WireBytes)
		b.Int("captured_bytes", c.CapturedBytes)
		b.IntIf("first_ns", c.First, c.Totals.Packets > 0 && c.First != 0)
		b.IntIf("last_ns", c.Last, c.Totals.Packets > 0 && c.Last != 0)
		b.IntIf("dropped_packets", c.Dropped, c.DropsKnown)
		b.IntIf("duplicate_packets", c.Duplicates, c.DuplicatesKnown)
		b.Int("undecoded_packets", c.Undecoded)
	})
}

// Damage returns one row for each thing that was wrong with the inputs, in
// the order given.
func Damage(all []ingest.Damage) *table.Table {
	return table.Of(table.Damage(), len(all), func(b *table.Batch, i int) {
		d := &all[i]
		b.Text("file", d.File)
		b.IntIf("block", int64(d.Block), d.Block > 0)
		b.IntIf("offset", d.Offset, d.Block > 0)
		b.TextIf("field", d.Field)
		b.Text("message", d.Message)
		b.Int("count", d.Count)
	})
}
