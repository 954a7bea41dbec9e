package pcapng

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// packets reads all records, with their bytes copied, and the first errors.
func packets(t testing.TB, file []byte) (recs []Record, r *Reader, errs []error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), "test.pcapng")
	if err != nil {
		return nil, nil, []error{err}
	}
	for {
		var rec Record
		err := r.Next(&rec)
		if err == io.EOF {
			return recs, r, errs
		}
		if err != nil {
			if errs = append(errs, err); len(errs) > len(file) {
				t.Fatal("no progress")
			}
			continue
		}
		rec.Data = bytes.Clone(rec.Data)
		recs = append(recs, rec)
	}
}

// TestRoundTrip writes random captures and reads them back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		comment := rapid.String().Draw(t, "comment")
		w, err := NewWriter(&file, SectionHeader{Comment: comment, OS: "test"})
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(1, 4).Draw(t, "interfaces")
		for i := range n {
			id, err := w.AddInterface(InterfaceDescription{Name: fmt.Sprint("if", i), Filter: "tcp", LinkType: LinkEthernet, Snaplen: 100})
			if err != nil || id != uint32(i) {
				t.Fatalf("interface %d: id %d, %v", i, id, err)
			}
		}
		var want []Record
		for range rapid.IntRange(0, 30).Draw(t, "packets") {
			p := EnhancedPacket{
				Interface: uint32(rapid.IntRange(0, n-1).Draw(t, "interface")), Time: rapid.Int64Range(0, math.MaxInt64).Draw(t, "time"),
				Data: rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "data"), WireLength: rapid.Uint32().Draw(t, "wire"), Flags: rapid.Uint32().Draw(t, "flags"),
			}
			if err := w.WritePacket(&p); err != nil {
				t.Fatal(err)
			}
			want = append(want, Record{Interface: p.Interface, Time: p.Time, Data: p.Data, WireLength: p.WireLength, Flags: p.Flags})
		}
		if err := w.WriteStatistics(&InterfaceStatistics{Received: Counted(7), Dropped: Counted(3), Comment: "c"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || w.Size() != int64(file.Len()) {
			t.Fatalf("flush: %v; size %d, file %d", err, w.Size(), file.Len())
		}
		check := func(big bool, file []byte) {
			r, err := NewReader(bytes.NewReader(file), "test")
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range want {
				var got Record
				if err := r.Next(&got); err != nil {
					t.Fatalf("record %d: %v", i, err)
				}
				got.Block, got.Offset = 0, 0
				if d := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); d != "" {
					t.Fatalf("big %v, record %d: %s", big, i, d)
				}
			}
			if err := r.Next(new(Record)); err != io.EOF {
				t.Fatalf("at the end: %v", err)
			}
			if i := r.Interfaces()[0]; i.Received != Counted(7) || i.Dropped != Counted(3) || i.Name != "if0" || i.Filter != "tcp" || r.Offset() != int64(len(file)) {
				t.Fatalf("interface %+v, offset %d of %d", i, r.Offset(), len(file))
			}
			if want := strings.TrimRight(comment, "\x00"); r.Comment() != want {
				t.Fatalf("comment %q, want %q", r.Comment(), want)
			}
		}
		check(false, file.Bytes())
		check(true, bigEndian(file.Bytes()))
	})
}

// bigEndian turns a file into its twin of the other byte order.
func bigEndian(file []byte) []byte {
	out, ok := rewrite(file, true)
	if !ok {
		panic("malformed")
	}
	return out
}

// small is a file with two interfaces, three packets and statistics.
func small(t testing.TB) []byte {
	var file bytes.Buffer
	w, _ := NewWriter(&file, SectionHeader{Comment: "recording_id=00"})
	w.AddInterface(InterfaceDescription{Name: "lo", LinkType: LinkEthernet})
	w.AddInterface(InterfaceDescription{Name: "tun", LinkType: LinkRaw})
	for i := range 3 {
		if err := w.WritePacket(&EnhancedPacket{Interface: uint32(i % 2), Time: int64(i + 1), Data: []byte("packet")[:i+3], WireLength: 100, Flags: 1}); err != nil {
			t.Fatal(err)
		}
	}
	w.WriteStatistics(&InterfaceStatistics{Received: Counted(3)})
	w.Flush()
	return file.Bytes()
}

