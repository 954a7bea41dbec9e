package owner

import (
	"math"
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// network is how the network namespaces of a host are connected: packets captured
// in one may be of sockets in another, or under other addresses.
type network struct {
	joined       []uint16               // by namespace index: another that it is connected to, or itself
	homes        map[flow.Addr][]uint16 // namespaces, but the recorder's own, that have an address
	behind       map[device]uint16      // namespace of an interface's other end
	captured     []capturing
	place        int                      // of the recording's next captured interface
	out          []bool                   // after Seal, by place: see LeadsOut
	several      map[flow.Addr]bool       // after Seal: addresses that more than one namespace has
	zones        []zone                   // from index zoned on
	translating  map[connlog.NAT]int      // those that have not ended, in translated
	translated   []translation            // as the log tells them
	translations map[flow.Key][]rewriting // after Seal: by either key, without its namespace
}

// device is an interface of a namespace.
type device struct {
	namespace uint16
	index     int
}

// capturing is a captured interface, and its place in the files of its recording.
type capturing struct {
	device
	place int
	out   bool // it is the recorder's namespace's, and not loopback
}

// zone is what a captured interface connects: its own namespace, and that of its
// other end.
type zone struct{ own, peer uint16 }

// zoned is the first index of a zone that is more than a namespace. The namespaces of
// a log beyond that many are taken for one, which is connected to none.
const zoned = 1 << 15

func newNetwork() network {
	return network{homes: map[flow.Addr][]uint16{}, behind: map[device]uint16{}, translating: map[connlog.NAT]int{}}
}

// spans tells whether there is more than one namespace to look in, or a key may be
// another's in translation.
func (w *network) spans() bool { return len(w.homes) > 0 || len(w.translated) > 0 }

// zone returns what the index that a key has for its namespace stands for. Without
// a peer it is the namespace itself.
func (w *network) zone(index uint16) zone {
	if index < zoned {
		return zone{index, index}
	}
	return w.zones[index-zoned]
}

// settle adds an address of a namespace that is not the recorder's own.
func (w *network) settle(a flow.Addr, namespace uint16) {
	if !slices.Contains(w.homes[a], namespace) {
		w.homes[a] = append(w.homes[a], namespace)
	}
}

// join connects two namespaces.
func (w *network) join(a, b uint16) {
	if a, b = w.root(a), w.root(b); a != b && max(a, b) < zoned-1 {
		w.joined[max(a, b)] = min(a, b)
	}
}

// root returns the namespace that stands for all that n is connected to.
func (w *network) root(n uint16) uint16 {
	for int(n) >= len(w.joined) {
		w.joined = append(w.joined, uint16(len(w.joined)))
	}
	for w.joined[n] != n {
		n = w.joined[n]
	}
	return n
}

// connected tells whether packets pass between two namespaces. After Seal.
func (w *network) connected(a, b uint16) bool {
	return a == b || int(max(a, b)) < len(w.joined) && w.root(a) == w.root(b)
}

// indexOf returns the index for what an interface captures: its namespace, or a zone.
func (w *network) indexOf(d device) uint16 {
	peer, ok := w.behind[d]
	if !ok || peer == d.namespace {
		return d.namespace
	}
	z := zone{d.namespace, peer}
	n := slices.Index(w.zones, z)
	if n < 0 {
		if n = len(w.zones); n == math.MaxUint16-zoned {
			return d.namespace
		}
		w.zones = append(w.zones, z)
	}
	return zoned + uint16(n)
}

// seal makes the zones of the captured interfaces, whose indexes it returns, and
// forgets the addresses that no captured packet can have. own are the addresses of
// the recorder's namespace.
func (w *network) seal(namespaces int, own map[flow.Addr]bool) (interfaces []uint16) {
	w.root(uint16(namespaces)) // all have their place: from here on it is only read
	for _, c := range w.captured {
		n := w.indexOf(c.device)
		if c.place == len(interfaces) {
			interfaces, w.out = append(interfaces, n), append(w.out, c.out)
			continue
		}
		if interfaces[c.place] != n { // recordings differ
			interfaces[c.place] = 0
		}
		w.out[c.place] = w.out[c.place] && c.out
	}
	for a, list := range w.homes {
		list = slices.DeleteFunc(list, func(n uint16) bool {
			return !w.connected(n, 0) && !slices.ContainsFunc(w.captured, func(c capturing) bool { return w.connected(n, c.namespace) })
		})
		if w.homes[a] = list; len(list) == 0 {
			delete(w.homes, a)
		}
	}
	w.several = map[flow.Addr]bool{}
	for a, list := range w.homes {
		if len(list) > 1 || own[a] {
			w.several[a] = true
		}
	}
	w.sealTranslations()
	return interfaces
}
