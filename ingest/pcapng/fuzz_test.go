package pcapng

import (
	"bytes"
	"io"
	"runtime"
	"testing"
)

// marked is a file in which processes are named in every way.
func marked(order ByteOrder) []byte {
	u32 := func(v ...uint32) (b []byte) {
		for _, v := range v {
			b = order.AppendUint32(b, v)
		}
		return b
	}
	process := func(pid uint32, start uint64) Content {
		entry := le.AppendUint32(nil, pid)
		entry = Options{TextOption(processName, "curl"), {Code: processArguments, Value: []byte("curl\x00-v\x00")},
			{Code: processStart, Value: le.AppendUint64(nil, start)}, {Code: processUser, Value: le.AppendUint32(nil, 1000)}}.append(entry, le)
		return &CustomBlock{Enterprise: penWireshark, Data: append(le.AppendUint32(le.AppendUint32(nil, entryProcess), uint32(len(entry))), entry...)}
	}
	var file []byte
	for _, c := range []Content{
		&SectionBlock{Major: 1, Length: -1},
		&InterfaceBlock{LinkType: LinkEthernet},
		&InterfaceBlock{LinkType: LinkPKTAP},
		process(7, 1000),
		&PacketBlock{Timestamp: 5, Options: Options{{Code: PacketProcess, Value: u32(7, 8)}}},
		&PacketBlock{Timestamp: 5, Options: Options{{Code: PacketProcess, Value: u32(9, 0)}}},
		process(9, 2000),
		&RawBlock{blockApple, Options{TextOption(processName, "Safari")}.append(u32(11), order)},
		&PacketBlock{Timestamp: 5, Options: Options{{Code: appleProcess, Value: u32(2)}, {Code: appleEffective, Value: u32(0)}}},
		&PacketBlock{Timestamp: 5, Options: Options{TextOption(OptionComment, "PID: 12\nCmd: /bin/a\nArgs: a b"), TextOption(OptionComment, "ParentPID: 1\nParentCmd: x")}},
		&PacketBlock{Timestamp: 5, Options: Options{TextOption(OptionComment, "rustnet process=x y pid=13 ppid=2 uid=0 attr=1")}},
		&PacketBlock{Timestamp: 5, Options: Options{TextOption(OptionComment, "PID=14 TID=15")}},
		&PacketBlock{Interface: 1, Timestamp: 5, Data: pktapFrame(16, "ssh", 17)},
	} {
		file = AppendBlock(file, order, c)
	}
	return file
}

// pktapFrame is a PKTAP header and an empty frame.
func pktapFrame(pid uint32, name string, effective uint32) []byte {
	b := make([]byte, 108)
	le.PutUint32(b, 108)
	le.PutUint32(b[4:], 1)
	le.PutUint32(b[8:], 1)
	le.PutUint32(b[52:], pid)
	copy(b[56:76], name)
	le.PutUint32(b[84:], effective)
	return b
}

// checkFile reads a file, whatever it is, and holds what is always true: it
// makes progress, what was read and what was skipped are the file, and memory
// is bounded by it.
func checkFile(t testing.TB, file []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		return
	}
	var rec Record
	last, errs := int64(-1), 0
	for {
		err := r.Next(&rec)
		if err == io.EOF {
			break
		}
		if err != nil {
			fe, ok := err.(*FormatError)
			if errs++; !ok || errs > len(file)/8+2 || fe.Offset < 0 || fe.Offset > int64(len(file)) {
				t.Fatalf("error %d of %d bytes: %v", errs, len(file), err)
			}
			continue
		}
		if rec.Offset <= last || rec.Offset+int64(len(rec.Data)) > int64(len(file)) || int(rec.Interface) >= len(r.Interfaces()) || int(rec.Mark) > len(r.Marks()) {
			t.Fatalf("%+v of %d bytes, %d interfaces, %d marks: out of bounds or no progress", rec, len(file), len(r.Interfaces()), len(r.Marks()))
		}
		last = rec.Offset
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16*uint64(len(file))+16<<20 {
		t.Fatalf("%d bytes were allocated for a file of %d", n, len(file))
	}
	if r.Offset() != int64(len(file)) || r.Skipped() < 0 || r.Skipped() > r.Offset() || errs == 0 && r.Skipped() != 0 {
		t.Fatalf("at %d of %d bytes, %d skipped, %d errors", r.Offset(), len(file), r.Skipped(), errs)
	}
}

// checkWhole holds that what stands between damage is read the same by the
// block, and that whole blocks are written as they were.
func checkWhole(t testing.TB, file []byte) {
	t.Helper()
	out, ok := rewrite(file, false)
	if !ok {
		return
	}
	_, r, _ := packets(t, file)
	if r != nil && r.Skipped() == 0 && !bytes.Equal(out, file) && !unpadded(file) {
		t.Fatalf("%d bytes became %d:\n% x\n% x", len(file), len(out), file, out)
	}
	checkTwin(t, out)
}

