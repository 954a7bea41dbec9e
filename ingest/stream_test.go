package ingest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// told is everything that reading a capture tells.
type told struct {
	Packets    []packet.Packet
	Interfaces []Interface
	Damage     []Damage
	Offset     int64
}

// clean forgets what is not valid in a packet, and makes Body a sum over the bytes
// that it is about, which begin there in data.
func clean(p packet.Packet, data []byte) packet.Packet {
	if p.Held > 0 {
		p.Body = crc32.ChecksumIEEE(data[p.Body:][:p.Held])
	} else {
		p.Body = 0
	}
	if !p.HasQuoted {
		p.Quoted = flow.FiveTuple{}
	}
	return p
}

// oneByOne reads a capture by Read.
func oneByOne(t testing.TB, paths ...string) (all told) {
	t.Helper()
	c, err := Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	batch := make([]packet.Packet, 1)
	for {
		n, err := c.Read(batch)
		for i := range batch[:n] {
			all.Packets = append(all.Packets, clean(batch[i], c.rec.Data))
		}
		if errors.Is(err, io.EOF) {
			all.Interfaces, all.Damage = c.Interfaces(), c.Damage()
			all.Offset, _ = c.Progress()
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// streamed reads a capture by Stream, and checks the sums and shares.
func streamed(t testing.TB, workers, shares int, paths ...string) (all told) {
	t.Helper()
	c, err := Open(paths...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := c.Stream(context.Background(), workers, shares)
	defer s.Close()
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			all.Interfaces, all.Damage = c.Interfaces(), c.Damage()
			all.Offset, _ = c.Progress()
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b.Number()
		checkBatch(t, b)
		for i := range b.Packets {
			all.Packets = append(all.Packets, clean(b.Packets[i], b.Data))
		}
		b.Done()
	}
}

// Number sets the frame number of every packet.
func (b *Batch) Number() {
	for i := range b.Packets {
		b.Packets[i].Frame = b.First + uint64(i)
	}
}

// checkBatch checks that every packet is in one share, or rare.
func checkBatch(t testing.TB, b *Batch) {
	t.Helper()
	seen := make([]int, len(b.Packets))
	for n, share := range b.Shares {
		for _, i := range share {
			seen[i]++
			if p := &b.Packets[i]; p.Class != packet.Transport || Share(p.Tuple.Reverse().Hash(), len(b.Shares)) != n {
				t.Fatalf("share %d has packet %+v", n, p)
			}
		}
	}
	for _, i := range b.Rare {
		seen[i]++
	}
	var wire, captured int64
	for i, n := range seen {
		if n != 1 {
			t.Fatalf("packet %d is in %d lists", i, n)
		}
		wire, captured = wire+int64(b.Packets[i].WireLength), captured+int64(b.Packets[i].CapturedLength)
	}
	if wire != b.WireBytes || captured != b.CapturedBytes {
		t.Fatalf("sums %d and %d, want %d and %d", b.WireBytes, b.CapturedBytes, wire, captured)
	}
}

// bigCapture writes a capture of several pieces. What it contains depends on
// the seed.
func bigCapture(t testing.TB, r *rand.Rand, path string) {
	t.Helper()
	var out bytes.Buffer
	w, err := pcapng.NewWriter(&out, pcapng.SectionHeader{Comment: "big"})
	must(t, err)
	_, err = w.AddInterface(pcapng.InterfaceDescription{Name: "eth0", LinkType: pcapng.LinkEthernet})
	must(t, err)
	interfaces := uint32(1)
	trap := fakeBlocks()
	now := int64(1_763_000_000_000_000_000)
	for out.Len() < 10*pieceSize {
		now += r.Int64N(1e6)
		data := tcpFrame(r, r.IntN(1400))
		switch r.IntN(200) {
		case 0:
			data = append(data, make([]byte, r.IntN(200_000))...)
		case 1, 2:
			data = append(data, trap...) // blocks inside of a packet
		case 3:
			data = data[:r.IntN(len(data))]
		}
		p := pcapng.EnhancedPacket{Interface: r.Uint32N(interfaces), Time: now, Data: data, WireLength: uint32(len(data)), Flags: r.Uint32N(3)}
		must(t, w.WritePacket(&p))
		switch r.IntN(3000) {
		case 0:
			_, err := w.AddInterface(pcapng.InterfaceDescription{Name: "late", LinkType: pcapng.LinkRaw})
			must(t, err)
			interfaces++
		case 1:
			must(t, w.WriteStatistics(&pcapng.InterfaceStatistics{Time: now, Received: pcapng.Counted(r.Uint64N(1000))}))
		}
		must(t, w.Flush())
	}
	content := out.Bytes()
	switch r.IntN(6) {
	case 0: // cut
		content = content[:len(content)-1-r.IntN(2*pieceSize)]
	case 1: // a length that lies
		at := r.IntN(len(content) - 100)
		content[at]++
	case 2: // two sections
		content = append(content, content...)
	case 3: // whole by chance
		content = content[:len(content)/4*4]
	}
	must(t, os.WriteFile(path, content, 0o600))
}

// fakeBlocks is a run of well-formed packet blocks.
func fakeBlocks() []byte {
	var b []byte
	le := binary.LittleEndian
	for range 10 {
		for _, v := range []uint32{6, 32 + 16, 0, 1, 2, 16, 16, 1, 2, 3, 4, 32 + 16} {
			b = le.AppendUint32(b, v)
		}
	}
	return b
}

func tcpFrame(r *rand.Rand, payload int) []byte {
	frame := append(make([]byte, 12), 8, 0, 0x45, 0, byte((40+payload)>>8), byte(40+payload), 0, 0, 0x40, 0, 64, 6, 0, 0,
		10, 0, 0, byte(r.IntN(9)), 10, 0, 0, byte(r.IntN(9)), 0, byte(r.IntN(9)), 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0, 0, 0, 0, 0, 0)
	if r.IntN(50) == 0 {
		frame[20] = 0x20 // a fragment
	}
	return append(frame, make([]byte, payload)...)
}

// Any number of workers and shares reads what one packet after the other is.
func TestStreamIsRead(t *testing.T) {
	dir := t.TempDir()
	for seed := range uint64(12 - 8*slow) {
		r := rand.New(rand.NewPCG(seed, 7))
		path := filepath.Join(dir, "big.pcapng")
		bigCapture(t, r, path)
		want := oneByOne(t, path)
		if len(want.Packets) < 300 && want.Damage == nil {
			t.Fatalf("seed %d: %d packets", seed, len(want.Packets))
		}
		for _, n := range [][2]int{{1, 1}, {2, 2}, {4, 3}} {
			if got := streamed(t, n[0], n[1], path); !reflect.DeepEqual(want, got) {
				t.Fatalf("seed %d, %d workers, %d shares: %d packets, want %d\n%s", seed, n[0], n[1], len(got.Packets), len(want.Packets),
					cmp.Diff([]any{want.Damage, want.Offset, want.Interfaces}, []any{got.Damage, got.Offset, got.Interfaces}))
			}
		}
	}
}

// A classic file, in both byte orders, and several files as one recording.
func TestStreamClassic(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		r := rand.New(rand.NewPCG(1, 9))
		var b []byte
		for _, v := range []uint32{0xa1b23c4d, 0, 0, 0, 262144, 1} {
			b = order.AppendUint32(b, v)
		}
		order.AppendUint16(order.AppendUint16(b[:4], 2), 4)
		for n := uint32(0); len(b) < 4*pieceSize; n++ {
			data := tcpFrame(r, r.IntN(1400))
			if r.IntN(100) == 0 {
				data = append(data, make([]byte, r.IntN(100_000))...)
			}
			for _, v := range []uint32{1_763_000_000 + n/1000, n % 1000, uint32(len(data)), uint32(len(data))} {
				b = order.AppendUint32(b, v)
			}
			b = append(b, data...)
		}
		path := filepath.Join(dir, "classic"+string('0'+rune(len(paths)))+".pcap")
		must(t, os.WriteFile(path, b, 0o600))
		paths = append(paths, path)
	}
	want := oneByOne(t, paths...)
	for _, n := range [][2]int{{1, 1}, {2, 2}, {3, 5}} {
		if got := streamed(t, n[0], n[1], paths...); !reflect.DeepEqual(want, got) {
			t.Errorf("%v: %d packets, want %d", n, len(got.Packets), len(want.Packets))
		}
	}
}

// A file that becomes shorter while it is read is said to have been cut.
func TestStreamShrinkingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.pcapng")
	bigCapture(t, rand.New(rand.NewPCG(4, 7)), path) // a whole one
	want := oneByOne(t, path)
	c, err := Open(path)
	must(t, err)
	defer c.Close()
	s := c.Stream(context.Background(), 2, 2)
	defer s.Close()
	packets := 0
	for n := 0; ; n++ {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		packets += len(b.Packets)
		b.Done()
		if n == 1 {
			must(t, os.Truncate(path, pieceSize*5/4))
		}
	}
	if damage := c.Damage(); len(damage) == 0 || packets == 0 || packets >= len(want.Packets) {
		t.Errorf("%d of %d packets, damage %v", packets, len(want.Packets), damage)
	}
}

// Closed early, and cancelled, no worker stays: goleak would tell.
func TestStreamEndsEarly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.pcapng")
	bigCapture(t, rand.New(rand.NewPCG(4, 7)), path)
	c, err := Open(path)
	must(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	s := c.Stream(ctx, 3, 1)
	b, err := s.Next()
	must(t, err)
	b.Done()
	cancel()
	if _, err := s.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	s.Close()
}

// A file whose packets name processes is read whole after some pieces, and
// nothing is missed where it changes.
func TestStreamMarked(t *testing.T) {
	le := binary.LittleEndian
	var file []byte
	file = pcapng.AppendBlock(file, le, &pcapng.SectionBlock{Major: 1, Length: -1})
	file = pcapng.AppendBlock(file, le, &pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet})
	packets := 0
	for part := range 4 { // without, with, without, with
		for end := len(file) + 8*pieceSize; len(file) < end; packets++ {
			b := &pcapng.PacketBlock{Timestamp: uint64(packets), WireLength: 2000, Data: tcp(t, uint16(packets), 1400)}
			if part%2 == 1 {
				b.Options = pcapng.Options{{Code: pcapng.PacketProcess, Value: le.AppendUint64(nil, uint64(7+packets%3))}}
			}
			file = pcapng.AppendBlock(file, le, b)
		}
	}
	path := save(t, "marked.pcapng", file)
	want := oneByOne(t, path)
	if len(want.Packets) != packets || want.Damage != nil {
		t.Fatalf("%d packets, want %d; damage %v", len(want.Packets), packets, want.Damage)
	}
	for _, n := range [][2]int{{1, 1}, {2, 2}, {5, 1}} {
		if got := streamed(t, n[0], n[1], path); !reflect.DeepEqual(want, got) {
			t.Errorf("%d workers, %d shares: %d packets of %d, damage %v", n[0], n[1], len(got.Packets), packets, got.Damage)
		}
	}
	c := open(t, path)
	s := c.Stream(context.Background(), 2, 1)
	defer s.Close()
	for read := 0; ; { // the part with marks ends behind 16 pieces
		b, err := s.Next()
		must(t, err)
		read += int(b.CapturedBytes)
		b.Done()
		if read > pieceSize && s.pieces == nil {
			break
		}
		if read > 15*pieceSize {
			t.Fatal("it is still read in pieces")
		}
	}
}