// A capture cut at any byte has the packets whose records are whole before the
// cut, and an error exactly where the cut is inside a block or record.
func TestCutAtEveryByte(t *testing.T) {
	files := samples(t)
	delete(files, "together") // its end may be the beginning of either format
	files["small"], files["nanoseconds"] = small(t), pcapFile(be, 0xa1b23c4d, 4, 3)
	for name, file := range files {
		whole, _, errs := packets(t, file)
		if len(errs) > 0 || len(whole) < 3 {
			t.Fatalf("%s: %d packets, %v", name, len(whole), errs)
		}
		ends := recordEnds(t, file)
		for cut := 4; cut <= len(file); cut++ {
			recs, _, errs := packets(t, file[:cut])
			want := 0
			for _, r := range whole {
				end := slices.IndexFunc(ends, func(end int64) bool { return end > r.Offset })
				if ends[end] <= int64(cut) {
					want++
				}
			}
			if len(recs) != want {
				t.Errorf("%s cut at %d: %d packets, want %d", name, cut, len(recs), want)
			}
			var fe *FormatError
			isCut := len(errs) == 1 && errors.As(errs[0], &fe) && fe.Cut
			if inside := !slices.Contains(ends, int64(cut)); inside != isCut || !inside && len(errs) > 0 {
				t.Errorf("%s cut at %d: errors %v, inside of a record: %v", name, cut, errs, inside)
			}
		}
	}
}

// recordEnds returns where the header of a file, its blocks and its records end,
// by nothing but their lengths.
func recordEnds(t *testing.T, file []byte) (ends []int64) {
	t.Helper()
	if c, big, ok := classicMagic(file); ok {
		for at := int64(24); at < int64(len(file)); at += int64(c.header) + int64(order32(file[at+8:], big)) {
			ends = append(ends, at)
		}
		return append(ends, int64(len(file)))
	}
	big, _ := sectionOrder(file)
	for at := int64(0); at < int64(len(file)); ends = append(ends, at) {
		at += int64(order32(file[at+4:], big))
	}
	return ends
}

// pcapFile makes a classic file of n packets.
func pcapFile(order binary.ByteOrder, magic uint32, minor uint16, n int) []byte {
	b := make([]byte, 24)
	order.PutUint32(b, magic)
	order.PutUint16(b[4:], 2)
	order.PutUint16(b[6:], minor)
	order.PutUint32(b[16:], 65535)
	order.PutUint32(b[20:], 0xf0000000|uint32(LinkSLL2)) // with bits about the frame check sequence
	if magic>>16 == 0x1c00 {                             // Ixia
		b = append(b, 0, 0, 0, 99)
	}
	for i := range n {
		h := make([]byte, 16)
		order.PutUint32(h, 1000)
		order.PutUint32(h[4:], uint32(i))
		captured, wire := uint32(5), uint32(60)
		if minor < 3 {
			captured, wire = wire, captured
		}
		order.PutUint32(h[8:], captured)
		order.PutUint32(h[12:], wire)
		if magic == 0xa1b2cd34 {
			h = append(h, make([]byte, 8)...)
		}
		b = append(append(b, h...), "12345"...)
	}
	return b
}

func TestClassic(t *testing.T) {
	for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0x1c0001ac, 0x1c0001ab} {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, minor := range []uint16{2, 3, 4} {
				recs, r, errs := packets(t, pcapFile(order, magic, minor, 3))
				if len(errs) > 0 || len(recs) != 3 || r.Interfaces()[0].LinkType != LinkSLL2 {
					t.Fatalf("%x %v 2.%d: %d packets, %v", magic, order, minor, len(recs), errs)
				}
				want := int64(1000e9 + 2000)
				if magic == 0xa1b23c4d || magic == 0x1c0001ac {
					want = 1000e9 + 2
				}
				if rec := recs[2]; rec.Time != want || string(rec.Data) != "12345" || rec.WireLength != 60 || rec.Block != 3 {
					t.Errorf("%x %v 2.%d: %+v", magic, order, minor, rec)
				}
			}
		}
	}
}

