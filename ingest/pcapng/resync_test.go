package pcapng

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// twenty is a pcapng file of 20 packets that say who they are, and a classic
// one.
func twenty(t testing.TB, order ByteOrder) []byte {
	t.Helper()
	file := AppendBlock(nil, order, &SectionBlock{Major: 1, Length: -1})
	file = AppendBlock(file, order, &InterfaceBlock{LinkType: LinkEthernet})
	for i := range 20 {
		file = AppendBlock(file, order, &PacketBlock{Timestamp: uint64(i), WireLength: 1500, Data: fmt.Appendf(nil, "packet %02d of many", i)})
	}
	return AppendBlock(file, order, &StatisticsBlock{})
}

func classicTwenty(order ByteOrder) []byte {
	file := pcapFile(order, 0xa1b2c3d4, 4, 0)
	for i := range 20 {
		data := fmt.Appendf(nil, "packet %02d of many", i)
		for _, v := range []uint32{1_700_000_000 + uint32(i), uint32(i), uint32(len(data)), 1500} {
			file = order.AppendUint32(file, v)
		}
		file = append(file, data...)
	}
	return file
}

// numbers returns which of the twenty packets were read.
func numbers(t testing.TB, recs []Record) (list []int) {
	t.Helper()
	for _, rec := range recs {
		var i int
		if _, err := fmt.Sscanf(string(rec.Data), "packet %d of many", &i); err != nil || len(rec.Data) != 17 {
			t.Fatalf("no packet of ours: %q", rec.Data)
		}
		list = append(list, i)
	}
	return list
}

// without is 0 to 19 but for those given.
func without(lost ...int) (list []int) {
	for i := range 20 {
		if !slices.Contains(lost, i) {
			list = append(list, i)
		}
	}
	return list
}

// A header that was damaged costs its packet, and the error tells how much was
// skipped.
func TestDamageCostsOnePacket(t *testing.T) {
	for _, order := range orders {
		for name, whole := range map[string][]byte{"pcapng": twenty(t, order), "pcap": classicTwenty(order)} {
			recs, _, _ := packets(t, whole)
			at, next := recs[7].Offset, recs[8].Offset
			fields := map[string]int64{"length": 4, "length at the end": next - at - 4, "interface": 8, "captured": 20}
			if name == "pcap" {
				fields = map[string]int64{"captured": 8}
			}
			for field, offset := range fields {
				for _, v := range []uint32{0, 3, 1 << 20, 1 << 30, 0xffffffff} {
					if v == 0 && (field == "interface" || name == "pcap") || field == "captured" && v < 17 {
						continue // nothing tells that it is wrong
					}
					file := bytes.Clone(whole)
					order.PutUint32(file[at+offset:], v)
					recs, r, errs := packets(t, file)
					var fe *FormatError
					if got := numbers(t, recs[:min(len(recs), 7)]); !slices.Equal(got, without()[:7]) {
						t.Fatalf("%s, %s %d: packets %v", name, field, v, got)
					}
					if got := numbers(t, recs); !slices.Equal(got, without(7)) {
						t.Errorf("%s %v, %s %d: packets %v, errors %v", name, order, field, v, got, errs)
						continue
					}
					if len(errs) != 1 || !errors.As(errs[0], &fe) || fe.Offset != at || fe.Skipped != next-at || r.Skipped() != fe.Skipped || fe.Block == 0 {
						t.Errorf("%s %v, %s %d: errors %v, skipped %d; want %d at %#x", name, order, field, v, errs, r.Skipped(), next-at, at)
					}
					if r.Offset() != int64(len(file)) {
						t.Errorf("%s, %s %d: ends at %d of %d", name, field, v, r.Offset(), len(file))
					}
				}
			}
		}
	}
}

// Bytes that were put in between, of any length, cost nothing; bytes that were
// lost cost what they belonged to.
func TestBytesPutInAndLost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, order := range orders {
		for name, whole := range map[string][]byte{"pcapng": twenty(t, order), "pcap": classicTwenty(order)} {
			recs, _, _ := packets(t, whole)
			for range 300 {
				k := 3 + random.IntN(14)
				at := recs[k].Offset
				junk := make([]byte, 1+random.IntN(300)*random.IntN(50))
				for i := range junk {
					junk[i] = byte(random.Uint32()) | 0x80 // no small numbers, which could be a header
				}
				if len(junk) < 12 {
					continue
				}
				file := slices.Concat(whole[:at], junk, whole[at:])
				got, r, errs := packets(t, file)
				if list := numbers(t, got); !slices.Equal(list, without()) || len(errs) != 1 || r.Skipped() != int64(len(junk)) {
					t.Fatalf("%s %v: %d bytes before packet %d: packets %v, %d skipped, %v", name, order, len(junk), k, list, r.Skipped(), errs)
				}
				cut := 1 + random.IntN(int(recs[k+1].Offset-at)-1)
				from := int(at) + random.IntN(int(recs[k+1].Offset-at)-cut)
				file = slices.Concat(whole[:from], whole[from+cut:])
				got, r, errs = packets(t, file)
				lost := 0
				for i := range 20 {
					if !slices.ContainsFunc(got, func(rec Record) bool {
						return strings.HasPrefix(string(rec.Data), fmt.Sprintf("packet %02d of many", i))
					}) {
						lost++
					}
				}
				if name == "pcapng" && (lost > 2 || len(errs) == 0) || r.Offset() != int64(len(file)) {
					t.Fatalf("%s %v: %d bytes of packet %d lost: %d packets lost, %v", name, order, cut, k, lost, errs)
				}
			}
		}
	}
}

