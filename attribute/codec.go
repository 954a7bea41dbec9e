package attribute

import (
	"encoding/binary"
	"math"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// codec writes finished connections as records, and reads them back. A record
// is of this process and machine alone: variable-length integers, and texts by
// their number.
type codec struct {
	number uint64            // of the codec, first in each record
	texts  []string          // Verdict.Why
	text   map[string]uint64 // index into texts
}

func newCodec(number int) codec { return codec{number: uint64(number), text: map[string]uint64{}} }

// The bits of a record's flags.
const (
	lowIs4, highIs4  = 1 << 0, 1 << 1
	clientIsHigh     = 1 << 2
	localClient      = 1 << 3
	localServer      = 1 << 4
	recordOfVersion6 = 1 << 5
	begun            = 1 << 6
	labelled         = 1 << 7
)

// The bits of the flags of a span; divided is of the first.
const (
	spanContinued = 1 << 0
	divided       = 1 << 1 // there are Portions
)

// append appends the record of c.
func (d *codec) append(b []byte, c *Connection) []byte {
	b = binary.AppendUvarint(b, d.number)
	b = binary.AppendUvarint(b, c.ID)
	low, high := c.Key.Endpoint(flow.Low), c.Key.Endpoint(flow.High)
	b = append(b, bit(low.Addr.Is4(), lowIs4)|bit(high.Addr.Is4(), highIs4)|bit(c.Endpoint[Client] != low, clientIsHigh)|
		bit(c.Local[Client], localClient)|bit(c.Local[Server], localServer)|bit(c.IPVersion == 6, recordOfVersion6)|bit(c.begun, begun)|bit(len(c.labels) > 0, labelled), byte(c.Key.Protocol))
	b = binary.AppendUvarint(b, uint64(c.Key.Namespace))
	b = appendEndpoint(appendEndpoint(b, low), high)
	b = binary.AppendVarint(b, c.First)
	b = binary.AppendVarint(b, c.Last-c.First)
	b = c.Turns.Append(c.Measures.Append(b))
	b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(c.socket[Client])), uint64(c.socket[Server]))
	b = binary.AppendUvarint(b, uint64(len(c.Spans)))
	for i := range c.Spans {
		s := &c.Spans[i]
		b = append(b, bit(s.continued, spanContinued)|bit(i == 0 && len(c.Portions) > 0, divided))
		b = appendTime(b, s.From, c.First)
		b = binary.AppendVarint(b, s.First-c.First)
		b = binary.AppendVarint(b, s.Last-s.First)
		for e := range s.Sent {
			b = appendCounts(b, &s.Sent[e])
			b = d.appendVerdict(b, &s.Verdict[e])
		}
	}
	if len(c.Portions) > 0 {
		b = binary.AppendUvarint(b, uint64(len(c.Portions)))
		for i := range c.Portions {
			b = c.Portions[i].append(b)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(c.quotes)))
	for i := range c.quotes {
		q := &c.quotes[i]
		b = append(b, byte(q.side), byte(q.source))
		b = appendTime(b, q.from, c.First)
		b = d.appendVerdict(b, &q.verdict)
	}
	if len(c.labels) > 0 {
		b = appendLabels(b, c)
	}
	return appendFacts(b, c)
}

func appendCounts(b []byte, n *Counts) []byte {
	b = binary.AppendVarint(b, n.Packets)
	b = binary.AppendVarint(b, n.WireBytes)
	b = binary.AppendVarint(b, n.PayloadBytes)
	return binary.AppendVarint(b, n.PayloadBytes-n.UniqueBytes)
}

func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}

func appendEndpoint(b []byte, e flow.Endpoint) []byte {
	if !e.Addr.Is4() {
		b = binary.BigEndian.AppendUint64(b, e.Addr.Hi)
		b = binary.BigEndian.AppendUint32(b, uint32(e.Addr.Lo>>32))
	}
	b = binary.BigEndian.AppendUint32(b, uint32(e.Addr.Lo))
	return binary.BigEndian.AppendUint16(b, e.Port)
}

// appendTime appends t, near to another, or as far in the past as there is.
func appendTime(b []byte, t, near int64) []byte {
	if t == math.MinInt64 {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), t-near)
}

func (d *codec) appendVerdict(b []byte, v *Verdict) []byte {
	why, ok := d.text[v.Why]
	if !ok {
		why = uint64(len(d.texts))
		d.texts, d.text[v.Why] = append(d.texts, v.Why), why
	}
	b = append(b, byte(v.Reason))
	b = binary.AppendUvarint(b, why)
	b = binary.AppendVarint(b, int64(v.Process))
	b = binary.AppendVarint(b, v.Uncertainty)
	b = binary.AppendUvarint(b, uint64(len(v.Candidates)))
	for _, p := range v.Candidates {
		b = binary.AppendUvarint(b, uint64(p))
	}
	return b
}

