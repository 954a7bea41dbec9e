package traffic

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// Config says what to make. The zero value of all but Kind is useful.
type Config struct {
	Kind     Kind
	Seed     uint64
	Scale    float64 // of the number of connections; 0 = 1
	Live     int     // connections alive at the same time; 0 = the kind's own
	Segments int     // mean number of data segments of a TCP connection; 0 = the kind's own
	// Processes is how many processes there are, at least 3; 0 = the kind's own.
	Processes int
	Format    string // of the capture: "pcapng" or "" , "pcap"

	// Ended is called with each connection, as it ends. nil = nobody asks.
	Ended func(Connection)
}

// Write makes the recording dir/NAME.pcapng or dir/NAME.pcap, NAME being the
// kind's: with NAME.conns.jsonl, its connection log, and NAME.truth.json, the
// truth, which is written last.
func Write(dir string, cfg Config) (*Truth, error) {
	name := filepath.Join(dir, cfg.Kind.Name)
	c, err := os.Create(name + cfg.extension())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	l, err := os.Create(name + ".conns.jsonl")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	truth, err := Generate(c, l, cfg)
	if err != nil {
		return nil, err
	}
	if err := c.Close(); err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(truth, "", "  ")
	if err != nil {
		return nil, err
	}
	return truth, os.WriteFile(name+".truth.json", append(text, '\n'), 0o666)
}

func (cfg *Config) extension() string {
	if cfg.Format == "pcap" {
		return ".pcap"
	}
	return ".pcapng"
}

// generator makes one recording.
type generator struct {
	kind      Kind
	random    random
	filler    []byte
	capture   capture
	log       *connlog.Writer
	ended     func(Connection)
	truth     *Truth
	recording string

	now, polled int64  // Unix nanoseconds
	sockets     int    // open
	lastSocket  uint64 // its id
	id          uint16 // of the latest IPv4 packet
	err         error  // the first

	frame   []byte
	payload []byte
	owners  [1]connlog.ProcessID
}

// Generate writes a capture and its connection log, and returns their truth.
func Generate(capture, log io.Writer, cfg Config) (*Truth, error) {
	if cfg.Scale == 0 {
		cfg.Scale = 1
	}
	if cfg.Segments > 0 {
		cfg.Kind.segments = cfg.Segments
	}
	total := uint64(max(1, math.Round(cfg.Scale*float64(cfg.Kind.connections))))
	live := cfg.Live
	if live == 0 {
		live = min(cfg.Kind.live, int(total+3)/4)
	}
	if cfg.Processes != 0 {
		cfg.Kind.processes = max(cfg.Processes, 3)
	}
	r := random{rand.NewPCG(cfg.Seed, 0x7063617077686f)}
	g := &generator{kind: cfg.Kind, random: r, filler: filler(r), log: connlog.NewWriter(log), ended: cfg.Ended, now: epoch,
		truth:     &Truth{Kind: cfg.Kind.Name, Seed: cfg.Seed, Scale: cfg.Scale},
		recording: fmt.Sprintf("%016x%016x", r.source.Uint64(), r.source.Uint64()),
	}
	switch cfg.Format {
	case "", "pcapng":
		g.capture, g.err = beginPcapng(capture, g.recording)
	case "pcap":
		g.capture, g.err = beginPcap(capture)
	default:
		return nil, fmt.Errorf("format %q is neither pcapng nor pcap", cfg.Format)
	}
	g.populate()
	g.beginLog(cfg.Kind.Name + cfg.extension())
	g.run(total, min(uint64(live), total))
	g.keep(g.capture.end(g.now))
	g.endLog()
	g.keep(g.log.Flush())
	return g.truth, g.err
}

