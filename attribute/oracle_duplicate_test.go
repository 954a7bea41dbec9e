package attribute_test

import (
	"cmp"
	"slices"
	"time"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// duplicated is the instance number of packets that another interface had before.
const duplicated = -1

// drawWays has packets pass one of two interfaces, or both, at about the same time.
func drawWays(t *rapid.T, o *oracle) {
	for _, p := range slices.Clone(o.packets) {
		q := &o.packets[p.Frame-1]
		q.Device, q.Print = rapid.Uint16Range(0, 1).Draw(t, "device"), rapid.Uint16Range(0, 1).Draw(t, "print")
		if rapid.Bool().Draw(t, "seen again") {
			again := *q
			again.Device = 1 - q.Device
			again.Time += int64(rapid.SampledFrom([]time.Duration{0, 10 * time.Microsecond, 40 * time.Millisecond, 60 * time.Millisecond}).Draw(t, "later"))
			o.packets = append(o.packets, again)
		}
	}
	slices.SortStableFunc(o.packets, func(a, b packet.Packet) int { return cmp.Compare(a.Time, b.Time) })
	for i := range o.packets {
		o.packets[i].Frame = uint64(i + 1)
	}
}

// ways is what is known of the interfaces that a connection's packets pass, each
// by its sender.
type ways struct {
	leads    [2]int             // 1 + the device that brought something new last
	whole    [2]map[uint32]bool // TCP: the sequence numbers that were seen
	next     [2]uint32          // one above the highest
	begun    [2]bool            // those are known
	older    [2]bool            // the first was no SYN: there were others before
	first    [2]uint32          // the first
	datagram [2]*packet.Packet  // UDP: the last one
	doubled  bool               // another device had something again
}

const soon = 50 * time.Millisecond

// duplicate tells whether packet p of a connection, from a sender, is one that was seen
// before on another interface.
func (w *ways) duplicate(p *packet.Packet, from int, s *state) bool {
	if w.leads[from] == 0 || w.leads[from] == int(p.Device)+1 {
		return false
	}
	if p.Tuple.Protocol == flow.UDP {
		last := w.datagram[from]
		if p.Time>>16-last.Time>>16 > int64(soon)>>16 {
			return false
		}
		w.doubled = w.doubled || last.Print == p.Print && last.Payload == p.Payload
		return w.doubled
	}
	syn := p.TCPFlags&packet.SYN != 0
	switch {
	case time.Duration(p.Time-s.last) > soon, p.TCPFlags&^s.flags[from]&(packet.FIN|packet.RST) != 0:
		return false
	case p.Payload == 0 && !syn:
		return w.doubled
	case !w.begun[from]:
		return false
	}
	for n := p.Seq; n != p.Seq+p.Payload+uint32(b2i(syn)); n++ {
		if int32(n-w.next[from]) >= 0 || w.missing(from, n) {
			return false
		}
	}
	w.doubled = true
	return true
}

// missing tells whether a sequence number below the highest was not seen: a byte, or
// one that may have been sent before the capture began.
func (w *ways) missing(from int, n uint32) bool {
	if below := int32(w.first[from] - n); below > 0 {
		const window = 6 << 20
		return w.older[from] && below <= window && !w.whole[from][n]
	}
	return !w.whole[from][n]
}

// note takes a packet that counts.
func (w *ways) note(p *packet.Packet, from int) {
	w.leads[from] = int(p.Device) + 1
	if p.Tuple.Protocol == flow.UDP {
		w.datagram[from] = p
		return
	}
	seq, syn := p.Seq, p.TCPFlags&packet.SYN != 0
	if syn {
		seq++
	}
	if !w.begun[from] {
		w.begun[from], w.older[from], w.first[from], w.next[from], w.whole[from] = true, !syn, seq, seq, map[uint32]bool{}
	}
	for n := seq; n != seq+p.Payload; n++ {
		w.whole[from][n] = true
		if int32(n+1-w.next[from]) > 0 {
			w.next[from] = n + 1
		}
	}
}