// A packet that holds a capture is one packet, also when the file is cut
// inside it.
func TestCaptureInsidePacket(t *testing.T) {
	inner := twenty(t, le)
	file := AppendBlock(nil, le, &SectionBlock{Major: 1, Length: -1})
	file = AppendBlock(file, le, &InterfaceBlock{LinkType: LinkEthernet})
	for range 3 {
		file = AppendBlock(file, le, &PacketBlock{Data: inner, WireLength: 9999})
	}
	last := len(file) - len(inner) - 32 - 3
	recs, _, errs := packets(t, file)
	if len(recs) != 3 || len(errs) > 0 {
		t.Fatalf("%d packets, %v", len(recs), errs)
	}
	for cut := last; cut < len(file); cut += 7 {
		recs, _, errs := packets(t, file[:cut])
		if len(recs) > 2 || len(errs) > 1 {
			t.Fatalf("cut at %d: %d packets, %v", cut, len(recs), errs)
		}
	}
	// A length that was damaged does not open it either: what is captured is
	// told twice.
	le.PutUint32(file[int(recs[1].Offset)+4:], 16)
	if recs, _, errs := packets(t, file); len(recs) != 2 || len(errs) != 1 {
		t.Fatalf("damaged: %d packets, %v", len(recs), errs)
	}
}

// Files of all formats that were put together are read as one after the other.
func TestConcatenated(t *testing.T) {
	var parts [][]byte
	for _, order := range orders {
		parts = append(parts, twenty(t, order), classicTwenty(order), pcapFile(order, 0xa1b2cd34, 4, 3), pcapFile(order, 0xa1b23c4d, 4, 2), pcapFile(order, 0x1c0001ac, 4, 2))
	}
	for i, a := range parts {
		for j, b := range parts {
			file := slices.Concat(a, b, a)
			one, ra, _ := packets(t, a)
			two, rb, _ := packets(t, b)
			all, r, errs := packets(t, file)
			if len(errs) > 0 || len(all) != 2*len(one)+len(two) || len(r.Interfaces()) != 2*len(ra.Interfaces())+len(rb.Interfaces()) || r.Format() != ra.Format() || r.Skipped() != 0 {
				t.Errorf("%d, %d: %d packets, %d interfaces, %v", i, j, len(all), len(r.Interfaces()), errs)
				continue
			}
			for k, want := range slices.Concat(one, two, one) {
				if got := all[k]; got.Time != want.Time || !bytes.Equal(got.Data, want.Data) || r.Interfaces()[got.Interface].LinkType != LinkSLL2 && r.Interfaces()[got.Interface].LinkType != LinkEthernet {
					t.Errorf("%d, %d: packet %d is %+v, want %+v", i, j, k, got, want)
				}
			}
		}
	}
}

// Hundreds of interfaces, each with its link type and clock, in two sections.
func TestManyInterfaces(t *testing.T) {
	for _, order := range orders {
		var file []byte
		for range 2 {
			file = AppendBlock(file, order, &SectionBlock{Major: 1, Length: 77, Options: Options{TextOption(OptionComment, "a length that lies")}})
			for i := range 300 {
				file = AppendBlock(file, order, &InterfaceBlock{LinkType: uint16(i), Options: Options{{Code: InterfaceTsresol, Value: []byte{byte(i % 10)}}}})
			}
			for i := range 300 {
				file = AppendBlock(file, order, &PacketBlock{Interface: uint32(i), Timestamp: 1})
			}
		}
		recs, r, errs := packets(t, file)
		if len(errs) > 0 || len(recs) != 600 || len(r.Interfaces()) != 600 {
			t.Fatalf("%d packets, %d interfaces, %v", len(recs), len(r.Interfaces()), errs)
		}
		for k, rec := range recs {
			if i := r.Interfaces()[rec.Interface]; int(rec.Interface) != k || int(i.LinkType) != k%300 || rec.Time != int64(power10(9-byte(k%300%10))) {
				t.Fatalf("packet %d: interface %d, link type %d, time %d", k, rec.Interface, i.LinkType, rec.Time)
			}
		}
	}
}

