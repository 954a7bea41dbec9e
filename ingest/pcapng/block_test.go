package pcapng

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pcapwho/pcapwho/testdata/need"
)

// contents are blocks of every kind, with every kind of option.
func contents() []Content {
	end := Option{Code: OptionEnd}
	comment := TextOption(OptionComment, "a comment")
	custom := Option{Code: OptionCustomBytes, Value: []byte{0, 0, 0, 1, 7}, Padding: []byte{1, 2, 3}}
	return []Content{
		&SectionBlock{Major: 1, Length: -1, Options: Options{comment, TextOption(SectionOS, "os"), custom, end}},
		&InterfaceBlock{LinkType: LinkEthernet, Snaplen: 6, Options: Options{TextOption(InterfaceName, "lo"), {Code: InterfaceTsresol, Value: []byte{9}}, end}},
		&InterfaceBlock{LinkType: LinkRaw},
		&PacketBlock{Timestamp: 1<<40 + 3, WireLength: 60, Data: []byte("12345"), Options: Options{comment, comment, {Code: PacketVerdict, Value: []byte{1, 2}}}},
		&PacketBlock{Interface: 1, Timestamp: math.MaxUint64, Data: []byte("123456"), Padding: []byte{8, 9}},
		&SimplePacketBlock{WireLength: 9, Data: []byte("123456")},
		&SimplePacketBlock{WireLength: 9, Data: []byte("123456"), Padding: []byte("xx....")[:2]},
		&SimplePacketBlock{WireLength: 9, Data: []byte("123456"), Padding: []byte("more than that")[:10]},
		&ObsoletePacketBlock{Interface: 1, Dropped: 65535, Timestamp: 7, WireLength: 5, Data: []byte("1"), Options: Options{end}},
		&NamesBlock{Records: []NameRecord{{Type: 1, Value: []byte("\x7f\x00\x00\x01localhost\x00")}, {}}, Options: Options{TextOption(NamesServer, "dns"), end}},
		&NamesBlock{},
		&StatisticsBlock{Interface: 1, Timestamp: 9, Options: Options{{Code: StatisticsReceived, Value: make([]byte, 8)}, end}},
		&JournalBlock{Entry: []byte("__CURSOR=x\n\x00")},
		&SecretsBlock{Secrets: 0x544c534b, Data: []byte("CLIENT_RANDOM"), Options: Options{end}},
		&CustomBlock{Enterprise: 32473, Data: []byte("data")},
		&CustomBlock{Enterprise: 32473, Data: []byte("data"), NoCopy: true},
		&RawBlock{BlockType: 0x7fffffff, Body: []byte("whatever")},
	}
}

// orders are both byte orders.
var orders = []ByteOrder{le, be}

// Every kind of block is read as it was written, in both byte orders, through
// AppendBlock and Writer alike; what it says reaches the reader.
func TestBlocks(t *testing.T) {
	for _, order := range orders {
		var file, appended []byte
		var out bytes.Buffer
		w := NewBlockWriter(&out, order)
		for _, c := range contents() {
			appended = AppendBlock(appended, order, c)
			if err := w.WriteBlock(c); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		if file = out.Bytes(); !bytes.Equal(file, appended) {
			t.Fatalf("%v: Writer and AppendBlock differ", order)
		}
		r, err := NewReader(bytes.NewReader(file), "x")
		if err != nil {
			t.Fatal(err)
		}
		var b Block
		at := int64(0)
		for i, want := range contents() {
			if err := r.NextBlock(&b); err != nil {
				t.Fatal(err)
			}
			got, err := b.Decode()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); d != "" {
				t.Errorf("%v, block %d: %s", order, i, d)
			}
			if b.Number != uint64(i+1) || b.Offset != at || b.Type != want.Type() || b.Order != order {
				t.Errorf("%v, block %d: %+v, want it at %d", order, i, b, at)
			}
			at += int64(len(b.Body)) + 12
		}
		if err := r.NextBlock(&b); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if i := r.Interfaces(); len(i) != 2 || i[0].Name != "lo" || r.Time(0, 5) != 5 || r.Time(1, 5) != 5000 || r.Time(2, 5) != 0 {
			t.Errorf("interfaces %+v", i)
		}
		recs, _, errs := packets(t, file)
		if len(errs) > 0 || len(recs) != 6 {
			t.Errorf("%d packets, %v", len(recs), errs)
		}
	}
}

// Options are found by their codes.
func TestOptions(t *testing.T) {
	o := contents()[0].(*SectionBlock).Options
	if v, ok := o.Value(OptionCustomBytes); !ok || len(v) != 5 || o.Text(SectionOS) != "os" || o.Text(SectionHardware) != "" {
		t.Errorf("%v %v %q", v, ok, o.Text(SectionOS))
	}
}

