package pcapng

import (
	"bytes"
	"io"
	"testing"
)

// checkLayout holds that a Layout reads of every packet what the Reader reads,
// or leaves it to the Reader.
func checkLayout(t testing.TB, file []byte) (read, left int) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), "x")
	if err != nil {
		return 0, 0
	}
	l := r.Layout()
	for {
		var want, got Record
		err := r.Next(&want)
		if err == io.EOF {
			return read, left
		}
		if err != nil {
			continue
		}
		if !l.Holds(r) {
			l = r.Layout()
		}
		n := l.Packet(file[want.Offset:], &got)
		if n == 0 {
			left++
			continue
		}
		read++
		if got.Interface != want.Interface || got.Time != want.Time || !bytes.Equal(got.Data, want.Data) || got.WireLength != want.WireLength ||
			got.Flags != want.Flags || want.Mark != 0 || want.Offset+int64(n) > int64(len(file)) {
			t.Fatalf("by its layout %+v, %d bytes long; by the reader %+v", got, n, want)
		}
	}
}

func TestLayout(t *testing.T) {
	for name, file := range samples(t) {
		read, left := checkLayout(t, file)
		if name == "marks" != (read == 0) || name == "pcap" && left > 0 {
			t.Errorf("%s: %d packets read, %d left to the reader", name, read, left)
		}
	}
	for _, order := range orders {
		file := AppendBlock(nil, order, &SectionBlock{Major: 1})
		file = AppendBlock(file, order, &InterfaceBlock{LinkType: LinkEthernet})
		flags := Option{Code: PacketFlags, Value: order.AppendUint32(nil, 2)}
		for _, o := range []Options{nil, {flags}, {{Code: PacketID, Value: make([]byte, 8)}, flags, flags, {}}, {TextOption(OptionComment, "x")}} {
			file = AppendBlock(file, order, &PacketBlock{Data: []byte("abc"), WireLength: 3, Options: o})
		}
		if read, left := checkLayout(t, file); read != 3 || left != 1 {
			t.Errorf("%v: %d packets read, %d left to the reader", order, read, left)
		}
		tap := AppendBlock(AppendBlock(AppendBlock(nil, order, &SectionBlock{Major: 1}), order, &InterfaceBlock{LinkType: LinkPKTAP}), order, &PacketBlock{})
		if read, left := checkLayout(t, tap); read != 0 || left != 1 {
			t.Errorf("%v: %d packets of PKTAP read, %d left to the reader", order, read, left)
		}
	}
}

// The first packet is found wherever the search begins, and the Reader goes on
// where a Layout stopped.
func TestLayoutFind(t *testing.T) {
	for name, file := range map[string][]byte{"little": twenty(t, le), "big": twenty(t, be), "pcap": classicTwenty(le), "pcap big": classicTwenty(be)} {
		recs, _, _ := packets(t, file)
		r, _ := NewReader(bytes.NewReader(file), "x")
		if err := r.Next(new(Record)); err != nil {
			t.Fatal(err)
		}
		l := r.Layout()
		for at := recs[1].Offset; at < recs[15].Offset; at++ {
			want := at
			for i := range recs {
				if recs[i].Offset >= at {
					want = recs[i].Offset
					break
				}
			}
			if got := l.Find(file[at:], at); at+int64(got) != want {
				t.Fatalf("%s: from %d found %d, want %d", name, at, at+int64(got), want)
			}
		}
		if got := l.Find(file[recs[19].Offset+1:recs[19].Offset+20], recs[19].Offset+1); got != -1 {
			t.Errorf("%s: found %d in the last packet", name, got)
		}
		r.Continue(bytes.NewReader(file[recs[10].Offset:]), recs[10].Offset, recs[10].Block-1)
		var rec Record
		if err := r.Next(&rec); err != nil || rec.Offset != recs[10].Offset || rec.Block != recs[10].Block || r.Blocks() != rec.Block {
			t.Errorf("%s: goes on with %+v, %v", name, rec, err)
		}
	}
}
