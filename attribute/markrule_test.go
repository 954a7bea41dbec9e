package attribute

import (
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// A vote between loose marks is won by one process: where each of them names two,
// which had one PID after the other, both have all votes, and nobody wins.
func TestVoteWithoutWinner(t *testing.T) {
	labels := []*conn.Labels{{List: []conn.Labelled{{Label: conn.Label{Mark: 1, About: conn.AboutLow, Sender: flow.Low}, Acts: 5}}}}
	for range 20 { // the order of a map must not matter
		var w witness
		w.believe(marks{{who: []int32{3, 8}, loose: true}}, labels, flow.Low)
		if !w.unsure || !slices.Equal(w.who, []int32{3, 8}) {
			t.Fatalf("%v, unsure: %v; want both, unsure", w.who, w.unsure)
		}
	}
	var w witness
	w.believe(marks{{who: []int32{3}, loose: true}}, labels, flow.Low)
	if w.unsure || !slices.Equal(w.who, []int32{3}) {
		t.Errorf("%v, unsure: %v; want the one that is named", w.who, w.unsure)
	}
}
