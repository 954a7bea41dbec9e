package view

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/report/table/tabletest"
)

// Buckets are what was added to them, in JSON too, and coarser ones are the sums of theirs.
func TestBuckets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[int64]int64{}
		var b Buckets
		i := int64(0)
		for _, step := range rapid.SliceOf(rapid.Int64Range(0, 5)).Draw(t, "steps") {
			i += step
			n := rapid.Int64Range(0, 3).Draw(t, "bytes")
			b.add(i, n)
			want[i] += n
		}
		by := rapid.Int64Range(1, 7).Draw(t, "by")
		text, err := json.Marshal(b)
		var read Buckets
		if err != nil || json.Unmarshal(text, &read) != nil {
			t.Fatalf("%s: %v", text, err)
		}
		coarse := b.coarser(by)
		for name, c := range map[string]struct {
			got *Buckets
			by  int64
		}{"in memory": {&b, 1}, "in JSON": {&read, 1}, "coarser": {&coarse, by}} {
			sums, last := map[int64]int64{}, int64(-1)
			for i, n := range want {
				sums[i/c.by] += n
			}
			for i, n := range c.got.All() {
				if i <= last || n <= 0 || sums[i] != n {
					t.Fatalf("%s: bucket %d, behind %d, has %d, want %d", name, i, last, n, sums[i])
				}
				delete(sums, i)
				last = i
			}
			for i, n := range sums {
				if n > 0 {
					t.Fatalf("%s: bucket %d has none, want %d", name, i, n)
				}
			}
		}
	})
}

// timeseries is a table whose rows are begin, width and bytes.
func timeseries(rows int, row func(i int) [3]int64) *table.Table {
	return table.Of(table.Timeseries(), rows, func(b *table.Batch, i int) {
		r := row(i)
		tabletest.Fill(b, map[string]any{"begin_ns": r[0], "bucket_ns": r[1], "reason": "remote", "sent_wire_bytes": r[2]})
	})
}

// More buckets than there is memory for are summed up in pairs, and all bytes stay.
func TestThroughputIsBounded(t *testing.T) {
	const rows = maxRuns + 3
	got, err := readThroughput(timeseries(rows, func(i int) [3]int64 { return [3]int64{int64(10 * i), 10, int64(1 + i%2)} }), &processes{}, 0, 9)
	if err != nil || got.Width != 20 || got.Finest != 10 || got.Rows != (rows+1)/2 || got.runs() > maxRuns {
		t.Fatalf("%+v: %v", got, err)
	}
	for i, n := range got.Series[0].Sent.All() {
		if n != 3 && i < got.Rows-1 {
			t.Fatalf("bucket %d has %d bytes", i, n)
		}
	}
	small := got.within(1000)
	var sum int64
	for _, n := range small.Series[0].Sent.All() {
		sum += n
	}
	if data, err := json.Marshal(small); err != nil || len(data) > 1000 || len(data) < 200 || sum != rows/2*3+1 || got.Width != 20 {
		t.Errorf("%d bytes of JSON, %d bytes in them, want %d: %v", len(data), sum, rows/2*3+1, err)
	}
}

// What no analysis writes is refused.
func TestThroughputOfAnotherOrder(t *testing.T) {
	for name, rows := range map[string][][3]int64{
		"backwards":    {{20, 10, 1}, {10, 10, 1}},
		"no width":     {{20, 0, 1}},
		"below none":   {{20, -5, 1}},
		"two widths":   {{10, 10, 1}, {20, 20, 1}},
		"out of range": {{-1 << 63, 10, 1}, {1<<63 - 1, 10, 1}},
		"too far":      {{0, 1, 1}, {1 << 53, 1, 1}},
		"less":         {{0, 10, -1}},
		"too many":     {{0, 10, 1<<63 - 1}, {10, 10, 1}},
	} {
		_, err := readThroughput(timeseries(len(rows), func(i int) [3]int64 { return rows[i] }), &processes{}, 0, 9)
		if err == nil || !strings.HasPrefix(err.Error(), "table timeseries: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal := slices.Repeat([][3]int64{{10, 10, 1}}, 3)
	if got, err := readThroughput(timeseries(3, func(i int) [3]int64 { return equal[i] }), &processes{}, 0, 9); err != nil || got.Rows != 1 {
		t.Errorf("%+v: %v", got, err)
	}
}

// Reasons are few: a result of millions is refused before there is no memory for them.
func TestThroughputOfManyReasons(t *testing.T) {
	of := func(rows int) error {
		_, err := readThroughput(table.Of(table.Timeseries(), rows, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"begin_ns": 10, "bucket_ns": 10, "reason": fmt.Sprint("reason ", i), "sent_wire_bytes": 1})
		}), &processes{}, 0, 9)
		return err
	}
	if err := of(attribute.NumReasons); err != nil {
		t.Error(err)
	}
	if err := of(1000); err == nil || !strings.Contains(err.Error(), "more than 64 reasons") {
		t.Errorf("%v", err)
	}
}
