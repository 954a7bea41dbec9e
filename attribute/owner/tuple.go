package owner

import (
	"math"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// tuple is what the log has of one connection key. It fills a cache line.
type tuple struct {
	key flow.Key

	// Its sockets, by the side that is local to them: one more than the index of
	// the latest, from which Socket.next leads to the others.
	sockets [2]int32

	// After Seal, where it has one socket: the two times that eachCut tells of that,
	// or twice what is before all time where it tells none. Else first is behind second.
	first, second int64
}

// connect files a socket with a peer under its key.
func (t *Timeline) connect(i int32, s *Socket, ns uint16, e *connlog.Socket) {
	key, side := fiveTuple(e).Key(ns)
	s.connected, s.side, s.place = true, side, t.keys.put(&key)
	x := t.keys.at(s.place)
	if x.sockets != [2]int32{} {
		t.reused = append(t.reused, s.place)
	}
	s.next, x.sockets[side] = x.sockets[side], i+1
}

// fiveTuple is what a socket with a peer sends.
func fiveTuple(e *connlog.Socket) flow.FiveTuple {
	return flow.FiveTuple{Source: e.Local.Addr, Destination: e.Remote.Addr, SourcePort: e.Local.Port, DestinationPort: e.Remote.Port, Protocol: e.Protocol}
}

// sealTuple notes the cuts of socket i's tuple, where it is the only one.
func (t *Timeline) sealTuple(i int32, s *Socket) {
	x := t.keys.at(s.place)
	x.first, x.second = math.MaxInt64, math.MinInt64
	if s.protocol != flow.TCP || s.owners == changed || s.next != 0 || x.sockets[0]+x.sockets[1] != i+1 {
		return
	}
	x.first = math.MinInt64
	t.eachCut(i, func(c int64) { x.first, x.second = x.second, c })
}

// Group is how many keys are best sought in a row: see Prepare.
const Group = 32

// Prepare brings what Number and Cut need for keys with these hashes, no more than Group,
// into the processor's caches: a million sockets do not fit there. It returns nothing of
// meaning, for the caller to keep, so that it is not optimized away.
func (t *Timeline) Prepare(hashes []uint64) (sum uint64) {
	var numbers [Group]int32
	found := numbers[:min(len(hashes), Group)]
	t.keys.touch(hashes, found)
	return t.PrepareNumbers(found)
}

// PrepareNumbers does so for what Connected, Socket and Cut need of keys with these
// numbers.
func (t *Timeline) PrepareNumbers(numbers []int32) (sum uint64) {
	var sockets [2 * Group]int32
	for i, n := range numbers[:min(len(numbers), Group)] { // all of one kind, before what they lead to
		if n >= 0 && n < viewed {
			x := t.keys.at(n)
			sockets[2*i], sockets[2*i+1] = x.sockets[flow.Low], x.sockets[flow.High]
		}
	}
	for _, i := range sockets {
		if i != 0 {
			s := t.Socket(i - 1)
			sum += uint64(s.FirstBegin) + uint64(s.recording)
		}
	}
	return sum
}

// Numbers returns how many keys have numbers: from 0 on.
func (t *Timeline) Numbers() int { return t.keys.len() }

// Connected appends to buf the sockets whose local end is side s of key number
// n and whose remote end is the other. A socket that is connected to itself is
// both ends.
func (t *Timeline) Connected(buf []int32, n int32, s flow.Side) []int32 {
	if n < 0 {
		return buf
	}
	if v := t.view(n); v != nil {
		return append(buf, v.sockets[s]...)
	}
	x := t.keys.at(n)
	i := x.sockets[s]
	if i == 0 && x.key.Endpoint(flow.Low) == x.key.Endpoint(flow.High) {
		i = x.sockets[flow.Low]
	}
	begin := len(buf)
	for ; i != 0; i = t.Socket(i - 1).next {
		buf = append(buf, i-1)
	}
	slices.Reverse(buf[begin:])
	return buf
}

// maxScanned is how many sockets of one key are looked through for each cut:
// of keys that have more, the cuts are kept.
const maxScanned = 8

// sealTuples makes the cuts of keys that have many sockets.
func (t *Timeline) sealTuples() {
	t.cuts = map[int32][]int64{}
	slices.Sort(t.reused)
	var sockets []int32
	for _, n := range slices.Compact(t.reused) {
		sockets = t.Connected(t.Connected(sockets[:0], n, flow.Low), n, flow.High)
		if len(sockets) > maxScanned {
			t.cuts[n] = t.cutsOf(nil, sockets)
		}
	}
	t.reused = nil
}

// cutsOf appends the sorted times at which nothing is as before for any of the
// sockets.
func (t *Timeline) cutsOf(cuts []int64, sockets []int32) []int64 {
	for _, i := range sockets {
		t.eachCut(i, func(c int64) { cuts = append(cuts, c) })
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// eachCut calls f with the times at which a hold of socket i begins or has
// ended, and for those that come and go under one five-tuple also when they may
// have existed.
func (t *Timeline) eachCut(i int32, f func(int64)) {
	s := t.Socket(i)
	switch {
	case s.owners == changed:
		for _, h := range t.holds[i] {
			f(h.From)
			f(h.To + 1)
		}
	case s.owners != nobody || s.partial:
		from, to := held(s.first(), s.last())
		f(from)
		f(to + 1)
	}
	if s.protocol == flow.TCP {
		return
	}
	if s.Before != math.MinInt64 {
		f(s.Before + 1)
	}
	if s.After != math.MaxInt64 {
		f(s.After)
	}
}

// Cut returns the half-open interval around time at in which nothing that is
// known about the owners of k, whose number is n, changes.
func (t *Timeline) Cut(n int32, k *flow.Key, at int64) (from, until int64) {
	i := interval{at, math.MinInt64, math.MaxInt64}
	i.narrow(t.breaks)
	if n >= 0 {
		t.cutTuple(n, &i)
	}
	if k.Protocol == flow.TCP {
		return i.from, i.until // listeners do not own what is established
	}
	for _, s := range [2]flow.Side{flow.Low, flow.High} {
		if p := t.port[portKey{k.Namespace, k.Protocol, k.Endpoint(s).Port}]; p != nil {
			i.narrow(p.cuts)
		}
	}
	if v := t.view(n); v != nil {
		t.cutPlaces(v, k, &i)
	}
	return i.from, i.until
}

// cutPlaces cuts where what is bound in the places of a view changes, or what is
// translated.
func (t *Timeline) cutPlaces(v *view, k *flow.Key, i *interval) {
	for _, by := range v.by {
		for _, x := range by {
			x.eachCut(i.cut)
		}
	}
	for s, places := range v.places {
		for _, q := range places {
			if q.by == nil {
				q.endpoint = k.Endpoint(flow.Side(s))
			}
			if p := t.port[portKey{q.namespace, k.Protocol, q.endpoint.Port}]; p != nil {
				i.narrow(p.cuts)
			}
		}
	}
}

func (t *Timeline) cutTuple(n int32, i *interval) {
	if v := t.view(n); v != nil {
		for _, sockets := range v.sockets {
			for _, s := range sockets {
				t.eachCut(s, i.cut)
			}
		}
		return
	}
	x := t.keys.at(n)
	if x.first <= x.second {
		i.cut(x.first)
		i.cut(x.second)
		return
	}
	if len(t.cuts) > 0 {
		if cuts := t.cuts[n]; cuts != nil {
			i.narrow(cuts)
			return
		}
	}
	for _, s := range x.sockets {
		for ; s != 0; s = t.Socket(s - 1).next {
			t.eachCut(s-1, i.cut)
		}
	}
}

// interval is [from, until) around a time.
type interval struct{ at, from, until int64 }

// cut cuts the interval at c.
func (i *interval) cut(c int64) {
	if c <= i.at {
		i.from = max(i.from, c)
	} else {
		i.until = min(i.until, c)
	}
}

// narrow shrinks the interval to the sorted cuts around its time.
func (i *interval) narrow(cuts []int64) {
	n := sort.Search(len(cuts), func(n int) bool { return cuts[n] > i.at })
	if n > 0 {
		i.cut(cuts[n-1])
	}
	if n < len(cuts) {
		i.cut(cuts[n])
	}
}
