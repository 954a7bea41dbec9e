package main

import (
	"encoding/csv"
	"strings"
	"testing"
)

// packetsOf returns the table packets of the recording run.pcapng in dir: for each row a
// function of a column's name.
func packetsOf(t *testing.T, dir string) (packets []func(column string) string) {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(printed(t, dir, "pcapwho", "analyze", "run.pcapng", "--tables", "packets", "--format", "csv", "-q"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		packets = append(packets, func(name string) string {
			i, known := column[name]
			if !known {
				t.Fatalf("no column %s", name)
			}
			return row[i]
		})
	}
	return packets
}
