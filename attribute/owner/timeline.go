package owner

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Timeline is what connection logs say about sockets and processes over time.
// Fill it with Add, then Seal it; after that it is read-only and safe for
// concurrent use.
type Timeline struct {
	Processes []Process // after Seal: ordered by start time, then PID
	Sockets   []Socket

	head       bool
	namespace  map[uint64]uint32 // netns inode to the index that keys use; the recorder's own is 0
	interfaces []uint32          // namespace index by pcapng interface
	local      map[flow.Addr]bool
	broadcast  map[flow.Addr]bool
	polls      []window
	lost       []window // packets that the capture dropped
	losses     []int64  // where those windows begin and have ended, sorted
	last       int64    // time of the last event

	process map[connlog.ProcessID]int32
	socket  map[socketKey]int32
	tuple   map[flow.Key]*tuple
	port    map[portKey]*port
}

// window is a closed interval of time, Unix nanoseconds.
type window struct{ begin, end int64 }

type socketKey struct {
	namespace uint32
	id        uint64
}

// tuple is what is known about one connection key.
type tuple struct {
	sockets [2][]int32 // by the side that is local to the socket
	cuts    []int64
}

type portKey struct {
	namespace uint32
	protocol  flow.Protocol
	port      uint16
}

// port lists the sockets that are bound to a port and have no peer.
type port struct {
	sockets []int32
	cuts    []int64
}

// NewTimeline returns an empty timeline.
func NewTimeline() *Timeline {
	return &Timeline{
		namespace: map[uint64]uint32{0: 0},
		local:     map[flow.Addr]bool{},
		broadcast: map[flow.Addr]bool{},
		process:   map[connlog.ProcessID]int32{},
		socket:    map[socketKey]int32{},
		tuple:     map[flow.Key]*tuple{},
		port:      map[portKey]*port{},
	}
}

// Add takes one event. It keeps nothing of e's memory but strings.
func (t *Timeline) Add(e *connlog.Event) {
	t.last = max(t.last, e.Time)
	switch e.Kind {
	case connlog.KindHead:
		t.addHead(e.Head)
	case connlog.KindProcess:
		t.addProcess(e.Process)
	case connlog.KindSocket:
		t.addSocket(e.Time, e.Socket)
	case connlog.KindPoll:
		t.polls = append(t.polls, window{e.Poll.Begin, e.Poll.End})
	case connlog.KindGap:
		if e.Gap.Source == connlog.GapCapture {
			t.lost = append(t.lost, window{e.Gap.Begin, e.Gap.End})
		}
	}
}

// Seal ends the filling: lives that no event ended run to the last sighting.
func (t *Timeline) Seal() {
	slices.SortFunc(t.polls, func(a, b window) int { return cmp.Compare(a.begin, b.begin) })
	rank := t.sortProcesses()
	for i := range t.Sockets {
		t.Sockets[i].seal(t, rank)
		t.index(int32(i))
	}
	for _, w := range t.lost {
		t.losses = append(t.losses, w.begin, w.end+1)
	}
	slices.Sort(t.losses)
	for _, k := range t.tuple {
		k.cuts = t.cutsOf(k.cuts, k.sockets[0], k.sockets[1])
	}
	for _, p := range t.port {
		p.cuts = t.cutsOf(p.cuts, p.sockets)
	}
}

// index files a sealed socket under its tuple or its port.
func (t *Timeline) index(i int32) {
	s := &t.Sockets[i]
	if !s.Local.Addr.IsUnspecified() {
		t.local[s.Local.Addr] = true
	}
	if s.HasRemote {
		tup := flow.FiveTuple{Source: s.Local.Addr, Destination: s.Remote.Addr, SourcePort: s.Local.Port, DestinationPort: s.Remote.Port, Protocol: s.Protocol}
		key, side := tup.Key(s.Namespace)
		k := t.tuple[key]
		if k == nil {
			k = &tuple{}
			t.tuple[key] = k
		}
		k.sockets[side] = append(k.sockets[side], i)
		return
	}
	key := portKey{s.Namespace, s.Protocol, s.Local.Port}
	p := t.port[key]
	if p == nil {
		p = &port{}
		t.port[key] = p
	}
	p.sockets = append(p.sockets, i)
}

// cutsOf returns the sorted times at which a hold of the sockets begins or
// has ended.
func (t *Timeline) cutsOf(cuts []int64, sockets ...[]int32) []int64 {
	for _, list := range sockets {
		for _, i := range list {
			for _, h := range t.Sockets[i].Holds {
				cuts = append(cuts, h.From, h.To+1)
			}
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// Connected returns the sockets whose local end is side s of k and whose
// remote end is the other; the slice belongs to the timeline.
func (t *Timeline) Connected(k flow.Key, s flow.Side) []int32 {
	if e := t.tuple[k]; e != nil {
		return e.sockets[s]
	}
	return nil
}

// Bound appends to buf the sockets without a peer that take packets for
// endpoint e: bound to its address, or to all addresses of its family.
func (t *Timeline) Bound(buf []int32, ns uint32, proto flow.Protocol, e flow.Endpoint) []int32 {
	p := t.port[portKey{ns, proto, e.Port}]
	if p == nil {
		return buf
	}
	for _, i := range p.sockets {
		if t.Sockets[i].takes(e.Addr) {
			buf = append(buf, i)
		}
	}
	return buf
}

// Cut returns the half-open interval around time at in which nothing that is
// known about the owners of k changes. It is a conn.Cutter.
func (t *Timeline) Cut(k flow.Key, at int64) (from, until int64) {
	from, until = math.MinInt64, math.MaxInt64
	narrow(t.losses, at, &from, &until)
	if e := t.tuple[k]; e != nil {
		narrow(e.cuts, at, &from, &until)
	}
	if k.Protocol == flow.TCP {
		return from, until // listeners do not own what is established
	}
	for _, s := range [2]flow.Side{flow.Low, flow.High} {
		if p := t.port[portKey{k.Namespace, k.Protocol, k.Endpoint(s).Port}]; p != nil {
			narrow(p.cuts, at, &from, &until)
		}
	}
	return from, until
}

// narrow shrinks [from, until) to the cuts around at.
func narrow(cuts []int64, at int64, from, until *int64) {
	n := sort.Search(len(cuts), func(i int) bool { return cuts[i] > at })
	if n > 0 {
		*from = max(*from, cuts[n-1])
	}
	if n < len(cuts) {
		*until = min(*until, cuts[n])
	}
}

// Lossy tells whether the capture dropped packets at any time between a and b,
// given in any order.
func (t *Timeline) Lossy(a, b int64) bool {
	a, b = min(a, b), max(a, b)
	return slices.ContainsFunc(t.lost, func(w window) bool { return w.begin <= b && w.end >= a })
}

// sighting returns the window in which something that a source reported at
// time at was seen: the poll around it, else the instant itself.
func (t *Timeline) sighting(at int64) window {
	n := sort.Search(len(t.polls), func(i int) bool { return t.polls[i].begin > at })
	if n > 0 && t.polls[n-1].end >= at {
		return t.polls[n-1]
	}
	return window{at, at}
}

// end returns when a socket was last seen that no event closed: in the last
// poll, or, with a source that does not poll, at the last event.
func (t *Timeline) end() window {
	if len(t.polls) > 0 {
		return t.polls[len(t.polls)-1]
	}
	return window{t.last, t.last}
}
