package attribute_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// oracle applies the rules of docs/attribution.md to one packet at a time, by
// scanning all events and all packets anew for every answer. It shares no
// code with package attribute.
type oracle struct {
	events  []connlog.Event
	packets []packet.Packet
	inst    []int // instance number of each packet
}

type oracleSocket struct {
	*connlog.Socket
	index         int        // of the event that began it
	before, after int64      // not there at these times
	first, last   [2]int64   // windows of the first and the last sighting
	holds         [][2]int64 // aligned with owners
	owners        [][]int32  // ascending; unseen for those that could not be seen
	opener        []bool     // aligned: nobody used it before
	told          bool       // by the kernel, from its opening on
}

// unseen stands for processes that the log could not see.
const unseen = 0

// recording tells which recording event i belongs to: heads are counted.
func (o *oracle) recording(i int) (n int) {
	for _, e := range o.events[:i+1] {
		if e.Kind == connlog.KindHead {
			n++
		}
	}
	return n
}

func (o *oracle) polls(recording int) (w [][2]int64) {
	for i, e := range o.events {
		if e.Kind == connlog.KindPoll && o.recording(i) == recording {
			w = append(w, [2]int64{e.Poll.Begin, e.Poll.End})
		}
	}
	return w
}

func (o *oracle) window(recording int, at int64) [2]int64 {
	for _, w := range o.polls(recording) {
		if w[0] <= at && at <= w[1] {
			return w
		}
	}
	return [2]int64{at, at}
}

// losses are the windows in which the capture dropped packets.
func (o *oracle) losses() (w [][2]int64) {
	for _, e := range o.events {
		if e.Kind == connlog.KindGap {
			w = append(w, [2]int64{e.Gap.Begin, e.Gap.End})
		}
	}
	return w
}

// twice are the windows of time that passed twice.
func (o *oracle) twice() (w [][2]int64) {
	var read int64
	for _, e := range o.events {
		if e.Kind == connlog.KindClock && e.Clock.Step < 0 {
			w = append(w, [2]int64{read + e.Clock.Step, e.Time - e.Clock.Step})
		}
		if e.Kind == connlog.KindClock || e.Kind == connlog.KindHead {
			read = e.Time
		}
	}
	return w
}

func within(windows [][2]int64, a, b int64) bool {
	return slices.ContainsFunc(windows, func(w [2]int64) bool { return w[0] <= max(a, b) && w[1] >= min(a, b) })
}

func (o *oracle) sockets() []*oracleSocket {
	var list []*oracleSocket
	heads := o.recording(len(o.events) - 1)
	for i, e := range o.events {
		if e.Kind != connlog.KindSocket || e.Socket.Change != connlog.SocketOpen && e.Socket.Change != connlog.SocketSnapshot {
			continue
		}
		mine := o.recording(i)
		polls := o.polls(mine)
		s := &oracleSocket{Socket: e.Socket, index: i, before: math.MinInt64, after: math.MaxInt64, first: o.window(mine, e.Time), last: polls[len(polls)-1]}
		if mine > 1 { // not there when the recording before looked for the last time
			p := o.polls(mine - 1)
			s.before = p[len(p)-1][0]
		}
		if e.Socket.Change == connlog.SocketOpen {
			s.before = e.Socket.Since
		}
		if mine < heads {
			s.after = o.polls(mine + 1)[0][1]
		}
		at, now := s.first, e.Socket
		how := e.Socket.Evidence
		s.told = e.Socket.Change == connlog.SocketOpen && how >= connlog.EvidenceConnect && how <= connlog.EvidenceReceive
		unused := s.told && (how == connlog.EvidenceAccept || how == connlog.EvidenceBind)
		first, uses := true, s.told
		end := func(w [2]int64) {
			if len(now.Owners) > 0 || now.Partial {
				s.holds = append(s.holds, [2]int64{at[1], max(w[0], at[1]-1)})
				s.owners = append(s.owners, pids(now))
				s.opener = append(s.opener, s.told && first)
			}
			first = false
		}
		for _, f := range o.events[i+1:] {
			if f.Kind == connlog.KindHead {
				break
			}
			if f.Kind != connlog.KindSocket || f.Socket.ID != e.Socket.ID || f.Socket.Change == connlog.SocketPeer {
				continue
			}
			if f.Socket.Change == connlog.SocketClose {
				s.last, s.after = o.window(mine, f.Socket.Since), f.Time
				break
			}
			if k := f.Socket.Evidence; k == connlog.EvidenceSend || k == connlog.EvidenceReceive || k == connlog.EvidenceDestroy {
				uses = true
			}
			if first && unused && (f.Socket.Since <= e.Time || len(now.Owners) == 0 && !now.Partial) {
				now, unused = f.Socket, false // who used it first had it from its beginning
				continue
			}
			end(o.window(mine, f.Socket.Since))
			at, now, unused = o.window(mine, f.Time), f.Socket, false
		}
		end(s.last)
		if uses && (s.HasRemote || s.State != "listen") { // what waited is read by whoever comes later
			for n := len(s.holds) - 2; n >= 0; n-- {
				s.owners[n] = append(slices.Clone(s.owners[n]), s.owners[n+1]...)
				slices.Sort(s.owners[n])
				s.owners[n] = slices.Compact(s.owners[n])
			}
		}
		list = append(list, s)
	}
	return list
}

