package owner

import (
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
	loopback   int // ifindex of the only captured loopback interface, 0 = none is known
	outer      int // ifindex of the only other captured interface, 0 = none is known
	recordings []recording
	lost       []window // packets that the capture dropped
	twice      []window // times that passed twice, when the clock was set back
	breaks     []int64  // where the windows of both begin and have ended, sorted

	process   map[connlog.ProcessID]int32 // other recordings' names for one process lead to the same
	residents map[resident][]int32
	exits     map[connlog.ProcessID]int64
	copies    map[int32]*copies // after Seal: of the processes that have any
	socket    map[socketKey]int32
	keys      flow.Index // of tuples
	tuples    []tuple
	port      map[portKey]*port

	changes arena[change]
	ids     arena[connlog.ProcessID]
	holds   arena[Hold]
	indexes arena[int32]
	times   arena[int64]
}

type socketKey struct {
	namespace uint32
	id        uint64
}

// tuple is what is known about one connection key.
type tuple struct {
	sockets [2][]int32 // by the side that is local to the socket
	cuts    []int64
}

// NewTimeline returns an empty timeline.
func NewTimeline() *Timeline {
	return &Timeline{
		namespace: map[uint64]uint32{0: 0},
		local:     map[flow.Addr]bool{},
		broadcast: map[flow.Addr]bool{},
		process:   map[connlog.ProcessID]int32{},
		residents: map[resident][]int32{},
		exits:     map[connlog.ProcessID]int64{},
		socket:    map[socketKey]int32{},
		port:      map[portKey]*port{},
	}
}

// Add takes one event. It keeps nothing of e's memory but strings.
func (t *Timeline) Add(e *connlog.Event) {
	if e.Kind == connlog.KindHead {
		t.begin(e.Time, e.Head.BootID)
	}
	r := t.recording()
	r.last = max(r.last, e.Time)
	switch e.Kind {
	case connlog.KindHead:
		t.addHead(e.Head)
	case connlog.KindProcess:
		t.addProcess(e.Time, e.Process)
	case connlog.KindSocket:
		t.addSocket(e.Time, e.Socket)
	case connlog.KindPoll:
		r.polls = append(r.polls, window{e.Poll.Begin, e.Poll.End})
	case connlog.KindAddress:
		t.addAddress(e.Address.Address)
	case connlog.KindClock:
		if step := e.Clock.Step; step < 0 { // at some moment since the last reading
			t.twice = append(t.twice, window{r.clock + step, e.Time - step})
		}
		r.clock = e.Time
	case connlog.KindGap:
		if e.Gap.Source == connlog.GapCapture {
			t.lost = append(t.lost, window{e.Gap.Begin, e.Gap.End})
		}
	}
}

// Seal ends the filling: lives that no event ended run to the last sighting.
func (t *Timeline) Seal() {
	t.sealRecordings()
	t.sortProcesses()
	t.findCopies()
	for i := range t.Sockets {
		t.Sockets[i].seal(t)
		t.index(int32(i))
	}
	for _, w := range slices.Concat(t.lost, t.twice) {
		t.breaks = append(t.breaks, w.begin, w.end+1)
	}
	slices.Sort(t.breaks)
	var cuts []int64
	for i := range t.tuples {
		k := &t.tuples[i]
		cuts = t.cutsOf(cuts[:0], k.sockets[0], k.sockets[1])
		k.cuts = t.times.copy(cuts)
	}
	t.fileByPort()
	for k, p := range t.port {
		p.cuts = t.cutsOf(p.cuts, p.sockets)
		if k.protocol != flow.TCP {
			t.findShared(p)
		}
	}
}

// fileByPort files connected UDP sockets under their ports, where sockets
// without a peer are bound.
func (t *Timeline) fileByPort() {
	for i := range t.Sockets {
		s := &t.Sockets[i]
		if !s.HasRemote || s.Protocol != flow.UDP {
			continue
		}
		if p := t.port[portKey{s.Namespace, s.Protocol, s.Local.Port}]; p != nil {
			p.connected = append(p.connected, int32(i))
		}
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
		n := t.keys.Put(&key)
		if int(n) == len(t.tuples) {
			t.tuples = append(t.tuples, tuple{})
		}
		list := &t.tuples[n].sockets[side]
		*list = t.indexes.append(*list, i)
		return
	}
	if s.Protocol == flow.TCP && !s.Listening {
		return // bound, and nobody can connect to it
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
// has ended, and of those that come and go under one five-tuple also when they
// may have existed.
func (t *Timeline) cutsOf(cuts []int64, sockets ...[]int32) []int64 {
	for _, list := range sockets {
		for _, i := range list {
			s := &t.Sockets[i]
			for _, h := range s.Holds {
				cuts = append(cuts, h.From, h.To+1)
			}
			if s.Protocol == flow.TCP {
				continue
			}
			if s.Before != math.MinInt64 {
				cuts = append(cuts, s.Before+1)
			}
			if s.After != math.MaxInt64 {
				cuts = append(cuts, s.After)
			}
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// Connected returns the sockets whose local end is side s of k and whose
// remote end is the other; the slice belongs to the timeline. A socket that is
// connected to itself is both ends.
func (t *Timeline) Connected(k flow.Key, s flow.Side) []int32 {
	if n := t.keys.Find(&k); n >= 0 {
		e := &t.tuples[n]
		if len(e.sockets[s]) == 0 && k.Endpoint(flow.Low) == k.Endpoint(flow.High) {
			return e.sockets[flow.Low]
		}
		return e.sockets[s]
	}
	return nil
}

// Cut returns the half-open interval around time at in which nothing that is
// known about the owners of k changes. It is a conn.Cutter.
func (t *Timeline) Cut(k flow.Key, at int64) (from, until int64) {
	from, until = math.MinInt64, math.MaxInt64
	narrow(t.breaks, at, &from, &until)
	if n := t.keys.Find(&k); n >= 0 {
		narrow(t.tuples[n].cuts, at, &from, &until)
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
	return touches(t.lost, min(a, b), max(a, b))
}

// Twice tells whether times between a and b, a ≤ b, passed twice: the clock was
// set back.
func (t *Timeline) Twice(a, b int64) bool { return t != nil && touches(t.twice, a, b) }

func touches(windows []window, a, b int64) bool {
	return slices.ContainsFunc(windows, func(w window) bool { return w.begin <= b && w.end >= a })
}
