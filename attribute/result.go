package attribute

import (
	"errors"
	"slices"

	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/attribute/tcp"
	"github.com/pcapwho/pcapwho/attribute/turn"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/content"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Reason says why one side of a packet has the owner it has, or none.
type Reason uint8

// The reasons, in the order in which tables list them.
const (
	Exact      Reason = iota // a socket event with this five-tuple covers the packet's time
	Stream                   // same connection as packets that are covered
	Listener                 // a handshake that no accept followed: the listening socket's process
	Wildcard                 // an unconnected or wildcard-bound socket whose port matches
	Marked                   // "packet": the capture itself names the process
	Ambiguous                // several processes fit; see Verdict.Candidates
	Kernel                   // no process owns such packets
	Unknown                  // a local address, or no list of local addresses, and no evidence
	Remote                   // the other host's side
	Group                    // the receiving side of multicast and broadcast; see Verdict.Candidates
	Undecoded                // the headers could not be read
	Duplicate                // of sums alone: another interface had the packet before, where it counts
	NumReasons = iota
)

// String returns the name that tables use.
func (r Reason) String() string {
	return [NumReasons]string{"exact", "stream", "listener", "wildcard", "packet", "ambiguous",
		"kernel", "unknown", "remote", "group", "undecoded", "duplicate"}[r]
}

// NoProcess is the process index of a verdict without an owner.
const NoProcess = -1

// Verdict is the answer for one side of a span of packets.
type Verdict struct {
	Reason Reason
	// Process is an index into Result.Processes, NoProcess where there is no
	// owner: it is set exactly for Exact, Stream, Listener, Wildcard and Marked.
	Process int32
	// Candidates are indexes into Result.Processes, ascending; set for
	// Ambiguous and Group, where any are known.
	Candidates []int32
	// Uncertainty is how far, in nanoseconds, the evidence's own times may be
	// off; 0 where there is no evidence or it is exact.
	Uncertainty int64
	// Why says in a few words what decided ("two processes hold the socket").
	Why string
}

// Counts are sums over packets.
type Counts = conn.Counts

// End tells a connection's two ends apart, by who opened it.
type End uint8

const (
	Client End = 0 // sent the SYN, or the first packet where none was seen
	Server End = 1
)

// Other returns the opposite end.
func (e End) Other() End { return e ^ 1 }

// Span is a stretch of one connection in which neither end's owner changes:
// the unit of account.
type Span struct {
	From        int64      // nothing that is known changes from this time to the next span's, Unix nanoseconds; spans that marks divide share it
	First, Last int64      // times of its first and last packet, Unix nanoseconds
	Sent        [2]Counts  // what each End sent
	Verdict     [2]Verdict // who each End was

	continued bool // a window alone divides it from the span before
}

// Connection is one instance of a bidirectional five-tuple, from its first
// packet to its end.
type Connection struct {
	ID           uint64 // frame number of its first packet
	Key          flow.Key
	Endpoint     [2]flow.Endpoint // by End
	Local        [2]bool          // by End: the endpoint is one of the recording host's
	IPVersion    uint8
	First, Last  int64
	Spans        []Span        // in order of time, none empty
	Facts        content.Facts // what its first payload tells; nothing where nobody looked
	TLSHandshake int64         // from the client's hello to the record that ends the handshake, nanoseconds; tcp.Unknown where it was not seen
	Measures     tcp.Measures  // of TCP, by End; unknown where nobody measured
	Turns        turn.Measures // of TCP and UDP, by End; unknown where nobody measured
	Portions     []Portion     // what Measures and Turns are the sum of, in order of time; empty where all of it is in one window

	begun      bool           // its beginning was seen
	socket     [2]int32       // by End, of TCP: the one of the log that it was, and one; 0 = none, or several that may have been
	quotes     []quoteVerdict // of the ICMP errors about it
	labels     []conn.Labels  // of its packets with marks; empty = there are none
	parts      []part         // what its spans are of, where they are divided by marks; else each is a segment's
	candidates []int32        // memory of the verdicts of a decoded one
}

// EndOf returns the end of c that is a side of its key.
func (c *Connection) EndOf(s flow.Side) End {
	if s == c.sides()[Client] {
		return Client
	}
	return Server
}

// sides returns which sides of its key the ends are.
func (c *Connection) sides() [2]flow.Side {
	if c.Key.Endpoint(flow.Low) == c.Endpoint[Client] {
		return [2]flow.Side{flow.Low, flow.High}
	}
	return [2]flow.Side{flow.High, flow.Low}
}

// clone returns a copy that shares no memory which is used again.
func (c *Connection) clone() Connection {
	d := *c
	d.Spans, d.quotes, d.parts, d.candidates = slices.Clone(c.Spans), nil, nil, nil
	d.Measures, d.Turns, d.Portions = tcp.Measures{}, turn.Measures{}, nil
	for i := range d.Spans {
		for e := range d.Spans[i].Verdict {
			v := &d.Spans[i].Verdict[e]
			v.Candidates = slices.Clone(v.Candidates)
		}
	}
	return d
}

// Sum returns what each End sent, over all spans.
func (c *Connection) Sum() (sent [2]Counts) {
	for i := range c.Spans {
		sent[Client].Add(c.Spans[i].Sent[Client])
		sent[Server].Add(c.Spans[i].Sent[Server])
	}
	return sent
}

// Owner returns the one verdict that holds for an End over the whole
// connection: that of its spans where they name one process or none, else
// Ambiguous with every owner as candidate. Where several reasons name the
// same process, the strongest (lowest) is given.
func (c *Connection) Owner(e End) Verdict { return merge(c.Spans, e) }

// Loose is a sum over packets that belong to no connection: ARP, ICMP,
// protocols without ports, undecoded frames.
type Loose struct {
	Window              int64 // where the Windows' one begins that the packets are of
	Source, Destination Verdict
	Counts              Counts
}

// Process is a process of the recording, as last described by the log.
type Process = owner.Process

// Result is the finished attribution of a recording.
type Result struct {
	Processes   []Process   // of the log, ordered by start time, then PID; then those that the capture alone names, in this order, without a known start last
	Connections Connections // ordered by ID
	Measured    bool        // false: Config.NoMeasures
	Turns       Turns       // empty without Config.Turns
	Resent      Resent      // empty without Config.Resent
	Runs        Runs        // empty where nobody measured
	Loose       []Loose     // ordered by windows, reasons, then owners
	Totals      Counts      // every packet of the capture; payload of TCP and UDP
	Undecoded   int64       // packets whose headers could not be read
	Duplicates  Counts      // packets that another interface had before; they are of no connection
	First, Last int64       // earliest and latest packet time; 0 when no packet has one
	ClockOffset int64       // how far the log's clock was behind the capture's, nanoseconds; valid iff KnowsClock
	KnowsClock  bool        // the kernel told of enough connections, with their time
	KnowsLocal  bool        // a list of local addresses was at hand: Connection.Local means something

	Names *Names // that answers of DNS gave; nil = nobody looked

	log  *owner.Timeline // nil = there is none
	find *finder
}

// Counters returns what the kernel counted of an end of c, of TCP, until that was closed:
// counts since it was opened, whether the capture has them or not. ok is false where
// no log says.
func (r *Result) Counters(c *Connection, e End) (n connlog.Counters, ok bool) {
	if c.socket[e] == 0 || r.log == nil {
		return n, false
	}
	return r.log.Counters(c.socket[e] - 1)
}

// Close frees the temporary files of the result, where there are any.
func (r *Result) Close() (err error) {
	for _, s := range slices.Concat(r.Connections.sorters, r.Turns.sorters, r.Resent.sorters, r.Runs.sorters) {
		err = errors.Join(err, s.Close())
	}
	return err
}