func pids(s *connlog.Socket) (who []int32) {
	for _, p := range s.Owners {
		who = append(who, p.PID)
	}
	if s.Partial {
		who = append(who, unseen)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// existed tells whether the socket may have been there at time t.
func (s *oracleSocket) existed(t int64) bool {
	for _, h := range s.holds {
		if h[0] <= t && t <= h[1] {
			return true
		}
	}
	return s.before < t && t < s.after
}

// holders returns who may have held the socket at time t, when it existed.
func (s *oracleSocket) holders(t int64) (who []int32) {
	if len(s.holds) == 0 {
		return []int32{unseen}
	}
	if who = heldAt([]*oracleSocket{s}, t); len(who) > 0 {
		return who
	}
	for i, h := range s.holds {
		if h[1] < t && (i+1 == len(s.holds) || s.holds[i+1][0] > t) {
			who = append(who, s.owners[i]...)
		}
		if h[0] > t && (i == 0 || s.holds[i-1][1] < t) {
			who = append(who, s.owners[i]...)
		}
	}
	return who
}

// moments are all times from a to b at which something about the socket may
// change, and those beside them.
func (s *oracleSocket) moments(a, b int64) []int64 {
	all := []int64{a, b}
	for _, h := range s.holds {
		for _, m := range []int64{h[0] - 1, h[0], h[1], h[1] + 1} {
			if a <= m && m <= b {
				all = append(all, m)
			}
		}
	}
	return all
}

// state is what is known of a key's latest instance.
type state struct {
	n     int
	last  int64
	flags [2]uint8
	isn   [2]int64
}

func (s *state) closed() bool {
	return s.flags[0]&s.flags[1]&packet.FIN != 0 || (s.flags[0]|s.flags[1])&packet.RST != 0
}

// over tells whether the instance was silent for too long to have p.
func (s *state) over(p *packet.Packet) bool {
	limit := 2 * time.Minute
	if p.Tuple.Protocol == flow.TCP && !s.closed() {
		limit = 2 * time.Hour
	}
	return time.Duration(p.Time-s.last) > limit
}

func (o *oracle) instances() {
	states := map[flow.Key]*state{}
	count := 0
	for i := range o.packets {
		p := &o.packets[i]
		key, side := p.Tuple.Key(0)
		s := states[key]
		fresh := s == nil || s.over(p)
		if !fresh && p.TCPFlags&packet.SYN != 0 && p.TCPFlags&packet.ACK == 0 {
			mine, other := s.isn[side], s.isn[1-side]
			switch {
			case mine >= 0:
				fresh = mine != int64(p.Seq)
			case other >= 0:
				fresh = s.flags[side]&packet.ACK != 0 || s.closed()
			default:
				fresh = true
			}
		}
		if fresh {
			s = &state{n: count, isn: [2]int64{-1, -1}}
			states[key] = s
			count++
		}
		if p.TCPFlags&packet.SYN != 0 && s.isn[side] < 0 {
			s.isn[side] = int64(p.Seq)
		}
		s.flags[side] |= p.TCPFlags
		s.last = p.Time
		o.inst = append(o.inst, s.n)
	}
}

// ofInstance returns the packets of instance n.
func (o *oracle) ofInstance(n int) (ps []*packet.Packet) {
	for i := range o.packets {
		if o.inst[i] == n {
			ps = append(ps, &o.packets[i])
		}
	}
	return ps
}

// belongs tells whether TCP socket s is an end of instance n of its key.
func (o *oracle) belongs(s *oracleSocket, n int, key flow.Key) bool {
	var chain []int
	start, end := map[int]int64{}, map[int]int64{}
	for i := range o.packets {
		if k, _ := o.packets[i].Tuple.Key(0); k == key {
			m := o.inst[i]
			if _, ok := start[m]; !ok {
				chain = append(chain, m)
				start[m] = o.packets[i].Time
			}
			end[m] = o.packets[i].Time
		}
	}
	at := -1
	for c, m := range chain {
		if start[m] <= s.last[0] {
			at = c
		}
	}
	if at < 0 && (s.last[1] >= start[chain[0]] || !o.begun(chain[0])) {
		at = 0
	}
	if at < 0 || chain[at] != n || end[n] < s.before || start[n] > s.after {
		return false
	}
	return at+1 == len(chain) || start[chain[at+1]] > s.first[1]
}

func local(a flow.Addr) bool { return a.String() == "10.0.0.1" || a.IsLoopback() }

// logged returns "reason pids" for one side of packet i, as the log tells.
func (o *oracle) logged(i int, source bool) string {
	p := &o.packets[i]
	me, you := p.Tuple.From(), p.Tuple.To()
	if !source {
		me, you = you, me
	}
	if !local(me.Addr) {
		return "remote []"
	}
	if within(o.twice(), p.Time, p.Time) {
		return "unknown []"
	}
	key, _ := p.Tuple.Key(0)
	tcp := p.Tuple.Protocol == flow.TCP
	var exact, bound []*oracleSocket
	for _, s := range o.sockets() {
		switch {
		case s.Protocol != p.Tuple.Protocol:
		case s.HasRemote && s.Local == me && s.Remote == you && (!tcp || o.belongs(s, o.inst[i], key)):
			exact = append(exact, s)
		case !s.HasRemote && s.Local.Port == me.Port && (s.Local.Addr == me.Addr || s.Local.Addr.IsUnspecified()) && (!tcp || s.State == "listen"):
			bound = append(bound, s)
		}
	}
	if !tcp {
		return o.datagram(i, source, me, exact, bound)
	}
	if who := heldAt(exact, p.Time); len(who) > 0 {
		return verdict("exact", who)
	}
	if a, ok := o.stream(i, source, exact, bound); ok {
		return a
	}
	return o.listen(i, source, exact, bound)
}

// device tells whether a socket certainly takes what passes between two hosts:
// loopback (1) and one other interface (2) are captured.
func device(s *oracleSocket, p *packet.Packet) bool {
	through := 2
	if local(p.Tuple.Source) && local(p.Tuple.Destination) {
		through = 1
	}
	return s.Interface == 0 || s.Interface == through
}

func (o *oracle) datagram(i int, source bool, me flow.Endpoint, exact, bound []*oracleSocket) string {
	p := &o.packets[i]
	var who []int32
	sure, there, sharing := false, false, false
	look := func(s *oracleSocket, here bool) (certain, between bool) {
		if !s.existed(p.Time) {
			return false, false
		}
		sharing = true
		who = append(who, s.holders(p.Time)...)
		if !here {
			who = append(who, unseen)
			return false, false
		}
		before, after := false, false
		for _, h := range s.holds {
			certain = certain || h[0] <= p.Time && p.Time <= h[1]
			before, after = before || h[1] < p.Time, after || h[0] > p.Time
		}
		return certain, before && after
	}
	for _, s := range exact {
		certain, between := look(s, true)
		sure, there = sure || certain, there || certain || between
	}
	connected, certain, between := sure, false, there
	if !there || o.sent(i, source, me) {
		sharing = false
		for _, s := range bound {
			c, b := look(s, device(s, p))
			certain, between = certain || c, between || b
		}
		if sharing && !there {
			who = append(who, o.sharers(me)...)
		}
	}
	slices.Sort(who)
	who = slices.Compact(who)
	if talked := o.talked(i, source, me); (certain || between) && len(who) > 1 && len(exact) == 0 && len(talked) > 0 {
		return verdict("wildcard", talked)
	}
	switch {
	case connected:
		return verdict("exact", who)
	case certain:
		return verdict("wildcard", who)
	case between:
		return verdict("stream", who)
	}
	return "unknown []"
}

// talked returns who exchanged with the other end of packet i, as far as all who
// did are told: in both directions in which this connection has packets. None where
// that is not known, or nobody is.
func (o *oracle) talked(i int, source bool, me flow.Endpoint) (who []int32) {
	p, ps := &o.packets[i], o.ofInstance(o.inst[i])
	you := p.Tuple.To()
	if !source {
		you = p.Tuple.From()
	}
	first, last := ps[0].Time, ps[len(ps)-1].Time
	sends, receives := o.sent(i, source, me), o.receives(i, source, me)
	somebodySent, somebodyReceived := false, false
	recording, fit, moved := o.teller(first, last), 0, false
	if recording == 0 {
		return nil
	}
	for _, s := range o.sockets() {
		takes := s.Local.Addr == me.Addr || s.Local.Addr.IsUnspecified()
		if s.Protocol != flow.UDP || s.Local.Port != me.Port {
			continue
		}
		if !s.HasRemote && o.recording(s.index) != recording {
			return nil
		}
		if !s.HasRemote && takes && s.before < last && s.after > first {
			fit++
			moved = moved || s.before >= first || s.after <= last
		}
		if s.HasRemote && s.Local.Addr != me.Addr || !s.HasRemote && (!takes || p.Time < s.before || s.after < p.Time) {
			continue
		}
		for _, e := range o.exchanges(s) {
			got := e.Evidence == connlog.EvidenceReceive
			if e.HasRemote && e.Remote != you || got && !receives || !got && !sends {
				continue
			}
			somebodySent, somebodyReceived = somebodySent || !got, somebodyReceived || got
			if who = append(who, pids(e)...); len(e.Owners) == 0 {
				who = append(who, unseen)
			}
		}
	}
	slices.Sort(who)
	who = slices.Compact(who)
	if sends && !somebodySent || receives && !somebodyReceived || receives && moved && fit > 1 || len(who) == 0 || slices.Equal(who, []int32{unseen}) {
		return nil
	}
	return who
}

// exchanges returns what the log says of the peers of a socket.
func (o *oracle) exchanges(s *oracleSocket) (list []*connlog.Socket) {
	for _, e := range o.events[s.index+1:] {
		switch {
		case e.Kind == connlog.KindHead:
			return list
		case e.Kind != connlog.KindSocket || e.Socket.ID != s.ID:
		case e.Socket.Change == connlog.SocketClose:
			return list
		case e.Socket.Change == connlog.SocketPeer:
			list = append(list, e.Socket)
		}
	}
	return list
}

// teller returns which recording, from 1 on, is told everything between two times,
// 0 = none.
func (o *oracle) teller(first, last int64) (n int) {
	var began, ended int64
	tells, found := false, 0
	for _, e := range append(slices.Clone(o.events), connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{}}) {
		if e.Kind == connlog.KindHead {
			if n > 0 && found == 0 && tells && began <= first && last <= ended {
				found = n
			}
			n++
			began, ended, tells = e.Time, e.Time, e.Head.Source == "ebpf"
		}
		ended = max(ended, e.Time)
	}
	return found
}

// receives is like sent, of the packets that came.
func (o *oracle) receives(i int, source bool, me flow.Endpoint) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return !source
	}
	for k := range o.packets {
		if o.packets[k].Tuple.To() == me && o.together(i, k) {
			return true
		}
	}
	return false
}