// run lets so many connections live, a number of them at a time. Half of the
// first are older than the capture, the last are younger than its end.
func (g *generator) run(total, live uint64) {
	connections := make([]connection, live)
	begun := uint64(0)
	for i := range connections {
		c := &connections[i]
		g.begin(c, begun)
		begun++
		if g.random.chance(500) {
			g.older(c)
		}
	}
	g.poll()
	for len(connections) > 0 && g.err == nil {
		c := &connections[g.random.below(len(connections))]
		g.step(c)
		if g.now-g.polled >= interval {
			g.poll()
		}
		if c.phase != closed && (c.phase != closing || begun < total) {
			continue
		}
		g.finish(c)
		if begun < total {
			g.begin(c, begun)
			begun++
		} else {
			*c = connections[len(connections)-1]
			connections = connections[:len(connections)-1]
		}
	}
}

// older makes c one that was open before the recording began.
func (g *generator) older(c *connection) {
	if c.dns {
		return
	}
	if !c.udp {
		c.phase = talking
	}
	for end := range c.owner {
		if c.hasSocket(end) {
			c.socket[end] = g.newSocket()
			g.change(c, end, connlog.SocketSnapshot, connlog.EvidencePoll)
		}
	}
}

// send sends a packet from one end of c to the other. Of its payload so many
// bytes are new.
func (g *generator) send(c *connection, from int, flags uint8, seq uint32, payload []byte, unique int) {
	g.now += g.kind.gap/2 + int64(g.random.below(int(g.kind.gap)))
	g.frame = g.appendFrame(g.frame[:0], c, from, flags, seq, payload)
	p := pcapng.EnhancedPacket{Time: g.now, Data: g.frame, WireLength: uint32(len(g.frame)), Flags: 1} // inbound
	if c.owner[from] != nil {
		p.Flags = 2 // outbound
	}
	if c.loop {
		p.Interface = 1
	}
	g.keep(g.capture.packet(&p))
	g.book(c, from, int64(len(g.frame)), int64(len(payload)), int64(unique))
}

func (g *generator) book(c *connection, from int, wire, payload, unique int64) {
	t := g.truth
	t.Packets++
	t.WireBytes += wire
	t.LastNs = g.now
	if t.FirstNs == 0 {
		t.FirstNs = g.now
	}
	if c.frame == 0 {
		c.frame = t.Packets
		t.Connections++
		for _, p := range c.owner {
			if p != nil {
				p.Connections++
			}
		}
	}
	c.latest = t.Packets
	c.packets[from]++
	c.wire[from] += wire
	c.payload[from] += payload
	c.unique[from] += unique
	if p := c.owner[from]; p != nil {
		t.OwnedSources++
		p.SentPackets++
		p.SentWireBytes += wire
		p.SentPayload += payload
		p.SentUniquePayload += unique
	}
	if p := c.owner[1-from]; p != nil {
		t.OwnedDestinations++
		p.ReceivedPackets++
		p.ReceivedWireBytes += wire
		p.ReceivedPayload += payload
		p.ReceivedUniquePayload += unique
	}
}

// finish tells of a connection that has ended.
func (g *generator) finish(c *connection) {
	if g.ended == nil {
		return
	}
	e := Connection{Frame: c.frame, Last: c.latest, TCP: !c.udp, Owner: c.owner, Former: c.former, Packets: c.packets, Wire: c.wire, Payload: c.payload, Unique: c.unique}
	for i, p := range c.endpoint {
		e.Endpoint[i] = netip.AddrPortFrom(p.Addr.Netip(), p.Port)
	}
	g.ended(e)
}

// text returns n bytes of payload, valid until more are asked for.
func (g *generator) text(n int) []byte {
	at := g.random.below(len(g.filler) - n + 1)
	return g.filler[at : at+n]
}

// datagram sends one of n bytes, which look like QUIC's as far as QUIC shows
// anything (RFC 9000 section 17), or one of DNS.
func (g *generator) datagram(c *connection, from, n int) {
	if c.dns {
		g.payload = appendDNS(g.payload[:0], c, from)
	} else {
		g.payload = append(g.payload[:0], g.text(n)...)
		g.payload[0] = 0x40 | g.payload[0]&0x3f // a short header
	}
	g.send(c, from, 0, 0, g.payload, len(g.payload))
}

// keep keeps the first error.
func (g *generator) keep(err error) {
	if g.err == nil {
		g.err = err
	}
}
