package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Two phases one after the other divide every table that counts: packets and bytes sum to
// those of the whole, and each has its part of a connection that crosses the mark.
func TestPhasesDivideTables(t *testing.T) {
	const at = 1795556594_000000000
	dir := bench(t)
	path := filepath.Join(dir, "run.conns.jsonl")
	lines := strings.SplitAfter(readPage(t, path), "\n")
	mark := func(change, name string, ns int64) string {
		return fmt.Sprintf("{\"event\":\"mark\",\"time_ns\":%d,\"seq\":900,\"change\":%q,\"name\":%q}\n", ns, change, name)
	}
	lines = slices.Insert(lines, len(lines)-2, mark("begin", "one", at-1e10), mark("end", "one", at), mark("begin", "two", at), mark("end", "two", at+1e10))
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	const tables = "coverage,processes,phases,connections,endpoints,turns,timeseries,packets"
	analyzed := func(flags ...string) (result map[string][]map[string]any) {
		t.Helper()
		c, stdout, stderr := quietConsole(t)
		if status := pcapwho(append([]string{"pcapwho", "analyze", filepath.Join(dir, "run.pcapng"), "--format", "json", "--bucket", "100ms", "--tables", tables}, flags...), c); status != 0 {
			t.Fatalf("exit status %d: %s", status, readPage(t, stderr))
		}
		var all map[string]json.RawMessage
		if err := json.Unmarshal([]byte(readPage(t, stdout)), &all); err != nil {
			t.Fatal(err)
		}
		result = map[string][]map[string]any{}
		for name := range strings.SplitSeq(tables, ",") {
			result[name] = rowsOf(t, all[name])
		}
		return result
	}
	whole, one, two := analyzed(), analyzed("--phase", "one"), analyzed("--phase", "two")
	compared := 0
	for name, rows := range whole {
		for column := range rows[0] {
			switch column {
			case "packets", "wire_bytes", "wire_length", "payload_bytes", "payload_length", "sent_packets", "received_packets", "sent_wire_bytes", "received_wire_bytes", "tree_sent_wire_bytes",
				"client_packets", "server_packets", "client_wire_bytes", "server_wire_bytes", "client_payload_bytes", "server_payload_bytes", "request_bytes", "response_bytes":
				all, first, second := total(t, rows, column), total(t, one[name], column), total(t, two[name], column)
				if first == 0 || second == 0 || all != first+second {
					t.Errorf("%s.%s: %d, in the phases %d and %d", name, column, all, first, second)
				}
				compared++
			}
		}
	}
	crossing := 0
	for _, a := range one["connections"] {
		if slices.ContainsFunc(two["connections"], func(b map[string]any) bool { return a["connection_id"] == b["connection_id"] }) {
			crossing++
		}
	}
	if crossing < 5 || compared < 25 {
		t.Errorf("%d connections cross the mark, %d columns are compared", crossing, compared)
	}
}

// total sums a column.
func total(t *testing.T, rows []map[string]any, column string) (sum int64) {
	t.Helper()
	for _, row := range rows {
		if n, ok := row[column].(json.Number); ok {
			one, err := n.Int64()
			if err != nil {
				t.Fatal(err)
			}
			sum += one
		}
	}
	return sum
}
