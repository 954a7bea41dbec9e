package measure

import (
	"testing"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// What is measured of a connection is of the process that the table connections names, also
// where the owner of some packets is not known: in the table processes and in phases, which
// have it by reason where there is none.
func TestTimesOfWhoeverIsNamed(t *testing.T) {
	exact := func(p int32) attribute.Verdict { return attribute.Verdict{Reason: attribute.Exact, Process: p} }
	unknown := attribute.Verdict{Reason: attribute.Unknown, Process: attribute.NoProcess}
	perhaps := attribute.Verdict{Reason: attribute.Ambiguous, Process: attribute.NoProcess, Candidates: []int32{0}}
	for name, c := range map[string]struct {
		clients []attribute.Verdict
		want    holder
	}{
		"throughout":    {[]attribute.Verdict{exact(0), exact(0)}, holder{process: 0}},
		"later":         {[]attribute.Verdict{unknown, exact(0)}, holder{process: 0}},
		"perhaps first": {[]attribute.Verdict{perhaps, exact(0)}, holder{process: 0}},
		"changed":       {[]attribute.Verdict{exact(0), exact(1)}, holder{attribute.NoProcess, attribute.Ambiguous}},
		"never":         {[]attribute.Verdict{unknown, unknown}, holder{attribute.NoProcess, attribute.Unknown}},
	} {
		one := attribute.Connection{ID: 1, Measures: tcp.Measures{Known: true}, Turns: turn.Measures{Known: true, Turns: 3, Requester: flow.Side(attribute.Client)}}
		one.Measures.Sent[attribute.Client].Retransmitted = 2
		for i, v := range c.clients {
			one.Spans = append(one.Spans, attribute.Span{First: int64(i + 1), Last: int64(i + 1), Verdict: [2]attribute.Verdict{v, unknown},
				Sent: [2]attribute.Counts{{Packets: 1}}})
		}
		r := &attribute.Result{Processes: make([]attribute.Process, 2), Connections: attribute.ConnectionsOf([]attribute.Connection{one}), Measured: true}
		sums, err := Fold(r, FoldConfig{Phases: Phases{{"all", 0, 10}}})
		if err != nil {
			t.Fatal(err)
		}
		for p := range sums.Processes {
			if got := sums.Processes[p].Times; (got != nil && got.Turns == 3 && got.Retransmitted == 2) != (c.want.process == int32(p)) {
				t.Errorf("%s: process %d has %+v", name, p, got)
			}
		}
		for k, sum := range sums.ByPhase.Breakdown.sums {
			if got := sum.times; got != nil && got.Turns > 0 != (k.holder == c.want) {
				t.Errorf("%s: in the phase %+v has %+v", name, k.holder, got)
			}
		}
		if sums.ByPhase.Breakdown.sums[partKey{0, c.want}] == nil {
			t.Errorf("%s: in the phase nobody has it", name)
		}
	}
}
