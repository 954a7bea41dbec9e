package attribute_test

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

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
	before, after int64      // not there at these times
	first, last   [2]int64   // windows of the first and the last sighting
	holds         [][2]int64 // aligned with owners
	owners        [][]int32
}

func (o *oracle) polls() (w [][2]int64) {
	for _, e := range o.events {
		if e.Kind == connlog.KindPoll {
			w = append(w, [2]int64{e.Poll.Begin, e.Poll.End})
		}
	}
	return w
}

func (o *oracle) window(at int64) [2]int64 {
	for _, w := range o.polls() {
		if w[0] <= at && at <= w[1] {
			return w
		}
	}
	return [2]int64{at, at}
}

func (o *oracle) lossy(a, b int64) bool {
	for _, e := range o.events {
		if e.Kind == connlog.KindGap && e.Gap.Begin <= max(a, b) && e.Gap.End >= min(a, b) {
			return true
		}
	}
	return false
}

func (o *oracle) sockets() []*oracleSocket {
	var list []*oracleSocket
	polls := o.polls()
	for i, e := range o.events {
		if e.Kind != connlog.KindSocket || e.Socket.Change != connlog.SocketOpen && e.Socket.Change != connlog.SocketSnapshot {
			continue
		}
		s := &oracleSocket{Socket: e.Socket, before: math.MinInt64, after: math.MaxInt64, first: o.window(e.Time), last: polls[len(polls)-1]}
		if e.Socket.Change == connlog.SocketOpen {
			s.before = e.Socket.Since
		}
		at, who := s.first, e.Socket.Owners
		end := func(w [2]int64) {
			if len(who) > 0 {
				var pids []int32
				for _, p := range who {
					pids = append(pids, p.PID)
				}
				slices.Sort(pids)
				s.holds = append(s.holds, [2]int64{at[1], max(w[0], at[1]-1)})
				s.owners = append(s.owners, slices.Compact(pids))
			}
		}
		for _, f := range o.events[i+1:] {
			if f.Kind != connlog.KindSocket || f.Socket.ID != e.Socket.ID {
				continue
			}
			if f.Socket.Change == connlog.SocketClose {
				s.last, s.after = o.window(f.Socket.Since), f.Time
				break
			}
			end(o.window(f.Socket.Since))
			at, who = o.window(f.Time), f.Socket.Owners
		}
		end(s.last)
		list = append(list, s)
	}
	return list
}

