package owner

import (
	"cmp"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/slab"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Timeline is what connection logs say about sockets and processes over time.
// Fill it with Add, then Seal it; after that it is read-only and safe for
// concurrent use.
type Timeline struct {
	Processes []Process // after Seal: ordered by start time, then PID

	head       bool
	namespace  map[uint64]uint16 // netns inode to the index that keys use; the recorder's own is 0
	interfaces []uint16          // after Seal: index that keys use, by pcapng interface
	network    network
	views      views
	local      map[flow.Addr]bool
	latest     flow.Addr // in local
	broadcast  map[flow.Addr]bool
	loopback   int // ifindex of the only captured loopback interface, 0 = none is known
	outer      int // ifindex of the only other captured interface, 0 = none is known
	recordings []recording
	lost       []window // packets that the capture dropped
	missed     bool     // what happened to sockets was not told for a while
	twice      []window // times that passed twice, when the clock was set back
	breaks     []int64  // where the windows of both begin and have ended, sorted

	process   registry // by start and PID; other recordings' names for one process lead to the same
	residents map[resident][]int32
	exits     map[connlog.ProcessID]int64
	copies    map[int32]*copies // after Seal: of the processes that have any

	sockets  slab.List[Socket]
	counters []counters         // after Seal: by socket
	socket   registry           // those that are open, by id and namespace
	changes  map[int32][]change // of sockets whose owners changed
	holds    map[int32][]Hold   // after Seal: of the same
	sets     [][]int32          // owner lists; the first is empty
	alone    []set              // by process
	several  map[string]set

	exchanges map[exchangeKey][]exchange

	keys     index
	reused   []int32           // until Seal: those that a second socket had
	cuts     map[int32][]int64 // after Seal: of tuples with many sockets
	bindings []binding
	bound    []int32 // sockets, by binding
	port     map[portKey]*port
	portless map[portlessKey][]window // after Seal: when there may have been sockets without ports, ascending
}

// NewTimeline returns an empty timeline.
func NewTimeline() *Timeline {
	return &Timeline{
		namespace: map[uint64]uint16{0: 0},
		network:   newNetwork(),
		local:     map[flow.Addr]bool{},
		broadcast: map[flow.Addr]bool{},
		residents: map[resident][]int32{},
		exits:     map[connlog.ProcessID]int64{},
		changes:   map[int32][]change{},
		holds:     map[int32][]Hold{},
		sets:      [][]int32{nil},
		several:   map[string]set{},
		exchanges: map[exchangeKey][]exchange{},
		port:      map[portKey]*port{},
	}
}

// Add takes one event. It keeps nothing of e's memory but strings.
func (t *Timeline) Add(e *connlog.Event) {
	if e.Kind == connlog.KindHead {
		t.begin(e.Time, e.Head)
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
		t.takeAddress(e.Address)
	case connlog.KindInterface:
		t.addInterface(e.Interface)
	case connlog.KindNAT:
		t.translate(e.Time, e.NAT)
	case connlog.KindClock:
		if step := e.Clock.Step; step < 0 { // at some moment since the last reading
			t.twice = append(t.twice, window{r.clock + step, e.Time - step})
		}
		r.clock = e.Time
	case connlog.KindGap:
		if e.Gap.Source != connlog.GapCapture {
			t.missed = true
		} else {
			t.lost = append(t.lost, window{e.Gap.Begin, e.Gap.End})
		}
	}
}

// Expect asks for the memory that Add will need for an event, some events before its turn.
func (t *Timeline) Expect(e *connlog.Event) {
	if e.Kind != connlog.KindSocket {
		return
	}
	ns := t.namespace[e.Socket.Namespace]
	t.socket.expect(e.Socket.ID, uint32(ns))
	if owners := e.Socket.Owners; len(owners) > 0 {
		t.process.expect(uint64(owners[0].Start), uint32(owners[0].PID))
	}
	if e.Socket.HasRemote && e.Socket.Change <= connlog.SocketOpen {
		key, _ := fiveTuple(e.Socket).Key(ns)
		t.keys.expect(key.Hash())
	}
}

// Seal ends the filling: lives that no event ended run to the last sighting.
func (t *Timeline) Seal() {
	t.interfaces = t.network.seal(len(t.namespace), t.local)
	t.sealRecordings()
	t.sortProcesses()
	t.findCopies()
	for i := range int32(t.sockets.Len()) {
		t.seal(i, t.Socket(i))
	}
	clear(t.changes)
	slices.SortFunc(t.counters, func(a, b counters) int { return cmp.Compare(a.socket, b.socket) })
	for _, w := range slices.Concat(t.lost, t.twice) {
		t.breaks = append(t.breaks, w.begin, w.end+1)
	}
	slices.Sort(t.breaks)
	t.sealTuples()
	t.sealPorts()
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