// decode makes c the connection of a record; codecs are those that wrote any.
// It uses c's memory again.
func decode(codecs []*codec, b []byte, c *Connection) {
	r := record{b: b}
	r.texts = codecs[r.uint()].texts
	c.ID = r.uint()
	flags := r.byte()
	key := flow.FiveTuple{Protocol: flow.Protocol(r.byte())}
	namespace := uint16(r.uint())
	key.Source, key.SourcePort = r.endpoint(flags&lowIs4 != 0)
	key.Destination, key.DestinationPort = r.endpoint(flags&highIs4 != 0)
	c.Key, _ = key.Key(namespace)
	c.Endpoint = [2]flow.Endpoint{key.From(), key.To()}
	if flags&clientIsHigh != 0 {
		c.Endpoint = [2]flow.Endpoint{key.To(), key.From()}
	}
	c.Local = [2]bool{flags&localClient != 0, flags&localServer != 0}
	c.IPVersion, c.begun = 4+flags/recordOfVersion6&1*2, flags&begun != 0
	c.First = r.int()
	c.Last = c.First + r.int()
	r.b = c.Turns.Read(c.Measures.Read(r.b))
	c.socket = [2]int32{Client: int32(r.uint()), Server: int32(r.uint())}
	c.Spans, c.candidates, c.quotes, c.labels, c.parts = c.Spans[:0], c.candidates[:0], c.quotes[:0], nil, c.parts[:0]
	var first byte // of the spans' flags
	for n := range r.uint() {
		flags := r.byte()
		if n == 0 {
			first = flags
		}
		c.Spans = append(c.Spans, Span{continued: flags&spanContinued != 0, From: r.time(c.First), First: c.First + r.int()})
		s := &c.Spans[len(c.Spans)-1]
		s.Last = s.First + r.int()
		for e := range s.Sent {
			s.Sent[e] = r.counts()
			r.verdict(&s.Verdict[e], c)
		}
	}
	c.Portions = c.Portions[:0]
	if first&divided != 0 {
		for range r.uint() {
			c.Portions = append(c.Portions, Portion{})
			r.portion(&c.Portions[len(c.Portions)-1])
		}
	}
	for range r.uint() {
		q := quoteVerdict{quoteKey: quoteKey{side: flow.Side(r.byte()), source: Reason(r.byte()), from: r.time(c.First)}}
		r.verdict(&q.verdict, c)
		c.quotes = append(c.quotes, q)
	}
	if flags&labelled != 0 {
		r.labels(c)
	}
	r.facts(c)
}

// record is what is left of one.
type record struct {
	b     []byte
	texts []string
}

func (r *record) byte() byte {
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *record) uint() uint64 {
	if v := r.b[0]; v < 0x80 { // most
		r.b = r.b[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.b)
	r.b = r.b[n:]
	return v
}

func (r *record) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *record) endpoint(is4 bool) (a flow.Addr, port uint16) {
	if is4 {
		a = flow.AddrFrom4(binary.BigEndian.Uint32(r.b))
		r.b = r.b[4:]
	} else {
		a = flow.AddrFrom16(r.b)
		r.b = r.b[16:]
	}
	port = binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return a, port
}

func (r *record) counts() (c Counts) {
	c = Counts{Packets: r.int(), WireBytes: r.int(), PayloadBytes: r.int()}
	c.UniqueBytes = c.PayloadBytes - r.int()
	return c
}

func (r *record) time(near int64) int64 {
	if r.byte() == 0 {
		return math.MinInt64
	}
	return near + r.int()
}

// verdict reads one of c.
func (r *record) verdict(v *Verdict, c *Connection) {
	*v = Verdict{Reason: Reason(r.byte()), Why: r.texts[r.uint()], Process: int32(r.int()), Uncertainty: r.int()}
	if n := int(r.uint()); n > 0 {
		begin := len(c.candidates)
		for range n {
			c.candidates = append(c.candidates, int32(r.uint()))
		}
		v.Candidates = c.candidates[begin:len(c.candidates):len(c.candidates)]
	}
}

// appendLabels appends what is known about c's packets with marks.
func appendLabels(b []byte, c *Connection) []byte {
	b = binary.AppendUvarint(b, uint64(len(c.labels)))
	for i := range c.labels {
		l := &c.labels[i]
		b = appendTime(b, l.From, c.First)
		b = binary.AppendUvarint(b, uint64(len(l.List)))
		for n := range l.List {
			e := &l.List[n]
			b = append(binary.AppendVarint(b, int64(e.Mark)), byte(e.About), byte(e.Sender))
			b = appendCounts(b, &e.Counts)
			b = binary.AppendVarint(b, e.Acts)
			b = binary.AppendUvarint(binary.AppendUvarint(b, e.First), e.Last)
		}
		for side := range l.Edge {
			for n := range l.Edge[side] {
				e := &l.Edge[side][n]
				b = binary.AppendUvarint(b, e.Frame)
				b = appendCounts(appendCounts(b, &e.Before[0]), &e.Before[1])
			}
		}
		b = appendCounts(appendCounts(b, &l.Sum[0]), &l.Sum[1])
	}
	return b
}

func (r *record) labels(c *Connection) {
	c.labels = make([]conn.Labels, r.uint())
	for i := range c.labels {
		l := &c.labels[i]
		l.From = r.time(c.First)
		l.List = make([]conn.Labelled, r.uint())
		for n := range l.List {
			l.List[n] = conn.Labelled{Label: conn.Label{Mark: int32(r.int()), About: conn.About(r.byte()), Sender: flow.Side(r.byte())},
				Counts: r.counts(), Acts: r.int(), First: r.uint(), Last: r.uint()}
		}
		for side := range l.Edge {
			for n := range l.Edge[side] {
				l.Edge[side][n] = conn.Edge{Frame: r.uint(), Before: [2]Counts{r.counts(), r.counts()}}
			}
		}
		l.Sum = [2]Counts{r.counts(), r.counts()}
	}
}
