package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// The analysis of generated traffic finds every packet, every connection and
// every byte of every process. (Package traffic's own tests look at each
// connection.)
func TestGenerated(t *testing.T) {
	for _, k := range traffic.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			dir := t.TempDir()
			truth, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 3, Scale: 0.01})
			if err != nil {
				t.Fatal(err)
			}
			c, stdout, stderr := quietConsole(t)
			if status := pcapwho([]string{"pcapwho", "analyze", "--format", "json", filepath.Join(dir, k.Name+".pcapng")}, c); status != 0 {
				t.Fatalf("exit status %d: %s", status, readPage(t, stderr))
			}
			var got struct {
				Capture struct {
					Packets   int64
					WireBytes int64 `json:"wire_bytes"`
				}
				Processes   []*traffic.Process
				Connections []struct{}
			}
			if err := json.Unmarshal([]byte(readPage(t, stdout)), &got); err != nil {
				t.Fatal(err)
			}
			if c := got.Capture; c.Packets != truth.Packets || c.WireBytes != truth.WireBytes || int64(len(got.Connections)) != truth.Connections {
				t.Errorf("%d packets, %d bytes, %d connections; want %d, %d, %d", c.Packets, c.WireBytes, len(got.Connections), truth.Packets, truth.WireBytes, truth.Connections)
			}
			byPID := cmpopts.SortSlices(func(a, b *traffic.Process) bool { return a.PID < b.PID })
			if diff := cmp.Diff(truth.Processes, got.Processes, byPID, cmpopts.IgnoreUnexported(traffic.Process{})); diff != "" {
				t.Errorf("processes (-truth +analysis):\n%s", diff)
			}
		})
	}
}