// sent tells whether one side of packet i sent any packet while nothing changed
// that is known about its connection.
func (o *oracle) sent(i int, source bool, me flow.Endpoint) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return source
	}
	for k := range o.packets {
		if o.packets[k].Tuple.From() == me && o.together(i, k) {
			return true
		}
	}
	return false
}

// together tells whether two packets are of one connection, and nothing
// changed between them that is known about it.
func (o *oracle) together(i, k int) bool {
	p, q := &o.packets[i], &o.packets[k]
	var changes []int64
	for _, w := range slices.Concat(o.losses(), o.twice()) {
		changes = append(changes, w[0], w[1]+1)
	}
	for _, s := range o.sockets() {
		tuple := s.HasRemote && (s.Local == p.Tuple.From() && s.Remote == p.Tuple.To() || s.Local == p.Tuple.To() && s.Remote == p.Tuple.From())
		port := !s.HasRemote && (s.Local.Port == p.Tuple.SourcePort || s.Local.Port == p.Tuple.DestinationPort)
		if s.Protocol != p.Tuple.Protocol {
			continue
		}
		if s.Protocol == flow.UDP && (tuple || port) {
			changes = append(changes, s.before+1, s.after)
		}
		if tuple || s.Protocol == flow.UDP && port {
			for _, h := range s.holds {
				changes = append(changes, h[0], h[1]+1)
			}
		}
	}
	changed := slices.ContainsFunc(changes, func(c int64) bool { return min(p.Time, q.Time) < c && c <= max(p.Time, q.Time) })
	return o.inst[k] == o.inst[i] && !changed
}

