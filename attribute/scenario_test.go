package attribute

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// A scenario is a text file that tells a log and a capture with the expected
// verdicts behind each packet. All times are milliseconds.
//
//	local 10.0.0.1/24 [dev=2] [lo=1] [boot=7]        a head, its list of addresses, the captured interfaces
//	address 10.0.0.2/24                              an address came
//	address 10.1.0.2/24 ns=5 to=9 [of=6]             in namespace 5, whose interface leads to interface 9 here, or of namespace 6
//	nat 10 open tcp A:P > B:Q = C:R > D:S            from 10 on packets from A to B go from C to D
//	process web 7 master                             web began at 7, a child of master
//	again web 7.1                                    web's start as this recording tells it
//	clock 90 -20                                     at 90 the clock had been set back by 20 since its last reading
//	poll 0 10                                        a poll from 0 to 10
//	lost 5 6                                         the capture dropped packets
//	missed 5 6                                       events of sockets were lost
//	s1 open 10 0 tcp 10.0.0.1:5000 10.0.0.9:80 web   socket s1: change, time, since; owners last
//	s2 snapshot 10 - tcp 0.0.0.0:80 listen httpd     "-": no since, no peer
//	s3 open 60 0 tcp 10.0.0.1:80 bound dev=2 web …   bound and not listening; to an interface; not all owners seen
//	s4 open 20 - tcp 10.0.0.1:80 10.0.0.9:5 by=accept   told by the kernel, as it happened
//	s5 open 10 - tcp 10.1.0.2:80 listen ns=5 web     of namespace 5
//	s1 close 110 60
//	mark m web [start=7] [loose]                     the capture names web's PID and name, and when it began
//	packet 5 tcp 10.0.0.1:5000 > 10.0.0.9:80 mark=m out = packet:web remote
//	packet 5 tcp 10.0.0.1:5000 > 10.0.0.9:80 if=1 dup = …  on the second captured interface, not counted
//	packet 5 tcp 10.0.0.1:5000 > 10.0.0.9:80 if=1 file=1 = …   in the second file
//	packet 5 udp 10.0.0.1:5000 > 10.0.0.9:53 frag=8 last = …  the last fragment of a datagram
//	packet 5 tcp 10.0.0.1:5000 > 10.0.0.9:80 S seq=1 len=0 = stream:web remote
type scenario struct {
	log     *owner.Timeline
	hasLog  bool
	windows *Windows // nil = none
	names   map[string]connlog.ProcessID
	sockets map[string]*connlog.Socket
	marks   []pcapng.Mark
	marked  map[string]int32
	packets []packet.Packet
	want    []string
	again   map[int]bool // indexes of packets that another interface had before
	lines   []int
}

func TestScenarios(t *testing.T) {
	defer func(n int) { sweepPackets = n }(sweepPackets)
	sweepPackets = 0 // those of minutes are swept
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			readScenario(t, file).run(t, file)
			s := readScenario(t, file)
			s.windows = &Windows{Width: int64(7 * time.Millisecond)}
			s.run(t, file)
		})
	}
}

func (s *scenario) run(t *testing.T, file string) {
	r := s.finish(allRules())
	checkConservation(t, r, s.packets)
	for i := range s.packets {
		_, src, dst, _ := r.Find(&s.packets[i])
		if r.Duplicate() != s.again[i] {
			t.Errorf("%s:%d: counted before: %v", file, s.lines[i], r.Duplicate())
		}
		if got := word(r, src) + " " + word(r, dst); got != s.want[i] {
			t.Errorf("%s:%d: got %s, want %s (%s; %s)", file, s.lines[i], got, s.want[i], src.Why, dst.Why)
		}
	}
	if n, err := checkOwners(r, s.packets); n > 0 || err != nil {
		t.Errorf("%s: %d packets have other owners in brief, error %v", file, n, err)
	}
}

func (s *scenario) finish(rules []rule) *Result {
	cfg := Config{Log: s.log, Windows: s.windows}
	if !s.hasLog {
		cfg.Log = nil
	}
	a := New(cfg)
	a.judge.rules = rules
	a.Add(s.packets)
	a.SetMarks(s.marks)
	r, err := a.Finish()
	if err != nil {
		panic(err)
	}
	return r
}

// TestEveryRuleDecides takes away one rule at a time: some scenario must then
// come out differently.
func TestEveryRuleDecides(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	for n := range allRules() {
		differs := false
		for _, file := range files {
			s := readScenario(t, file)
			r := s.finish(slices.Delete(allRules(), n, n+1))
			for i := range s.packets {
				_, src, dst, _ := r.Find(&s.packets[i])
				differs = differs || word(r, src)+" "+word(r, dst) != s.want[i]
			}
		}
		if !differs {
			t.Errorf("no scenario needs rule %d", n)
		}
	}
}

