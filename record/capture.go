package record

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

// How often a capture does what is not a packet.
const (
	flushWithin     = 40 * time.Millisecond // a packet is in the file, after it was in the ring for blockTimeout at most
	idle            = 500 * time.Millisecond
	syncEvery       = time.Second
	dropsEvery      = time.Second     // how narrow a gap is told
	statisticsEvery = 5 * time.Second // interface statistics blocks
)

// capture moves packets from the ring to the file. One goroutine runs it.
type capture struct {
	tap     tap
	out     *output
	writer  *pcapng.Writer
	section pcapng.SectionHeader
	snaplen int
	filter  string
	ports   []port         // by pcapng interface ID
	byIndex map[device]int // place in ports, -1 = not recorded
	spaces  []uint64       // the captured network namespaces, by number: inodes
	named   []string       // and as the user named them; none if it is the recorder's own
	lost    func(connlog.Gap)
	met     func(connlog.Interface)
	message func(MessageKind, string)
	stopped atomic.Bool

	name     string // as the user gave it
	rotation Rotation
	limits   Limits
	sync     bool                          // each second
	create   func(string) (*output, error) // the next file
	reached  func(reason string)           // a limit
	full     bool                          // one was: no further packet is taken
	number   int                           // of the file, from 1
	files    []string                      // that are kept
	past     []*output                     // files before this one that are not finished yet, oldest first
	opened   time.Time                     // this one

	begin     int64 // of this file, Unix nanoseconds
	dropsRead int64 // when the drops were last read
	packets   int64
	flushed   int64 // packets that were, when the file was handed all
	bytes     int64 // captured
	dropped   int64
	damaged   int64 // frames of the tap since then that could not be read
	latest    int64 // time of the last frame
	safe      int64 // frames up to this time are in the file
	failed    error
	failedIn  string // the file that did
	tagged    []byte // memory for frames whose VLAN tag is put back
}

// port is one recorded interface.
type port struct {
	description pcapng.InterfaceDescription
	received    uint64 // frames written into this file
	dropped     uint64 // while it was written
}

// device is an interface of a captured network namespace.
type device struct {
	space int // number of that
	index int // ifindex
}

// newCapture writes the section and the interfaces to out, which belongs to the
// capture even when that fails.
func newCapture(source tap, out *output, cfg *Config, id string, interfaces []connlog.Interface) (*capture, error) {
	c := &capture{tap: source, out: out, snaplen: cfg.Snaplen, filter: cfg.FilterText, byIndex: map[device]int{}, spaces: spacesOf(interfaces), named: cfg.Namespaces,
		name: cfg.Capture, rotation: cfg.Rotation, limits: cfg.Limits, sync: cfg.Sync, message: cfg.Message,
		section: pcapng.SectionHeader{Comment: "recording_id=" + id, OS: kernel(), Application: program(cfg.Version)}}
	for _, i := range interfaces {
		c.know(device{slices.Index(c.spaces, i.Namespace), i.Index}, i.Name, i.LinkType)
	}
	now := time.Now()
	c.dropsRead, c.latest, c.safe = now.UnixNano(), now.UnixNano(), now.UnixNano()
	return c, c.beginFile(now)
}

func program(version string) string {
	if version == "" {
		return "pcapwho"
	}
	return "pcapwho " + version
}

// know gives an interface the next number.
func (c *capture) know(d device, name string, link uint16) *port {
	c.byIndex[d] = len(c.ports)
	where := ""
	if len(c.named) > 0 {
		where = fmt.Sprintf("network namespace %s, %d", c.named[d.space], c.spaces[d.space])
	}
	c.ports = append(c.ports, port{description: pcapng.InterfaceDescription{Name: name, Description: where, Filter: c.filter, LinkType: link, Snaplen: uint32(c.snaplen)}})
	return &c.ports[len(c.ports)-1]
}

