package packet

import (
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// layered finds the IP header of a frame of a link type without own code, with
// gopacket's decoders: FDDI, pflog and what else it knows. Some of them panic on
// short data: then the frame stays undecoded. (gopacket would recover too, and
// take a stack trace each time.)
func layered(link uint16, f part, p *Packet) {
	if link > 0xff { // gopacket's link types have 8 bits
		return
	}
	defer func() {
		if recover() != nil {
			p.forget()
		}
	}()
	decoded := gopacket.NewPacket(f.data, layers.LinkType(link), gopacket.DecodeOptions{Lazy: true, NoCopy: true, SkipDecodeRecovery: true})
	ip := decoded.NetworkLayer() // decodes as far as it must, and no further
	for i, l := range decoded.Layers() {
		switch {
		case i == maxDepth, l.LayerType() == gopacket.LayerTypeDecodeFailure:
			return
		case ip != nil && l == gopacket.Layer(ip):
			if n := offsetOf(f.data, l.LayerContents()); n >= 0 {
				rawIP(part{f.data[n:], f.bytes - int32(n), f.depth + int32(i)}, p)
			}
			return
		}
	}
	p.noIP()
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
