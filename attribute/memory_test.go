package attribute

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// traffic is a capture in which a connection begins every 20 ms, says its
// packets within 10 seconds, and is over two minutes later: some 6,500 may go on
// at any time.
func traffic(a *Attribution, connections int) {
	const packets = 5
	batch := make([]packet.Packet, 0, 1000)
	frame := uint64(0)
	for n := range connections + 500*packets {
		for k := range packets { // of the connections that began 0, 500, 1000… before
			i := n - 500*k/packets
			if i < 0 || i >= connections {
				continue
			}
			frame++
			t := flow.FiveTuple{Source: flow.AddrFrom4(0x0a000001), Destination: flow.AddrFrom4(0xc0000000 + uint32(i/60_000)), SourcePort: uint16(i%60_000 + 1), DestinationPort: 443, Protocol: flow.TCP}
			flags := [packets]uint8{packet.SYN, packet.ACK, packet.ACK, packet.FIN | packet.ACK, packet.FIN | packet.ACK}[k]
			if k == packets-1 {
				t = t.Reverse()
			}
			batch = append(batch, packet.Packet{Frame: frame, Time: 1e18 + int64(n)*int64(20*time.Millisecond), Class: packet.Transport, Tuple: t, Hash: t.Hash(),
				TCPFlags: flags, Seq: 1, WireLength: 66, IPVersion: 4})
			if len(batch) == cap(batch) {
				a.Add(batch)
				batch = batch[:0]
			}
		}
	}
	a.Add(batch)
}

// heapInUse returns how many bytes of the heap are in use.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A capture ten times as long, with as many connections alive at once, needs no
// more memory: finished connections are spilled beyond their budget.
func TestMemoryIsThatOfLiveConnections(t *testing.T) {
	if need.Slow {
		t.Skip("takes half a minute here, and what memory it needs is no different elsewhere")
	}
	defer func(budget int) { finishedBudget = budget }(finishedBudget)
	finishedBudget = 1 << 20
	var need [2]int64
	for i, connections := range []int{60_000, 600_000} {
		log := owner.NewTimeline()
		log.Add(&connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Addresses: []string{"10.0.0.1/8"}}})
		a := New(Config{Log: log})
		before := heapInUse()
		traffic(a, connections)
		need[i] = heapInUse() - before
		live := a.shares[0].follower.Len()
		if most := 1200*int64(live) + int64(finishedBudget) + 7<<20; live > 9000 || need[i] > most {
			t.Errorf("%d connections: %d bytes for %d live ones, want at most %d for at most 9000", connections, need[i], live, most)
		}
		r, err := a.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if r.Connections.Len() != connections || r.Totals.Packets != 5*int64(connections) {
			t.Errorf("%d connections of %d packets, want %d", r.Connections.Len(), r.Totals.Packets, connections)
		}
		n := 0
		if err := r.Connections.All(func(*Connection) error { n++; return nil }); err != nil || n != connections {
			t.Errorf("%d connections come back, want %d: %v", n, connections, err)
		}
		runtime.KeepAlive(log)
		r.Close()
	}
	if need[1] > need[0]+need[0]/4 {
		t.Errorf("a capture ten times as long needs %d bytes, the short one %d", need[1], need[0])
	}
}

// An Attribution that is given up leaves no temporary file, open or not.
func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // where Windows looks
	defer func(budget int) { finishedBudget = budget }(finishedBudget)
	finishedBudget = 0
	a := New(Config{Shares: 2})
	traffic(a, 30_000)
	if n := len(spilled(dir)); n != 4 { // of each share its connections, and their runs
		t.Skipf("%d temporary files are seen to be open here, want 4", n)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if left := spilled(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// When there is no room for finished connections the rest of the capture is not
// read, and one error tells.
func TestNoRoom(t *testing.T) {
	path := longCapture(t, 200_000)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	t.Setenv("TMP", filepath.Join(t.TempDir(), "missing")) // where Windows looks
	defer func(budget int) { finishedBudget = budget }(finishedBudget)
	finishedBudget = 0
	c, err := ingest.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stream := c.Stream(context.Background(), 2, 2)
	defer stream.Close()
	a, packets := New(Config{Shares: 2}), 0
	if err := a.Follow(stream, func(b *ingest.Batch) error { packets += len(b.Packets); return nil }); err != nil {
		t.Fatal(err)
	}
	if packets > 150_000 {
		t.Errorf("%d packets were read, want that reading ends early", packets)
	}
	if _, err := a.Finish(); !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that the folder is not there", err)
	}
}

// longCapture returns a capture of packets 20 ms apart, each of another UDP
// connection.
func longCapture(t *testing.T, packets int) string {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0) // raw IP
	for i := range uint32(packets) {
		b = binary.LittleEndian.AppendUint32(b, 1_700_000_000+i/50)
		b = binary.LittleEndian.AppendUint32(b, i%50*20_000)
		b = append(b, 28, 0, 0, 0, 28, 0, 0, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0)
		b = binary.BigEndian.AppendUint32(append(b, 10, 0, 0, 1), 0xc0000000+i)
		b = append(b, 0, 99, 0, 53, 0, 8, 0, 0)
	}
	path := filepath.Join(t.TempDir(), "long.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// spilled returns the temporary files in a folder: those that are open, where
// the system tells, and those that have a name.
func spilled(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	open, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range open {
		if path, err := os.Readlink(fd); err == nil && strings.HasPrefix(path, dir) {
			files = append(files, path)
		}
	}
	return files
}