// Variants that keep the usual magic are told by how their records chain.
func TestClassicHeaderSizes(t *testing.T) {
	for _, order := range orders {
		for _, tt := range []struct {
			magic uint32
			size  int
		}{{0xa1b2c3d4, 16}, {0xa1b2c3d4, 20}, {0xa1b2c3d4, 24}, {0xa1b2cd34, 24}, {0xa1b2cd34, 28}} {
			file := pcapFile(order, tt.magic, 4, 0)
			for i := range 5 {
				data := fmt.Appendf(nil, "packet %02d of many", i)
				for _, v := range []uint32{1_700_000_000, uint32(i), uint32(len(data)), 1500} {
					file = order.AppendUint32(file, v)
				}
				file = append(file, bytes.Repeat([]byte{0xee}, tt.size-16)...)
				file = append(file, data...)
			}
			recs, _, errs := packets(t, file)
			if len(errs) > 0 || len(recs) != 5 || len(numbers(t, recs)) != 5 {
				t.Errorf("%#x with headers of %d bytes: %d packets, %v", tt.magic, tt.size, len(recs), errs)
			}
		}
	}
}

// small files of every kind, for what follows.
func samples(t testing.TB) map[string][]byte {
	t.Helper()
	return map[string][]byte{
		"pcapng": twenty(t, le), "big-endian": twenty(t, be), "marks": marked(le), "pcap": classicTwenty(le), "patched": pcapFile(be, 0xa1b2cd34, 4, 20),
		"together": slices.Concat(twenty(t, be), classicTwenty(be), marked(le)),
	}
}

// A bit that is flipped anywhere in the first 4 KiB breaks nothing.
func TestEveryBitFlipped(t *testing.T) {
	for _, file := range samples(t) {
		for i := range min(len(file), 4<<10) {
			for bit := range 8 {
				if need.Slow && bit != i%8 {
					continue
				}
				file[i] ^= 1 << bit
				drainFile(t, file)
				file[i] ^= 1 << bit
			}
		}
	}
}

// Neither does a length of 4 GiB anywhere, nor one that is a little too long.
func TestLengthBombs(t *testing.T) {
	for name, file := range samples(t) {
		for i := range len(file) - 4 {
			if need.Slow && i%4 != 0 { // where no length is
				continue
			}
			for _, bomb := range []string{"\xff\xff\xff\xff", "\x7f\xff\xff\xff", "\x00\x00\xff\xff", "\x07\xff\xff\xff", "\xff\xff\xff\x07"} {
				old := string(file[i : i+4])
				copy(file[i:], bomb)
				var before, after runtime.MemStats
				if i%64 == 0 {
					runtime.ReadMemStats(&before)
				}
				drainFile(t, file)
				if i%64 == 0 {
					if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 4<<20 {
						t.Fatalf("%s: %q at %d: %d bytes allocated for a file of %d", name, bomb, i, after.TotalAlloc-before.TotalAlloc, len(file))
					}
				}
				copy(file[i:], old)
			}
		}
	}
}

// drainFile reads a file and holds that nothing of it is lost from sight.
func drainFile(t *testing.T, file []byte) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		return
	}
	var rec Record
	for n := 0; ; n++ {
		if err = r.Next(&rec); err != nil && !errors.As(err, new(*FormatError)) {
			break
		}
		if n > len(file) {
			t.Fatal("no progress")
		}
	}
	if r.Offset() != int64(len(file)) || r.Skipped() > r.Offset() {
		t.Fatalf("at %d of %d, %d skipped, %v", r.Offset(), len(file), r.Skipped(), err)
	}
}

// A hole of zeros, as a crash leaves it, costs itself.
func TestHole(t *testing.T) {
	for _, order := range orders {
		for name, file := range map[string][]byte{"pcapng": twenty(t, order), "pcap": classicTwenty(order)} {
			recs, _, _ := packets(t, file)
			at := recs[7].Offset
			for _, n := range []int{hole, hole + 1, 3 << 20} {
				got, r, errs := packets(t, slices.Concat(file[:at], make([]byte, n), file[at:]))
				if !slices.Equal(numbers(t, got), without()) || len(errs) != 1 || r.Skipped() != int64(n) {
					t.Errorf("%s %v, %d zeros: %d packets, %d skipped, %v", name, order, n, len(got), r.Skipped(), errs)
				}
			}
		}
	}
}

// Garbage of which every word could begin a block takes one look at each, and
// no memory.
func TestGarbage(t *testing.T) {
	head := twenty(t, le)
	for name, word := range map[string][]byte{
		"blocks without ends": AppendBlock(nil, le, &PacketBlock{Data: make([]byte, 4)})[:32],
		"long blocks":         append(le.AppendUint32(le.AppendUint32(nil, blockCustom), maxResync), 1, 2, 3, 4),
		"sections":            AppendBlock(nil, le, &SectionBlock{Major: 1})[:24],
		"zeros":               make([]byte, 16),
		"packet types":        {6, 0, 0, 0},
	} {
		file := slices.Concat(head, []byte("......................."), bytes.Repeat(word, 6<<20/len(word)), head)
		recs, r, errs := packets(t, file)
		if len(recs) < 20 || r.Offset() != int64(len(file)) || len(errs) == 0 {
			t.Errorf("%s: %d packets, at %d of %d, %d errors", name, len(recs), r.Offset(), len(file), len(errs))
		}
		if len(r.buf) > 8*maxResync {
			t.Errorf("%s: a buffer of %d bytes", name, len(r.buf))
		}
	}
}