// sharers returns the holders of all UDP sockets of an endpoint, and unseen,
// if two of them were seen at one time in the hands of different processes, or
// one in those of several that run one program, or of one that has a copy.
func (o *oracle) sharers(me flow.Endpoint) (who []int32) {
	var fit []*oracleSocket
	shared, told := false, true
	for _, s := range o.sockets() {
		told = told && (s.told || s.Protocol != flow.UDP || s.Local.Port != me.Port)
		if s.Protocol == flow.UDP && s.Local.Port == me.Port && (s.Local.Addr == me.Addr || !s.HasRemote && s.Local.Addr.IsUnspecified()) {
			fit = append(fit, s)
			for _, w := range s.owners {
				who = append(who, w...)
			}
		}
	}
	all := func(s *oracleSocket) []int32 {
		if len(s.holds) == 0 {
			return []int32{unseen}
		}
		w := slices.Concat(s.owners...)
		slices.Sort(w)
		return slices.Compact(w)
	}
	for i, a := range fit {
		for _, w := range a.owners {
			shared = shared || len(w)-b2i(slices.Contains(w, 3))-b2i(slices.Contains(w, unseen)) > 1
			if slices.Contains(w, 2) && !a.HasRemote && process(4).Start <= a.last[1] && o.exit() >= a.first[0] {
				shared, who = true, append(who, 2, 4)
			}
		}
		for _, b := range fit[i+1:] {
			one := len(all(a)) == 1 && all(a)[0] != unseen && slices.Equal(all(a), all(b))
			shared = shared || a.first[0] <= b.last[1] && b.first[0] <= a.last[1] && !one
		}
	}
	if !shared || told { // the kernel told of all there were
		return nil
	}
	return append(who, unseen)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// exit returns when process 4 was found to be gone.
func (o *oracle) exit() int64 {
	for _, e := range o.events {
		if e.Kind == connlog.KindProcess && e.Process.Change == connlog.ProcessExit {
			return e.Time
		}
	}
	return math.MaxInt64
}

// begun tells whether the beginning of an instance was seen.
func (o *oracle) begun(n int) bool {
	return slices.ContainsFunc(o.ofInstance(n), func(p *packet.Packet) bool { return p.TCPFlags&packet.SYN != 0 })
}

// listens tells whether some socket ever listened for me.
func (o *oracle) listens(me flow.Endpoint) bool {
	return local(me.Addr) && slices.ContainsFunc(o.sockets(), func(s *oracleSocket) bool {
		return s.Protocol == flow.TCP && s.State == "listen" && s.Local.Port == me.Port && (s.Local.Addr == me.Addr || s.Local.Addr.IsUnspecified())
	})
}

// server tells whether one side of packet i is the one that did not open the
// connection.
func (o *oracle) server(i int, source bool) bool {
	p := &o.packets[i]
	if p.Tuple.From() == p.Tuple.To() {
		return !source
	}
	me := p.Tuple.To()
	if source {
		me = p.Tuple.From()
	}
	ps := o.ofInstance(o.inst[i])
	opening := slices.IndexFunc(ps, func(p *packet.Packet) bool { return p.TCPFlags&packet.SYN != 0 })
	client, other := ps[max(opening, 0)].Tuple.From(), ps[max(opening, 0)].Tuple.To()
	switch {
	case opening < 0 && o.listens(client) && !o.listens(other), opening >= 0 && ps[opening].TCPFlags&packet.ACK != 0:
		client = other
	}
	return me != client
}

func (o *oracle) stream(i int, source bool, exact, bound []*oracleSocket) (string, bool) {
	const never = math.MinInt64
	t := o.packets[i].Time
	before, after := int64(never), int64(math.MaxInt64)
	var near []int32
	for _, s := range exact {
		for _, h := range s.holds {
			if h[1] < t && h[1] > before {
				before = h[1]
			}
			if h[0] > t && h[0] < after {
				after = h[0]
			}
		}
	}
	gather := func(at int64, edge int) {
		for _, s := range exact {
			for i, h := range s.holds {
				if h[edge] == at && (edge == 1) == (at < t) {
					near = append(near, s.owners[i]...)
				}
			}
		}
	}
	from, to := t, t
	if before != never {
		gather(before, 1)
		from = before
	}
	if after != math.MaxInt64 {
		gather(after, 0)
		to = after
	}
	slices.Sort(near)
	near = slices.Compact(near)
	switch {
	case len(near) == 0:
		return "", false
	case within(o.losses(), from, to):
		return "unknown []", true
	}
	doubt := false
	for _, s := range exact {
		for i, h := range s.holds {
			doubt = doubt || h[0] == after && !s.opener[i]
		}
	}
	if before == never && len(near) == 1 && near[0] != unseen && doubt {
		near = o.openers(i, source, near, after, bound)
	}
	return verdict("stream", near), true
}

// openers adds to who held a connection's socket when it was first seen, at
// time seen, those that may have had it before.
func (o *oracle) openers(i int, source bool, who []int32, seen int64, bound []*oracleSocket) []int32 {
	first := o.ofInstance(o.inst[i])[0].Time
	if w := who[0]; process(w).Start > first {
		who = append(who, parents[w], unseen)
	}
	if o.server(i, source) || !o.begun(o.inst[i]) {
		who = append(who, accepted(bound, first, seen)...)
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// accepted returns who may have accepted, up to time until, a connection that
// began at first.
func accepted(bound []*oracleSocket, first, until int64) (who []int32) {
	for _, b := range bound {
		if b.existed(first) {
			for _, m := range b.moments(first, max(first, until)) {
				who = append(who, b.holders(m)...)
			}
		}
	}
	return who
}

func (o *oracle) listen(i int, source bool, exact, bound []*oracleSocket) string {
	ps := o.ofInstance(o.inst[i])
	me := o.packets[i].Tuple.To()
	if source {
		me = o.packets[i].Tuple.From()
	}
	data, rst, refused := false, false, true
	for _, p := range ps {
		data = data || p.Payload > 0
		if p.Tuple.From() == me && p.Tuple.From() != p.Tuple.To() {
			rst = rst || p.TCPFlags&packet.RST != 0
			refused = refused && p.TCPFlags&(packet.SYN|packet.FIN|packet.PSH) == 0
		}
	}
	if !o.server(i, source) {
		return "unknown []"
	}
	owned := slices.ContainsFunc(exact, func(s *oracleSocket) bool { return len(s.holds) > 0 })
	sure, there := false, false
	for _, b := range bound {
		sure = sure || len(heldAt([]*oracleSocket{b}, ps[0].Time)) > 0 && device(b, ps[0])
		there = there || b.existed(ps[0].Time)
	}
	if !owned && sure {
		who := accepted(bound, ps[0].Time, ps[0].Time)
		if data || len(exact) > 0 {
			who = append(who, unseen)
		}
		slices.Sort(who)
		return verdict("listener", slices.Compact(who))
	}
	if rst && refused && !there && o.begun(o.inst[i]) {
		return "kernel []"
	}
	return "unknown []"
}

func heldAt(sockets []*oracleSocket, t int64) (who []int32) {
	for _, s := range sockets {
		for i, h := range s.holds {
			if h[0] <= t && t <= h[1] {
				who = append(who, s.owners[i]...)
			}
		}
	}
	slices.Sort(who)
	return slices.Compact(who)
}

// verdict words an answer: who is ascending.
func verdict(reason string, who []int32) string {
	if len(who) > 1 {
		reason = "ambiguous"
	}
	if len(who) > 0 && who[0] == unseen {
		if who = who[1:]; len(who) == 0 {
			reason = "unknown"
		}
	}
	return fmt.Sprint(reason, " ", who)
}

// Times are near base, for 0 means none in a log. A unit is a millisecond or, so
// that connections come to an end by silence, up to minutes: see draw.
var ms, base int64

// By PID: the program that a process runs, its parent (0 = not in the log), and
// when it began. 4 is a copy that 2 made of itself.
var (
	programs = [...]string{1: "/bin/web", 2: "/bin/web", 3: "/bin/sh", 4: "/bin/web"}
	parents  = [...]int32{3: 1, 4: 2}
)

// draw makes a random timeline: polls every 50 ms, sockets that open, change
// hands and close between them, and packets of a few five-tuples.
func draw(t *rapid.T) *oracle {
	o := &oracle{}
	ms = 1e6 * rapid.SampledFrom([]int64{1, 1, 2000, 100_000}).Draw(t, "unit")
	base = 1000 * ms
	polls := rapid.IntRange(2, 8).Draw(t, "polls")
	pid := func() connlog.ProcessID {
		return process(int32(rapid.IntRange(1, len(programs)-1).Draw(t, "pid")))
	}
	source := rapid.SampledFrom([]string{"diag", "ebpf"}).Draw(t, "source")
	o.events = append(o.events, newHead(base-5*ms, source))
	for pid := range programs {
		id := process(int32(pid))
		if pid == unseen {
			continue
		}
		o.events = append(o.events, connlog.Event{Kind: connlog.KindProcess, Process: &connlog.Process{Change: connlog.ProcessSnapshot, ID: id, Exe: programs[pid], Parent: process(parents[pid])}})
	}
	type alive struct{ s connlog.Socket }
	var open []alive
	id := uint64(0)
	for n := range polls {
		begin, end := base+int64(n)*50*ms, base+int64(n)*50*ms+10*ms
		previous := begin - 50*ms
		if n > 0 && rapid.IntRange(0, 11).Draw(t, "again") == 0 {
			o.events = append(o.events, newHead(begin-5*ms, source))
			open = nil
		}
		fresh := o.events[len(o.events)-1].Kind == connlog.KindHead || n == 0
		var keep []alive
		for _, a := range open {
			switch rapid.IntRange(0, 5).Draw(t, "fate") {
			case 0:
				s := a.s
				s.Change, s.Since, s.Owners = connlog.SocketClose, previous+10*ms, nil
				o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: end, Socket: &s})
				continue
			case 1:
				s := a.s
				s.Change, s.Since, s.Owners = connlog.SocketOwner, previous+10*ms, nil
				for range rapid.IntRange(0, 2).Draw(t, "owners") {
					s.Owners = append(s.Owners, pid())
				}
				s.Partial = rapid.IntRange(0, 7).Draw(t, "partial") == 0
				s.Evidence = connlog.Evidence(rapid.IntRange(0, int(connlog.EvidencePacket)).Draw(t, "evidence"))
				o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: end, Socket: &s})
			}
			keep = append(keep, a)
		}
		open = keep
		for range rapid.IntRange(0, 2).Draw(t, "opens") {
			id++
			s := connlog.Socket{Change: connlog.SocketOpen, ID: id, Since: previous}
			if fresh {
				s.Change, s.Since = connlog.SocketSnapshot, 0
			}
			s.Partial = rapid.IntRange(0, 7).Draw(t, "partial") == 0
			drawSocket(t, &s)
			if rapid.IntRange(0, 2).Draw(t, "told") == 0 {
				s.Evidence = connlog.Evidence(rapid.IntRange(int(connlog.EvidencePoll), int(connlog.EvidencePacket)).Draw(t, "evidence"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "owners") {
				s.Owners = append(s.Owners, pid())
			}
			open = append(open, alive{s})
			o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: end, Socket: &s})
			drawExchanges(t, o, s, end, pid)
		}
		if rapid.IntRange(0, 9).Draw(t, "loss") == 0 {
			o.events = append(o.events, connlog.Event{Kind: connlog.KindGap, Time: end, Gap: &connlog.Gap{Source: connlog.GapCapture, Begin: begin - 20*ms, End: begin - 10*ms}})
		}
		if exited := o.exit() < math.MaxInt64; !exited && rapid.IntRange(0, 9).Draw(t, "exit") == 0 {
			o.events = append(o.events, connlog.Event{Kind: connlog.KindProcess, Time: end, Process: &connlog.Process{Change: connlog.ProcessExit, ID: process(4)}})
		}
		clock := connlog.Event{Kind: connlog.KindClock, Time: end, Clock: &connlog.Clock{}}
		if rapid.IntRange(0, 19).Draw(t, "set back") == 0 {
			clock.Clock.Step = -15 * ms
		}
		o.events = append(o.events, clock)
		o.events = append(o.events, connlog.Event{Kind: connlog.KindPoll, Time: end, Poll: &connlog.Poll{Begin: begin, End: end}})
	}
	drawPackets(t, o, int64(polls*50))
	o.instances()
	return o
}

