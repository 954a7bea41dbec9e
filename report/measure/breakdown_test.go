package measure

import (
	"math"
	"slices"
	"sort"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// timed gives every span and loose sum of r a time.
func timed(t *rapid.T, r *attribute.Result) *attribute.Result {
	at := rapid.Int64Range(-20, 99)
	var list []attribute.Connection
	r.Connections.All(func(c *attribute.Connection) error {
		d := *c
		d.Spans = slices.Clone(c.Spans)
		for i := range d.Spans {
			d.Spans[i].First = at.Draw(t, "first")
			d.Spans[i].Last = d.Spans[i].First
		}
		list = append(list, d)
		return nil
	})
	r.Connections = attribute.ConnectionsOf(list)
	for i := range r.Loose {
		r.Loose[i].Window = at.Draw(t, "window")
	}
	return r
}

// timedFlow is packets of one direction at a time.
type timedFlow struct {
	at         int64
	connection uint64 // 0 = none
	attribute.Loose
}

func timedFlows(r *attribute.Result) (all []timedFlow) {
	for _, l := range r.Loose {
		all = append(all, timedFlow{at: l.Window, Loose: l})
	}
	r.Connections.All(func(c *attribute.Connection) error {
		for _, s := range c.Spans {
			for e := range attribute.End(2) {
				all = append(all, timedFlow{s.First, c.ID, attribute.Loose{Source: s.Verdict[e], Destination: s.Verdict[e.Other()], Counts: s.Sent[e]}})
			}
		}
		return nil
	})
	return all
}

// contains tells whether a phase does a time; 0 is none.
func contains(p Phase, at int64) bool { return at != 0 && p.Begin <= at && at < p.End }

// TestBreakdownAgainstOracle holds that the sums of every bucket and phase are
// those of a count over all packets in it, selected or not.
func TestBreakdownAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := timed(t, result(t))
		cfg := FoldConfig{Workers: 2, Bucket: rapid.Int64Range(1, 30).Draw(t, "bucket"), Phases: drawPhases(t)}
		if rapid.Bool().Draw(t, "select") {
			from, to := rapid.Int64Range(-20, 99).Draw(t, "from"), rapid.Int64Range(-20, 99).Draw(t, "to")
			cfg.Selection = &Selection{Time: func(t int64) bool { return from <= t && t < to }}
			if rapid.Bool().Draw(t, "owners") {
				cfg.Selection.Owners = rapid.SliceOfN(rapid.Bool(), len(r.Processes), len(r.Processes)).Draw(t, "set")
			}
		}
		sums, err := Fold(r, cfg)
		if err != nil {
			t.Fatal(err)
		}
		phases := map[partKey]Traffic{}
		for n, p := range cfg.Phases {
			countBreakdown(phases, r, &cfg, func(at int64) (int64, bool) { return int64(n), contains(p, at) })
		}
		if len(cfg.Phases) > 0 {
			countBreakdown(phases, r, &cfg, func(at int64) (int64, bool) {
				inside := slices.ContainsFunc(cfg.Phases, func(p Phase) bool { return contains(p, at) })
				return int64(len(cfg.Phases)), !inside
			})
			compareBreakdown(t, phases, sums.ByPhase.Breakdown)
		}
		buckets := map[partKey]Traffic{}
		countBreakdown(buckets, r, &cfg, func(at int64) (int64, bool) {
			return int64(math.Floor(float64(at)/float64(cfg.Bucket))) * cfg.Bucket, at != 0
		})
		compareBreakdown(t, buckets, sums.Timeseries.Breakdown)
	})
}

func drawPhases(t *rapid.T) (phases Phases) {
	for range rapid.IntRange(0, 4).Draw(t, "phases") {
		begin := rapid.SampledFrom([]int64{math.MinInt64, -5, 0, 10, 50}).Draw(t, "begin")
		end := rapid.SampledFrom([]int64{math.MaxInt64, 0, 10, 30, 60}).Draw(t, "end")
		phases = append(phases, Phase{"p", begin, end})
	}
	sort.SliceStable(phases, func(i, j int) bool { return phases[i].Begin < phases[j].Begin })
	return phases
}

// countBreakdown adds up what part says belongs to one.
func countBreakdown(sums map[partKey]Traffic, r *attribute.Result, cfg *FoldConfig, part func(int64) (int64, bool)) {
	seen := map[[2]any]bool{}
	for _, f := range timedFlows(r) {
		n, ok := part(f.at)
		s := cfg.Selection
		chosen := func(v attribute.Verdict) bool { return v.Process != attribute.NoProcess && s.Owners[v.Process] }
		if !ok || s != nil && (!s.Time(f.at) || s.Owners != nil && !chosen(f.Source) && !chosen(f.Destination)) {
			continue
		}
		from, to := partKey{n, holderOf(&f.Source)}, partKey{n, holderOf(&f.Destination)}
		add := func(k partKey, sent, received attribute.Counts) {
			t := sums[k]
			t.Sent.Add(sent)
			t.Received.Add(received)
			if id := [2]any{k, f.connection}; f.connection > 0 && !seen[id] {
				seen[id] = true
				t.Connections++
			}
			sums[k] = t
		}
		if f.connection > 0 || f.Counts != (attribute.Counts{}) {
			add(from, f.Counts, attribute.Counts{})
			add(to, attribute.Counts{}, f.Counts)
		}
	}
}

