package measure

import (
	"github.com/pcapwho/pcapwho/report/table"
)

// Timeseries is what every process exchanged in each bucket of time: they begin
// at the multiples of Bucket since the Unix epoch. Packets without a time are in none.
type Timeseries struct {
	Bucket    int64 // nanoseconds
	Breakdown *Breakdown
}

func newTimeseries(bucket int64) *Breakdown {
	return newBreakdown(func(t int64) []int64 {
		if t == 0 {
			return nil
		}
		since := t % bucket
		if since < 0 {
			since += bucket
		}
		return []int64{t - since}
	})
}

// Table returns one row for every process, or reason why there is none, that
// has packets in a bucket.
func (s *Timeseries) Table(processes Processes) *table.Table {
	keys := s.Breakdown.sorted(processes)
	return table.Of(table.Timeseries(), len(keys), func(b *table.Batch, i int) {
		k := keys[i]
		b.Int("begin_ns", k.part)
		b.Int("bucket_ns", s.Bucket)
		s.Breakdown.appendSum(b, processes, k)
	})
}