var (
	addrs = []string{"10.0.0.1:80", "10.9.9.9:5000", "127.0.0.1:7000", "127.0.0.1:80"}
	pairs = [][2]int{{0, 1}, {0, 1}, {2, 3}, {2, 3}, {2, 2}}
)

func process(n int32) connlog.ProcessID {
	if n == 0 {
		return connlog.ProcessID{}
	}
	return connlog.ProcessID{PID: n, Start: [...]int64{1: 1, 2: 2, 3: base + 70*ms, 4: base + 120*ms}[n]}
}

func newHead(at int64, source string) connlog.Event {
	return connlog.Event{Kind: connlog.KindHead, Time: at, Head: &connlog.Head{Source: source, Addresses: []string{"10.0.0.1/24"},
		Interfaces: []connlog.Interface{{Index: 2}, {Index: 1, Loopback: true}}}}
}

func end(i int) flow.Endpoint {
	var a, b, c, d, port int
	fmt.Sscanf(addrs[i], "%d.%d.%d.%d:%d", &a, &b, &c, &d, &port)
	return flow.Endpoint{Addr: flow.AddrFrom4(uint32(a<<24 | b<<16 | c<<8 | d)), Port: uint16(port)}
}

func drawSocket(t *rapid.T, s *connlog.Socket) {
	s.Protocol = rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP}).Draw(t, "protocol")
	pair := rapid.SampledFrom(pairs).Draw(t, "pair")
	if rapid.Bool().Draw(t, "flip") && pair[0] == 2 {
		pair[0], pair[1] = pair[1], pair[0]
	}
	switch rapid.IntRange(0, 3).Draw(t, "bound") {
	case 0:
		s.Local = flow.Endpoint{Port: end(pair[0]).Port}
	case 1:
		s.Local = end(pair[0])
	default:
		s.Local, s.Remote, s.HasRemote = end(pair[0]), end(pair[1]), true
		return
	}
	s.Interface = rapid.SampledFrom([]int{0, 0, 0, 1, 2, 3}).Draw(t, "interface")
	if s.Protocol == flow.TCP {
		s.State = rapid.SampledFrom([]string{"listen", "listen", "listen", "close"}).Draw(t, "state")
	}
}

