package attribute

import (
	"sort"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// What is kept of answers of DNS: so many changes of who is called what, so many bytes
// of names, and of so many connections over TCP what came of a message.
const (
	maxNamings     = 1 << 20
	maxNameText    = 64 << 20
	maxNameStreams = 256
)

// Names are the hosts after which answers of DNS named addresses, each for who asked:
// from an answer on until another one says otherwise. How long an answer may be kept is
// not looked at, for a program may use an address for longer. One goroutine adds to
// them, in the order of the file.
type Names struct {
	Left int64 // answers that there was no room for

	log     *owner.Timeline
	lookups lookups
	byHost  map[naming][]named
	changes int
	text    []string
	number  map[string]int32
	bytes   int // of text
	streams map[flow.FiveTuple]*nameStream
	list    []content.Named
}

// naming is one address as one host knows it.
type naming struct{ host, address flow.Addr }

// named says after what an address is named from a packet on.
type named struct {
	frame uint64
	name  int32 // index into text
}

// Whose names they are. The recorded host has many addresses; what MDNS answers, all
// hosts of the link hear.
var (
	ownHost  = flow.Addr{}
	allHosts = flow.Addr{Hi: ^uint64(0), Lo: ^uint64(0)}
)

// nameStream is one direction of a connection to a port of DNS over TCP.
type nameStream struct {
	next uint32 // sequence number
	data []byte // from the beginning of a message on
}

func newNames(log *owner.Timeline) *Names {
	return &Names{log: log, lookups: newLookups(), byHost: map[naming][]named{}, number: map[string]int32{}, streams: map[flow.FiveTuple]*nameStream{}}
}

// host returns who is behind an address that asks.
func (n *Names) host(a flow.Addr) flow.Addr {
	switch {
	case a.IsMulticast():
		return allHosts
	case a.IsLoopback(), n.log.Locality(a) == owner.Local:
		return ownHost
	}
	return a
}

// batch takes the answers in a batch, and the questions.
func (n *Names) batch(b *ingest.Batch) {
	for _, i := range b.Named {
		p := &b.Packets[i]
		p.Frame = b.First + uint64(i)
		body := b.Body(p)
		if p.Tuple.Protocol == flow.UDP && content.DNSPort(p.Tuple.DestinationPort) == content.DNS {
			n.lookups.ask(p, body)
		}
		switch {
		case content.DNSPort(p.Tuple.SourcePort) == content.Unrecognized:
		case p.Tuple.Protocol == flow.UDP:
			n.message(p, body)
		case p.Tuple.Protocol == flow.TCP:
			n.segment(p, body)
		}
	}
}

// message takes one of DNS.
func (n *Names) message(p *packet.Packet, message []byte) {
	n.list = content.Answers(n.list[:0], message)
	if len(n.list) == 0 {
		return
	}
	host := n.host(p.Tuple.Destination)
	asked, timed := n.lookups.answered(p, message)
	for i := range n.list {
		k := naming{host, flow.AddrFrom(n.list[i].Address)}
		n.add(k, p.Frame, n.list[i].Name)
		if timed {
			n.lookups.add(k, lookup{p.Frame, asked, p.Time})
		}
	}
}

// add notes an answer, where it says something new.
func (n *Names) add(k naming, frame uint64, name string) {
	list := n.byHost[k]
	if last := len(list) - 1; last >= 0 && n.text[list[last].name] == name {
		return
	}
	number, ok := n.number[name]
	if n.changes >= maxNamings || !ok && n.bytes+len(name) > maxNameText {
		n.Left++
		return
	}
	if !ok {
		number = int32(len(n.text))
		n.text = append(n.text, name)
		n.number[name] = number
		n.bytes += len(name)
	}
	n.changes++
	n.byHost[k] = append(list, named{frame, number})
}

// segment takes what one of TCP has of messages, as long as they come in order.
func (n *Names) segment(p *packet.Packet, data []byte) {
	s, seq := n.streams[p.Tuple], p.Seq
	if p.TCPFlags&packet.SYN != 0 {
		s, seq = nil, seq+1
	}
	switch {
	case s == nil:
		s = &nameStream{next: seq}
	case int32(seq-s.next) < 0: // it was there before
		return
	case seq != s.next: // something is missing
		delete(n.streams, p.Tuple)
		return
	}
	s.next += uint32(len(data))
	s.data = append(s.data, data...)
	for {
		message, rest := content.DNSStream(s.data)
		if message == nil {
			break
		}
		n.message(p, message)
		s.data = append(s.data[:0], rest...)
	}
	switch {
	case uint32(p.Held) < p.Payload, p.TCPFlags&(packet.FIN|packet.RST) != 0:
		delete(n.streams, p.Tuple)
	case len(n.streams) < maxNameStreams || n.streams[p.Tuple] != nil:
		n.streams[p.Tuple] = s
	}
}

// At returns the name after which a host knows an address in the packet of a frame
// number, "" where there is none.
func (n *Names) At(host, address flow.Addr, frame uint64) string {
	name, at := n.latest(naming{n.host(host), address}, frame)
	if all, later := n.latest(naming{allHosts, address}, frame); later > at {
		return all
	}
	return name
}

// latest returns what was answered last before a frame, and when.
func (n *Names) latest(k naming, frame uint64) (name string, at uint64) {
	list := n.byHost[k]
	i := sort.Search(len(list), func(i int) bool { return list[i].frame >= frame }) - 1
	if i < 0 {
		return "", 0
	}
	return n.text[list[i].name], list[i].frame
}

// Of returns the name by which DNS told the client of a connection of its server, ""
// where there is none.
func (n *Names) Of(c *Connection) string {
	if n == nil || len(n.byHost) == 0 {
		return ""
	}
	return n.At(c.Endpoint[Client].Addr, c.Endpoint[Server].Addr, c.ID)
}
