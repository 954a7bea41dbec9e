package record

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// How often a capture does what is not a packet.
const (
	flushEvery      = time.Second     // a recorder that is killed loses no more
	dropsEvery      = time.Second     // how narrow a gap is told
	statisticsEvery = 5 * time.Second // interface statistics blocks
)

// capture moves packets from the ring to the file. One goroutine runs it.
type capture struct {
	ring    *ring
	out     *output
	writer  *pcapng.Writer
	snaplen int
	filter  string
	ports   []port      // by pcapng interface ID
	byIndex map[int]int // ifindex → place in ports, -1 = not recorded
	lost    func(connlog.Gap)
	met     func(connlog.Interface)
	message func(MessageKind, string)
	stopped atomic.Bool

	begin     int64 // Unix nanoseconds
	dropsRead int64 // when the drops were last read
	packets   int64
	bytes     int64 // captured
	dropped   int64
	latest    int64 // time of the last frame
	safe      int64 // frames up to this time are in the file
	failed    error
	tagged    []byte // memory for frames whose VLAN tag is put back
}

// port is one recorded interface.
type port struct {
	name     string
	received uint64 // frames written
	dropped  uint64
}

// newCapture writes the section and the interfaces to out, which belongs to the
// capture even when that fails.
func newCapture(r *ring, out *output, cfg *Config, id string, interfaces []connlog.Interface) (*capture, error) {
	c := &capture{ring: r, out: out, snaplen: cfg.Snaplen, filter: cfg.FilterText, byIndex: map[int]int{},
		message: cfg.Message, begin: time.Now().UnixNano()}
	c.dropsRead, c.latest, c.safe = c.begin, c.begin, c.begin
	var err error
	c.writer, err = pcapng.NewWriter(c, pcapng.SectionHeader{Comment: "recording_id=" + id, OS: kernel(), Application: program(cfg.Version)})
	if err != nil {
		return c, err
	}
	for _, i := range interfaces {
		if err := c.add(i.Index, i.Name, i.LinkType); err != nil {
			return c, err
		}
	}
	return c, c.writer.Flush()
}

func program(version string) string {
	if version == "" {
		return "pcapwho"
	}
	return "pcapwho " + version
}

func (c *capture) add(index int, name string, link uint16) error {
	id, err := c.writer.AddInterface(pcapng.InterfaceDescription{Name: name, Filter: c.filter, LinkType: link, Snaplen: uint32(c.snaplen)})
	if err != nil {
		return err
	}
	c.byIndex[index] = int(id)
	c.ports = append(c.ports, port{name: name})
	return nil
}

// run captures until stop, then takes what is still in the ring. When a write
// fails it captures no more, and failed says why.
func (c *capture) run() {
	flushed, counted := time.Now(), time.Now()
	for !c.stopped.Load() && c.failed == nil {
		_, err := c.ring.read(flushEvery/2, c.take)
		c.fail(err)
		if c.ring.down {
			c.ring.down = false
			c.message(Warning, "a recorded interface is down: it sends and receives nothing")
		}
		if now := time.Now(); now.Sub(flushed) >= flushEvery {
			flushed = now
			c.readDrops(now.UnixNano())
			if now.Sub(counted) >= statisticsEvery {
				counted = now
				c.writeStatistics(now.UnixNano())
			}
			c.flush()
		}
	}
	c.drain()
	now := time.Now().UnixNano()
	c.readDrops(now)
	c.writeStatistics(now)
	c.flush()
}

// flush hands the file what is buffered.
func (c *capture) flush() {
	if c.fail(c.writer.Flush()); c.failed == nil {
		c.safe = c.latest
	}
}

