package report

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// sporadic is a recording of processes that speak over several connections each,
// sometimes with long pauses, in phases that may overlap.
func sporadic(t *testing.T, random *rand.Rand) string {
	r := record(t)
	pids := []int32{100, 101, 102, 200}
	for _, p := range []connlog.Process{{ID: connlog.ProcessID{PID: 101, Start: 6e9}, Parent: connlog.ProcessID{PID: 100, Start: 5e9}},
		{ID: connlog.ProcessID{PID: 102, Start: 7e9}, Parent: connlog.ProcessID{PID: 101, Start: 6e9}}} {
		p.Change, p.UID = connlog.ProcessSnapshot, -1
		r.event(connlog.Event{Kind: connlog.KindProcess, Process: &p})
	}
	start := map[int32]int64{100: 5e9, 101: 6e9, 102: 7e9, 200: 4e9}
	sockets := func(change connlog.SocketChange) {
		for n := range uint16(6) {
			owner := pids[n%4]
			local := flow.Endpoint{Addr: flow.AddrFrom4(0x7f000001), Port: 40000 + n}
			r.event(connlog.Event{Kind: connlog.KindSocket, Socket: &connlog.Socket{Change: change, ID: uint64(n + 1), Protocol: flow.TCP, Local: local,
				Remote: flow.Endpoint{Addr: flow.AddrFrom4(0xc0000201), Port: 80}, HasRemote: true, State: "established",
				Owners: []connlog.ProcessID{{PID: owner, Start: start[owner]}}, Evidence: connlog.EvidencePoll}})
		}
		r.event(connlog.Event{Kind: connlog.KindPoll, Poll: &connlog.Poll{Begin: r.now - 1e5, End: r.now, Sockets: 6}})
	}
	sockets(connlog.SocketOpen)
	open := 0
	for range 120 {
		r.now += random.Int64N(int64(90 * time.Millisecond))
		switch random.IntN(25) {
		case 0:
			r.now += random.Int64N(int64(time.Second))
		case 1:
			open++
			r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: connlog.MarkBegin, Name: fmt.Sprint(open)}})
		case 2:
			r.event(connlog.Event{Kind: connlog.KindMark, Mark: &connlog.Mark{Change: connlog.MarkEnd, Name: fmt.Sprint(1 + random.IntN(open+1))}})
		}
		a, b := fmt.Sprintf("127.0.0.1:%d", 40000+random.IntN(6)), "192.0.2.1:80"
		if random.IntN(2) == 0 {
			a, b = b, a
		}
		r.tcp(a, b, random.Uint32(), 1, "A", random.IntN(3))
	}
	sockets(connlog.SocketClose)
	return r.end()
}

// quiet adds up the times between packets that come closely, as docs/measures.md says.
func quiet(times []int64) (busy int64) {
	slices.Sort(times)
	for i := range times {
		if gap := times[i] - times[max(i-1, 0)]; gap <= int64(turn.QuietTime) {
			busy += gap
		}
	}
	return busy
}

// The busy time of processes, trees, phases and buckets is that between the packets
// that the table packets gives them, whatever number of workers summed it.
func TestBusyTime(t *testing.T) {
	type holder struct {
		Pid          *int64
		Reason       string
		Phase_id     *int
		Begin_ns     *int64
		End_ns       *int64
		Busy_ns      int64
		Tree_busy_ns int64
	}
	several, spoke := 0, 0
	for seed := range uint64(25) {
		random := rand.New(rand.NewPCG(seed, 6))
		path := sporadic(t, random)
		var first []byte
		for _, workers := range []int{1, 3} {
			var out bytes.Buffer
			cfg := Config{Captures: []string{path}, Tables: []string{"processes", "phases", "timeseries", "packets"}, Bucket: 700e6, Workers: workers}
			must(t, analyze(t, cfg).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
			if first == nil {
				first = out.Bytes()
			} else if !bytes.Equal(first, out.Bytes()) {
				t.Fatalf("with %d workers the tables differ", workers)
			}
		}
		var result struct {
			Processes, Phases, Timeseries []holder
			Packets                       []struct {
				Time_ns                           int64
				Source_pid, Destination_pid       *int64
				Source_reason, Destination_reason string
			}
		}
		must(t, json.Unmarshal(first, &result))
		// of those of a process, or without one for a reason, within a time
		busy := func(pids []int64, reason string, within func(int64) bool) int64 {
			var times []int64
			for _, p := range result.Packets {
				is := func(pid *int64, why string) bool {
					return pid != nil && slices.Contains(pids, *pid) || pid == nil && why == reason
				}
				if within(p.Time_ns) && (is(p.Source_pid, p.Source_reason) || is(p.Destination_pid, p.Destination_reason)) {
					times = append(times, p.Time_ns)
				}
			}
			return quiet(times)
		}
		always := func(int64) bool { return true }
		tree := map[int64][]int64{100: {100, 101, 102}, 101: {101, 102}, 102: {102}, 200: {200}}
		for _, p := range result.Processes {
			if want := busy([]int64{*p.Pid}, "", always); p.Busy_ns != want {
				t.Errorf("seed %d: process %d was busy for %d ns, want %d", seed, *p.Pid, p.Busy_ns, want)
			}
			if want := busy(tree[*p.Pid], "", always); p.Tree_busy_ns != want {
				t.Errorf("seed %d: the tree of process %d was busy for %d ns, want %d", seed, *p.Pid, p.Tree_busy_ns, want)
			}
			spoke += int(min(p.Busy_ns, 1))
		}
		check := func(what string, h *holder, within func(int64) bool) {
			pids := []int64{}
			if h.Pid != nil {
				pids = append(pids, *h.Pid)
			}
			if want := busy(pids, cmp.Or(h.Reason, "-"), within); h.Busy_ns != want {
				t.Errorf("seed %d: in %s %v%s was busy for %d ns, want %d", seed, what, pids, h.Reason, h.Busy_ns, want)
			}
		}
		inside := func(at int64, h *holder) bool {
			return (h.Begin_ns == nil || *h.Begin_ns <= at) && (h.End_ns == nil || at < *h.End_ns)
		}
		for i := range result.Phases {
			h := &result.Phases[i]
			if h.Phase_id == nil {
				check("no phase", h, func(at int64) bool {
					return !slices.ContainsFunc(result.Phases, func(p holder) bool { return p.Phase_id != nil && inside(at, &p) })
				})
				continue
			}
			several = max(several, *h.Phase_id)
			check(fmt.Sprint("phase ", *h.Phase_id), h, func(at int64) bool { return inside(at, h) })
		}
		for i := range result.Timeseries {
			h := &result.Timeseries[i]
			check(fmt.Sprint("bucket ", *h.Begin_ns), h, func(at int64) bool { return *h.Begin_ns <= at && at < *h.Begin_ns+700e6 })
		}
	}
	if several < 3 || spoke < 80 {
		t.Errorf("at most %d phases, %d busy processes: too few to tell anything", several, spoke)
	}
}
