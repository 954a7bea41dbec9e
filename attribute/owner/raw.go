package owner

import (
	"slices"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// HasRaw tells whether the log has sockets without ports.
func (t *Timeline) HasRaw() bool { return t != nil && t.raw }

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

// Tells tells whether the log has all that happened to sockets around a time.
func (t *Timeline) Tells(at int64) bool {
	return !t.missed && slices.ContainsFunc(t.recordings, func(r recording) bool { return r.tells && r.began <= at && at <= r.last })
}
