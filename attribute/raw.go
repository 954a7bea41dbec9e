package attribute

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/attribute/owner"
	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/packet"
)

// rawOwner answers, where the addresses alone leave a side of a packet without ports
// unknown, by the sockets without ports: an echo request and the reply to it are of who
// held the ICMP socket with their identifier, and else, as packets of protocols that the
// kernel does not speak, of who held a raw socket for them.
func rawOwner(log *owner.Timeline, p *packet.Packet, addr flow.Addr, reason Reason, sent bool) (looseOwner, Reason) {
	if reason != Unknown || !log.HasRaw() || log.Locality(addr) != owner.Local || !p.Echoes() && kernelSpeaks(p.Tuple.Protocol) {
		return looseOwner{}, reason
	}
	if log.Twice(p.Time, p.Time) {
		return looseOwner{}, reason
	}
	v := rawVerdict(log, p, addr, sent)
	return looseOwner{v.Process + 1, packed(v.Candidates), v.Uncertainty}, v.Reason
}

// rawVerdict is of one side, whose address is given.
func rawVerdict(log *owner.Timeline, p *packet.Packet, addr flow.Addr, sent bool) Verdict {
	peer := p.Tuple.Destination
	if !sent {
		peer = p.Tuple.Source
	}
	ns := log.Namespace(p.Place, &p.Tuple)
	var f field
	if log.Masks(addr, p.Tuple.Protocol, p.Time) || sent && log.Masks(addr, AnyProtocol, p.Time) {
		f.doubt("it may be of another network namespace, whose addresses are translated")
	}
	add := func(protocol flow.Protocol, id uint16) {
		for _, i := range log.Raw(nil, ns, protocol, flow.Endpoint{Addr: addr, Port: id}) {
			f.add(log.Socket(i), log.Holds(nil, i), p.Time, log.OnDevice(i, peer))
		}
	}
	if p.ICMPID != 0 {
		if add(p.Tuple.Protocol, p.ICMPID); f.certain {
			return f.verdict(Exact)
		}
	}
	add(p.Tuple.Protocol, 0)
	if sent {
		add(AnyProtocol, 0)
	}
	if !log.Tells(p.Time) {
		f.doubt("another raw socket may have been there, and was not seen")
	}
	return f.verdict(Wildcard)
}

// AnyProtocol is IPPROTO_RAW (linux/in.h): through a raw socket of it packets of every
// protocol are sent, and none received.
const AnyProtocol flow.Protocol = 255

// kernelSpeaks tells whether the Linux kernel itself may send and take packets of a
// protocol (IANA "Assigned Internet Protocol Numbers"): ICMP, IGMP, IP in IP, TCP, UDP,
// DCCP, IPv6, GRE, ESP, AH, ICMPv6, PIM, IPComp, L2TP, SCTP, UDP-Lite and MPLS in IP.
func kernelSpeaks(p flow.Protocol) bool {
	switch p {
	case 1, 2, 4, 6, 17, 33, 41, 47, 50, 51, 58, 103, 108, 115, 132, 136, 137:
		return true
	}
	return false
}

// verdict returns what a side of a packet of no connection is, for a reason.
func (o looseOwner) verdict(r Reason) Verdict {
	v := unowned(r, looseWhy[r])
	v.Process, v.Uncertainty = o.process-1, o.uncertainty
	for b := []byte(o.candidates); len(b) > 0; b = b[4:] {
		v.Candidates = append(v.Candidates, int32(binary.BigEndian.Uint32(b)))
	}
	return v
}