func TestClock(t *testing.T) {
	tests := []struct {
		resolution byte
		offset     int64
		ticks      uint64
		want       int64
	}{
		{6, 0, 1_500_000, 1_500_000_000},
		{9, 0, 42, 42},
		{0, 0, 3, 3e9},
		{12, 0, 1999, 1},
		{28, 0, math.MaxUint64, 1},
		{127, 0, math.MaxUint64, 0},
		{6, 10, 1, 10_000_001_000},
		{6, -10, 1, -9_999_999_000},
		{9, 9223372036, 1, 9223372036000000001},
		{9, 9223372036, 854775807, math.MaxInt64},
		{9, 9223372036, 854775808, 0}, // what does not fit is not known
		{9, 9223372037, 1, 0},
		{9, math.MaxInt64, 1, 0},
		{9, 0, math.MaxInt64, math.MaxInt64},
		{9, 0, math.MaxInt64 + 1, 0},
		{9, -9223372036, 0, -9223372036000000000},
		{9, -9223372037, 0, 0},
		{9, math.MinInt64, 0, 0},
		{0, 0, math.MaxUint64, 0},
		{0x80, 0, math.MaxUint64, 0},
		{0x80, 0, 3, 3e9},
		{0x80 | 10, 0, 1024, 1e9},
		{0x80 | 63, 0, 1 << 63, 1e9},
		{0x80 | 64, 0, 1 << 63, 5e8},
		{0x80 | 127, 0, math.MaxUint64, 0},
	}
	for _, tt := range tests {
		c := newClock(tt.resolution, tt.offset)
		if got := c.nanoseconds(tt.ticks); got != tt.want {
			t.Errorf("resolution %#x offset %d ticks %d: %d ns, want %d", tt.resolution, tt.offset, tt.ticks, got, tt.want)
		}
	}
}

func TestMalformed(t *testing.T) {
	make := func(change func(b []byte)) []byte {
		var file bytes.Buffer
		w, _ := NewWriter(&file, SectionHeader{OS: "x"})
		w.AddInterface(InterfaceDescription{LinkType: LinkEthernet})
		for i := range 3 {
			w.WritePacket(&EnhancedPacket{Time: int64(i), Data: []byte("data"), WireLength: 4})
		}
		w.Flush()
		b := file.Bytes()
		change(b)
		return b
	}
	le := binary.LittleEndian
	first := bytes.Index(make(func([]byte) {}), []byte("data")) - 28
	tests := []struct {
		name, want string
		change     func(b []byte)
		packets    int
	}{
		{"unknown interface", fmt.Sprintf("block 3 (offset %#x): interface ID 9, the section describes 1 interfaces so far", first), func(b []byte) { le.PutUint32(b[first+8:], 9) }, 2},
		{"captured length", "captured length 4096, the block holds 4 bytes", func(b []byte) { le.PutUint32(b[first+20:], 4096) }, 2},
		{"captured length beyond the limit", "captured length 4294967295, the limit is 262144", func(b []byte) { le.PutUint32(b[first+20:], math.MaxUint32) }, 2},
		{"total length", "total length 8, need 12 to", func(b []byte) { le.PutUint32(b[first+4:], 8) }, 2},
		{"length bomb", "total length 4294967295, need 12 to", func(b []byte) { le.PutUint32(b[first+4:], math.MaxUint32) }, 2},
		{"lengths differ", "total length 40 at the block's end, 36 at its beginning", func(b []byte) { le.PutUint32(b[first+32:], 40) }, 2},
		{"version", "version 2.0, this version reads 1.x; 180 bytes skipped", func(b []byte) { b[12] = 2 }, 0},
		{"byte order", "byte-order magic", func(b []byte) { b[8] = 0 }, 3},
	}
	for _, tt := range tests {
		recs, _, errs := packets(t, make(tt.change))
		if len(recs) != tt.packets || len(errs) != 1 || !strings.Contains(errs[0].Error(), tt.want) {
			t.Errorf("%s: %d packets, errors %v; want %d and %q", tt.name, len(recs), errs, tt.packets, tt.want)
		}
	}
}

func TestNotCapture(t *testing.T) {
	for in, want := range map[string]string{"": "empty", "ab": "2 bytes long", "\x1f\x8b\x08\x00": "gzip", "\x00\x01\x02\x03": "00010203", "{\"event\"": "connection log"} {
		_, err := NewReader(strings.NewReader(in), "x")
		var nc *NotCaptureError
		if !errors.As(err, &nc) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", in, err, want)
		}
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	r, err := NewReader(io.MultiReader(bytes.NewReader(small(t)), iotest.ErrReader(broken)), "x")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for err = r.Next(new(Record)); err == nil; err = r.Next(new(Record)) {
		n++
	}
	if n != 3 || !errors.Is(err, broken) || !errors.Is(r.Next(new(Record)), broken) {
		t.Errorf("%d packets, then %v", n, err)
	}
	one, _ := NewReader(iotest.OneByteReader(bytes.NewReader(small(t))), "x")
	for n = 0; one.Next(new(Record)) == nil; n++ {
	}
	if n != 3 {
		t.Errorf("byte by byte: %d packets, want 3", n)
	}
}

