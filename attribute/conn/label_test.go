package conn

import (
	"math/rand/v2"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// every100 is evidence that changes at each 100 ns.
type every100 struct{}

func (every100) Number(*flow.Key, uint64) int32 { return 0 }

func (every100) Cut(_ int32, _ *flow.Key, at int64) (from, until int64) {
	return at / 100 * 100, at/100*100 + 100
}

// The sums of labels and of the packets between their edges are the segments,
// and are those of the packets counted one by one.
func TestLabels(t *testing.T) {
	type place struct {
		from    int64
		until   uint64 // of the edges
		label   Label
		labeled bool
	}
	random := rand.New(rand.NewPCG(3, 4))
	f := NewFollower(every100{}, false)
	var all []packet.Packet
	var labels []Label
	for n := range 400 {
		p := packet.Packet{Frame: uint64(n + 1), Time: int64(n + random.IntN(30)), Class: packet.Transport, WireLength: 100, Payload: uint32(random.IntN(3)),
			Tuple: flow.FiveTuple{SourcePort: 1, DestinationPort: 2, Protocol: flow.UDP}, Mark: random.Int32N(4)}
		if p.Time >= 300 && p.Mark > 0 {
			p.Mark += random.Int32N(1000) // more than are kept apart
		}
		if random.IntN(2) == 0 {
			p.Tuple = p.Tuple.Reverse()
		}
		k, side := p.Tuple.Key(0)
		p.Hash = p.Tuple.Hash()
		l := Label{p.Mark, About(random.IntN(3)), side}
		if p.Mark > 0 {
			f.AddLabelled(&p, &k, side, l.About)
		} else {
			f.Add(&p, &k, side)
		}
		all, labels = append(all, p), append(labels, l)
	}
	in := f.Instance(0)
	got := map[place]Counts{}
	bySegment := map[int64]*Labels{}
	for i := range f.Labels(0, in) {
		bySegment[f.Labels(0, in)[i].From] = &f.Labels(0, in)[i]
	}
	many := false
	for _, s := range f.Segments(in, nil) {
		l := bySegment[s.From]
		var sum [2]Counts
		for _, e := range l.Unlabelled(s.Sent) {
			c := e.Before[0]
			c.Add(e.Before[1])
			if c.Packets > 0 {
				got[place{from: s.From, until: e.Frame}] = c
			}
			sum[0].Add(e.Before[0])
			sum[1].Add(e.Before[1])
		}
		for _, e := range l.List {
			got[place{from: s.From, label: e.Label, labeled: true}] = e.Counts
			sum[e.Sender].Add(e.Counts)
			many = many || e.Mark == ManyMarks
		}
		if sum != s.Sent || len(l.List) > maxLabels+6 {
			t.Errorf("segment %d: sums %v in %d labels, want %v", s.From, sum, len(l.List), s.Sent)
		}
	}
	for i, p := range all {
		at := place{from: p.Time / 100 * 100}
		if l := bySegment[at.from]; p.Mark > 0 {
			at.labeled, at.label = true, l.List[l.Find(labels[i])].Label
		} else {
			for _, e := range l.Unlabelled([2]Counts{}) {
				if at.until = e.Frame; p.Frame < e.Frame {
					break
				}
			}
		}
		c := got[at]
		c = c.minus(Counts{1, 100, int64(p.Payload), int64(p.Payload)})
		if got[at] = c; c == (Counts{}) {
			delete(got, at)
		}
	}
	if len(got) != 0 || !many {
		t.Errorf("left over: %v; many marks: %v", got, many)
	}
}

func TestAddLabelledDoesNotAllocate(t *testing.T) {
	f := NewFollower(nil, false)
	p := packet.Packet{Class: packet.Transport, Tuple: flow.FiveTuple{SourcePort: 1, DestinationPort: 2, Protocol: flow.TCP}, Payload: 10, Mark: 1}
	k, side := p.Tuple.Key(0)
	f.AddLabelled(&p, &k, side, AboutLow)
	if n := testing.AllocsPerRun(1000, func() { p.Seq += 10; p.Frame++; f.AddLabelled(&p, &k, side, AboutLow) }); n != 0 {
		t.Errorf("%v allocations a packet, want 0", n)
	}
}
