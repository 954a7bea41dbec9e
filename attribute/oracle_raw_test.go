package attribute_test

import (
	"slices"

	"github.com/pcapwho/pcapwho/attribute"
	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
	"pgregory.net/rapid"
)

// Types of ICMP messages.
const ping, pong = 8, 0

// drawPortless makes s one of ICMP, which has an identifier, or raw.
func drawPortless(t *rapid.T, s *connlog.Socket) {
	s.Protocol = rapid.SampledFrom([]flow.Protocol{flow.ICMP, flow.ICMP, attribute.AnyProtocol}).Draw(t, "protocol")
	s.Local = rapid.SampledFrom([]flow.Endpoint{{Addr: flow.AddrFrom4(0)}, {Addr: end(0).Addr}}).Draw(t, "local")
	if s.Protocol == flow.ICMP {
		s.Local.Port = rapid.SampledFrom([]uint16{0, 7}).Draw(t, "identifier")
	}
	s.Interface = rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "interface")
}

// drawEchoes adds pings and their answers.
func drawEchoes(t *rapid.T, o *oracle, span int64) {
	for n := range rapid.IntRange(0, 4).Draw(t, "echoes") {
		pair := rapid.SampledFrom(pairs).Draw(t, "pair")
		a, b := end(pair[0]).Addr, end(pair[1]).Addr
		if rapid.Bool().Draw(t, "back") {
			a, b = b, a
		}
		o.echoes = append(o.echoes, packet.Packet{Frame: uint64(len(o.packets) + n + 1), Time: rapid.Int64Range(0, span*4).Draw(t, "time")*ms/4 + base,
			Class: packet.Network, IPVersion: 4, WireLength: 60, Tuple: flow.FiveTuple{Source: a, Destination: b, Protocol: flow.ICMP},
			ICMPType: rapid.SampledFrom([]uint8{ping, pong}).Draw(t, "type"), ICMPID: rapid.SampledFrom([]uint16{7, 8}).Draw(t, "identifier")})
	}
}

// checkEchoes holds that the engine and the oracle agree about packets without ports.
func checkEchoes(t *rapid.T, o *oracle, r *attribute.Result) {
	for i := range o.echoes {
		p := &o.echoes[i]
		_, src, dst, err := r.Find(p)
		if err != nil {
			t.Fatal(err)
		}
		for n, v := range [2]attribute.Verdict{src, dst} {
			if got, want := engineWord(r, v), o.portless(p, n == 0); got != want {
				t.Fatalf("%v type %d id %d at %d ms, side %d: got %s, the oracle says %s\n%s", p.Tuple, p.ICMPType, p.ICMPID, p.Time/1e6, n, got, want, o.dump())
			}
		}
	}
}

// portless returns "reason pids" for one side of an echo request or reply.
func (o *oracle) portless(p *packet.Packet, source bool) string {
	me := p.Tuple.Destination
	if source {
		me = p.Tuple.Source
	}
	switch {
	case !o.local(me):
		return "remote []"
	case source != (p.ICMPType == ping):
		return "kernel []"
	case within(o.twice(), p.Time, p.Time):
		return "unknown []"
	}
	var own, who []int32
	certain := false
	for _, s := range o.sockets() {
		takes := s.Local.Addr == me || s.Local.Addr.IsUnspecified() && me.Is4()
		mine := s.Protocol == flow.ICMP && s.Local.Port == p.ICMPID
		raw := s.Local.Port == 0 && (s.Protocol == flow.ICMP || s.Protocol == attribute.AnyProtocol && source)
		if s.Namespace != 0 || !takes || !mine && !raw || !s.existed(p.Time) {
			continue
		}
		holders, here := slices.Clone(s.holders(p.Time)), o.device(s, p, flow.Endpoint{Addr: me})
		if !here {
			holders = append(holders, unseen)
		}
		who = append(who, holders...)
		if mine {
			own = append(own, holders...)
			certain = certain || here && len(heldAt([]*oracleSocket{s}, p.Time)) > 0
		}
	}
	if !certain && o.teller(p.Time, p.Time) == 0 {
		who = append(who, unseen)
	}
	if certain {
		who = own
	}
	slices.Sort(who)
	if who = slices.Compact(who); len(who) == 0 {
		return "unknown []"
	}
	if certain {
		return verdict("exact", who)
	}
	return verdict("wildcard", who)
}
