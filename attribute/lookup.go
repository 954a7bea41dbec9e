package attribute

import (
	"sort"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// What is kept of questions of DNS over UDP: so many that wait for their answers, each
// for so long, and so many answers. lookupAge is how long before a connection an answer
// may be that it waited for.
const (
	maxQuestions = 1 << 12
	questionAge  = int64(30e9) // nanoseconds
	maxLookups   = 1 << 18
	lookupAge    = int64(1e9)
)

// lookups are the answers of DNS whose questions are in the capture, by who asked and
// for which address.
type lookups struct {
	waiting map[question]asking
	latest  []question // the latest that were asked, around; answered ones too
	next    int        // place of the next in it
	byHost  map[naming][]lookup
	count   int
}

// asking tells when a question was asked first, and its place in latest, where older ones
// may still have the same question.
type asking struct {
	asked int64
	place int
}

// question is one that waits for its answer.
type question struct {
	tuple flow.FiveTuple // of the question
	id    uint16         // RFC 1035 section 4.1.1
}

// lookup is one question and its answer.
type lookup struct {
	frame           uint64 // of the answer
	asked, answered int64  // Unix nanoseconds
}

func newLookups() lookups {
	return lookups{waiting: map[question]asking{}, byHost: map[naming][]lookup{}}
}

// ask notes a question; one that is repeated was asked when it was first.
func (l *lookups) ask(p *packet.Packet, message []byte) {
	if len(message) < 12 || message[2]&0x80 != 0 { // a response
		return
	}
	q := question{p.Tuple, uint16(message[0])<<8 | uint16(message[1])}
	if w, ok := l.waiting[q]; ok && p.Time-w.asked < questionAge {
		return
	}
	if l.latest == nil {
		l.latest = make([]question, maxQuestions)
	}
	if old := l.latest[l.next]; l.waiting[old].place == l.next {
		delete(l.waiting, old)
	}
	l.latest[l.next], l.waiting[q] = q, asking{p.Time, l.next}
	l.next = (l.next + 1) % maxQuestions
}

// answered takes the question of an answer.
func (l *lookups) answered(p *packet.Packet, message []byte) (asked int64, ok bool) {
	q := question{p.Tuple.Reverse(), uint16(message[0])<<8 | uint16(message[1])}
	w, ok := l.waiting[q]
	delete(l.waiting, q)
	return w.asked, ok && w.asked <= p.Time && p.Time-w.asked < questionAge
}

// add notes that an address was looked up.
func (l *lookups) add(k naming, one lookup) {
	if l.count < maxLookups {
		l.byHost[k] = append(l.byHost[k], one)
		l.count++
	}
}

// Lookup returns when the client of a connection asked DNS for the address of the server,
// and when that was answered, the last time before the connection and at most a second
// before it, in Unix nanoseconds. ok is false where that is not in the capture.
func (n *Names) Lookup(c *Connection) (asked, answered int64, ok bool) {
	if n == nil || c.Key.Protocol == flow.TCP && !c.begun {
		return 0, 0, false
	}
	list := n.lookups.byHost[naming{n.host(c.Endpoint[Client].Addr), c.Endpoint[Server].Addr}]
	i := sort.Search(len(list), func(i int) bool { return list[i].frame >= c.ID }) - 1
	if i < 0 {
		return 0, 0, false
	}
	asked, answered = list[i].asked, list[i].answered
	return asked, answered, answered <= c.First && c.First-answered <= lookupAge
}
