package attribute

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/quantile"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// A connection comes back from its record as it was, whichever codec wrote it.
func TestCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := newCodec(0), newCodec(1)
		codecs := []*codec{&a, &b}
		var got Connection
		for range rapid.IntRange(1, 4).Draw(t, "connections") {
			want := drawConnection(t)
			record := rapid.SampledFrom(codecs).Draw(t, "codec").append(nil, want)
			decode(codecs, record, &got)
			if d := cmp.Diff(*want, got, cmpopts.EquateEmpty(), cmp.AllowUnexported(Connection{}, Span{}, quoteVerdict{}, quoteKey{}, flow.Key{}), cmp.FilterPath(func(p cmp.Path) bool {
				return p.Last().String() == ".candidates" // memory
			}, cmp.Ignore())); d != "" {
				t.Fatalf("(-want +got):\n%s", d)
			}
		}
	})
}

func drawConnection(t *rapid.T) *Connection {
	addr := rapid.SampledFrom([]flow.Addr{{}, {Hi: 0x20010db8 << 32, Lo: 1}, flow.AddrFrom4(0x7f000001), flow.AddrFrom4(0x7f000002), {Hi: math.MaxUint64, Lo: math.MaxUint64}})
	when := rapid.SampledFrom([]int64{math.MinInt64, -1, 0, 1, 1763000000000000000, math.MaxInt64})
	n := rapid.SampledFrom([]int64{0, 1, 127, 128, 1 << 40})
	verdict := func() Verdict {
		v := Verdict{Reason: Reason(rapid.IntRange(0, NumReasons-1).Draw(t, "reason")), Process: int32(rapid.IntRange(-1, 300).Draw(t, "process")),
			Uncertainty: n.Draw(t, "uncertainty"), Why: rapid.SampledFrom([]string{"", "this", "that"}).Draw(t, "why")}
		for range rapid.IntRange(0, 3).Draw(t, "candidates") {
			v.Candidates = append(v.Candidates, int32(rapid.IntRange(0, 300).Draw(t, "candidate")))
		}
		return v
	}
	five := flow.FiveTuple{Source: addr.Draw(t, "source"), Destination: addr.Draw(t, "destination"), SourcePort: uint16(rapid.IntRange(0, 65535).Draw(t, "port")), DestinationPort: 80, Protocol: flow.UDP}
	c := &Connection{ID: rapid.Uint64().Draw(t, "id"), IPVersion: rapid.SampledFrom([]uint8{4, 6}).Draw(t, "version"),
		Local: [2]bool{rapid.Bool().Draw(t, "local"), rapid.Bool().Draw(t, "local")}, First: when.Draw(t, "first"), Last: when.Draw(t, "last")}
	c.Key, _ = five.Key(uint16(rapid.IntRange(0, 300).Draw(t, "namespace")))
	c.Endpoint = [2]flow.Endpoint{c.Key.Endpoint(flow.Low), c.Key.Endpoint(flow.High)}
	if rapid.Bool().Draw(t, "swap") {
		c.Endpoint[0], c.Endpoint[1] = c.Endpoint[1], c.Endpoint[0]
	}
	for range rapid.IntRange(1, 3).Draw(t, "spans") {
		counts := func() Counts {
			return Counts{Packets: n.Draw(t, "packets"), WireBytes: n.Draw(t, "bytes"), PayloadBytes: n.Draw(t, "payload"), UniqueBytes: n.Draw(t, "unique")}
		}
		c.Spans = append(c.Spans, Span{continued: rapid.Bool().Draw(t, "continued"), From: when.Draw(t, "from"), First: when.Draw(t, "first"), Last: when.Draw(t, "last"),
			Sent: [2]Counts{counts(), counts()}, Verdict: [2]Verdict{verdict(), verdict()}})
	}
	if rapid.Bool().Draw(t, "divided") {
		c.Portions = []Portion{{From: math.MinInt64, First: 5, Last: 4, Turns: turn.Measures{Known: true, Turns: 3}}, {From: when.Draw(t, "from"), First: 7, Last: n.Draw(t, "last")}}
		c.Portions[1].Measures = tcp.Measures{Known: true, Sent: [2]tcp.Direction{1: {Retransmitted: n.Draw(t, "retransmitted"), RTT: quantile.Quantiles{Count: 9, Buckets: []byte{1, 9}}}}}
	}
	for range rapid.IntRange(0, 2).Draw(t, "quotes") {
		c.quotes = append(c.quotes, quoteVerdict{quoteKey{side: flow.Side(rapid.IntRange(0, 1).Draw(t, "side")), source: Kernel, from: when.Draw(t, "from")}, verdict()})
	}
	if rapid.IntRange(0, 3).Draw(t, "labelled") == 0 {
		c.labels = append(c.labels, conn.Labels{From: when.Draw(t, "from"), Sum: [2]Counts{1: {Packets: 3, WireBytes: 300}},
			List: []conn.Labelled{{Label: conn.Label{Mark: conn.ManyMarks, About: conn.AboutEither, Sender: flow.High}, Counts: Counts{Packets: 3}, Acts: 2, First: 7, Last: 1 << 40}},
			Edge: [2][2]conn.Edge{1: {0: {Frame: 7, Before: [2]Counts{0: {Packets: n.Draw(t, "before")}}}}}})
	}
	c.begun = rapid.Bool().Draw(t, "begun")
	c.TLSHandshake = tcp.Unknown
	if c.Facts.Application = content.Application(rapid.IntRange(0, int(content.LLMNR)).Draw(t, "application")); c.Facts.Known() {
		for _, text := range texts(&c.Facts) {
			*text = rapid.String().Draw(t, "text")
		}
		c.Facts.OfferedVersion, c.Facts.Version = content.Version(rapid.Uint16().Draw(t, "offered")), content.Version(rapid.Uint16().Draw(t, "chosen"))
		c.Facts.QUICVersion, c.Facts.Status = rapid.Uint32().Draw(t, "version"), rapid.IntRange(0, 999).Draw(t, "status")
		c.TLSHandshake = rapid.Int64Min(tcp.Unknown).Draw(t, "handshake")
		c.Facts.Proxied = rapid.Bool().Draw(t, "proxied")
	}
	return c
}
