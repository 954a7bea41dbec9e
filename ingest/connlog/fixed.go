package connlog

import (
	"math"
	"unicode/utf8"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// parseFixed reads the three events that make up nearly all of a log, in
// exactly the form in which Append writes them; of any other line it returns
// false, and parse must have it. What it accepts it reads as parse does, a
// tenth of the time, and allocates for new strings and IPv6 endpoints alone.
func (r *Reader) parseFixed(s *Slot, text []byte) bool {
	c := cursor{rest: text, words: r.words}
	e := &s.Event
	*e = Event{}
	switch {
	case c.has(`{"event":"socket"`):
		e.Kind, e.Socket = KindSocket, &s.socket
		c.envelope(e)
		c.socket(&s.socket, &s.counters, &s.owners)
	case c.has(`{"event":"process"`):
		e.Kind, e.Process = KindProcess, &s.process
		c.envelope(e)
		c.process(&s.process, &s.args)
	case c.has(`{"event":"poll"`):
		e.Kind, e.Poll = KindPoll, &s.poll
		c.envelope(e)
		c.poll(&s.poll)
	default:
		return false
	}
	return !c.bad && string(c.rest) == "}"
}

func (c *cursor) envelope(e *Event) {
	c.need(`,"time_ns":`)
	e.Time = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"seq":`)
	e.Seq = c.uint()
	if c.has(`,"boot_ns":`) {
		e.Boot = c.int(math.MinInt64, math.MaxInt64)
	}
}

func (c *cursor) socket(s *Socket, counters *Counters, owners *[]ProcessID) {
	*s = Socket{}
	c.need(`,"change":`)
	s.Change = SocketChange(c.word(socketChangeNames))
	c.need(`,"socket_id":`)
	s.ID = c.uint()
	if c.has(`,"inode":`) {
		s.Inode = c.uint()
	}
	if c.has(`,"netns":`) {
		s.Namespace = c.uint()
	}
	c.need(`,"protocol":`)
	s.Protocol = c.protocol()
	c.need(`,"local":`)
	s.Local = c.endpoint()
	if c.has(`,"remote":`) {
		s.Remote, s.HasRemote = c.endpoint(), true
	}
	s.V6 = c.has(`,"v6":true`)
	s.V6Only = c.has(`,"v6only":true`)
	if c.has(`,"ifindex":`) {
		s.Interface = int(c.int(math.MinInt32, math.MaxInt32))
	}
	if c.has(`,"state":`) {
		s.State = c.text()
	}
	c.need(`,"owners":[`)
	s.Owners = c.processes((*owners)[:0])
	*owners = s.Owners
	if len(s.Owners) == 0 {
		s.Owners = nil
	}
	s.Partial = c.has(`,"partial":true`)
	if c.has(`,"evidence":`) {
		s.Evidence = Evidence(c.word(socketEvidenceNames))
	}
	if c.has(`,"since_ns":`) {
		s.Since = c.int(math.MinInt64, math.MaxInt64)
	}
	if c.has(`,"counters":{`) {
		s.Counters = counters
		c.counters(counters)
	}
}

func (c *cursor) counters(to *Counters) {
	c.need(`"sent_bytes":`)
	to.BytesSent = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"received_bytes":`)
	to.BytesReceived = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"retransmits":`)
	to.Retransmits = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"rtt_ns":`)
	to.RTT = c.int(math.MinInt64, math.MaxInt64)
	c.need(`}`)
}

func (c *cursor) process(p *Process, args *[]string) {
	*p = Process{UID: -1}
	c.need(`,"change":`)
	p.Change = ProcessChange(c.word(processChangeNames))
	c.need(`,"pid":`)
	p.ID.PID = int32(c.int(1, math.MaxInt32))
	c.need(`,"start_ns":`)
	p.ID.Start = c.int(math.MinInt64, math.MaxInt64)
	if c.has(`,"ns_pid":`) {
		p.NSPID = int32(c.int(math.MinInt32, math.MaxInt32))
	}
	if c.has(`,"parent":{`) {
		p.Parent = c.processID(math.MinInt32)
	}
	if c.has(`,"name":`) {
		p.Name = c.text()
	}
	if c.has(`,"exe":`) {
		p.Exe = c.text()
	}
	if c.has(`,"args":[`) {
		p.Args = c.texts((*args)[:0])
		*args = p.Args
	}
	if c.has(`,"uid":`) {
		p.UID = c.int(0, math.MaxInt64)
	}
	if c.has(`,"cgroup":`) {
		p.Cgroup = c.text()
	}
	if c.has(`,"container":`) {
		p.Container = c.text()
	}
	if c.has(`,"netns":`) {
		p.Namespace = c.uint()
	}
	p.Command = c.has(`,"in_command":true`)
}

func (c *cursor) poll(p *Poll) {
	c.need(`,"begin_ns":`)
	p.Begin = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"end_ns":`)
	p.End = c.int(math.MinInt64, math.MaxInt64)
	c.need(`,"sockets":`)
	p.Sockets = int(c.int(math.MinInt32, math.MaxInt32))
	p.Thorough = c.has(`,"thorough":true`)
}

// cursor reads a line from the front. The first thing that is not as Append
// writes it makes it bad, and it stays so.
type cursor struct {
	rest  []byte
	bad   bool
	words map[string]string
}

// has moves behind s, where that comes next.
func (c *cursor) has(s string) bool {
	if len(c.rest) < len(s) || string(c.rest[:len(s)]) != s {
		return false
	}
	c.rest = c.rest[len(s):]
	return true
}

func (c *cursor) need(s string) {
	if !c.has(s) {
		c.bad = true
	}
}

// uint reads a number as JSON writes it, of at most 19 digits.
func (c *cursor) uint() (v uint64) {
	i := 0
	for ; i < len(c.rest) && i < 20; i++ {
		d := c.rest[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
	}
	if i == 0 || i == 20 || i > 1 && c.rest[0] == '0' {
		c.bad = true
		return 0
	}
	c.rest = c.rest[i:]
	return v
}

func (c *cursor) int(lowest, highest int64) int64 {
	negative := c.has("-")
	n := c.uint()
	v := int64(n)
	if negative {
		v = -v
	}
	if n > math.MaxInt64 || v < lowest || v > highest {
		c.bad = true
	}
	return v
}

// quoted returns what stands between the next two quotation marks; it is
// valid until the next line is read.
func (c *cursor) quoted() []byte {
	c.need(`"`)
	high := false
	for i, b := range c.rest {
		switch {
		case b == '"':
			s := c.rest[:i]
			c.rest = c.rest[i+1:]
			if high && !utf8.Valid(s) {
				break
			}
			return s
		case b >= utf8.RuneSelf:
			high = true
			continue
		case b >= ' ' && b != '\\':
			continue
		}
		break
	}
	c.bad = true
	return nil
}

// Of the strings of a log, which are mostly few and the same, so many of so
// many bytes are kept to be used again.
const (
	maxWords = 4096
	maxWord  = 64
)

func (c *cursor) text() string {
	b := c.quoted()
	if s, ok := c.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(s) <= maxWord && len(c.words) < maxWords {
		c.words[s] = s
	}
	return s
}

// texts reads a list of strings behind its bracket.
func (c *cursor) texts(to []string) []string {
	for !c.bad && !c.has("]") {
		if len(to) > 0 {
			c.need(",")
		}
		to = append(to, c.text())
	}
	return to
}

// word reads one of names, as its index. It is lookup without a copy of the word, which
// would be waited for.
func (c *cursor) word(names []string) int {
	word := c.quoted()
	for i, n := range names {
		if n == string(word) && n != "" {
			return i
		}
	}
	c.bad = true
	return 0
}

func (c *cursor) protocol() flow.Protocol {
	switch string(c.quoted()) {
	case "tcp":
		return flow.TCP
	case "udp":
		return flow.UDP
	}
	c.bad = true // the others are rare
	return 0
}

// processes reads a list of processes behind its bracket.
func (c *cursor) processes(to []ProcessID) []ProcessID {
	for !c.bad && !c.has("]") {
		if len(to) > 0 {
			c.need(",")
		}
		c.need("{")
		to = append(to, c.processID(1))
	}
	return to
}

// processID reads a process behind its brace.
func (c *cursor) processID(lowest int64) (p ProcessID) {
	c.need(`"pid":`)
	p.PID = int32(c.int(lowest, math.MaxInt32))
	c.need(`,"start_ns":`)
	p.Start = c.int(math.MinInt64, math.MaxInt64)
	c.need(`}`)
	return p
}

// endpoint reads an address and port: IPv4 in place, IPv6 as parse does.
func (c *cursor) endpoint() flow.Endpoint {
	s := c.quoted()
	if len(s) > 0 && s[0] == '[' {
		e, err := parseEndpoint(string(s))
		c.bad = c.bad || err != nil
		return e
	}
	n := cursor{rest: s}
	var a uint64
	for i := range 4 {
		if i > 0 {
			n.need(".")
		}
		a = a<<8 | n.upTo(math.MaxUint8)
	}
	n.need(":")
	port := n.upTo(math.MaxUint16)
	c.bad = c.bad || n.bad || len(n.rest) > 0
	return flow.Endpoint{Addr: flow.AddrFrom4(uint32(a)), Port: uint16(port)}
}

func (c *cursor) upTo(highest uint64) uint64 {
	v := c.uint()
	if v > highest {
		c.bad = true
	}
	return v
}
