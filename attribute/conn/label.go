package conn

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Label is what a capture says of a packet beside its headers: a mark, as in
// packet.Packet.Mark, and what it is about.
type Label struct {
	Mark   int32 // ManyMarks: one of those for which there was no room
	About  About
	Sender flow.Side // of the packet
}

// About is the end of a connection that a mark speaks of.
type About uint8

const (
	AboutLow    = About(flow.Low)
	AboutHigh   = About(flow.High)
	AboutEither = About(2) // one of the two: not known which
)

// ManyMarks stands for all marks beyond the first maxLabels of a segment.
const ManyMarks = -1

// maxLabels is how many labels of a segment are kept apart: a connection has
// one process at an end, or a few.
const maxLabels = 64

// Labels are what is known about the packets with a mark of one segment.
type Labels struct {
	From int64 // of the segment
	List []Labelled
	Edge [2][2]Edge // by the side that they are about: the first and the last of them

	Sum [2]Counts // of all
}

// Labelled is a sum over the packets with one label.
type Labelled struct {
	Label
	Counts
	Acts        int64  // packets that their sender's process itself caused: the first SYN, and payload
	First, Last uint64 // frame numbers
}

// Edge is a place between the packets without a mark of a segment.
type Edge struct {
	Frame  uint64    // of a packet with a mark; 0 = there is none
	Before [2]Counts // packets without a mark that lie before it, by sender
}

// AddLabelled books p as Add does, with its mark.
func (f *Follower) AddLabelled(p *packet.Packet, k *flow.Key, s flow.Side, about About) (i int32, duplicate bool) {
	if i, duplicate = f.Add(p, k, s); duplicate {
		return i, true
	}
	in := f.Instance(i)
	l := f.labelsOf(i, in)
	c := Counts{1, int64(p.WireLength), int64(p.Payload), f.unique}
	l.Sum[s].Add(c)
	at := l.place(Label{p.Mark, about, s})
	at.Add(c)
	at.Last = p.Frame
	if at.First == 0 {
		at.First = p.Frame
	}
	if p.Payload > 0 || p.TCPFlags&(packet.SYN|packet.ACK) == packet.SYN {
		at.Acts++
	}
	if about == AboutEither {
		return i, false
	}
	e := Edge{Frame: p.Frame}
	for s := range e.Before {
		e.Before[s] = in.sent[s].minus(l.Sum[s])
	}
	if l.Edge[about][0].Frame == 0 {
		l.Edge[about][0] = e
	}
	l.Edge[about][1] = e
	return i, false
}

// labelsOf returns those of instance i's open segment, made where they are not
// there.
func (f *Follower) labelsOf(i int32, in *Instance) *Labels {
	in.state |= labelled
	list := f.labels[i]
	for n := len(list) - 1; n >= 0; n-- {
		if list[n].From == in.from {
			return &list[n]
		}
	}
	list = append(list, Labels{From: in.from})
	f.labels[i] = list
	return &list[len(list)-1]
}

// place returns where packets with a label are summed.
func (l *Labels) place(label Label) *Labelled {
	if i := l.Find(label); i >= 0 && l.List[i].Label == label {
		return &l.List[i]
	}
	if len(l.List) >= maxLabels {
		label.Mark = ManyMarks
		if i := l.Find(label); i >= 0 {
			return &l.List[i]
		}
	}
	l.List = append(l.List, Labelled{Label: label})
	return &l.List[len(l.List)-1]
}

// Find returns the index of a label in List, or that of ManyMarks in its
// place; -1 where neither is there.
func (l *Labels) Find(label Label) int {
	many := label
	many.Mark = ManyMarks
	found := -1
	for i := range l.List {
		switch l.List[i].Label {
		case label:
			return i
		case many:
			found = i
		}
	}
	return found
}

// Labels returns what is known about the packets with a mark of instance i, a
// segment an entry, in no order; nil where none has one. It is valid until the
// next Add.
func (f *Follower) Labels(i int32, in *Instance) []Labels {
	if in.state&labelled == 0 {
		return nil
	}
	return f.labels[i]
}

// Unlabelled returns the sums of the packets of a segment that have no mark,
// in the order of the file, divided at the edges: each with the frame number of
// the packet that ends it, the last with 0.
func (l *Labels) Unlabelled(sent [2]Counts) []Edge {
	edges := make([]Edge, 0, 5)
	for _, e := range [4]Edge{l.Edge[0][0], l.Edge[0][1], l.Edge[1][0], l.Edge[1][1]} {
		if e.Frame != 0 {
			edges = append(edges, e)
		}
	}
	slices.SortFunc(edges, func(a, b Edge) int { return int(int64(a.Frame) - int64(b.Frame)) })
	edges = append(edges, Edge{Before: [2]Counts{sent[0].minus(l.Sum[0]), sent[1].minus(l.Sum[1])}})
	for i := len(edges) - 1; i > 0; i-- {
		for s := range edges[i].Before {
			edges[i].Before[s] = edges[i].Before[s].minus(edges[i-1].Before[s])
		}
	}
	return edges
}