// Write hands whole blocks to the file, and takes the packets of those that do
// not reach it out of the counts: what is told is what can be read.
func (c *capture) Write(blocks []byte) (int, error) {
	const enhanced = 6 // 4 length, 8 interface, 20 captured length
	n, err := c.out.Write(blocks)
	for le, rest := binary.LittleEndian, blocks[n:]; len(rest) > 0; rest = rest[le.Uint32(rest[4:]):] {
		if le.Uint32(rest) == enhanced {
			c.packets--
			c.bytes -= int64(le.Uint32(rest[20:]))
			c.ports[le.Uint32(rest[8:])].received--
		}
	}
	return n, err
}

// drain lets nothing more in and takes what is in the ring: the kernel hands
// over its last block when that times out.
func (c *capture) drain() {
	if err := c.ring.shut(); err != nil {
		c.fail(err)
	}
	for until := time.Now().Add(3 * blockTimeout); c.failed == nil; {
		more, err := c.ring.read(blockTimeout, c.take)
		c.fail(err)
		if !more && time.Now().After(until) {
			return
		}
	}
}

// stop ends run. It may be called from any goroutine.
func (c *capture) stop() {
	c.stopped.Store(true)
	c.ring.interrupt()
}

// take writes one frame.
func (c *capture) take(f *frame) {
	if c.failed != nil {
		return
	}
	id, known := c.byIndex[f.index]
	if !known {
		id = c.meet(f)
	}
	if id < 0 {
		return
	}
	data, memory, longer := f.restoreTag(c.tagged)
	c.tagged = memory
	limit := maxFrame
	if c.snaplen > 0 {
		limit = min(limit, c.snaplen)
	}
	data = data[:min(len(data), limit)]
	c.latest = f.time
	c.packets++
	c.bytes += int64(len(data))
	c.ports[id].received++
	c.fail(c.writer.WritePacket(&pcapng.EnhancedPacket{Interface: uint32(id), Time: f.time, Data: data, WireLength: f.wire + longer, Flags: f.flags()}))
}

// meet gives an interface that appeared while recording its block, with its
// first packet. It returns -1 for one whose frames cannot be recorded.
func (c *capture) meet(f *frame) int {
	link, ok := linkType(f.hardware)
	i, err := net.InterfaceByIndex(f.index)
	if err != nil { // it went
		i = &net.Interface{Index: f.index, Name: fmt.Sprintf("ifindex-%d", f.index)}
	}
	if !ok || len(c.ports) >= pcapng.MaxInterfaces {
		c.byIndex[f.index] = -1
		c.message(Warning, fmt.Sprintf("interface %q is left out: frames of hardware type %d cannot be recorded", i.Name, f.hardware))
		return -1
	}
	if err := c.add(f.index, i.Name, link); err != nil {
		c.fail(err)
		return -1
	}
	c.met(describeInterface(*i, link))
	return c.byIndex[f.index]
}

// readDrops books what the ring lost since the last reading: PACKET_STATISTICS
// counts for the socket, so with several interfaces on the first.
func (c *capture) readDrops(now int64) {
	n, err := c.ring.drops()
	if err != nil {
		c.fail(err)
		return
	}
	n += c.ring.damaged
	c.ring.damaged = 0
	if n > 0 {
		c.dropped += n
		c.ports[0].dropped += uint64(n)
		c.lost(connlog.Gap{Source: connlog.GapCapture, Begin: c.dropsRead, End: now, Count: n, Message: "the capture ring was full"})
	}
	c.dropsRead = now
}

func (c *capture) writeStatistics(now int64) {
	for id, p := range c.ports {
		s := pcapng.InterfaceStatistics{Interface: uint32(id), Time: now, Start: c.begin, End: now,
			Received: pcapng.Counted(p.received), Dropped: pcapng.Counted(p.dropped)}
		if id == 0 && len(c.ports) > 1 {
			s.Comment = "dropped counts all interfaces together: they share one ring"
		}
		c.fail(c.writer.WriteStatistics(&s))
	}
}

// fail notes the first failure, from which nothing more is captured.
func (c *capture) fail(err error) {
	if err == nil || c.failed != nil {
		return
	}
	c.failed = err
	c.message(Warning, fmt.Sprintf("the capture ends here: %v", err))
}
