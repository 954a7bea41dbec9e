package attribute_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

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
	o.containers = rapid.IntRange(0, 2).Draw(t, "containers") == 0
	o.events = append(o.events, o.newHead(base-5*ms, source))
	if o.containers {
		drawNetwork(t, o)
	}
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
			o.events = append(o.events, o.newHead(begin-5*ms, source))
			open = nil
		}
		fresh := o.events[len(o.events)-1].Kind == connlog.KindHead || n == 0
		var keep []alive
		for _, a := range open {
			switch rapid.IntRange(0, 5).Draw(t, "fate") {
			case 0:
				s := a.s
				s.Change, s.Since, s.Owners = connlog.SocketClose, previous+10*ms, nil
				if s.Evidence == connlog.EvidencePacket {
					s.Since += rapid.Int64Range(0, 45).Draw(t, "last") * ms
				}
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
			drawSocket(t, o, &s)
			if rapid.IntRange(0, 2).Draw(t, "told") == 0 {
				s.Evidence = connlog.Evidence(rapid.IntRange(int(connlog.EvidencePoll), int(connlog.EvidencePacket)).Draw(t, "evidence"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "owners") {
				s.Owners = append(s.Owners, pid())
			}
			open = append(open, alive{s})
			at := end
			if s.Evidence == connlog.EvidencePacket { // between two polls, or while one goes on
				at -= rapid.Int64Range(0, 30).Draw(t, "before") * ms
			}
			o.events = append(o.events, connlog.Event{Kind: connlog.KindSocket, Time: at, Socket: &s})
			drawExchanges(t, o, s, end, pid)
		}
		if o.containers {
			drawTranslation(t, o, end)
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
	drawEchoes(t, o, int64(polls*50))
	o.instances()
	return o
}

var (
	addrs = []string{"10.0.0.1:80", "10.9.9.9:5000", "127.0.0.1:7000", "127.0.0.1:80", "10.1.0.2:4000", "10.1.0.3:80"}
	pairs = [][2]int{{0, 1}, {0, 1}, {2, 3}, {2, 3}, {2, 2}}
	// With containers these are more.
	morePairs = [][2]int{{4, 1}, {4, 1}, {5, 1}, {4, 5}, {4, 5}, {4, 0}}
)

func (o *oracle) pair(t *rapid.T) [2]int {
	if o.containers && rapid.IntRange(0, 3).Draw(t, "of containers") > 0 {
		return rapid.SampledFrom(morePairs).Draw(t, "pair")
	}
	return rapid.SampledFrom(pairs).Draw(t, "pair")
}

func process(n int32) connlog.ProcessID {
	if n == 0 {
		return connlog.ProcessID{}
	}
	return connlog.ProcessID{PID: n, Start: [...]int64{1: 1, 2: 2, 3: base + 70*ms, 4: base + 120*ms}[n]}
}

func (o *oracle) newHead(at int64, source string) connlog.Event {
	head := connlog.Event{Kind: connlog.KindHead, Time: at, Head: &connlog.Head{Source: source, Addresses: []string{"10.0.0.1/24"},
		Interfaces: []connlog.Interface{{Index: 2}, {Index: 1, Loopback: true}}}}
	if o.containers {
		head.Head.Namespace = here
		head.Head.Interfaces = append(head.Head.Interfaces, connlog.Interface{Index: 9}, connlog.Interface{Index: 10})
	}
	return head
}

func end(i int) flow.Endpoint {
	var a, b, c, d, port int
	fmt.Sscanf(addrs[i], "%d.%d.%d.%d:%d", &a, &b, &c, &d, &port)
	return flow.Endpoint{Addr: flow.AddrFrom4(uint32(a<<24 | b<<16 | c<<8 | d)), Port: uint16(port)}
}

func drawSocket(t *rapid.T, o *oracle, s *connlog.Socket) {
	s.Protocol = rapid.SampledFrom([]flow.Protocol{flow.TCP, flow.UDP}).Draw(t, "protocol")
	if !o.containers && rapid.IntRange(0, 4).Draw(t, "portless") == 0 {
		drawPortless(t, s)
		return
	}
	pair := o.pair(t)
	if rapid.Bool().Draw(t, "flip") && pair[0] >= 2 {
		pair[0], pair[1] = pair[1], pair[0]
	}
	if o.containers {
		defer drawNamespace(t, s)
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
		pair := o.pair(t)
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
		if strangers := !o.local(a.Addr) && !o.local(b.Addr); !strangers && rapid.IntRange(0, 2).Draw(t, "marked") == 0 {
			p.Mark = rapid.Int32Range(0, int32(len(oracleMarks))).Draw(t, "mark")
		}
		p.Direction = packet.Direction(rapid.IntRange(0, 2).Draw(t, "direction"))
		p.Place = rapid.Uint16Range(0, loopback).Draw(t, "place")
		if o.containers {
			p.Place = rapid.Uint16Range(0, 3).Draw(t, "place of several")
		}
		if p.Place != loopback && rapid.IntRange(0, 3).Draw(t, "no direction") > 0 {
			p.Direction = packet.DirectionUnknown
		}
		p.Hash = p.Tuple.Hash()
		o.packets = append(o.packets, p)
	}
	if rapid.IntRange(0, 2).Draw(t, "several ways") == 0 {
		drawWays(t, o)
	}
}
