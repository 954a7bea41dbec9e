package attribute

import (
	"github.com/pcapwho/pcapwho/attribute/conn"
	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// Config says what is known beside the packets.
type Config struct {
	// Log is the timeline of the recording's connection logs; New seals it.
	// nil = there is no log: every local or unknown side stays without owner.
	Log *owner.Timeline
}

// Attribution gives each packet of a recording its owners. Add all packets,
// then Finish.
type Attribution struct {
	log      *owner.Timeline
	cut      conn.Cutter
	follower *conn.Follower
	frags    fragments
	loose    map[looseKey]Counts
	quoting  map[quoteKey]Counts
	rules    []rule
	result   Result
}

// New returns an Attribution without packets.
func New(cfg Config) *Attribution {
	a := &Attribution{log: cfg.Log, loose: map[looseKey]Counts{}, quoting: map[quoteKey]Counts{}, rules: allRules()}
	a.cut = conn.Uncut
	if cfg.Log != nil {
		cfg.Log.Seal()
		a.cut = cfg.Log.Cut
		a.result.KnowsLocal = cfg.Log.KnowsLocal()
	}
	a.follower = conn.NewFollower(a.cut)
	return a
}

// Add books packets, in the order of the file. It keeps nothing of batch.
func (a *Attribution) Add(batch []packet.Packet) {
	for i := range batch {
		a.add(&batch[i])
	}
}

func (a *Attribution) add(p *packet.Packet) {
	r := &a.result
	if r.Totals.Packets == 0 {
		r.First, r.Last = p.Time, p.Time
	}
	r.First, r.Last = min(r.First, p.Time), max(r.Last, p.Time)
	r.Totals.Add(Counts{Packets: 1, WireBytes: int64(p.WireLength)})
	if p.Class == packet.Undecoded {
		r.Undecoded++
	}
	if q := a.frags.resolve(p); q.Class == packet.Transport {
		key, side := q.Tuple.Key(a.log.Namespace(q.Interface))
		a.follower.Add(q, key, side)
		return
	}
	a.addLoose(p)
}

// Finish gives every span its verdicts and returns the result, which owns all
// its memory. The Attribution must not be used afterwards.
func (a *Attribution) Finish() *Result {
	r := &a.result
	j := newJudge(a.log, a.follower.Instances, a.rules)
	if a.log != nil {
		r.Processes = a.log.Processes
	}
	r.Connections = make([]Connection, len(j.instances))
	for i := range j.instances {
		r.Connections[i] = j.connection(int32(i))
		sent := r.Connections[i].Sum()
		for _, c := range sent {
			r.Totals.PayloadBytes += c.PayloadBytes
			r.Totals.UniqueBytes += c.UniqueBytes
		}
	}
	r.Loose = a.finishLoose(j)
	r.find = finder{judge: j}
	return r
}
