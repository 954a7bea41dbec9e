package owner

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// network is how the network namespaces of a host are connected: packets captured
// in one may be of sockets in another, or under other addresses.
type network struct {
	joined       []uint32                 // by namespace index: another that it is connected to, or itself
	homes        map[flow.Addr][]uint32   // namespaces, but the recorder's own, that have an address
	behind       map[device]uint32        // namespace of an interface's other end
	captured     []device                 // by pcapng interface
	zones        []zone                   // from index zoned on
	translating  map[connlog.NAT]int      // those that have not ended, in translated
	translated   []translation            // as the log tells them
	translations map[flow.Key][]rewriting // after Seal: by either key, without its namespace
}

// device is an interface of a namespace.
type device struct {
	namespace uint32
	index     int
}

// zone is what a captured interface connects: its own namespace, and that of its
// other end.
type zone struct{ own, peer uint32 }

// zoned is the first index of a zone that is more than a namespace.
const zoned = 1 << 30

func newNetwork() network {
	return network{homes: map[flow.Addr][]uint32{}, behind: map[device]uint32{}, translating: map[connlog.NAT]int{}}
}

// spans tells whether there is more than one namespace to look in, or a key may be
// another's in translation.
func (w *network) spans() bool { return len(w.homes) > 0 || len(w.translated) > 0 }

// zone returns what the index that a key has for its namespace stands for. Without
// a peer it is the namespace itself.
func (w *network) zone(index uint32) zone {
	if index < zoned {
		return zone{index, index}
	}
	return w.zones[index-zoned]
}

// settle adds an address of a namespace that is not the recorder's own.
func (w *network) settle(a flow.Addr, namespace uint32) {
	if !slices.Contains(w.homes[a], namespace) {
		w.homes[a] = append(w.homes[a], namespace)
	}
}

// join connects two namespaces.
func (w *network) join(a, b uint32) {
	if a, b = w.root(a), w.root(b); a != b {
		w.joined[max(a, b)] = min(a, b)
	}
}

// root returns the namespace that stands for all that n is connected to.
func (w *network) root(n uint32) uint32 {
	for int(n) >= len(w.joined) {
		w.joined = append(w.joined, uint32(len(w.joined)))
	}
	for w.joined[n] != n {
		n = w.joined[n]
	}
	return n
}

// connected tells whether packets pass between two namespaces. After Seal.
func (w *network) connected(a, b uint32) bool {
	return a == b || int(max(a, b)) < len(w.joined) && w.root(a) == w.root(b)
}

// seal makes the zones of the captured interfaces, whose indexes it returns, and
// forgets the addresses that no captured packet can have.
func (w *network) seal(namespaces int) (interfaces []uint32) {
	w.root(uint32(namespaces)) // all have their place: from here on it is only read
	for _, d := range w.captured {
		peer, ok := w.behind[d]
		if !ok || peer == d.namespace {
			interfaces = append(interfaces, d.namespace)
			continue
		}
		z := zone{d.namespace, peer}
		n := slices.Index(w.zones, z)
		if n < 0 {
			n = len(w.zones)
			w.zones = append(w.zones, z)
		}
		interfaces = append(interfaces, zoned+uint32(n))
	}
	for a, list := range w.homes {
		list = slices.DeleteFunc(list, func(n uint32) bool {
			return !w.connected(n, 0) && !slices.ContainsFunc(w.captured, func(d device) bool { return w.connected(n, d.namespace) })
		})
		if w.homes[a] = list; len(list) == 0 {
			delete(w.homes, a)
		}
	}
	w.sealTranslations()
	return interfaces
}