// checkConservation holds that for each side the sums over all spans and all
// loose packets are the capture.
func checkConservation(t testing.TB, r *Result, packets []packet.Packet) {
	t.Helper()
	var want, spans Counts
	for _, p := range packets {
		want.Packets++
		want.WireBytes += int64(p.WireLength)
		want.PayloadBytes += int64(p.Payload)
	}
	err := r.Connections.All(func(c *Connection) error {
		for _, c := range c.Sum() {
			spans.Add(c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range r.Loose {
		spans.Add(l.Counts)
	}
	if spans != r.Totals {
		t.Errorf("spans and loose sum to %+v, the totals say %+v", spans, r.Totals)
	}
	if want.UniqueBytes = r.Totals.UniqueBytes; want != r.Totals {
		t.Errorf("totals %+v, the packets hold %+v", r.Totals, want)
	}
}

// word writes a verdict as scenarios do: "exact:web", "ambiguous:a,b".
func word(r *Result, v Verdict) string {
	s := v.Reason.String()
	var names []string
	if v.Process != NoProcess {
		names = append(names, r.Processes[v.Process].Name)
	}
	for _, c := range v.Candidates {
		names = append(names, r.Processes[c].Name)
	}
	if len(names) > 0 {
		s += ":" + strings.Join(names, ",")
	}
	return s
}

func readScenario(t *testing.T, file string) *scenario {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &scenario{log: owner.NewTimeline(), names: map[string]connlog.ProcessID{}, sockets: map[string]*connlog.Socket{}, marked: map[string]int32{}, again: map[int]bool{}}
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		n++
		line, _, _ := strings.Cut(sc.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		func() {
			defer func() {
				if e := recover(); e != nil {
					t.Fatalf("%s:%d: %v", file, n, e)
				}
			}()
			s.line(n, words)
		}()
	}
	return s
}

func (s *scenario) line(n int, w []string) {
	switch w[0] {
	case "packet":
		s.lines = append(s.lines, n)
		s.packet(w[1:])
		return
	case "mark":
		s.mark(w[1], w[2], w[3:])
	case "local":
		s.event(&connlog.Event{Kind: connlog.KindHead, Head: head(w[1:])})
	case "address":
		s.event(&connlog.Event{Kind: connlog.KindAddress, Address: address(w[1:])})
	case "nat":
		change := connlog.TranslationOpen
		if w[2] == "close" {
			change = connlog.TranslationClose
		}
		s.event(&connlog.Event{Kind: connlog.KindNAT, Time: ms(w[1]), NAT: &connlog.NAT{Change: change, Protocol: protocol(w[3]),
			Source: endpoint(w[4]), Destination: endpoint(w[6]), NewSource: endpoint(w[8]), NewDestination: endpoint(w[10])}})
	case "process":
		s.known(w[1], ms(w[2]), w[3:])
	case "again":
		id := s.names[w[1]]
		id.Start = ms(w[2])
		s.names[w[1]] = id
	case "clock":
		s.event(&connlog.Event{Kind: connlog.KindClock, Time: ms(w[1]), Clock: &connlog.Clock{Step: ms(w[2])}})
	case "poll":
		s.event(&connlog.Event{Kind: connlog.KindPoll, Time: ms(w[2]), Poll: &connlog.Poll{Begin: ms(w[1]), End: ms(w[2])}})
	case "lost":
		s.event(&connlog.Event{Kind: connlog.KindGap, Time: ms(w[2]), Gap: &connlog.Gap{Source: connlog.GapCapture, Begin: ms(w[1]), End: ms(w[2])}})
	case "missed":
		s.event(&connlog.Event{Kind: connlog.KindGap, Time: ms(w[2]), Gap: &connlog.Gap{Source: connlog.GapSockets, Begin: ms(w[1]), End: ms(w[2])}})
	default:
		s.socket(w)
	}
}

// mark adds a mark of a process, which the log need not know.
func (s *scenario) mark(label, name string, w []string) {
	m := pcapng.Mark{PID: int32(900 + len(s.marks)), Name: name, PPID: -1, UID: -1, Origin: pcapng.MarkWireshark}
	if id, ok := s.names[name]; ok {
		m.PID = id.PID
	}
	for _, word := range w {
		if start, ok := strings.CutPrefix(word, "start="); ok {
			m.Start = ms(start)
		} else if word == "loose" {
			m.Origin = pcapng.MarkETL
		}
	}
	s.marks = append(s.marks, m)
	s.marked[label] = int32(len(s.marks))
}

func (s *scenario) event(e *connlog.Event) {
	s.hasLog = true
	s.log.Add(e)
}

func (s *scenario) socket(w []string) {
	k := s.sockets[w[0]]
	if k == nil {
		k = &connlog.Socket{ID: uint64(len(s.sockets) + 1)}
		s.sockets[w[0]] = k
	}
	if w[1] == "peer" {
		s.peer(k, w)
		return
	}
	k.Change = map[string]connlog.SocketChange{"snapshot": connlog.SocketSnapshot, "open": connlog.SocketOpen, "owner": connlog.SocketOwner, "close": connlog.SocketClose}[w[1]]
	if k.Change == 0 {
		panic("unknown change " + w[1])
	}
	k.Since = 0
	if w[3] != "-" {
		k.Since = ms(w[3])
	}
	rest := w[4:]
	if k.Change == connlog.SocketSnapshot || k.Change == connlog.SocketOpen {
		k.Protocol = protocol(rest[0])
		k.Local = endpoint(rest[1])
		switch rest[2] {
		case "-":
		case "listen":
			k.State = "listen"
		case "bound":
			k.State = "close"
		default:
			k.Remote, k.HasRemote = endpoint(rest[2]), true
		}
		rest = rest[3:]
	}
	k.Owners, k.Partial, k.Evidence = nil, false, 0
	for _, name := range rest {
		if dev, ok := strings.CutPrefix(name, "dev="); ok {
			k.Interface = int(number(dev))
		} else if ns, ok := strings.CutPrefix(name, "ns="); ok {
			k.Namespace = uint64(number(ns))
		} else if how, ok := strings.CutPrefix(name, "by="); ok {
			k.Evidence = map[string]connlog.Evidence{"connect": connlog.EvidenceConnect, "accept": connlog.EvidenceAccept, "bind": connlog.EvidenceBind, "send": connlog.EvidenceSend, "receive": connlog.EvidenceReceive}[how]
		} else if name == "…" {
			k.Partial = true
		} else {
			k.Owners = append(k.Owners, s.process(name))
		}
	}
	s.event(&connlog.Event{Kind: connlog.KindSocket, Time: ms(w[2]), Socket: k})
}

// address reads "ADDRESS [ns=N] [to=INDEX] [of=N]".
func address(w []string) *connlog.Address {
	a := &connlog.Address{Change: connlog.AddressAdd, Address: w[0], Interface: 2}
	for _, word := range w[1:] {
		switch key, value, _ := strings.Cut(word, "="); key {
		case "ns":
			a.Namespace, a.Peer = uint64(number(value)), ownNamespace
		case "to":
			a.PeerIndex = int(number(value))
		case "of":
			a.Peer = uint64(number(value))
		}
	}
	return a
}

// ownNamespace is the recorder's.
const ownNamespace = 1

// peer reads "SOCKET peer TIME sent|received PEER|- PROCESS".
func (s *scenario) peer(k *connlog.Socket, w []string) {
	x := *k
	x.Change, x.Since, x.Partial, x.Owners = connlog.SocketPeer, 0, false, []connlog.ProcessID{s.process(w[5])}
	x.Evidence = map[string]connlog.Evidence{"sent": connlog.EvidenceSend, "received": connlog.EvidenceReceive}[w[3]]
	if x.HasRemote = w[4] != "-"; x.HasRemote {
		x.Remote = endpoint(w[4])
	}
	s.event(&connlog.Event{Kind: connlog.KindSocket, Time: ms(w[2]), Socket: &x})
}

// head reads "ADDRESS… [dev=N] [lo=N] [boot=ID] [source=NAME]".
func head(w []string) *connlog.Head {
	h := connlog.Head{Namespace: ownNamespace}
	for _, word := range w {
		kind, index, isInterface := strings.Cut(word, "=")
		if kind == "boot" {
			h.BootID = index
		} else if kind == "source" {
			h.Source = index
		} else if isInterface {
			h.Interfaces = append(h.Interfaces, connlog.Interface{Index: int(number(index)), Namespace: ownNamespace, Loopback: kind == "lo"})
		} else {
			h.Addresses = append(h.Addresses, word)
		}
	}
	return &h
}

func (s *scenario) process(name string) connlog.ProcessID {
	id, ok := s.names[name]
	if !ok {
		id = s.known(name, int64(len(s.names)+1), nil)
	}
	return id
}

// known makes a process known that began at a time.
func (s *scenario) known(name string, start int64, parent []string) connlog.ProcessID {
	p := connlog.Process{Change: connlog.ProcessSnapshot, Name: name}
	for _, name := range parent {
		p.Parent = s.process(name)
	}
	p.ID = connlog.ProcessID{PID: int32(100 + len(s.names)), Start: start}
	s.names[name] = p.ID
	s.event(&connlog.Event{Kind: connlog.KindProcess, Process: &p})
	return p.ID
}

// packet reads "AT PROTO SRC > DST [FLAGS] [seq=N] [len=N] [if=N] [file=N] [type=N] [id=N] [quote=PROTO,SRC,DST] [out|in] = SOURCE DESTINATION".
func (s *scenario) packet(w []string) {
	p := packet.Packet{Frame: uint64(len(s.packets) + 1), Time: ms(w[0]), WireLength: 100}
	for len(w) > 0 && w[0] != "=" {
		s.packetWord(&p, w)
		w = w[1:]
	}
	if p.Class == packet.Transport {
		p.Hash = p.Tuple.Hash()
	}
	s.packets = append(s.packets, p)
	s.want = append(s.want, strings.Join(w[1:], " "))
}

func (s *scenario) packetWord(p *packet.Packet, w []string) {
	key, value, isOption := strings.Cut(w[0], "=")
	switch {
	case isOption && key == "seq":
		p.Seq = uint32(number(value))
	case isOption && key == "len":
		p.Payload = uint32(number(value))
		p.WireLength += p.Payload
	case isOption && key == "mark":
		p.Mark = s.marked[value]
	case isOption && key == "if":
		p.Interface, p.Device, p.Place = uint32(number(value)), uint16(number(value)), uint16(number(value))
	case isOption && key == "file": // every file has interfaces of its own, up to 10
		p.Interface += 10 * uint32(number(value))
	case isOption && key == "type":
		p.ICMPType = uint8(number(value))
	case isOption && key == "id":
		p.ICMPID = uint16(number(value))
	case isOption && key == "quote":
		q := strings.Split(value, ",")
		p.HasQuoted, p.Quoted = true, tuple(protocol(q[0]), endpoint(q[1]), endpoint(q[2]))
	case isOption && key == "frag":
		p.Fragmented, p.FragmentOffset, p.FragmentMore = true, uint16(number(value)), true
		if p.FragmentOffset > 0 {
			p.Class, p.Tuple.SourcePort, p.Tuple.DestinationPort = packet.Network, 0, 0
		}
	case w[0] == "last":
		p.FragmentMore = false
	case w[0] == "dup":
		s.again[len(s.packets)] = true
	case w[0] == "arp":
		p.Class = packet.Link
	case w[0] == "garbage":
		p.Class = packet.Undecoded
	case w[0] == "in":
		p.Direction = packet.Inbound
	case w[0] == "out":
		p.Direction = packet.Outbound
	case w[0] == "tcp", w[0] == "udp":
		p.Class, p.IPVersion, p.Tuple = packet.Transport, 4, tuple(protocol(w[0]), endpoint(w[1]), endpoint(w[3]))
	case w[0] == "icmp", w[0] == "igmp", w[0] == "gre", w[0] == "ospf":
		p.Class, p.IPVersion, p.Tuple = packet.Network, 4, tuple(protocol(w[0]), endpoint(w[1]+":0"), endpoint(w[3]+":0"))
	case strings.Trim(w[0], "SAFRP") == "":
		for i, f := range "FSRPA" {
			if strings.ContainsRune(w[0], f) {
				p.TCPFlags |= 1 << i
			}
		}
	}
}

func tuple(proto flow.Protocol, from, to flow.Endpoint) flow.FiveTuple {
	return flow.FiveTuple{Source: from.Addr, Destination: to.Addr, SourcePort: from.Port, DestinationPort: to.Port, Protocol: proto}
}

func protocol(s string) flow.Protocol {
	p, ok := map[string]flow.Protocol{"tcp": flow.TCP, "udp": flow.UDP, "icmp": flow.ICMP, "igmp": 2, "gre": 47, "ospf": 89, "raw": 255}[s]
	if !ok {
		panic("unknown protocol " + s)
	}
	return p
}

func endpoint(s string) flow.Endpoint { return flow.EndpointFrom(netip.MustParseAddrPort(s)) }

func ms(s string) int64 { return int64(number(s) * 1e6) }

func number(s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic(fmt.Sprintf("%q is no number", s))
	}
	return v
}
