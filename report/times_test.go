package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// bucket is an element of a histogram.
type bucket struct{ Least_ns, Below_ns, Count int64 }

// times are what these tests read of a row of any of three tables.
type times struct {
	Rtt_count, Wait_count, Response_count                int64
	Rtt_median_ns, Rtt_p95_ns, Rtt_p99_ns                int64
	Rtt_histogram, Wait_histogram, Response_histogram    []bucket
	Tree_rtt_count, Tree_wait_count, Tree_response_count int64

	Pid, Client_pid, Server_pid        *int64
	Local_side                         string
	Client_rtt_count, Server_rtt_count int64
}

// timesIn analyzes captures into rows.
func timesIn(t *testing.T, cfg Config) (result struct{ Processes, Connections, Endpoints []times }) {
	t.Helper()
	var out bytes.Buffer
	cfg.Tables = []string{"processes", "connections", "endpoints"}
	must(t, analyze(t, cfg).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
	must(t, json.Unmarshal(out.Bytes(), &result))
	return result
}

func total(list []bucket) (n int64) {
	for _, b := range list {
		n += b.Count
	}
	return n
}

// added adds up histograms, as docs/dataframes.md does.
func added(lists ...[]bucket) []bucket {
	sum := map[int64]bucket{}
	for _, b := range slices.Concat(lists...) {
		b.Count += sum[b.Least_ns].Count
		sum[b.Least_ns] = b
	}
	return slices.SortedFunc(maps.Values(sum), func(a, b bucket) int { return int(min(max(a.Least_ns-b.Least_ns, -1), 1)) })
}

// Every duration of a connection is in the histogram of its endpoint, and of both
// processes; whatever number of workers added them.
func TestTimes(t *testing.T) {
	dir := t.TempDir()
	k, _ := traffic.Lookup("mixed")
	if _, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 5, Scale: 0.01}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "mixed.pcapng")
	one := timesIn(t, Config{Captures: []string{path}, Workers: 1})
	if d := cmp.Diff(one, timesIn(t, Config{Captures: []string{path}, Workers: 3})); d != "" {
		t.Fatalf("with 3 workers:\n%s", d)
	}
	var trips, waits int64
	for _, c := range one.Connections {
		if c.Local_side == "server" { // the client is the far end, to which the server sent
			trips += c.Server_rtt_count
		} else {
			trips += c.Client_rtt_count
		}
		waits += c.Wait_count
	}
	for _, e := range one.Endpoints {
		if total(e.Rtt_histogram) != e.Rtt_count || total(e.Wait_histogram) != e.Wait_count || total(e.Response_histogram) != e.Response_count {
			t.Errorf("a histogram has not what is counted: %+v", e)
		}
		if e.Rtt_median_ns > e.Rtt_p95_ns || e.Rtt_p95_ns > e.Rtt_p99_ns {
			t.Errorf("quantiles are not in order: %+v", e)
		}
		trips -= e.Rtt_count
		waits -= e.Wait_count + e.Response_count
	}
	if trips != 0 || waits != 0 || len(one.Endpoints) < 10 {
		t.Errorf("%d round trips and %d waits more are of connections than of %d endpoints", trips, waits, len(one.Endpoints))
	}
}

// What processes have of two captures, added up, is what they have of both in one; and
// each has the times of its own ends.
func TestTimesOfSeveralCaptures(t *testing.T) {
	make := func(from, to int) *recording {
		r := record(t)
		for n := from; n < to; n++ {
			r.conversation(fmt.Sprintf("127.0.0.1:%d", 40000+n), "127.0.0.1:80")
		}
		return r
	}
	parts := [][2]int{{0, 3}, {3, 10}, {0, 10}}
	var all [3]struct{ Processes, Connections, Endpoints []times }
	for i, p := range parts {
		all[i] = timesIn(t, Config{Captures: []string{make(p[0], p[1]).end()}})
	}
	both := all[2]
	for i, p := range both.Processes {
		for name, of := range map[string]func(times) []bucket{"rtt": func(p times) []bucket { return p.Rtt_histogram },
			"wait": func(p times) []bucket { return p.Wait_histogram }, "response": func(p times) []bucket { return p.Response_histogram }} {
			if d := cmp.Diff(of(p), added(of(all[0].Processes[i]), of(all[1].Processes[i]))); d != "" && total(of(p)) > 0 {
				t.Errorf("process %d, %s (-together +added):\n%s", *p.Pid, name, d)
			}
		}
		var trips, waits, responses int64
		for _, c := range both.Connections {
			switch {
			case *c.Client_pid == *p.Pid:
				trips, waits = trips+c.Client_rtt_count, waits+c.Wait_count
			case *c.Server_pid == *p.Pid:
				trips, responses = trips+c.Server_rtt_count, responses+c.Wait_count
			}
		}
		if trips == 0 || waits+responses != 10 || p.Rtt_count != trips || p.Wait_count != waits || p.Response_count != responses ||
			p.Tree_rtt_count != trips || p.Tree_wait_count != waits || p.Tree_response_count != responses {
			t.Errorf("process %d has %+v, want %d round trips, %d waits and %d responses", *p.Pid, p, trips, waits, responses)
		}
	}
	if len(both.Processes) != 2 || len(both.Connections) != 10 {
		t.Errorf("%d processes, %d connections", len(both.Processes), len(both.Connections))
	}
}
