package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
	"github.com/pcapwho/pcapwho/testdata/need"
)

// slow is 1 where tests try less.
var slow = map[bool]int{true: 1}[need.Slow]

// six are captures of all kinds, each of more than 4 KiB.
func six(t testing.TB) map[string][]byte {
	return map[string][]byte{
		"pcapng":     ng(t, 1000, 40),
		"sections":   sections(t, 1000, 24),
		"classic":    classic(t, 1000, 45),
		"marks":      blocksOfAllKinds(t, binary.BigEndian),
		"link types": linkTypes(t),
		"together":   slices.Concat(classic(t, 1000, 10), ng(t, 1000, 9), blocksOfAllKinds(t, binary.LittleEndian)),
	}
}

// blocksOfAllKinds is a section with every kind of block that packets come in, and
// of those that say something about them.
func blocksOfAllKinds(t testing.TB, order pcapng.ByteOrder) (file []byte) {
	t.Helper()
	pid := order.AppendUint32(order.AppendUint32(nil, 77), 1)
	add := func(c pcapng.Content) { file = pcapng.AppendBlock(file, order, c) }
	add(&pcapng.SectionBlock{Major: 1, Length: -1, Options: pcapng.Options{pcapng.TextOption(pcapng.OptionComment, "a comment")}})
	add(&pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet, Options: pcapng.Options{{Code: pcapng.InterfaceTsresol, Value: []byte{9}}}})
	for i := range 9 {
		data := tcp(t, uint16(1000+i), 9*i)
		add(&pcapng.PacketBlock{Timestamp: uint64(i), Data: data, Options: pcapng.Options{{Code: pcapng.PacketProcess, Value: pid}}})
		add(&pcapng.PacketBlock{Timestamp: uint64(i), Data: data, Options: pcapng.Options{pcapng.TextOption(pcapng.OptionComment, "PID: 9\nCmd: /bin/ls")}})
		add(&pcapng.SimplePacketBlock{WireLength: uint32(len(data)), Data: data})
		add(&pcapng.ObsoletePacketBlock{Timestamp: uint64(i), Data: data})
		add(&pcapng.StatisticsBlock{Timestamp: uint64(i)})
	}
	return file
}

// linkTypes is a section with an interface of every link type that is read, and
// random frames.
func linkTypes(t testing.TB) (file []byte) {
	t.Helper()
	r, le := rand.New(rand.NewPCG(3, 4)), binary.LittleEndian
	file = pcapng.AppendBlock(nil, le, &pcapng.SectionBlock{Major: 1, Length: -1})
	links := []uint16{0, 1, 7, 9, 10, 12, 50, 51, 100, 101, 104, 105, 107, 113, 117, 119, 127, 129, 163, 178, 192, 226, 239, 242, 258, 276}
	for _, link := range links {
		file = pcapng.AppendBlock(file, le, &pcapng.InterfaceBlock{LinkType: link})
	}
	for i := range 60 {
		data := tcp(t, uint16(i), i)
		for range r.IntN(5) {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
		file = pcapng.AppendBlock(file, le, &pcapng.PacketBlock{Interface: uint32(i % len(links)), Data: data, WireLength: uint32(len(data))})
	}
	return file
}

// A bit that is flipped anywhere in the first 4 KiB of a capture costs no more
// than 50 ms and 64 MiB, and no panic.
func TestEveryBitFlipped(t *testing.T) {
	const size, longest, most = 4 << 10, 50 * time.Millisecond, 64 << 20
	for name, file := range six(t) {
		if len(file) < size {
			t.Fatalf("%s has %d bytes", name, len(file))
		}
		for i := 0; i < size; i += 1 + 2*slow { // one bit of every third byte
			for bit := range 8 {
				if slow > 0 && bit != i%8 {
					continue
				}
				file[i] ^= 1 << bit
				took, memory := cost(t, file)
				for n := 0; took > longest && n < 5; n++ { // the machine may have been busy
					again, _ := cost(t, file)
					took = min(took, again)
				}
				if took > longest || memory > most {
					t.Errorf("%s, bit %d of byte %d: %v and %d bytes", name, bit, i, took, memory)
				}
				file[i] ^= 1 << bit
			}
		}
	}
}

// cost returns what reading and decoding a capture takes.
func cost(t testing.TB, file []byte) (took time.Duration, memory uint64) {
	t.Helper()
	begin, before := time.Now(), allocated()
	if err := decodeAll(file); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin), allocated() - before
}

// allocated returns how many bytes were allocated so far, without stopping
// anything as runtime.ReadMemStats does.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// decodeAll reads a capture and decodes its packets. What is malformed is no
// error; no progress is.
func decodeAll(file []byte) error {
	in, err := openContent(bytes.NewReader(file), "x", 0, aheadSize)
	if err != nil {
		return err
	}
	defer in.close()
	r, err := pcapng.NewReader(in, "x")
	if err != nil {
		return nil
	}
	var rec pcapng.Record
	var p packet.Packet
	for n := 0; ; n++ {
		switch err := r.Next(&rec); {
		case n > len(file):
			return fmt.Errorf("no progress at %d", r.Offset())
		case err == nil:
			decode(&rec, r.Interfaces()[rec.Interface].LinkType, &p)
		case err == io.EOF && r.Offset() == int64(len(file)):
			return nil
		case !errors.As(err, new(*pcapng.FormatError)):
			return err
		}
	}
}