// What does not fit into its block is told, and the block can still be kept.
func TestMalformedBlocks(t *testing.T) {
	for name, b := range map[string]Block{
		"section too short":      {Type: blockSection, Body: make([]byte, 12)},
		"option too long":        {Type: blockInterface, Body: append(make([]byte, 8), 1, 0, 9, 0)},
		"half an option":         {Type: blockInterface, Body: append(make([]byte, 8), 1, 0)},
		"behind the options":     {Type: blockInterface, Body: append(make([]byte, 8), 0, 0, 0, 0, 1, 0, 0, 0)},
		"captured too much":      {Type: blockEnhanced, Body: append(make([]byte, 12), 9, 0, 0, 0, 0, 0, 0, 0)},
		"captured far too much":  {Type: blockPacket, Body: append(make([]byte, 12), 255, 255, 255, 255, 0, 0, 0, 0)},
		"name too long":          {Type: blockNames, Body: []byte{1, 0, 9, 0}},
		"half a name":            {Type: blockNames, Body: []byte{1, 0}},
		"secrets too long":       {Type: blockSecrets, Body: []byte{0, 0, 0, 0, 1, 0, 0, 0}},
		"statistics too short":   {Type: blockStatistics, Body: make([]byte, 8)},
		"simple packet unpadded": {Type: blockSimple, Body: []byte{5, 0, 0, 0, 1}},
	} {
		b.Order = le
		if c, err := b.Decode(); err == nil || c != nil {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
		if got := AppendBlock(nil, le, &RawBlock{b.Type, b.Body}); !bytes.Equal(got[8:8+len(b.Body)], b.Body) || len(got)&3 != 0 {
			t.Errorf("%s: % x", name, got)
		}
	}
}

func TestWriteBlockErrors(t *testing.T) {
	w := NewBlockWriter(io.Discard, le)
	if err := w.WriteBlock(&InterfaceBlock{}); err != errSection {
		t.Errorf("without a section: %v", err)
	}
	if err := w.WriteBlock(&SectionBlock{Major: 1, Length: -1}); err != nil {
		t.Error(err)
	}
	size := w.Size()
	if err := w.WriteBlock(&RawBlock{99, make([]byte, MaxBlock)}); err == nil || w.Size() != size {
		t.Errorf("too long: %v, %d bytes", err, w.Size()-size)
	}
	w = NewBlockWriter(&failing{}, le)
	w.WriteBlock(&SectionBlock{Major: 1})
	w.Flush()
	if err := w.WriteBlock(&SectionBlock{Major: 1}); err != io.ErrClosedPipe {
		t.Errorf("after an error: %v", err)
	}
}

// The usual methods write in either order.
func TestWriterBigEndian(t *testing.T) {
	var out bytes.Buffer
	w := NewBlockWriter(&out, be)
	w.WriteBlock(&SectionBlock{Major: 1, Length: -1})
	id, _ := w.AddInterface(InterfaceDescription{Name: "lo", LinkType: LinkEthernet})
	w.WritePacket(&EnhancedPacket{Interface: id, Time: 5, Data: []byte("abc"), WireLength: 9, Flags: 2})
	w.WriteStatistics(&InterfaceStatistics{Interface: id, Received: Counted(1), Start: 3})
	w.Flush()
	recs, r, errs := packets(t, out.Bytes())
	if len(errs) > 0 || len(recs) != 1 || recs[0].Time != 5 || recs[0].Flags != 2 || recs[0].WireLength != 9 || r.Interfaces()[0].Received != Counted(1) || !r.big {
		t.Errorf("%+v, %v", recs, errs)
	}
}

func TestNextBlockOfClassic(t *testing.T) {
	file := pcapFile(le, 0xa1b2c3d4, 4, 1)
	r, _ := NewReader(bytes.NewReader(file), "x")
	if err := r.NextBlock(new(Block)); err != ErrClassic {
		t.Error(err)
	}
	r, _ = NewReader(bytes.NewReader(append(AppendBlock(nil, le, &SectionBlock{Major: 1}), file...)), "x")
	if err := r.NextBlock(new(Block)); err != nil {
		t.Error(err)
	}
	if err := r.NextBlock(new(Block)); err != ErrClassic {
		t.Error(err)
	}
	if err := r.Next(new(Record)); err != nil {
		t.Error(err)
	}
	if err := r.Next(new(Record)); err != io.EOF || r.NextBlock(new(Block)) != io.EOF {
		t.Error(err)
	}
	r, _ = NewReader(bytes.NewReader(AppendBlock(nil, le, &SectionBlock{Major: 3})), "x")
	if err := r.NextBlock(new(Block)); !errors.As(err, new(*FormatError)) {
		t.Error(err)
	}
}

// rewrite reads all blocks of a file and writes them in their order, or in the
// other one; ok is false when a block is malformed.
func rewrite(file []byte, other bool) (out []byte, ok bool) {
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil || r.Format() != FormatPcapng {
		return nil, false
	}
	for {
		var b Block
		if err := r.NextBlock(&b); err != nil {
			return out, err == io.EOF
		}
		c, err := b.Decode()
		if err != nil {
			return nil, false
		}
		order := b.Order
		if other {
			order = orders[1-slices.Index(orders, b.Order)]
			if !swap(c, b.Order, order) {
				return nil, false
			}
		}
		out = AppendBlock(out, order, c)
	}
}

// swap turns the integers in options, and in blocks that are kept as bytes,
// into the other order. It returns false where that cannot be done.
func swap(c Content, from, to ByteOrder) (ok bool) {
	reorder := func(v []byte, sizes ...int) []byte {
		out := bytes.Clone(v)
		at := 0
		for _, n := range sizes {
			if at+n > len(v) {
				break
			}
			slices.Reverse(out[at : at+n])
			at += n
		}
		return out
	}
	each := func(o Options, sizes map[uint16][]int) {
		for i := range o {
			sizes, ok := sizes[o[i].Code]
			if c := o[i].Code; c == OptionCustomBytes || c == OptionCustomText || c == OptionCustomBytesNoCopy || c == OptionCustomTextNoCopy {
				sizes, ok = []int{4}, true
			}
			if ok {
				o[i].Value = reorder(o[i].Value, sizes...)
			}
		}
	}
	packet := map[uint16][]int{PacketFlags: {4}, PacketDropped: {8}, PacketID: {8}, PacketQueue: {4}, PacketProcess: {4, 4}, appleProcess: {4}, appleEffective: {4}}
	switch c := c.(type) {
	case *SectionBlock:
		each(c.Options, nil)
	case *InterfaceBlock:
		each(c.Options, map[uint16][]int{InterfaceSpeed: {8}, InterfaceTzone: {4}, InterfaceTsoffset: {8}, InterfaceTxSpeed: {8}, InterfaceRxSpeed: {8}})
	case *PacketBlock:
		each(c.Options, packet)
	case *ObsoletePacketBlock:
		each(c.Options, packet)
	case *StatisticsBlock:
		each(c.Options, map[uint16][]int{2: {4, 4}, 3: {4, 4}, 4: {8}, 5: {8}, 6: {8}, 7: {8}, 8: {8}})
	case *RawBlock:
		if c.BlockType == blockApple {
			c.Body, ok = appleTwin(c.Body, from, to)
			return ok
		}
	}
	return true
}

// appleTwin turns an Apple process block into the other order, where its
// options are well-formed.
func appleTwin(body []byte, from, to ByteOrder) (twin []byte, ok bool) {
	if len(body) < 4 {
		return body, true
	}
	o, err := decodeOptions(body[4:], from)
	if err != nil {
		return nil, false
	}
	return o.append(to.AppendUint32(nil, from.Uint32(body)), to), true
}

// checkTwin holds that a file and its twin of the other byte order have the
// same packets and marks.
func checkTwin(t testing.TB, file []byte) {
	t.Helper()
	twin, ok := rewrite(file, true)
	if !ok {
		return
	}
	a, ra, errsA := packets(t, file)
	b, rb, errsB := packets(t, twin)
	if d := cmp.Diff(a, b, cmp.Comparer(bytes.Equal)); d != "" || len(errsA) != len(errsB) {
		t.Fatalf("the twin of the other byte order differs: %s\n%v\n%v", d, errsA, errsB)
	}
	if d := cmp.Diff(ra.Marks(), rb.Marks()); d != "" {
		t.Fatalf("marks of the twin: %s", d)
	}
}

// captures calls f with every file of the folder of third-party captures.
func captures(t *testing.T, f func(path string, file []byte)) {
	t.Helper()
	dir := need.Env(t, "PCAPWHO_CORPORA", "a folder of third-party captures")
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, err := os.ReadFile(path)
		if err == nil {
			f(strings.TrimPrefix(path, dir+"/"), file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every well-formed pcapng file is written again byte by byte as it was, and
// has a twin of the other byte order.
func TestRewriteCaptures(t *testing.T) {
	files := 0
	captures(t, func(path string, file []byte) {
		out, ok := rewrite(file, false)
		if !ok {
			return
		}
		if _, _, errs := packets(t, file); len(errs) > 0 {
			return
		}
		files++
		if !bytes.Equal(out, file) {
			t.Errorf("%s: %d bytes became %d", path, len(file), len(out))
		}
		if len(file) < 1<<20 {
			checkTwin(t, file)
		}
	})
	if files < 50 {
		t.Errorf("only %d files are well-formed", files)
	}
	t.Logf("%d files", files)
}