type failing struct{ after int }

func (f *failing) Write(b []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 1, io.ErrClosedPipe
	}
	return len(b), nil
}

func TestWriterErrorsStay(t *testing.T) {
	w, _ := NewWriter(&failing{}, SectionHeader{})
	if err := w.Flush(); err != io.ErrClosedPipe {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(InterfaceDescription{}); err != io.ErrClosedPipe {
		t.Errorf("AddInterface: %v", err)
	}
	if err := w.WritePacket(&EnhancedPacket{}); err != io.ErrClosedPipe {
		t.Errorf("WritePacket: %v", err)
	}
}

func TestNothingAllocatesPerPacket(t *testing.T) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, SectionHeader{})
	w.AddInterface(InterfaceDescription{LinkType: LinkEthernet})
	p := &EnhancedPacket{Data: make([]byte, 100), WireLength: 1500, Flags: 1}
	if n := testing.AllocsPerRun(2000, func() { w.WritePacket(p) }); n != 0 {
		t.Errorf("writing: %v allocations a packet", n)
	}
	w.Flush()
	r, _ := NewReader(bytes.NewReader(file.Bytes()), "x")
	var rec Record
	if n := testing.AllocsPerRun(1000, func() {
		if err := r.Next(&rec); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("reading: %v allocations a packet", n)
	}
}

func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	w, _ := NewWriter(&file, SectionHeader{})
	w.AddInterface(InterfaceDescription{LinkType: LinkEthernet})
	for range 100_000 {
		w.WritePacket(&EnhancedPacket{Data: make([]byte, 100), WireLength: 1500, Flags: 1})
	}
	w.Flush()
	b.SetBytes(int64(file.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r, _ := NewReader(bytes.NewReader(file.Bytes()), "x")
		var rec Record
		for r.Next(&rec) == nil {
		}
	}
}

// Fixed parts that do not fit in their blocks are told, and reading goes on.
func TestShortBlocks(t *testing.T) {
	for name, tt := range map[string]struct {
		block Content
		want  string
	}{
		"enhanced":   {&RawBlock{blockEnhanced, make([]byte, 16)}, "total length 28, an enhanced packet block needs at least 32"},
		"obsolete":   {&RawBlock{blockPacket, make([]byte, 16)}, "total length 28, a packet block needs at least 32"},
		"simple":     {&RawBlock{blockSimple, nil}, "total length 12, a simple packet block needs at least 16"},
		"interface":  {&RawBlock{blockInterface, make([]byte, 4)}, "total length 16, an interface description needs at least 20"},
		"statistics": {&RawBlock{blockStatistics, make([]byte, 8)}, "total length 20, interface statistics need at least 24"},
		"section":    {&RawBlock{blockSection, le.AppendUint32(nil, byteOrderMagic)}, "total length 16, a section header needs at least 28"},
		"of whom":    {&StatisticsBlock{Interface: 7}, "interface ID 7, the section describes 1 interfaces so far"},
		"no such":    {&ObsoletePacketBlock{Interface: 7}, "interface ID 7, the section describes 1 interfaces so far"},
	} {
		r := session(t, tt.block, by(0, 1))
		err := r.Next(new(Record))
		var fe *FormatError
		if !errors.As(err, &fe) || fe.Message() != tt.want || fe.Skipped != r.Skipped() || fe.Block != 3 {
			t.Errorf("%s: %v, skipped %d, want %q", name, err, r.Skipped(), tt.want)
		}
		if err := r.Next(new(Record)); err != nil {
			t.Errorf("%s: behind it: %v", name, err)
		}
	}
	r := session(t, &SectionBlock{Major: 1}, &SimplePacketBlock{Data: []byte("x"), WireLength: 1})
	if err := r.Next(new(Record)); err == nil || !strings.Contains(err.Error(), "interface ID 0, the section describes 0 interfaces") {
		t.Errorf("a simple packet without an interface: %v", err)
	}
}

