package packet

import (
	"encoding/binary"

	"github.com/pcapwho/pcapwho/ingest/flow"
	"github.com/pcapwho/pcapwho/ingest/pcapng"
)

var be, le = binary.BigEndian, binary.LittleEndian

// Decode fills p from the headers of a frame of the given link type
// (pcapng.Link…). Frame, Time, Interface and the two lengths must be set, and
// Direction where the capture tells it; everything else must be zero or as Decode
// left it for another frame, and is overwritten. It keeps nothing of data, never
// panics, and does not allocate but for the link types that it leaves to gopacket.
func Decode(link uint16, data []byte, p *Packet) {
	if link != pcapng.LinkEthernet || !quick(data, p) {
		full(link, data, p)
	}
}

// full decodes any frame.
func full(link uint16, data []byte, p *Packet) {
	p.forget()
	linked(link, whole(data, p.WireLength), p)
	if p.Body > 0 {
		p.Body = uint32(cap(data)) - p.Body
	}
	if p.Class == Transport {
		p.Hash = p.Tuple.Hash()
	}
}

// forget makes p that of a frame of which nothing is known.
func (p *Packet) forget() {
	p.Hash = 0
	p.Class, p.IPVersion, p.Tuple, p.Payload = Undecoded, 0, flow.FiveTuple{}, 0
	p.TCPFlags, p.Window, p.Seq, p.Ack = 0, 0, 0, 0
	p.Body, p.Held = 0, 0
	p.TCPOptions, p.MSS, p.Print = 0, 0, 0
	p.Fragmented, p.HasQuoted = false, false
	p.forgetRare()
}

// forgetRare is forget of what is in the third line.
func (p *Packet) forgetRare() {
	p.Quoted = flow.FiveTuple{}
	p.FragmentMore, p.FragmentOffset, p.FragmentID = false, 0, 0
	p.ICMPType, p.ICMPCode, p.ICMPID = 0, 0, 0
}

// hold notes what was captured of the payload. Body is, until full knows better,
// the capacity from its beginning on: what follows a header is a slice of the
// frame.
func (p *Packet) hold(payload []byte) {
	if p.Held = uint16(min(len(payload), int(p.Payload), MaxHeld)); p.Held > 0 {
		p.Body = uint32(cap(payload))
	}
}

// noIP says that what was read carries no IP packet; inside of a tunnel the
// packet stays that of the tunnel.
func (p *Packet) noIP() {
	if p.Class == Undecoded {
		p.Class = Link
	}
}

// The link types beside those that package pcapng names
// (www.tcpdump.org/linktypes.html).
const (
	linkARCNETBSD   = 7
	linkPPP         = 9
	linkRawBSD      = 12 // values of LINKTYPE_RAW that some systems wrote into files
	linkRawOpenBSD  = 14
	linkPPPHDLC     = 50
	linkPPPoE       = 51
	linkATM         = 100 // LINKTYPE_ATM_RFC1483
	linkHDLC        = 104 // Cisco's
	linkWLAN        = 105
	linkATMCLIP     = 106
	linkFrameRelay  = 107
	linkPrism       = 119
	linkRadiotap    = 127
	linkARCNETLinux = 129
	linkAVS         = 163
	linkPPPD        = 166
	linkJuniper     = 178 // LINKTYPE_JUNIPER_ETHER
	linkPPI         = 192
	linkPPPDir      = 204
	linkIPNET       = 226
	linkNFLOG       = 239
	linkIPoIB       = 242
)

// linked reads f, which begins with a link header of the given type.
func linked(link uint16, f part, p *Packet) {
	switch link {
	case pcapng.LinkEthernet:
		ethernet(f, p)
	case pcapng.LinkNull, pcapng.LinkLoop:
		loopback(f, p)
	case pcapng.LinkRaw, pcapng.LinkIPv4, pcapng.LinkIPv6, linkRawBSD, linkRawOpenBSD:
		rawIP(f, p)
	case pcapng.LinkSLL:
		sll(f, p)
	case pcapng.LinkSLL2:
		sll2(f, p)
	case pcapng.LinkPKTAP:
		pktap(f, p)
	case linkWLAN:
		wlan(f, 1, p)
	case linkRadiotap:
		radiotap(f, p)
	case linkPrism, linkAVS:
		prism(f, p)
	case linkPPI:
		ppi(f, p)
	case linkPPP, linkPPPHDLC, linkPPPD:
		ppp(f, p)
	case linkPPPDir:
		if f, ok := f.behind(1); ok {
			ppp(f, p)
		}
	case linkPPPoE:
		pppoe(f, p)
	case linkHDLC:
		hdlc(f, p)
	case linkFrameRelay:
		frameRelay(f, p)
	case linkATM, linkATMCLIP:
		atm(f, p)
	case linkARCNETBSD:
		arcnet(f, 2, p)
	case linkARCNETLinux:
		arcnet(f, 4, p)
	case linkJuniper:
		juniper(f, p)
	case linkIPNET:
		ipnet(f, p)
	case linkNFLOG:
		nflog(f, p)
	case linkIPoIB:
		ipoib(f, p)
	default:
		layered(link, f, p)
	}
}