func (o *oracle) instances() {
	type state struct {
		n        int
		last     int64
		flags    [2]uint8
		isn      [2]int64
		anything bool
	}
	states := map[flow.Key]*state{}
	count := 0
	for i := range o.packets {
		p := &o.packets[i]
		key, side := p.Tuple.Key(0)
		s := states[key]
		fresh := s == nil
		if s != nil && p.TCPFlags&packet.SYN != 0 && p.TCPFlags&packet.ACK == 0 {
			closed := s.flags[0]&s.flags[1]&packet.FIN != 0 || (s.flags[0]|s.flags[1])&packet.RST != 0
			mine, other := s.isn[side], s.isn[1-side]
			switch {
			case mine >= 0:
				fresh = mine != int64(p.Seq)
			case other >= 0:
				fresh = s.flags[side]&packet.ACK != 0 || closed
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
	first := o.ofInstance(chain[0])
	begun := false
	for _, p := range first {
		begun = begun || p.TCPFlags&packet.SYN != 0
	}
	if at < 0 && (s.last[1] >= start[chain[0]] || !begun) {
		at = 0
	}
	if at < 0 || chain[at] != n || end[n] < s.before {
		return false
	}
	return at+1 == len(chain) || start[chain[at+1]] > s.first[1]
}

func local(a flow.Addr) bool { return a.String() == "10.0.0.1" || a.IsLoopback() }

// answer returns "reason pids" for one side of packet i.
func (o *oracle) answer(i int, source bool) string {
	p := &o.packets[i]
	me, you := p.Tuple.From(), p.Tuple.To()
	if !source {
		me, you = you, me
	}
	if !local(me.Addr) {
		return "remote []"
	}
	key, _ := p.Tuple.Key(0)
	tcp := p.Tuple.Protocol == flow.TCP
	var exact, bound []*oracleSocket
	for _, s := range o.sockets() {
		switch {
		case s.Protocol != p.Tuple.Protocol:
		case s.HasRemote && s.Local == me && s.Remote == you && (!tcp || o.belongs(s, o.inst[i], key)):
			exact = append(exact, s)
		case !s.HasRemote && s.Local.Port == me.Port && (s.Local.Addr == me.Addr || s.Local.Addr.IsUnspecified()):
			bound = append(bound, s)
		}
	}
	if who := heldAt(exact, p.Time); len(who) > 0 {
		return verdict("exact", who)
	}
	if who := heldAt(bound, p.Time); len(who) > 0 && !tcp {
		return verdict("wildcard", who)
	}
	if a, ok := o.stream(exact, p.Time, tcp); ok {
		return a
	}
	if tcp {
		return o.listen(i, me, exact, bound)
	}
	return "unknown []"
}

func (o *oracle) stream(exact []*oracleSocket, t int64, tcp bool) (string, bool) {
	const never = math.MinInt64
	before, after := int64(never), int64(math.MaxInt64)
	var near []int32
	for _, s := range exact {
		for i, h := range s.holds {
			if h[1] < t && h[1] > before {
				before = h[1]
			}
			if h[0] > t && h[0] < after {
				after = h[0]
			}
			_ = i
		}
	}
	gather := func(at int64, edge int) {
		for _, s := range exact {
			for i, h := range s.holds {
				if h[edge] == at {
					near = append(near, s.owners[i]...)
				}
			}
		}
	}
	if before != never {
		gather(before, 1)
	}
	if after != math.MaxInt64 {
		gather(after, 0)
	}
	slices.Sort(near)
	near = slices.Compact(near)
	from, to := t, t
	if before != never {
		from = before
	}
	if after != math.MaxInt64 {
		to = after
	}
	switch {
	case len(near) == 0:
		return "", false
	case tcp && o.lossy(from, to):
		return "unknown []", true
	case tcp:
		return verdict("stream", near), true
	case before == never || after == math.MaxInt64 || len(near) != 1 || o.lossy(from, to):
		return "", false
	}
	return verdict("stream", near), true
}

func (o *oracle) listen(i int, me flow.Endpoint, exact, bound []*oracleSocket) string {
	ps := o.ofInstance(o.inst[i])
	client := ps[0].Tuple.From()
	begun, data, refused := false, false, true
	for _, p := range ps {
		if p.TCPFlags&packet.SYN != 0 && !begun {
			begun, client = true, p.Tuple.From()
			if p.TCPFlags&packet.ACK != 0 {
				client = p.Tuple.To()
			}
		}
		data = data || p.Payload > 0
	}
	if !begun {
		return "unknown []" // the generator makes no mid-stream connections with listeners
	}
	if me == client {
		return "unknown []"
	}
	owned := slices.ContainsFunc(exact, func(s *oracleSocket) bool { return len(s.holds) > 0 })
	if who := heldAt(bound, ps[0].Time); !owned && len(who) > 0 {
		if data || len(exact) > 0 {
			return verdict("ambiguous", who)
		}
		return verdict("listener", who)
	}
	rst := false
	for _, p := range ps {
		if p.Tuple.From() == me {
			rst = rst || p.TCPFlags&packet.RST != 0
			refused = refused && p.TCPFlags&(packet.SYN|packet.FIN|packet.PSH) == 0
		}
	}
	held := false
	for _, b := range bound {
		held = held || len(b.holds) > 0
	}
	if rst && refused && !held {
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

func verdict(reason string, who []int32) string {
	if len(who) > 1 {
		reason = "ambiguous"
	}
	return fmt.Sprint(reason, " ", who)
}

// Times are near base, for 0 means none in a log.
const (
	ms   = 1e6
	base = 1000 * ms
)

// draw makes a random timeline: polls every 50 ms, sockets that open, change
// hands and close between them, and packets of a few five-tuples.
func draw(t *rapid.T) *oracle {
	o := &oracle{}
	polls := rapid.IntRange(2, 8).Draw(t, "polls")
	pid := func() connlog.ProcessID {
		n := int32(rapid.IntRange(1, 3).Draw(t, "pid"))
		return connlog.ProcessID{PID: n, Start: int64(n)}
	}
	o.events = append(o.events, connlog.Event{Kind: connlog.KindHead, Head: &connlog.Head{Interfaces: []connlog.Interface{{Addresses: []string{"10.0.0.1/24"}}}}})
	type alive struct{ s connlog.Socket }
	var open []alive
	id := uint64(0)
	for n := range polls {
		begin, end := base+int64(n*50*ms), base+int64(n*50*ms+10*ms)
		previous := begin - 50*ms
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
				o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: end, Socket: &s})
			}
			keep = append(keep, a)
		}
		open = keep
		for range rapid.IntRange(0, 2).Draw(t, "opens") {
			id++
			s := connlog.Socket{Change: connlog.SocketOpen, ID: id, Since: previous}
			if n == 0 {
				s.Change, s.Since = connlog.SocketSnapshot, 0
			}
			drawSocket(t, &s)
			for range rapid.IntRange(0, 2).Draw(t, "owners") {
				s.Owners = append(s.Owners, pid())
			}
			open = append(open, alive{s})
			o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: end, Socket: &s})
		}
		if rapid.IntRange(0, 9).Draw(t, "loss") == 0 {
			o.events = append(o.events, connlog.Event{Kind: connlog.KindGap, Time: end, Gap: &connlog.Gap{Source: connlog.GapCapture, Begin: begin - 20*ms, End: begin - 10*ms}})
		}
		o.events = append(o.events, connlog.Event{Kind: connlog.KindPoll, Time: end, Poll: &connlog.Poll{Begin: begin, End: end}})
	}
	drawPackets(t, o, int64(polls*50))
	o.instances()
	return o
}

