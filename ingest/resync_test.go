package ingest

import (
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// readStream reads everything through a Stream.
func readStream(t *testing.T, path string, workers int) (all []packet.Packet, damage []Damage, marks []pcapng.Mark) {
	t.Helper()
	c := open(t, path)
	s := c.Stream(context.Background(), workers, 3)
	defer s.Close()
	for {
		b, err := s.Next()
		if err == io.EOF {
			return all, c.Damage(), c.Marks()
		}
		must(t, err)
		b.Number()
		for _, p := range b.Packets {
			p.Body = 0
			all = append(all, p)
		}
		b.Done()
	}
}

// A file that is damaged in many places gives the same packets and the same
// damage, whoever reads it, and nearly all of its packets.
func TestDamageIsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for name, whole := range map[string][]byte{"pcapng": ng(t, 1000, 6000), "pcap": classic(t, 1000, 2500)} {
		for range 4 {
			file := slices.Clone(whole)
			for range 30 {
				at := 2000 + random.IntN(len(file)-4000)
				switch random.IntN(3) {
				case 0:
					file[at] ^= byte(1 + random.IntN(255))
				case 1:
					file = slices.Delete(file, at, at+1+random.IntN(50))
				case 2:
					file = slices.Insert(file, at, make([]byte, 1+random.IntN(50))...)
				}
			}
			path := save(t, name, file)
			c := open(t, path)
			want, err := drain(c, 1000)
			if err != io.EOF {
				t.Fatal(err)
			}
			if name == "pcapng" && len(want) < 6000-150 {
				t.Errorf("%s: %d packets are left, damage %+v", name, len(want), c.Damage())
			}
			for workers := range 4 {
				got, damage, _ := readStream(t, path, workers)
				if !slices.Equal(got, want) || !slices.Equal(damage, c.Damage()) {
					t.Fatalf("%s, %d workers: %d packets, want %d; damage %+v, want %+v", name, workers, len(got), len(want), damage, c.Damage())
				}
			}
		}
	}
}

// Marks count over all files, as packets tell them.
func TestMarks(t *testing.T) {
	file := func(pid uint32) []byte {
		var b []byte
		le := binary.LittleEndian
		for _, c := range []pcapng.Content{
			&pcapng.SectionBlock{Major: 1, Length: -1},
			&pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet},
			&pcapng.PacketBlock{Data: tcp(t, 1, 0)},
			&pcapng.PacketBlock{Data: tcp(t, 1, 0), Options: pcapng.Options{{Code: pcapng.PacketProcess, Value: le.AppendUint32(le.AppendUint32(nil, pid), 5)}}},
			&pcapng.PacketBlock{Data: tcp(t, 1, 0), Options: pcapng.Options{pcapng.TextOption(pcapng.OptionComment, "PID: 9\nCmd: /bin/ls")}},
		} {
			b = pcapng.AppendBlock(b, le, c)
		}
		return b
	}
	c := open(t, save(t, "a", file(7)), save(t, "b.gz", compress(t, Gzip, file(8))))
	for range 2 {
		all, err := drain(c, 4)
		if err != io.EOF {
			t.Fatal(err)
		}
		var got []int32
		for _, p := range all {
			pid := int32(0)
			if p.Mark > 0 {
				pid = c.Marks()[p.Mark-1].PID
			}
			got = append(got, pid)
		}
		if want := []int32{0, 7, 9, 0, 8, 9}; !slices.Equal(got, want) || len(c.Marks()) != 4 {
			t.Errorf("PIDs %v, want %v; marks %+v", got, want, c.Marks())
		}
		must(t, c.Rewind())
	}
	path := save(t, "large", append(file(7), largeMarked(t)...))
	want, err := drain(open(t, path), 100)
	if err != io.EOF {
		t.Fatal(err)
	}
	if got, _, marks := readStream(t, path, 2); !slices.Equal(got, want) || len(marks) != 3 {
		t.Errorf("%d packets of a stream, want %d; marks %+v", len(got), len(want), marks)
	}
}

// largeMarked is a section of more than a piece, with a process for every
// hundredth packet.
func largeMarked(t *testing.T) []byte {
	le := binary.LittleEndian
	b := pcapng.AppendBlock(nil, le, &pcapng.SectionBlock{Major: 1, Length: -1})
	b = pcapng.AppendBlock(b, le, &pcapng.InterfaceBlock{LinkType: pcapng.LinkEthernet})
	plain, marked := &pcapng.PacketBlock{Data: tcp(t, 2, 900)}, &pcapng.PacketBlock{Data: tcp(t, 3, 0),
		Options: pcapng.Options{{Code: pcapng.PacketProcess, Value: le.AppendUint32(le.AppendUint32(nil, 77), 0)}}}
	for i := range 4000 {
		if i%100 == 0 {
			b = pcapng.AppendBlock(b, le, marked)
		}
		b = pcapng.AppendBlock(b, le, plain)
	}
	return b
}
