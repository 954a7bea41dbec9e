// Package viewtest makes what tests show.
package viewtest

import (
	"fmt"

	"github.com/pcapwho/pcapwho/report/table"
	"github.com/pcapwho/pcapwho/report/table/tabletest"
	"github.com/pcapwho/pcapwho/report/view"
)

// Source returns a source of so many connections and processes, all names of which are
// name. The last connection has the most bytes.
func Source(connections, processes int, name string) *view.Source {
	s := &view.Source{Tool: name, Host: name, Command: []string{name}, Files: []view.File{{Name: name, Length: 7}}, Remarks: []view.Remark{{Message: name, Hint: name}}}
	s.Tables = []*table.Table{
		table.Of(table.Capture(), 1, func(b *table.Batch, _ int) {
			tabletest.Fill(b, map[string]any{"packets": 7, "first_ns": int64(1e18), "last_ns": int64(1e18 + 5e9), "recording_id": name})
		}),
		table.Of(table.Coverage(), 2, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"side": []string{"source", "destination"}[i], "reason": "exact", "packets": 7, "wire_bytes": 700})
		}),
		table.Of(table.Damage(), 1, func(b *table.Batch, _ int) {
			tabletest.Fill(b, map[string]any{"file": name, "message": name, "count": 1})
		}),
		table.Of(table.Processes(), processes, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"pid": 10 + i, "ppid": 9 + i, "start_ns": int64(1e18) + int64(i), "name": name, "command": fmt.Sprint(i, name), "sent_wire_bytes": 100 * i, "tree_sent_wire_bytes": processes - i})
		}),
		table.Of(table.Phases(), 2, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"phase_id": 1, "phase": name, "begin_ns": int64(1e18), "pid": 10 + i, "sent_packets": 2, "sent_wire_bytes": 50})
		}),
		table.Of(table.Connections(), connections, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"connection_id": 2*i + 1, "protocol": "tcp", "client_ip": "192.0.2.1", "server_ip": fmt.Sprintf("192.0.2.%d", i%200), "client_port": 1024 + i%60000, "server_port": 80,
				"first_ns": int64(1e18) + int64(i), "last_ns": int64(1e18) + int64(2*i), "client_wire_bytes": 100 + i, "client_name": name, "client_pid": 10, "client_start_ns": int64(1e18), "client_reason": "exact", "server_reason": "remote"})
		}),
		table.Of(table.Endpoints(), 201, func(b *table.Batch, i int) {
			if i == 200 { // those without a row of their own
				tabletest.Fill(b, map[string]any{"connections": 5})
				return
			}
			tabletest.Fill(b, map[string]any{"address": fmt.Sprintf("192.0.2.%d", i), "role": "server", "protocol": "tcp", "server_port": 80, "host": name, "connections": 1, "received_wire_bytes": 100 + i})
		}),
		table.Of(table.Timeseries(), 2*5000, func(b *table.Batch, i int) {
			tabletest.Fill(b, map[string]any{"begin_ns": int64(1e18) + int64(i/2)*1e6, "bucket_ns": int64(1e6), "pid": 10 + i%2, "start_ns": int64(1e18) + int64(i%2), "name": name, "sent_wire_bytes": 3, "received_wire_bytes": 4})
		}),
	}
	s.Activity = func(yield func(int64, []view.Stretch, []int64) error) error {
		for i := range connections {
			var all []view.Stretch
			for k := range int64(max(1, 100-i)) {
				at := int64(1e18) + int64(i) + 1000*k
				all = append(all, view.Stretch{Begin: at, End: at + k, Client: 2, Server: 1})
			}
			if err := yield(int64(2*i+1), all, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}
