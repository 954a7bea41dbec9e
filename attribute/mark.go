package attribute

import (
	"cmp"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// SetMarks tells the processes that the capture itself names for some of its
// packets: the list that packet.Packet.Mark counts in (Capture.Marks of package
// ingest). Call it before Finish, once all packets were added.
func (a *Attribution) SetMarks(list []pcapng.Mark) { a.marks = list }

// about tells which end of p's connection, or of p, its mark speaks of: the
// local one. sender is the side that sent p.
//
// Between two ends of one host both are local, and tools that hook into the
// network stack name either for both directions: the mark is of one of them.
func about(log *owner.Timeline, p *packet.Packet, sender flow.Side) conn.About {
	src, dst := p.Tuple.Source, p.Tuple.Destination
	if src == dst || src.IsLoopback() || dst.IsLoopback() {
		return conn.AboutEither
	}
	from, to := log.Locality(src), log.Locality(dst)
	sent := p.Direction == packet.Outbound || p.Direction == packet.DirectionUnknown && from == owner.Local && to == owner.Remote
	received := p.Direction == packet.Inbound || p.Direction == packet.DirectionUnknown && from == owner.Remote && to != owner.Remote
	switch {
	case from == owner.Local && to == owner.Local:
		return conn.AboutEither
	case sent && !(from == owner.Remote && to == owner.Local):
		return conn.About(sender)
	case received && !(from == owner.Local && to == owner.Remote):
		return conn.About(sender.Other())
	}
	return conn.AboutEither // not known, or the direction and the addresses contradict each other
}

// sightings are the earliest times of packets by mark.
type sightings []int64

func (s *sightings) note(p *packet.Packet) {
	for int(p.Mark) >= len(*s) {
		*s = append(*s, math.MaxInt64)
	}
	(*s)[p.Mark] = min((*s)[p.Mark], p.Time)
}

// merge takes over what t has seen.
func (s *sightings) merge(t sightings) {
	for i, at := range t {
		s.note(&packet.Packet{Mark: int32(i), Time: at})
	}
}

// marks are the processes that the capture names, by mark, as indexes into
// Result.Processes.
type marks []marked

// marked is who one mark names.
type marked struct {
	who   []int32 // ascending; several where it does not tell them apart
	loose bool    // the process that happened to run when the packet was noted
}

// of returns who a mark names; nobody where that is not known.
func (m marks) of(mark int32) marked {
	if mark < 1 || int(mark) > len(m) {
		return marked{}
	}
	return m[mark-1]
}

// nameMarks finds the processes of the marks among those of the log, and
// appends the others: those whose start is not known last.
func nameMarks(processes []Process, list []pcapng.Mark, seen sightings) ([]Process, marks) {
	n := namer{processes: slices.Clip(processes), byPID: map[int32][]int32{}, fresh: map[identity]int32{}}
	for i := range processes {
		n.byPID[processes[i].ID.PID] = append(n.byPID[processes[i].ID.PID], int32(i))
	}
	m := make(marks, len(list))
	for i := range list {
		at := int64(math.MaxInt64)
		if i+1 < len(seen) {
			at = seen[i+1]
		}
		m[i] = marked{who: n.find(&list[i], at), loose: list[i].Origin.Loose()}
	}
	n.append(list, m)
	return n.processes, m
}

// namer turns marks into processes.
type namer struct {
	processes []Process
	byPID     map[int32][]int32 // processes of the log
	fresh     map[identity]int32
}

// identity is what tells processes apart that the log does not know.
type identity struct {
	pid        int32
	start      int64 // 0 = unknown
	name, path string
}

func identify(m *pcapng.Mark) identity { return identity{m.PID, m.Start, m.Name, m.Path} }

// startSlack is how far two tools may be apart about the start of a process:
// the kernel tells it in ticks of 10 ms.
const startSlack = int64(10e6)

// find returns the processes of the log that a mark may name; where there is
// none it names one that the log does not know. first is the time of its
// earliest packet.
func (n *namer) find(m *pcapng.Mark, first int64) (who []int32) {
	for _, i := range n.byPID[m.PID] {
		p := &n.processes[i]
		apart := p.ID.Start - m.Start
		if m.Start != 0 && (apart <= -startSlack || apart >= startSlack) || p.ID.Start-startSlack > first || !namesakes(p, m) {
			continue
		}
		who = append(who, i)
	}
	if len(who) == 0 {
		n.fresh[identify(m)] = 0
	}
	return who
}

// namesakes tells whether what the log and a mark call a process may be one.
// The kernel's short names have 15 bytes.
func namesakes(p *Process, m *pcapng.Mark) bool {
	name := m.Name
	if name == "" && m.Path != "" {
		name = path.Base(m.Path)
	}
	short := func(s string) string { return s[:min(len(s), 15)] }
	return name == "" || p.Name == "" || short(name) == short(p.Name) || m.Path != "" && path.Base(m.Path) == path.Base(p.Exe)
}

// append adds the processes that the log does not know, and completes m.
func (n *namer) append(list []pcapng.Mark, m marks) {
	described := map[identity]*pcapng.Mark{}
	for i := range list {
		if id := identify(&list[i]); len(m[i].who) == 0 && described[id] == nil {
			described[id] = &list[i]
		}
	}
	ids := make([]identity, 0, len(described))
	for id := range described {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b identity) int {
		return cmp.Or(cmp.Compare(uint64(a.start-1), uint64(b.start-1)), // unknown ones last
			cmp.Compare(a.pid, b.pid), cmp.Compare(a.name, b.name), cmp.Compare(a.path, b.path))
	})
	for _, id := range ids {
		n.fresh[id] = int32(len(n.processes))
		n.processes = append(n.processes, processOf(described[id]))
	}
	n.link()
	for i := range list {
		if len(m[i].who) == 0 {
			m[i].who = []int32{n.fresh[identify(&list[i])]}
		}
	}
}

// processOf describes the process of a mark. Its parent's start is not known.
func processOf(m *pcapng.Mark) Process {
	clean := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
	p := Process{ID: connlog.ProcessID{PID: m.PID, Start: m.Start}, Name: clean(m.Name), Exe: clean(m.Path), UID: m.UID}
	if p.Name == "" && p.Exe != "" {
		p.Name = path.Base(p.Exe)
	}
	for _, a := range m.Args {
		p.Args = append(p.Args, clean(a))
	}
	if m.PPID > 0 && m.PPID <= math.MaxInt32 {
		p.Parent = connlog.ProcessID{PID: int32(m.PPID), Start: unknownStart}
	}
	return p
}

// unknownStart is that of a parent of which a mark tells the PID alone; no
// process has it.
const unknownStart = -1

// link completes the parents of which the PID alone is known, where only one
// process has it.
func (n *namer) link() {
	holders := map[int32][]int32{}
	for i := range n.processes {
		holders[n.processes[i].ID.PID] = append(holders[n.processes[i].ID.PID], int32(i))
	}
	for i := range n.processes {
		parent := &n.processes[i].Parent
		if who := holders[parent.PID]; parent.Start == unknownStart && len(who) == 1 && who[0] != int32(i) {
			*parent = n.processes[who[0]].ID
		}
	}
}
