package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// TestEchoes records pings of several processes, by sockets of ICMP at the same time and
// then by raw ones, and a protocol that the kernel does not speak. The length of a packet
// tells whose it is.
func TestEchoes(t *testing.T) {
	need.Root(t)
	dir := t.TempDir()
	inside(t, dir, "echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range; "+
		"pcapwho record -q --source ebpf -i lo -w run.pcapng -- python3 "+script(t, "echoes.py")+" >told")
	if said := inside(t, dir, "pcapwho explain run.pcapng 1 >&2"); !strings.Contains(said, "socket open: icmp") || !strings.Contains(said, "this identifier") {
		t.Error(said)
	}
	told, err := os.ReadFile(filepath.Join(dir, "told"))
	if err != nil {
		t.Fatal(err)
	}
	// By length of the packet on the wire, what each of its sides must be.
	const ethernet, ipv4, ipv6, icmp = 14, 20, 40, 8
	want := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(string(told)), "\n") {
		var length, pid int
		var what string
		if _, err := fmt.Sscan(line, &length, &pid, &what); err != nil {
			t.Fatalf("%q: %v", told, err)
		}
		reason, header := "exact", ipv4+icmp
		switch {
		case what == "other":
			want[fmt.Sprintf("%d wildcard %d wildcard %d", ethernet+ipv4+length, pid, pid)] = 3
			continue
		case length == 104 || length == 112:
			header = ipv6 + icmp
		}
		if what == "raw" {
			reason = "wildcard"
		}
		want[fmt.Sprintf("%d %s %d kernel ", ethernet+header+length, reason, pid)] = 3
		want[fmt.Sprintf("%d kernel  %s %d", ethernet+header+length, reason, pid)] = 3
	}
	got := map[string]int{}
	for _, of := range packetsOf(t, dir) {
		got[strings.Join([]string{of("wire_length"), of("source_reason"), of("source_pid"), of("destination_reason"), of("destination_pid")}, " ")]++
	}
	if len(want) != 11 || !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
