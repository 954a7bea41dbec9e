package measure_test

import (
	"fmt"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/report/measure"
)

// A shell starts a download: the tree of the shell has what its child has.
func ExampleFold() {
	shell, curl := connlog.ProcessID{PID: 10, Start: 1}, connlog.ProcessID{PID: 11, Start: 2}
	r := &attribute.Result{
		Processes: []attribute.Process{{ID: shell, Name: "sh"}, {ID: curl, Parent: shell, Name: "curl"}},
		Connections: attribute.ConnectionsOf([]attribute.Connection{{ID: 1, Spans: []attribute.Span{{
			Sent: [2]attribute.Counts{{Packets: 10, WireBytes: 700}, {Packets: 90, WireBytes: 135_000}},
			Verdict: [2]attribute.Verdict{
				attribute.Client: {Reason: attribute.Exact, Process: 1},
				attribute.Server: {Reason: attribute.Remote, Process: attribute.NoProcess},
			},
		}}}}),
	}
	sums, _ := measure.Fold(r, measure.FoldConfig{})
	for _, p := range sums.Processes {
		fmt.Println(p.Name, p.Self.Received.WireBytes, p.Tree.Received.WireBytes)
	}
	// Output:
	// sh 0 135000
	// curl 135000 135000
}
