package report

import (
	"maps"
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/report/view"
	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// For each segment that a connection counts as sent again there is the time of a packet
// of it, with any number of workers, and none where nobody asks; a part of the time has
// those in it.
func TestResent(t *testing.T) {
	dir := t.TempDir()
	kind, _ := traffic.Lookup("mixed")
	_, err := traffic.Write(dir, traffic.Config{Kind: kind, Seed: 5, Scale: 0.01})
	must(t, err)
	analyzed := func(change func(*Config)) *Result {
		cfg := Config{Captures: []string{dir + "/mixed.pcapng"}}
		cfg.ForView()
		change(&cfg)
		r, err := Analyze(t.Context(), cfg)
		must(t, err)
		t.Cleanup(func() { r.Close() })
		return r
	}
	times := func(r *Result) (all map[int64][]int64) {
		all = map[int64][]int64{}
		must(t, r.activity(t.Context(), func(id int64, _ []view.Stretch, resent []int64) error {
			all[id] = slices.Clone(resent)
			return nil
		}))
		return all
	}
	r := analyzed(func(cfg *Config) { cfg.Workers = 1 })
	whole, sum, middle := times(r), 0, r.Capture.First+(r.Capture.Last-r.Capture.First)/2
	must(t, r.Attribution.Connections.All(func(c *attribute.Connection) error {
		got := whole[int64(c.ID)]
		if sent := &c.Measures.Sent; int64(len(got)) != max(0, sent[0].Retransmitted)+max(0, sent[1].Retransmitted) {
			t.Errorf("connection %d: %d times, %d and %d segments", c.ID, len(got), sent[0].Retransmitted, sent[1].Retransmitted)
		}
		for _, at := range got {
			if at <= c.First || at > c.Last {
				t.Errorf("connection %d: %d is not from %d to %d", c.ID, at, c.First, c.Last)
			}
		}
		sum += len(got)
		return nil
	}))
	late := times(analyzed(func(cfg *Config) { cfg.Workers, cfg.From = 3, &Moment{Nanoseconds: middle} }))
	for id, all := range whole {
		want := slices.DeleteFunc(slices.Clone(all), func(at int64) bool { return at < middle })
		if !slices.Equal(late[id], want) {
			t.Errorf("connection %d: from the middle on %v, want %v", id, late[id], want)
		}
	}
	if none := times(analyzed(func(cfg *Config) { cfg.viewed = false })); sum < 100 || slices.ContainsFunc(slices.Collect(maps.Values(none)), func(l []int64) bool { return len(l) > 0 }) {
		t.Errorf("%d times, and without a view %v", sum, none)
	}
}