func compareBreakdown(t *rapid.T, want map[partKey]Traffic, got *Breakdown) {
	t.Helper()
	have := map[partKey]Traffic{}
	for k, v := range got.sums {
		have[k] = v.Traffic
	}
	if d := cmp.Diff(want, have, cmp.AllowUnexported(partKey{}, holder{})); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

// TestMarks holds which marks bound which phases.
func TestMarks(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	type mark struct {
		at     int64
		change connlog.MarkChange
		name   string
		pid    int32
	}
	const begin, end, instant = connlog.MarkBegin, connlog.MarkEnd, connlog.MarkInstant
	for name, test := range map[string]struct {
		marks []mark
		want  Phases
	}{
		"one":               {[]mark{{1, begin, "a", 7}, {5, end, "a", 7}}, Phases{{"a", 1, 5}}},
		"never ended":       {[]mark{{1, begin, "a", 7}}, Phases{{"a", 1, most}}},
		"never begun":       {[]mark{{5, end, "a", 7}}, Phases{{"a", least, 5}}},
		"nested":            {[]mark{{1, begin, "a", 7}, {2, begin, "b", 7}, {3, end, "b", 7}, {5, end, "a", 7}}, Phases{{"a", 1, 5}, {"b", 2, 3}}},
		"overlapping":       {[]mark{{1, begin, "a", 7}, {2, begin, "b", 7}, {3, end, "a", 7}, {5, end, "b", 7}}, Phases{{"a", 1, 3}, {"b", 2, 5}}},
		"of one name":       {[]mark{{1, begin, "a", 7}, {2, begin, "a", 7}, {3, end, "a", 7}, {5, end, "a", 7}}, Phases{{"a", 1, 5}, {"a", 2, 3}}},
		"of two processes":  {[]mark{{1, begin, "a", 7}, {2, begin, "a", 8}, {3, end, "a", 7}, {5, end, "a", 8}}, Phases{{"a", 1, 3}, {"a", 2, 5}}},
		"ended by another":  {[]mark{{1, begin, "a", 7}, {3, end, "a", 8}}, Phases{{"a", 1, 3}}},
		"instants":          {[]mark{{1, instant, "a", 7}, {3, instant, "b", 8}, {4, begin, "c", 8}, {6, end, "c", 8}, {9, instant, "a", 7}}, Phases{{"a", 1, 3}, {"b", 3, 9}, {"c", 4, 6}, {"a", 9, most}}},
		"the clock was set": {[]mark{{9, begin, "a", 7}, {3, end, "a", 7}}, Phases{{"a", 9, 3}}},
		"an instant ended":  {[]mark{{1, instant, "a", 7}, {3, end, "a", 7}, {5, instant, "b", 7}}, Phases{{"a", 1, 3}, {"b", 5, most}}},
		"another ended":     {[]mark{{1, instant, "a", 7}, {3, end, "b", 7}}, Phases{{"b", least, 3}, {"a", 1, most}}},
	} {
		var m Marker
		for _, k := range test.marks {
			m.Add(&connlog.Mark{Change: k.change, Name: k.name, PID: k.pid}, k.at)
		}
		if d := cmp.Diff(test.want, m.Phases()); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// TestTooManyPhases keeps memory bounded: 64 are open at once at most.
func TestTooManyPhases(t *testing.T) {
	var m Marker
	for n := range 20_000 {
		m.Add(&connlog.Mark{Change: connlog.MarkBegin, Name: "a"}, int64(n))
	}
	for n := range 150_000 {
		m.Add(&connlog.Mark{Change: connlog.MarkInstant, Name: "b"}, int64(20_000+n))
	}
	m.Add(&connlog.Mark{Change: connlog.MarkEnd, Name: "never begun"}, 1e6)
	phases := m.Phases()
	if len(phases) != maxPhases || m.LeftOut != 20_000-maxOpen+150_000-(maxPhases-maxOpen) {
		t.Errorf("%d phases, %d left out", len(phases), m.LeftOut)
	}
	if inside := phases.Containing()(50_000); len(inside) != maxOpen+1 {
		t.Errorf("%d phases at once", len(inside))
	}
}

// TestPhaseWithoutPackets holds that it has a row, and that without phases there
// is none.
func TestPhaseWithoutPackets(t *testing.T) {
	r := &attribute.Result{Connections: attribute.ConnectionsOf(nil)}
	for n, phases := range []Phases{{}, {{"a", 1, 5}, {"b", 5, math.MaxInt64}}} {
		sums, err := Fold(r, FoldConfig{Phases: phases})
		if err != nil {
			t.Fatal(err)
		}
		tab := sums.ByPhase.Table(sums.Processes)
		if got := rows(t, tab, "phase_id"); len(got) != len(phases) {
			t.Errorf("%d: rows of phases %v", n, got)
		}
	}
}