// drawExchanges adds what the log says of the peers of a UDP socket.
func drawExchanges(t *rapid.T, o *oracle, s connlog.Socket, at int64, pid func() connlog.ProcessID) {
	for s.Protocol == flow.UDP && rapid.IntRange(0, 2).Draw(t, "exchanges") > 0 {
		x := s
		x.Change, x.Owners, x.Since, x.Evidence = connlog.SocketPeer, nil, 0, rapid.SampledFrom([]connlog.Evidence{connlog.EvidenceSend, connlog.EvidenceReceive}).Draw(t, "exchange")
		x.Remote, x.HasRemote = flow.Endpoint{}, x.Evidence == connlog.EvidenceSend || rapid.IntRange(0, 3).Draw(t, "named") > 0
		if x.HasRemote {
			x.Remote = end(rapid.IntRange(0, len(addrs)-1).Draw(t, "peer"))
		}
		if x.Partial = rapid.IntRange(0, 7).Draw(t, "partial") == 0; !x.Partial {
			x.Owners = append(x.Owners, pid())
		}
		o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: at, Socket: &x})
	}
}

func drawPackets(t *rapid.T, o *oracle, span int64) {
	var times []int64
	for range rapid.IntRange(1, 14).Draw(t, "packets") {
		times = append(times, rapid.Int64Range(0, span*4).Draw(t, "time")*ms/4+base)
	}
	slices.Sort(times)
	begun := map[flow.Key]bool{}
	for n, at := range times {
		pair := rapid.SampledFrom(pairs).Draw(t, "pair")
		if rapid.Bool().Draw(t, "back") {
			pair[0], pair[1] = pair[1], pair[0]
		}
		a, b := end(pair[0]), end(pair[1])
		p := packet.Packet{Frame: uint64(n + 1), Time: at, Class: packet.Transport, IPVersion: 4, WireLength: 60,
			Tuple: flow.FiveTuple{Source: a.Addr, Destination: b.Addr, SourcePort: a.Port, DestinationPort: b.Port,
				Protocol: rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP}).Draw(t, "protocol")}}
		if p.Tuple.Protocol == flow.TCP {
			p.TCPFlags = rapid.SampledFrom([]uint8{packet.SYN, packet.SYN | packet.ACK, packet.ACK, packet.FIN | packet.ACK, packet.RST}).Draw(t, "flags")
			if k, _ := p.Tuple.Key(0); !begun[k] {
				begun[k] = true
				p.TCPFlags = packet.SYN
			}
			p.Seq = rapid.SampledFrom([]uint32{1, 1000}).Draw(t, "seq")
		}
		if p.TCPFlags&packet.SYN == 0 {
			p.Payload = uint32(rapid.IntRange(0, 1).Draw(t, "payload"))
		}
		if rapid.IntRange(0, 2).Draw(t, "marked") == 0 {
			p.Mark = rapid.Int32Range(0, int32(len(oracleMarks))).Draw(t, "mark")
		}
		p.Direction = packet.Direction(rapid.IntRange(0, 2).Draw(t, "direction"))
		p.Hash = p.Tuple.Hash()
		o.packets = append(o.packets, p)
	}
}

