package measure

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// result draws any finished attribution: processes with any parent links,
// circles too, connections with several spans, and loose packets.
func result(t *rapid.T) *attribute.Result {
	r := &attribute.Result{}
	n := rapid.IntRange(0, 9).Draw(t, "processes")
	id := func(i int) connlog.ProcessID { return connlog.ProcessID{PID: int32(i + 1), Start: int64(i)} }
	for i := range n {
		p := attribute.Process{ID: id(i), UID: -1}
		if parent := rapid.IntRange(-2, n).Draw(t, "parent"); parent >= 0 {
			p.Parent = id(parent) // n is a process that the recording does not have
		}
		r.Processes = append(r.Processes, p)
	}
	verdict := rapid.Custom(func(t *rapid.T) attribute.Verdict {
		v := attribute.Verdict{Reason: attribute.Reason(rapid.IntRange(0, attribute.NumReasons-1).Draw(t, "reason")), Process: attribute.NoProcess}
		if v.Reason <= attribute.Marked && n > 0 {
			v.Process = int32(rapid.IntRange(0, n-1).Draw(t, "process"))
		}
		return v
	})
	counts := rapid.Custom(func(t *rapid.T) attribute.Counts {
		k := rapid.Int64Range(0, 5).Draw(t, "packets")
		return attribute.Counts{Packets: k, WireBytes: 100 * k, PayloadBytes: 10 * k, UniqueBytes: k}
	})
	var connections []attribute.Connection
	for range rapid.IntRange(0, 4).Draw(t, "connections") {
		c := attribute.Connection{ID: uint64(len(connections) + 1)}
		for range rapid.IntRange(1, 3).Draw(t, "spans") {
			c.Spans = append(c.Spans, attribute.Span{Sent: [2]attribute.Counts{counts.Draw(t, "client"), counts.Draw(t, "server")},
				Verdict: [2]attribute.Verdict{verdict.Draw(t, "client"), verdict.Draw(t, "server")}})
		}
		connections = append(connections, c)
	}
	r.Connections = attribute.ConnectionsOf(connections)
	for range rapid.IntRange(0, 3).Draw(t, "loose") {
		r.Loose = append(r.Loose, attribute.Loose{Source: verdict.Draw(t, "source"), Destination: verdict.Draw(t, "destination"), Counts: counts.Draw(t, "loose")})
	}
	for _, f := range flows(r) {
		r.Totals.Add(f.Counts)
	}
	return r
}

// fold folds r, which is in memory, with two workers.
func fold(r *attribute.Result) (*Coverage, Processes) {
	sums, err := Fold(r, FoldConfig{Workers: 2})
	if err != nil {
		panic(err)
	}
	return sums.Coverage, sums.Processes
}

// flows are a result's packets one direction of one span at a time.
func flows(r *attribute.Result) []attribute.Loose {
	all := slices.Clone(r.Loose)
	r.Connections.All(func(c *attribute.Connection) error {
		for _, s := range c.Spans {
			for e := range attribute.End(2) {
				all = append(all, attribute.Loose{Source: s.Verdict[e], Destination: s.Verdict[e.Other()], Counts: s.Sent[e]})
			}
		}
		return nil
	})
	return all
}

// For each side the sum over all reasons is the capture.
func TestCoverageIsTheCapture(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := result(t)
		c, _ := fold(r)
		for s := range Side(NumSides) {
			if c.Sum(s) != r.Totals {
				t.Fatalf("%v adds up to %+v, the capture is %+v", s, c.Sum(s), r.Totals)
			}
			for reason := range c[s] {
				var want attribute.Counts
				for _, f := range flows(r) {
					if [...]attribute.Verdict{f.Source, f.Destination}[s].Reason == attribute.Reason(reason) {
						want.Add(f.Counts)
					}
				}
				if c[s][reason] != want {
					t.Fatalf("%v %v is %+v, want %+v", s, attribute.Reason(reason), c[s][reason], want)
				}
			}
		}
	})
}

// Every process and tree has what a count over all packets and all members
// gives.
func TestByProcessAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := result(t)
		_, got := fold(r)
		parent := NewTree(r.Processes).parent
		for i := range got {
			if d := cmp.Diff(oracle(r, []int32{int32(i)}), got[i].Self); d != "" {
				t.Fatalf("process %d (-want +got):\n%s", i, d)
			}
			if d := cmp.Diff(oracle(r, members(parent, int32(i))), got[i].Tree); d != "" {
				t.Fatalf("tree of process %d (-want +got):\n%s", i, d)
			}
		}
	})
}

// members are a process and its descendants, found one by one.
func members(parent []int32, top int32) []int32 {
	root := int32(len(parent) - 1)
	var all []int32
	for i := range root {
		for v := i; v != root; v = parent[v] {
			if v == top {
				all = append(all, i)
				break
			}
		}
	}
	return all
}

