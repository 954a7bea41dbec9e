package packet

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// layered finds the IP header of a frame of a rarer link type with gopacket's
// decoders: PPP, 802.11 with and without radiotap, FDDI and what else it knows.
func layered(link uint16, data []byte, p *Packet) {
	if link > 0xff { // gopacket's link types have 8 bits
		return
	}
	inLayers(layers.LinkType(link), data, int(p.WireLength), p)
}

// layeredType does the same for what an ethertype names.
func layeredType(kind uint16, data []byte, wire int, p *Packet) {
	inLayers(layers.EthernetType(kind), data, wire, p)
}

// inLayers decodes data layer by layer until IP comes, and goes on with own
// code there. Some of gopacket's decoders panic on short data: then the frame
// stays undecoded.
func inLayers(first gopacket.Decoder, data []byte, wire int, p *Packet) {
	defer func() {
		if recover() != nil {
			p.Class = Undecoded
		}
	}()
	decoded := gopacket.NewPacket(data, first, gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	ip := decoded.NetworkLayer() // decodes as far as it must, and no further
	for i, l := range decoded.Layers() {
		switch {
		case i == maxDepth:
			return
		case l.LayerType() == gopacket.LayerTypeDecodeFailure:
			return
		case ip != nil && l == gopacket.Layer(ip):
			rest := len(l.LayerContents()) + len(l.LayerPayload())
			if rest > len(data) {
				return
			}
			start := offsetOf(data, l.LayerContents())
			if start < 0 {
				return
			}
			rawIP(data[start:], wire-start, p)
			return
		}
	}
	p.Class = Link
}

// offsetOf returns where part, a slice of whole, begins in it; -1 when it is
// not a slice of it.
func offsetOf(whole, part []byte) int {
	off := cap(whole) - cap(part)
	if off < 0 || off > len(whole) || len(part) == 0 || &whole[:off+1][off] != &part[0] {
		return -1
	}
	return off
}