// TestOracle holds that the engine and the oracle give every side of every
// packet the same reason, owner and candidates.
func TestOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := draw(t)
		log := owner.NewTimeline()
		for i := range o.events {
			log.Add(&o.events[i])
		}
		attribute.SweepAfter(rapid.SampledFrom([]int{1, 3, 1 << 14}).Draw(t, "packets between sweeps"))
		a := attribute.New(attribute.Config{Log: log, Shares: rapid.IntRange(1, 3).Draw(t, "shares"), Windows: drawWindows(t)})
		a.Add(o.packets)
		a.SetMarks(oracleMarks)
		r, err := a.Finish()
		if err != nil {
			t.Fatal(err)
		}
		for i := range o.packets {
			_, src, dst, err := r.Find(&o.packets[i])
			if err != nil {
				t.Fatal(err)
			}
			for n, v := range [2]attribute.Verdict{src, dst} {
				if got, want := engineWord(r, v), o.answer(i, n == 0); got != want {
					t.Fatalf("packet %d (%v at %d ms), side %d: got %s, the oracle says %s\n%s", i+1, o.packets[i].Tuple, o.packets[i].Time/1e6, n, got, want, o.dump())
				}
			}
		}
	})
}

// drawWindows draws what changes no verdict.
func drawWindows(t *rapid.T) *attribute.Windows {
	w := &attribute.Windows{Width: ms * rapid.Int64Range(0, 9).Draw(t, "width")}
	for range rapid.IntRange(0, 3).Draw(t, "bounds") {
		w.Bounds = append(w.Bounds, base+ms*rapid.Int64Range(0, 50).Draw(t, "bound"))
	}
	slices.Sort(w.Bounds)
	if w.Width == 0 && len(w.Bounds) == 0 {
		return nil
	}
	return w
}

