package owner

import (
	"math"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// late is how long after it happened the news of a translation may be stamped: they
// wait for the recorder to read them. Nanoseconds.
const late = int64(1e9)

// translation is what the kernel of a namespace made of one connection's packets,
// for a while.
type translation struct {
	namespace     uint16
	before, after flow.FiveTuple // from the end that opened it
	begin, end    int64          // Unix nanoseconds
}

// rewriting is a translation, seen from one of its two keys. The end that opened the
// connection has a socket of the key before, the other end one of the key after.
type rewriting struct {
	*translation
	side  flow.Side // of this key, whose socket has the other key
	key   flow.Key  // that key, without a namespace
	there flow.Side // and the side there
}

// translate takes an event of a translation.
func (t *Timeline) translate(at int64, n *connlog.NAT) {
	key := *n
	key.Change = 0
	if i, ok := t.network.translating[key]; ok {
		t.network.translated[i].end = at
		delete(t.network.translating, key)
	}
	if n.Change == connlog.TranslationClose {
		return
	}
	five := func(from, to flow.Endpoint) flow.FiveTuple {
		return flow.FiveTuple{Source: from.Addr, Destination: to.Addr, SourcePort: from.Port, DestinationPort: to.Port, Protocol: n.Protocol}
	}
	t.network.translating[key] = len(t.network.translated)
	t.network.translated = append(t.network.translated, translation{t.namespaceIndex(n.Namespace), five(n.Source, n.Destination), five(n.NewSource, n.NewDestination), at, math.MaxInt64})
}

// sealTranslations files every translation under both of its keys.
func (w *network) sealTranslations() {
	w.translations = make(map[flow.Key][]rewriting, 2*len(w.translated))
	for i := range w.translated {
		x := &w.translated[i]
		a, from := x.before.Key(0)
		b, to := x.after.Key(0)
		w.translations[a] = append(w.translations[a], rewriting{x, from.Other(), b, to.Other()})
		w.translations[b] = append(w.translations[b], rewriting{x, to, a, from})
	}
	clear(w.translating)
}

// of tells whether a connection that was translated is that of socket s. The one of
// a TCP socket begins with its first packet; UDP's end when nothing was sent
// for a while, and begin anew.
func (x *translation) of(s *Socket) bool {
	if s.protocol == flow.UDP {
		return x.begin-late < s.After && s.Before < endOf(x)
	}
	return s.Before <= x.begin+late && x.begin-late <= s.After
}

// during tells whether the translation may have been there between two times.
func (x *translation) during(first, last int64) bool {
	return x.begin-late <= last && first <= endOf(x)
}

// throughout tells whether it was there all the time from the one to the other. The
// news of its end may be late, too.
func (x *translation) throughout(first, last int64) bool {
	return x.begin-late <= first && (x.end == math.MaxInt64 || last <= x.end-late)
}

// eachCut calls f with the times at which during or throughout change.
func (x *translation) eachCut(f func(int64)) {
	f(x.begin - late)
	if x.end != math.MaxInt64 {
		f(x.end - late + 1)
		f(endOf(x) + 1)
	}
}

func endOf(x *translation) int64 {
	if x.end > math.MaxInt64-late {
		return math.MaxInt64
	}
	return x.end + late
}