// unpadded tells whether a block's length is no multiple of 4, which readers
// take and AppendBlock never writes.
func unpadded(file []byte) bool {
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		return false
	}
	for b := new(Block); r.NextBlock(b) == nil; {
		if b.Order.Uint32(file[b.Offset+4:])&3 != 0 {
			return true
		}
	}
	return false
}

func FuzzPcapng(f *testing.F) {
	f.Add(small(f))
	for _, order := range orders {
		var all []byte
		for _, c := range contents() {
			all = AppendBlock(all, order, c)
		}
		f.Add(all)
		f.Add(marked(order))
	}
	f.Add(append(small(f), pcapFile(be, 0xa1b2c3d4, 4, 2)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		checkFile(t, file)
		checkLayout(t, file)
		checkWhole(t, file)
	})
}

func FuzzPcap(f *testing.F) {
	for _, order := range orders {
		for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0x1c0001ac, 0x1c0001ab} {
			f.Add(pcapFile(order, magic, 4, 3))
			f.Add(pcapFile(order, magic, 2, 2))
		}
	}
	f.Add(append(pcapFile(le, 0xa1b2c3d4, 4, 2), small(f)...))
	f.Fuzz(func(t *testing.T, file []byte) {
		checkFile(t, file)
		checkLayout(t, file)
		checkConverted(t, file)
		if twin := classicTwin(file); twin != nil {
			a, _, errsA := packets(t, file)
			b, _, errsB := packets(t, twin)
			if len(errsA) > 0 || len(errsB) > 0 || len(a) != len(b) {
				t.Fatalf("%d packets, the twin of the other byte order has %d; %v, %v", len(a), len(b), errsA, errsB)
			}
			for i := range a {
				if a[i].Time != b[i].Time || a[i].WireLength != b[i].WireLength || !bytes.Equal(a[i].Data, b[i].Data) {
					t.Fatalf("packet %d is %+v, of the twin %+v", i, a[i], b[i])
				}
			}
		}
	})
}

// checkConverted holds that what is read of a file, whatever it is, comes back
// when it is written as pcapng.
func checkConverted(t testing.TB, file []byte) {
	t.Helper()
	want, r, _ := packets(t, file)
	if len(want) == 0 {
		return
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, SectionHeader{})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range r.Interfaces() {
		if _, err := w.AddInterface(InterfaceDescription{LinkType: i.LinkType}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range want {
		if p.Time < 0 {
			return // the writer takes no times before 1970
		}
		if err := w.WritePacket(&EnhancedPacket{Interface: p.Interface, Time: p.Time, Data: p.Data, WireLength: p.WireLength}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, _, errs := packets(t, out.Bytes())
	if len(errs) > 0 || len(got) != len(want) {
		t.Fatalf("%d packets came back of %d, %v", len(got), len(want), errs)
	}
	for i, p := range want {
		if g := got[i]; g.Time != p.Time || g.WireLength != p.WireLength || g.Interface != p.Interface || !bytes.Equal(g.Data, p.Data) {
			t.Fatalf("packet %d is %+v, came back as %+v", i, p, g)
		}
	}
}

// classicTwin turns a classic file into its twin of the other byte order; nil
// where it is no well-formed one, and where the length of its record headers is
// a guess: packet bytes, which twins share, may make it another one.
func classicTwin(file []byte) []byte {
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil || r.Format() != FormatPcap {
		return nil
	}
	out := bytes.Clone(file)
	flip := func(at, size int) {
		for i := range size / 2 {
			out[at+i], out[at+size-1-i] = out[at+size-1-i], out[at+i]
		}
	}
	for _, at := range []int{0, 8, 12, 16, 20} {
		flip(at, 4)
	}
	flip(4, 2)
	flip(6, 2)
	header := int(r.pcap.header)
	if usual, _, _ := classicMagic(file); header != int(usual.header) {
		return nil
	}
	var rec Record
	for {
		err := r.Next(&rec)
		if r.format != FormatPcap || len(r.interfaces) > 1 {
			return nil // another file begins, which keeps its order
		}
		if err == io.EOF && r.Skipped() == 0 {
			if r, err = NewReader(bytes.NewReader(out), "x"); err != nil || int(r.pcap.header) != header {
				return nil
			}
			return out
		}
		if err != nil || int(r.pcap.header) != header {
			return nil
		}
		for i := range 4 {
			flip(int(rec.Offset)+4*i, 4)
		}
	}
}
