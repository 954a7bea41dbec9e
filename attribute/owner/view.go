package owner

import (
	"encoding/binary"
	"slices"
	"sync"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// view is what is known of a key whose packets may be of several namespaces' sockets, or
// under other addresses there.
type view struct {
	sockets [2][]int32        // with a peer, by side of the key
	places  [2][]place        // where a side may be bound without a peer
	by      [2][]*translation // through which a side may be elsewhere
	through [2][]passage      // the sockets that are there only so
}

// passage is a socket that a translation leads to.
type passage struct {
	socket int32
	by     *translation
}

// place is an endpoint of a namespace.
type place struct {
	namespace uint16
	endpoint  flow.Endpoint // valid iff by is there, else the side's own
	by        *translation  // through which the side is here; nil = as it is
}

// views are those of the keys that were asked for. One that has sockets, or is
// translated, is its key's alone, and has a number from viewed on: there are no more than
// the log has such keys. All others that know the same are one, and have numbers from
// shared down.
type views struct {
	sync.RWMutex
	number map[flow.Key]int32
	list   []*view
	alike  map[string]int32 // by the namespaces of their places
	shared []*view
}

// viewed is the first number of a view of one key: no log has so many keys. shared is that
// of one that many keys have.
const (
	viewed = 1 << 30
	shared = -2
)

// Number returns the number of k, whose hash is h. It is negative if no socket had it;
// other keys may have it then. It is safe for concurrent use after Seal.
func (t *Timeline) Number(k *flow.Key, h uint64) int32 {
	if !t.network.spans() {
		return t.keys.find(k, h)
	}
	t.views.RLock()
	n, ok := t.views.number[*k]
	t.views.RUnlock()
	if ok {
		return n
	}
	direct, v := t.look(k, h)
	if v == nil {
		return direct
	}
	if name, ok := v.alike(); ok {
		return t.views.share(name, v)
	}
	t.views.Lock()
	defer t.views.Unlock()
	if n, ok := t.views.number[*k]; ok {
		return n
	}
	if t.views.number == nil {
		t.views.number = map[flow.Key]int32{}
	}
	n = viewed + int32(len(t.views.list))
	t.views.number[*k], t.views.list = n, append(t.views.list, v)
	return n
}

// alike returns what is the same of all views that know no more than where the sides may
// be bound. ok is false for others.
func (v *view) alike() (name string, ok bool) {
	var b []byte
	for s := range v.places {
		if len(v.sockets[s])+len(v.by[s]) > 0 {
			return "", false
		}
		b = binary.NativeEndian.AppendUint16(b, uint16(len(v.places[s])))
		for _, p := range v.places[s] {
			b = binary.NativeEndian.AppendUint16(b, p.namespace)
		}
	}
	return string(b), true
}

// share returns the number of the view of that name, which is v if it is new.
func (w *views) share(name string, v *view) int32 {
	w.RLock()
	n, ok := w.alike[name]
	w.RUnlock()
	if ok {
		return n
	}
	w.Lock()
	defer w.Unlock()
	if n, ok := w.alike[name]; ok {
		return n
	}
	if w.alike == nil {
		w.alike = map[string]int32{}
	}
	n = shared - int32(len(w.shared))
	w.alike[name], w.shared = n, append(w.shared, v)
	return n
}

// view returns the view of a number, nil where it has none.
func (t *Timeline) view(n int32) *view {
	if n > shared && n < viewed {
		return nil
	}
	t.views.RLock()
	defer t.views.RUnlock()
	if n <= shared {
		return t.views.shared[shared-n]
	}
	return t.views.list[n-viewed]
}

// look looks for a key in all namespaces. Where there is nothing to know but the
// number of its own namespace's sockets, v is nil.
func (t *Timeline) look(k *flow.Key, h uint64) (direct int32, v *view) {
	z := t.network.zone(k.Namespace)
	own := *k
	own.Namespace = z.own
	direct = t.keys.find(&own, h)
	low, high := k.Endpoint(flow.Low), k.Endpoint(flow.High)
	key := *k
	key.Namespace = 0
	rewritings := t.network.translations[key]
	if len(t.network.homes[low.Addr])+len(t.network.homes[high.Addr])+len(rewritings) == 0 {
		return direct, nil
	}
	v = &view{}
	t.elsewhere(v, &own, h, z)
	for _, s := range [2]flow.Side{flow.Low, flow.High} {
		v.sockets[s] = t.Connected(v.sockets[s], direct, s)
		for _, n := range t.homesOf(k.Endpoint(s).Addr, z) {
			v.places[s] = append(v.places[s], place{namespace: n})
		}
	}
	for _, x := range rewritings {
		if t.network.connected(x.namespace, z.own) {
			t.rewrite(v, k, x)
		}
	}
	return direct, v
}

// elsewhere adds the sockets of other namespaces that have the same key: of the one
// at an interface's other end, or where an address is neither there nor here, of any
// that is connected.
func (t *Timeline) elsewhere(v *view, k *flow.Key, h uint64, z zone) {
	if k.Endpoint(flow.Low).Addr.IsLoopback() || k.Endpoint(flow.High).Addr.IsLoopback() {
		return
	}
	var far [2]bool
	for _, s := range [2]flow.Side{flow.Low, flow.High} {
		a := k.Endpoint(s).Addr
		far[s] = !t.at(a, z.own) && !t.at(a, z.peer)
	}
	for n := range uint16(len(t.namespace)) {
		if n == z.own || !t.network.connected(n, z.own) {
			continue
		}
		other := *k
		other.Namespace = n
		number := t.keys.find(&other, h)
		for _, s := range [2]flow.Side{flow.Low, flow.High} {
			if n == z.peer || far[s] {
				v.sockets[s] = t.Connected(v.sockets[s], number, s)
			}
		}
	}
}

// at tells whether a namespace has an address.
func (t *Timeline) at(a flow.Addr, namespace uint16) bool {
	return namespace == 0 && t.local[a] || slices.Contains(t.network.homes[a], namespace)
}

// Apart tells whether sockets that have side s of the key of number n by Connected are of
// several namespaces, and no translation tells which of them.
func (t *Timeline) Apart(sockets []int32, n int32, s flow.Side) bool {
	if v := t.view(n); v == nil || len(v.by[s]) > 0 {
		return false
	}
	in := func(i int32) uint16 { return t.keys.key(t.Socket(i).place).Namespace }
	return len(sockets) > 1 && slices.ContainsFunc(sockets[1:], func(i int32) bool { return in(i) != in(sockets[0]) })
}

// rewrite adds what a translation makes of one side of a key: the sockets that have
// the other key, and where it is bound if its endpoint is not the same.
func (t *Timeline) rewrite(v *view, k *flow.Key, x rewriting) {
	v.by[x.side] = append(v.by[x.side], x.translation)
	direct := v.sockets[x.side]
	if n := len(v.through[x.side]); n > 0 {
		direct = direct[:slices.Index(direct, v.through[x.side][0].socket)]
	}
	other, h := x.key, x.key.Hash()
	for n := range uint16(len(t.namespace)) {
		if !t.network.connected(n, x.namespace) {
			continue
		}
		other.Namespace = n
		for _, i := range t.Connected(nil, t.keys.find(&other, h), x.there) {
			if !x.of(t.Socket(i)) || slices.Contains(direct, i) {
				continue
			}
			v.through[x.side] = append(v.through[x.side], passage{i, x.translation})
			if !slices.Contains(v.sockets[x.side], i) {
				v.sockets[x.side] = append(v.sockets[x.side], i)
			}
		}
	}
	if e := x.key.Endpoint(x.there); e != k.Endpoint(x.side) {
		for _, n := range t.homesOf(e.Addr, zone{x.namespace, x.namespace}) {
			v.places[x.side] = append(v.places[x.side], place{n, e, x.translation})
		}
	}
}

// Reached tells whether packets from first to last of side s of the key of number n
// were socket i's, which has that side by Connected: always or perhaps. What was
// translated meanwhile was that of the socket to which the translation leads.
func (t *Timeline) Reached(n int32, s flow.Side, i int32, first, last int64) (always, perhaps bool) {
	v := t.view(n)
	if v == nil || len(v.by[s]) == 0 {
		return true, true
	}
	direct := true
	for _, p := range v.through[s] {
		if p.socket == i {
			direct = false
			always = always || p.by.throughout(first, last)
			perhaps = perhaps || p.by.during(first, last)
		}
	}
	if !direct {
		return always, perhaps
	}
	always, perhaps = true, true
	for _, x := range v.by[s] {
		always = always && !x.during(first, last)
		perhaps = perhaps && !x.throughout(first, last)
	}
	return always, perhaps
}

// Led tells whether a translation that was there at some time from first to last leads
// from side s of the key of number n to socket i, or that needs none.
func (t *Timeline) Led(n int32, s flow.Side, i int32, first, last int64) bool {
	v := t.view(n)
	if v == nil {
		return true
	}
	needed := false
	for _, p := range v.through[s] {
		if p.socket == i {
			if p.by.during(first, last) {
				return true
			}
			needed = true
		}
	}
	return !needed
}

// homesOf returns the namespaces in which a socket may be bound to an address whose
// packets were captured in a zone.
func (t *Timeline) homesOf(a flow.Addr, z zone) (list []uint16) {
	homes := t.network.homes[a]
	here := len(homes) == 0 || a.IsLoopback()
	if z.own == 0 {
		here = here || t.local[a]
	} else {
		here = here || slices.Contains(homes, z.own)
	}
	if here {
		list = append(list, z.own)
	}
	if slices.Contains(homes, z.peer) && z.peer != z.own {
		return append(list, z.peer)
	}
	for _, n := range homes {
		if n != z.own && t.network.connected(n, z.own) {
			list = append(list, n)
		}
	}
	return list
}

// placesOf returns where side s of key k, whose number is n, may be bound, by packets
// from first to last. What was translated all that time is not where it seems to be.
func (t *Timeline) placesOf(n int32, k *flow.Key, s flow.Side, first, last int64) (list []place) {
	v := t.view(n)
	if v == nil {
		return []place{{t.network.zone(k.Namespace).own, k.Endpoint(s), nil}}
	}
	away := slices.ContainsFunc(v.places[s], func(p place) bool { return p.by != nil && p.by.throughout(first, last) })
	for _, p := range v.places[s] {
		if p.by == nil {
			p.endpoint = k.Endpoint(s)
		}
		if p.by == nil && !away || p.by != nil && p.by.during(first, last) {
			list = append(list, p)
		}
	}
	return list
}