var (
	addrs = []string{"10.0.0.1:80", "10.9.9.9:5000", "127.0.0.1:7000", "127.0.0.1:80"}
	pairs = [][2]int{{0, 1}, {2, 3}}
)

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
	if s.Protocol == flow.TCP {
		s.State = "listen"
	}
}

func drawPackets(t *rapid.T, o *oracle, span int64) {
	var times []int64
	for range rapid.IntRange(1, 14).Draw(t, "packets") {
		times = append(times, rapid.Int64Range(0, span*4).Draw(t, "time")*250_000+base)
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
		a := attribute.New(attribute.Config{Log: log, Shares: rapid.IntRange(1, 3).Draw(t, "shares")})
		a.Add(o.packets)
		r := a.Finish()
		for i := range o.packets {
			_, src, dst := r.Find(&o.packets[i])
			for n, v := range [2]attribute.Verdict{src, dst} {
				if got, want := engineWord(r, v), o.answer(i, n == 0); got != want {
					t.Fatalf("packet %d (%v at %d ms), side %d: got %s, the oracle says %s\n%s", i+1, o.packets[i].Tuple, o.packets[i].Time/1e6, n, got, want, o.dump())
				}
			}
		}
	})
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
			fmt.Fprintf(&b, "%4d socket %d change %d since %d %v %v>%v %v\n", e.Time/1e6, e.Socket.ID, e.Socket.Change, e.Socket.Since/1e6, e.Socket.Protocol, e.Socket.Local, e.Socket.Remote, e.Socket.Owners)
		case connlog.KindPoll:
			fmt.Fprintf(&b, "%4d poll %d-%d\n", e.Time/1e6, e.Poll.Begin/1e6, e.Poll.End/1e6)
		case connlog.KindGap:
			fmt.Fprintf(&b, "%4d gap %d-%d\n", e.Time/1e6, e.Gap.Begin/1e6, e.Gap.End/1e6)
		}
	}
	for i, p := range o.packets {
		fmt.Fprintf(&b, "%8.2f packet %d instance %d %v flags %#x seq %d len %d\n", float64(p.Time)/1e6, i+1, o.inst[i], p.Tuple, p.TCPFlags, p.Seq, p.Payload)
	}
	return b.String()
}
