package report

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/generate/traffic"
)

// Turns have every byte of TCP and UDP once, are numbered within their connections,
// as many as these tell, and are the same whatever number of workers made them.
func TestTurns(t *testing.T) {
	dir := t.TempDir()
	k, _ := traffic.Lookup("mixed")
	if _, err := traffic.Write(dir, traffic.Config{Kind: k, Seed: 9, Scale: 0.01}); err != nil {
		t.Fatal(err)
	}
	var first []byte
	for _, workers := range []int{1, 3} {
		var out bytes.Buffer
		cfg := Config{Captures: []string{filepath.Join(dir, "mixed.pcapng")}, Tables: []string{"connections", "turns"}, Workers: workers}
		must(t, analyze(t, cfg).Write(context.Background(), Output{Format: JSON, Stdout: &out}))
		if first == nil {
			first = out.Bytes()
		} else if !bytes.Equal(first, out.Bytes()) {
			t.Fatalf("with %d workers the tables differ", workers)
		}
	}
	var result struct {
		Connections []struct {
			Connection_id, Turns, Client_unique_payload_bytes, Server_unique_payload_bytes int64
		}
		Turns []struct {
			Connection_id, Turn, Request_payload_bytes, Response_payload_bytes int64
		}
	}
	must(t, json.Unmarshal(first, &result))
	n := 0
	for _, c := range result.Connections {
		var turns, payload int64
		for ; n < len(result.Turns) && result.Turns[n].Connection_id == c.Connection_id; n++ {
			turns++
			payload += result.Turns[n].Request_payload_bytes + result.Turns[n].Response_payload_bytes
			if result.Turns[n].Turn != turns {
				t.Fatalf("connection %d: turn %d is numbered %d", c.Connection_id, turns, result.Turns[n].Turn)
			}
		}
		if turns != c.Turns || payload != c.Client_unique_payload_bytes+c.Server_unique_payload_bytes {
			t.Fatalf("connection %+v: %d turns of %d bytes", c, turns, payload)
		}
	}
	if n != len(result.Turns) || n < len(result.Connections)/2 {
		t.Errorf("%d of %d turns are of %d connections", n, len(result.Turns), len(result.Connections))
	}
}