// run captures until stop, then takes what is still in the ring. When a write
// fails it captures no more, and failed says why.
func (c *capture) run() {
	var flushed, read, counted, synced time.Time
	read, counted, synced = time.Now(), time.Now(), time.Now()
	for !c.stopped.Load() && c.failed == nil {
		wait := idle
		if c.packets != c.flushed {
			wait = max(flushWithin-time.Since(flushed), 0)
		}
		_, err := c.tap.read(wait, c.take)
		c.fail(err)
		damaged, down := c.tap.troubles()
		c.damaged += damaged
		if down {
			c.message(Warning, "a recorded interface is down: it sends and receives nothing")
		}
		now := time.Now()
		c.rotate(now)
		c.settle(mostBehind)
		if now.Sub(read) >= dropsEvery {
			read = now
			c.readDrops(now.UnixNano())
		}
		if now.Sub(counted) >= statisticsEvery {
			counted = now
			c.writeStatistics(now.UnixNano())
			c.flush()
		}
		if c.packets != c.flushed && now.Sub(flushed) >= flushWithin {
			flushed = now
			c.flush()
		}
		if c.sync && now.Sub(synced) >= syncEvery {
			synced = now
			c.fail(c.out.syncSoon())
		}
	}
	c.drain()
	now := time.Now()
	c.readDrops(now.UnixNano())
	c.sumUp(now)
	c.fail(c.out.finish())
	c.settle(0)
}

// flush hands the file what is buffered.
func (c *capture) flush() {
	if c.fail(c.writer.Flush()); c.failed == nil {
		c.safe, c.flushed = c.latest, c.packets
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
	if err := c.tap.shut(); err != nil {
		c.fail(err)
	}
	for until := time.Now().Add(3 * blockTimeout); c.failed == nil; {
		more, err := c.tap.read(blockTimeout, c.take)
		c.fail(err)
		if !more && time.Now().After(until) {
			return
		}
	}
}

// stop ends run. It may be called from any goroutine.
func (c *capture) stop() {
	c.stopped.Store(true)
	c.tap.interrupt()
}

// take writes one frame.
func (c *capture) take(f *frame) {
	if c.failed != nil || c.full {
		return
	}
	id, known := c.byIndex[device{f.space, f.index}]
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
	c.rotate(time.Unix(0, f.time))
}

// meet gives an interface that appeared while recording its block, with its
// first packet. It returns -1 for one whose frames cannot be recorded.
func (c *capture) meet(f *frame) int {
	link, ok := linkType(f.hardware)
	d := device{f.space, f.index}
	i, err := &net.Interface{Index: f.index, Name: f.name}, error(nil)
	if len(c.named) == 0 {
		i, err = net.InterfaceByIndex(f.index)
	}
	if err != nil || i.Name == "" { // it went
		i = &net.Interface{Index: f.index, Name: fmt.Sprintf("ifindex-%d", f.index)}
	}
	if !ok || len(c.ports) >= pcapng.MaxInterfaces {
		c.byIndex[d] = -1
		c.message(Warning, fmt.Sprintf("interface %q is left out: frames of hardware type %d cannot be recorded", i.Name, f.hardware))
		return -1
	}
	if _, err := c.writer.AddInterface(c.know(d, i.Name, link).description); err != nil {
		c.fail(err)
		return -1
	}
	met := connlog.Interface{Name: i.Name, Index: i.Index, LinkType: link}
	if len(c.named) == 0 {
		met = describeInterface(*i, link)
	} else {
		met.Namespace, met.Loopback = c.spaces[f.space], f.hardware == arphrdLoopback
	}
	c.met(met)
	return c.byIndex[d]
}

// readDrops books what the ring lost since the last reading: PACKET_STATISTICS
// counts for the socket, so with several interfaces on the first.
func (c *capture) readDrops(now int64) {
	n, err := c.tap.drops()
	if err != nil {
		c.fail(err)
		return
	}
	damaged, _ := c.tap.troubles()
	n, c.damaged = n+c.damaged+damaged, 0
	if n > 0 {
		c.dropped += n
		c.ports[0].dropped += uint64(n)
		c.lost(connlog.Gap{Source: connlog.GapCapture, Begin: min(c.dropsRead, now), End: max(c.dropsRead, now), Count: n, Message: "the capture ring was full"})
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
	if err != nil {
		c.failIn(c.out.path, err)
	}
}

// failIn is the same for one of the files.
func (c *capture) failIn(path string, err error) {
	if err == nil || c.failed != nil {
		return
	}
	c.failed, c.failedIn = err, path
	if path != c.out.path {
		err = inFile(path, err)
	}
	c.message(Warning, fmt.Sprintf("the capture ends here: %v", err))
	if (c.name == "-" || c.limits != Limits{}) && c.reached != nil { // nobody gets what follows, or a limit is never reached
		c.reached("the packets could not be written")
	}
}
