package record

import (
	"cmp"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	psnet "github.com/shirou/gopsutil/v3/net"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// poll is the portable source: it asks gopsutil for the connections of every
// process. It knows neither inodes nor cookies, so that its socket ids are made
// up: one for as long as the same protocol and endpoints are seen.
type poll struct {
	reader      processReader
	roster      *roster
	connections func() ([]psnet.ConnectionStat, error)
	ids         map[pollKey]uint64
	last        uint64 // the last id given
	births      births
	since       uint64 // round of the roster at the last look that succeeded
}

// pollKey is all that tells one socket from another here.
type pollKey struct {
	protocol      flow.Protocol
	local, remote flow.Endpoint
	v6            bool
}

func newPoll() (source, error) {
	reader, err := newProcessReader()
	if err != nil {
		return nil, err
	}
	return &poll{reader: reader, roster: newRoster(reader), ids: map[pollKey]uint64{},
		connections: func() ([]psnet.ConnectionStat, error) { return psnet.ConnectionsWithoutUids("inet") }}, nil
}

func (p *poll) name() string { return SourcePoll }

func (p *poll) blind() []string {
	return append([]string{
		"sockets that open and close between two polls",
		"a second use of the same endpoints between two polls",
		"sockets of other network namespaces",
		"protocols other than TCP and UDP, raw and packet sockets",
		"sockets of processes that this user may not inspect",
	}, p.reader.blind()...)
}

func (p *poll) close() { p.reader.close() }

func (p *poll) focus(pids []int32) { p.roster.tree.named = pids }

func (p *poll) started(pid int32) { p.roster.tree.start(p.roster, pid) }

func (p *poll) begin() {}

func (p *poll) enter([]string) error { return nil } // blind says so

func (p *poll) look(bool) (look, error) {
	l := look{begin: time.Now().UnixNano(), thorough: true}
	var err error
	if l.processes, err = p.roster.refresh(l.begin, true); err != nil {
		return l, err
	}
	rows, err := p.connections()
	if err != nil {
		return l, err
	}
	found := p.reader.inspect(p.roster, rows)
	// A PID counts only when the same process had it before and after the
	// sockets were read.
	same := map[int32]bool{}
	owner := func(pid int32) (connlog.ProcessID, bool) {
		id, known := p.roster.id(pid)
		if _, asked := same[pid]; !asked {
			start, ok := p.reader.start(pid)
			same[pid] = known && ok && start == id.Start
		}
		return id, same[pid]
	}
	var first map[uint64]bool
	l.sockets, first = p.sightings(rows, found, owner)
	p.births.partial(p.roster, l.sockets, p.since, func(s *sighting) bool { return first[s.ID] }, found.unseen)
	p.since = p.roster.round
	l.end = time.Now().UnixNano()
	return l, nil
}

// inspection is what was found out about holders of sockets beside the one that
// gopsutil tells of each: on Linux, where it tells the descriptor too.
type inspection struct {
	inodes  map[handle]uint64   // of the rows
	twins   map[uint64][]uint64 // inodes of all sockets that share the endpoints of one
	holders map[uint64][]int32  // PIDs, by inode
	hidden  map[int32]bool      // PIDs of processes whose files may not be listed
}

// handle is a descriptor of a process.
type handle struct {
	pid    int32
	number uint32
}

// others returns the PIDs of all that hold the socket of a row, or one of those
// that share its endpoints, of which gopsutil tells one only. all is false where
// that is not known.
func (i *inspection) others(row psnet.ConnectionStat) (pids []int32, all bool) {
	inode, known := i.inodes[handle{row.Pid, row.Fd}]
	pids = i.holders[inode]
	for _, twin := range i.twins[inode] {
		if twin != inode {
			pids = append(slices.Clip(pids), i.holders[twin]...)
		}
	}
	return pids, known
}

// unseen tells whether y may hold a socket of which q is asked: its files may not
// be listed or, where only the first holder is known, gopsutil did not come to it.
// That asks the processes in the order of their PIDs.
func (i *inspection) unseen(q question, y *resident) bool {
	me := int64(os.Geteuid())
	return i.hidden[y.ID.PID] || q.first && (y.ID.PID > q.holder.PID || me > 0 && y.UID != me)
}

// sightings turns gopsutil's rows into sockets, in the order of their ids, and
// tells of which only the first holder is known.
func (p *poll) sightings(rows []psnet.ConnectionStat, beside inspection, owner func(pid int32) (connlog.ProcessID, bool)) (list []sighting, first map[uint64]bool) {
	first = map[uint64]bool{}
	found := map[uint64]*sighting{}
	ids := make(map[pollKey]uint64, len(rows))
	for _, row := range rows {
		s, ok := socketOf(row)
		if !ok {
			continue
		}
		key := pollKey{s.Protocol, s.Local, s.Remote, s.V6}
		id, known := ids[key]
		if !known {
			if id, known = p.ids[key]; !known {
				p.last++
				id = p.last
			}
			ids[key] = id
		}
		t := found[id]
		if t == nil {
			s.ID = id
			t = &s
			found[id] = t
		}
		others, all := beside.others(row)
		for _, pid := range append([]int32{row.Pid}, others...) {
			if process, ok := owner(pid); ok && !slices.Contains(t.Owners, process) {
				t.Owners = append(t.Owners, process)
			}
		}
		if !all {
			first[id] = true
		}
	}
	p.ids = ids
	list = make([]sighting, 0, len(found))
	for _, s := range found {
		slices.SortFunc(s.Owners, func(a, b connlog.ProcessID) int { return int(a.PID) - int(b.PID) })
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b sighting) int { return cmp.Compare(a.ID, b.ID) })
	return list, first
}

// socketOf reads one row. ok is false for what belongs to no process any more.
func socketOf(row psnet.ConnectionStat) (s sighting, ok bool) {
	const stream, datagram = 1, 2 // SOCK_STREAM, SOCK_DGRAM everywhere
	switch row.Type {
	case stream:
		s.Protocol = flow.TCP
	case datagram:
		s.Protocol = flow.UDP
	default:
		return s, false
	}
	s.State = strings.ToLower(row.Status)
	switch s.State {
	case "time_wait", "syn_recv", "delete", "closed":
		return s, false
	case "none", "close", "":
		s.State = ""
	}
	if row.Pid == 0 && (strings.HasPrefix(s.State, "fin_wait") || s.State == "last_ack" || s.State == "closing") {
		return s, false
	}
	if s.Local, s.V6, ok = endpoint(row.Laddr, row.Raddr); !ok {
		return s, false
	}
	if row.Raddr.Port != 0 {
		s.Remote, _, s.HasRemote = endpoint(row.Raddr, row.Laddr)
	}
	return s, true
}

// endpoint packs an address; "*" and "" are the unspecified one, of the family
// of the other end or, where that does not tell, IPv6.
func endpoint(a, other psnet.Addr) (e flow.Endpoint, v6, ok bool) {
	if a.IP == "" || a.IP == "*" {
		a.IP = "::"
		if strings.Contains(other.IP, ".") {
			a.IP = "0.0.0.0"
		}
	}
	ip, err := netip.ParseAddr(a.IP)
	if err != nil || a.Port > 65535 {
		return e, false, false
	}
	return flow.Endpoint{Addr: flow.AddrFrom(ip), Port: uint16(a.Port)}, ip.Is6(), true
}