func engineWord(r *attribute.Result, v attribute.Verdict) string {
	who := []int32{}
	if v.Process != attribute.NoProcess {
		who = append(who, r.Processes[v.Process].ID.PID)
	}
	for _, c := range v.Candidates {
		who = append(who, r.Processes[c].ID.PID)
	}
	slices.SortFunc(who, cmp.Compare)
	return fmt.Sprint(v.Reason, " ", who)
}

func (o *oracle) dump() string {
	var b strings.Builder
	for _, e := range o.events {
		switch e.Kind {
		case connlog.KindSocket:
			fmt.Fprintf(&b, "%4d socket %d change %d since %d %v %v>%v %q dev=%d partial=%v %v\n", e.Time/1e6, e.Socket.ID, e.Socket.Change, e.Socket.Since/1e6, e.Socket.Protocol, e.Socket.Local, e.Socket.Remote, e.Socket.State, e.Socket.Interface, e.Socket.Partial, e.Socket.Owners)
		case connlog.KindPoll:
			fmt.Fprintf(&b, "%4d poll %d-%d\n", e.Time/1e6, e.Poll.Begin/1e6, e.Poll.End/1e6)
		case connlog.KindHead:
			fmt.Fprintf(&b, "%4d head\n", e.Time/1e6)
		case connlog.KindClock:
			fmt.Fprintf(&b, "%4d clock %d\n", e.Time/1e6, e.Clock.Step/1e6)
		case connlog.KindGap:
			fmt.Fprintf(&b, "%4d gap %d-%d\n", e.Time/1e6, e.Gap.Begin/1e6, e.Gap.End/1e6)
		}
	}
	for i, p := range o.packets {
		fmt.Fprintf(&b, "%8.2f packet %d instance %d %v flags %#x seq %d len %d mark %d direction %d\n", float64(p.Time)/1e6, i+1, o.inst[i], p.Tuple, p.TCPFlags, p.Seq, p.Payload, p.Mark, p.Direction)
	}
	return b.String()
}
