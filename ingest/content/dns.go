package content

import (
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// The ports of DNS and of those that speak it among neighbours.
const (
	portDNS   = 53
	portMDNS  = 5353
	portLLMNR = 5355
)

// DNSPort tells which of DNS, MDNS and LLMNR a port is for, Unrecognized where for
// none.
func DNSPort(port uint16) Application {
	switch port {
	case portDNS:
		return DNS
	case portMDNS:
		return MDNS
	case portLLMNR:
		return LLMNR
	}
	return Unrecognized
}

// IsDNS tells whether message looks like one of DNS: numbers of records that may be,
// a known kind of message, a first question that is well-formed.
func IsDNS(message []byte) bool {
	if len(message) < 12 {
		return false
	}
	questions, answers := be.Uint16(message[4:]), be.Uint16(message[6:])
	if opcode := message[2] >> 3 & 15; opcode > 6 || questions > 64 || questions == 0 && answers == 0 && be.Uint16(message[8:]) == 0 {
		return false
	}
	for at := 12; at < len(message); {
		n := int(message[at])
		switch {
		case n == 0, n >= 0xc0:
			return true
		case n > 63 || at+1+n-12 > 255:
			return false
		}
		at += 1 + n
	}
	return true // it was cut
}

// DNSStream takes the messages out of what one side of a TCP connection to a port of
// DNS sends (RFC 7766 section 8): it returns the first, and what follows it, nothing
// where it is not all there.
func DNSStream(data []byte) (message, rest []byte) {
	c := cursor{rest: data}
	message = c.vector16()
	if c.cut {
		return nil, nil
	}
	return message, c.rest
}

// Named is one address that an answer of DNS names.
type Named struct {
	Name    string // escaped as connlog.Escape does it, without the dot at its end
	Address netip.Addr
}

// Answers appends the addresses that a response names: those of the host that was
// asked for, whatever other names it has, and in MDNS, which answers without a
// question, those of each host. What is behind something malformed is not read.
func Answers(list []Named, message []byte) []Named {
	var p dnsmessage.Parser
	h, err := p.Start(message)
	if err != nil || !h.Response || h.RCode != dnsmessage.RCodeSuccess {
		return list
	}
	asked := ""
	if q, err := p.Question(); err == nil {
		asked = nameOf(&q.Name)
	} else if err != dnsmessage.ErrSectionDone {
		return list
	}
	if p.SkipAllQuestions() != nil {
		return list
	}
	list, whole := addresses(list, asked, p.AnswerHeader, p.SkipAnswer, &p)
	if asked != "" || !whole || p.SkipAllAuthorities() != nil {
		return list
	}
	list, _ = addresses(list, asked, p.AdditionalHeader, p.SkipAdditional, &p)
	return list
}

// addresses appends those of one section; whole tells that all of it was read.
func addresses(list []Named, asked string, header func() (dnsmessage.ResourceHeader, error), skip func() error, p *dnsmessage.Parser) (all []Named, whole bool) {
	for {
		h, err := header()
		if err != nil {
			return list, err == dnsmessage.ErrSectionDone
		}
		var address netip.Addr
		switch {
		case h.Type == dnsmessage.TypeA:
			r, failed := p.AResource()
			address, err = netip.AddrFrom4(r.A), failed
		case h.Type == dnsmessage.TypeAAAA:
			r, failed := p.AAAAResource()
			address, err = netip.AddrFrom16(r.AAAA), failed
		default:
			err = skip()
		}
		if err != nil {
			return list, false
		}
		if address.IsValid() {
			name := asked
			if name == "" {
				name = nameOf(&h.Name)
			}
			list = append(list, Named{name, address})
		}
	}
}

func nameOf(n *dnsmessage.Name) string {
	return connlog.Escape(strings.TrimSuffix(string(n.Data[:n.Length]), "."))
}
