package owner

import (
	"cmp"
	"slices"
	"sort"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// portlessKey is a protocol without ports in a namespace.
type portlessKey struct {
	namespace uint16
	protocol  flow.Protocol
}

// sealPortless notes when there may have been sockets without ports.
func (t *Timeline) sealPortless() {
	t.portless = map[portlessKey][]window{}
	for _, i := range t.bound {
		if b := t.binding(i); b.protocol != flow.TCP && b.protocol != flow.UDP {
			k := portlessKey{b.namespace, b.protocol}
			t.portless[k] = append(t.portless[k], window{t.Socket(i).Before, t.Socket(i).After})
		}
	}
	for k, all := range t.portless {
		slices.SortFunc(all, func(a, b window) int { return cmp.Compare(a.begin, b.begin) })
		apart := all[:1]
		for _, w := range all[1:] {
			if last := &apart[len(apart)-1]; w.begin <= last.end {
				last.end = max(last.end, w.end)
			} else {
				apart = append(apart, w)
			}
		}
		t.portless[k] = apart
	}
}

// HasRaw tells whether the log has sockets without ports.
func (t *Timeline) HasRaw() bool { return t != nil && len(t.portless) > 0 }

// Raw appends to buf the sockets without ports that an address of a namespace, as in
// flow.Key, may have: for a protocol raw ones, of port 0, or those of ICMP with an
// identifier, which stands for the port.
func (t *Timeline) Raw(buf []int32, namespace uint16, protocol flow.Protocol, e flow.Endpoint) []int32 {
	own := t.network.zone(namespace).own
	homes := t.network.homes[e.Addr]
	if e.Addr.IsLoopback() || len(homes) == 0 {
		return t.boundAt(buf, own, protocol, e)
	}
	if own == 0 && t.local[e.Addr] && !slices.Contains(homes, own) {
		buf = t.boundAt(buf, own, protocol, e)
	}
	for _, n := range homes {
		buf = t.boundAt(buf, n, protocol, e)
	}
	return buf
}

// Masks tells whether, at a time, what has an address of the recorder's own namespace may
// be of a socket without ports elsewhere: what a container sends may leave under that
// address (masquerading), and no event tells of it but for TCP and UDP.
func (t *Timeline) Masks(a flow.Addr, protocol flow.Protocol, at int64) bool {
	if !t.local[a] || a.IsLoopback() {
		return false
	}
	for k, list := range t.portless {
		if k.namespace == 0 || k.protocol != protocol || !t.network.connected(k.namespace, 0) {
			continue
		}
		if n := sort.Search(len(list), func(n int) bool { return list[n].end > at }); n < len(list) && list[n].begin < at {
			return true
		}
	}
	return false
}

// Tells tells whether the log has all that happened to sockets around a time.
func (t *Timeline) Tells(at int64) bool {
	return !t.missed && slices.ContainsFunc(t.recordings, func(r recording) bool { return r.tells && r.began <= at && at <= r.last })
}