// oracle counts what a set of processes exchanged.
func oracle(r *attribute.Result, set []int32) (t Traffic) {
	t.Busy = turn.Unknown // r was not measured
	for _, f := range flows(r) {
		if slices.Contains(set, f.Source.Process) {
			t.Sent.Add(f.Counts)
		}
		if slices.Contains(set, f.Destination.Process) {
			t.Received.Add(f.Counts)
		}
	}
	r.Connections.All(func(c *attribute.Connection) error {
		if slices.ContainsFunc(c.Spans, func(s attribute.Span) bool {
			return slices.Contains(set, s.Verdict[0].Process) || slices.Contains(set, s.Verdict[1].Process)
		}) {
			t.Connections++
		}
		return nil
	})
	return t
}

// The links of the log hold except where they close a circle, and there is no
// circle left.
func TestTreeKeepsLinks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := result(t)
		tree := NewTree(r.Processes)
		root := int32(len(r.Processes))
		if len(tree.order) != len(r.Processes) {
			t.Fatalf("%d of %d processes hang under the root", len(tree.order), len(r.Processes))
		}
		for i, p := range r.Processes {
			want := slices.IndexFunc(r.Processes, func(q attribute.Process) bool { return q.ID == p.Parent })
			if got := tree.parent[i]; got != root && int(got) != want {
				t.Fatalf("parent of %d is %d, want %d", i, got, want)
			} else if got == root && want >= 0 && !reaches(r, int32(want), int32(i)) {
				t.Fatalf("the link of %d to %d is lost", i, want)
			}
		}
	})
}

// reaches tells whether the log's own links lead from a process up to another.
func reaches(r *attribute.Result, from, to int32) bool {
	for range len(r.Processes) {
		if from == to {
			return true
		}
		from = int32(slices.IndexFunc(r.Processes, func(q attribute.Process) bool { return q.ID == r.Processes[from].Parent }))
		if from < 0 {
			return false
		}
	}
	return false
}

// A chain as deep as a hostile log makes it takes no time and no stack.
func TestDeepTree(t *testing.T) {
	n := int32(300_000)
	if need.Slow {
		n /= 4
	}
	r := &attribute.Result{}
	for i := range n {
		r.Processes = append(r.Processes, attribute.Process{ID: connlog.ProcessID{PID: i + 1, Start: 1}, Parent: connlog.ProcessID{PID: i, Start: 1}})
	}
	owner := func(p int32) attribute.Verdict { return attribute.Verdict{Process: p} }
	var connections []attribute.Connection
	for i := range int32(20_000) {
		connections = append(connections, attribute.Connection{Spans: []attribute.Span{{Verdict: [2]attribute.Verdict{owner(n - 1 - i), owner(i)}}}})
	}
	r.Connections = attribute.ConnectionsOf(connections)
	_, all := fold(r)
	if got := all[0]; got.Tree.Connections != 20_000 || got.Self.Connections != 1 {
		t.Errorf("the first process has %+v", got)
	}
}

func TestQuote(t *testing.T) {
	for want, args := range map[string][]string{
		"": nil, "ls -l /tmp": {"ls", "-l", "/tmp"}, "''": {""}, `'a b' 'it'\''s'`: {"a b", "it's"}, "'$(rm)' '*' '~'": {"$(rm)", "*", "~"}, "'a\nb'": {"a\nb"},
	} {
		if got := Quote(args); got != want {
			t.Errorf("Quote(%q) = %q, want %q", args, got, want)
		}
	}
}

// rows returns the cells of a column of a table, NULL as nil.
func rows(t testing.TB, tab *table.Table, column string) (cells []any) {
	t.Helper()
	k := tab.Index(column)
	if k < 0 {
		t.Fatalf("table %s has no column %s", tab.Name, column)
	}
	err := tab.Each(func(*table.Batch) {}, func(b *table.Batch) error {
		for i := range b.Rows {
			switch v := &b.Columns[k]; {
			case !v.Valid[i]:
				cells = append(cells, nil)
			case b.Schema.Columns[k].Type == table.String:
				cells = append(cells, v.Strings[i])
			case b.Schema.Columns[k].Type == table.ProcessList:
				cells = append(cells, v.Lists[i])
			default:
				cells = append(cells, v.Ints[i])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// The tables add up to what the measures hold.
func TestTablesAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := result(rt)
		sum := func(tab *table.Table, column string) (n int64) {
			for _, v := range rows(t, tab, column) {
				n += v.(int64)
			}
			return n
		}
		coverage, processes := fold(r)
		cover, connections := coverage.Table(), Connections(r, nil, true, 2)
		if got := sum(cover, "wire_bytes"); got != 2*r.Totals.WireBytes {
			rt.Fatalf("coverage holds %d bytes, want twice %d", got, r.Totals.WireBytes)
		}
		var sent, both attribute.Counts
		for i := range processes {
			sent.Add(processes[i].Self.Sent)
		}
		if got := sum(processes.Table(nil), "sent_unique_payload_bytes"); got != sent.UniqueBytes {
			rt.Fatalf("processes hold %d bytes, want %d", got, sent.UniqueBytes)
		}
		r.Connections.All(func(c *attribute.Connection) error {
			ends := c.Sum()
			both.Add(ends[0])
			both.Add(ends[1])
			return nil
		})
		if got := sum(connections, "client_payload_bytes") + sum(connections, "server_payload_bytes"); got != both.PayloadBytes {
			rt.Fatalf("connections hold %d bytes, want %d", got, both.PayloadBytes)
		}
	})
}