// More interfaces than the limit are not described.
func TestTooManyInterfaces(t *testing.T) {
	blocks := make([]Content, MaxInterfaces)
	for i := range blocks {
		blocks[i] = &InterfaceBlock{LinkType: LinkEthernet}
	}
	r := session(t, append(blocks, by(0, 1))...)
	if err := r.Next(new(Record)); err == nil || !strings.Contains(err.Error(), "interfaces more than 65536, the limit") {
		t.Error(err)
	}
	if err := r.Next(new(Record)); err != nil || len(r.Interfaces()) != MaxInterfaces {
		t.Error(err)
	}
	var file bytes.Buffer
	for _, b := range append([]Content{&SectionBlock{Major: 1}}, blocks...) {
		file.Write(AppendBlock(nil, le, b))
	}
	file.Write(pcapFile(le, 0xa1b2c3d4, 4, 1))
	recs, r, errs := packets(t, file.Bytes())
	if len(recs) != 0 || len(errs) != 1 || r.Offset() != int64(file.Len()) {
		t.Errorf("a classic file behind them: %d packets, %v", len(recs), errs)
	}
}

// All options of a description are taken in.
func TestInterfaceOptions(t *testing.T) {
	r := session(t, &InterfaceBlock{LinkType: LinkRaw, Options: Options{
		TextOption(InterfaceDescribed, "described"), TextOption(InterfaceOS, "os"), TextOption(InterfaceFilter, "\x00tcp"),
		{Code: InterfaceTsresol, Value: []byte{0x80}}, {Code: InterfaceTsoffset, Value: le.AppendUint64(nil, 5)},
	}}, &PacketBlock{Interface: 1, Timestamp: 2})
	var rec Record
	if err := r.Next(&rec); err != nil || rec.Time != 7e9 {
		t.Errorf("%+v, %v", rec, err)
	}
	if i := r.Interfaces()[1]; i.Description != "described" || i.OS != "os" || i.Filter != "tcp" {
		t.Errorf("%+v", i)
	}
}

// What WritePacket and WriteStatistics refuse, and what text is cut to.
func TestWriterRefuses(t *testing.T) {
	var out bytes.Buffer
	w, _ := NewWriter(&out, SectionHeader{})
	id, _ := w.AddInterface(InterfaceDescription{})
	for name, p := range map[string]EnhancedPacket{
		"interface": {Interface: 1},
		"length":    {Interface: id, Data: make([]byte, MaxCaptured+1)},
		"time":      {Interface: id, Time: -1},
	} {
		if err := w.WritePacket(&p); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := w.WriteStatistics(&InterfaceStatistics{Interface: 1}); err == nil {
		t.Error("statistics of an unknown interface are taken")
	}
	if err := w.WriteStatistics(&InterfaceStatistics{Comment: strings.Repeat("ä", 40_000)}); err != nil {
		t.Error(err)
	}
	for range 100 {
		if err := w.WritePacket(&EnhancedPacket{Data: make([]byte, MaxCaptured)}); err != nil {
			t.Error(err)
		}
	}
	if err := w.Flush(); err != nil || w.Size() != int64(out.Len()) {
		t.Errorf("%d bytes of %d, %v", out.Len(), w.Size(), err)
	}
	if recs, _, errs := packets(t, out.Bytes()); len(recs) != 100 || len(errs) > 0 {
		t.Errorf("%d packets, %v", len(recs), errs)
	}
}

// A short write is an error.
func TestShortWrite(t *testing.T) {
	w, _ := NewWriter(shortWriter{}, SectionHeader{})
	if err := w.Flush(); err != io.ErrShortWrite || w.WriteStatistics(&InterfaceStatistics{}) != io.ErrShortWrite {
		t.Error(err)
	}
}

type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

// A source that gives nothing, and no error, ends the reading.
func TestNoProgress(t *testing.T) {
	if _, err := NewReader(stuck{}, "x"); err != io.ErrNoProgress {
		t.Error(err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// A source that knows what is wrong with it is believed.
func TestSourceDamage(t *testing.T) {
	known := &FormatError{File: "x.gz", Offset: 9, Field: "gzip data", Text: "cut"}
	file := small(t)
	r, err := NewReader(io.MultiReader(bytes.NewReader(file[:len(file)-3]), iotest.ErrReader(known)), "x.gz")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.Next(new(Record)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Next(new(Record)); err != error(known) || err.Error() != "x.gz: offset 0x9: gzip data cut" {
		t.Error(err)
	}
	if err := r.Next(new(Record)); err != io.EOF || r.Offset() != int64(len(file)-3) {
		t.Errorf("%v, at %d", err, r.Offset())
	}
}
