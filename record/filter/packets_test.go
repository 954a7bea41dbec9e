package filter

import (
	"encoding/binary"
	"math/rand/v2"
)

// Addresses and ports that expressions and packets of the tests share, so that
// they meet.
func addresses4() []string {
	return []string{"10.0.0.1", "10.0.0.2", "10.1.2.3", "127.0.0.1", "224.0.0.1"}
}
func addresses6() []string { return []string{"::1", "fe80::1", "2001:db8::2", "ff02::1"} }
func ports() []uint16      { return []uint16{0, 53, 80, 443, 8080, 65535} }
func macs() []string {
	return []string{"00:00:00:00:00:00", "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "1:0:5e:0:0:1"}
}

// draws makes packets.
type draws struct{ *rand.Rand }

func choose[T any](d draws, of []T) T { return of[d.IntN(len(of))] }

func (d draws) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		switch d.IntN(3) {
		case 0:
			b[i] = choose(d, []byte{1, 2, 8, 18, 128}) // which the expressions ask for
		case 1:
			b[i] = byte(d.Uint32())
		}
	}
	return b
}

// frame is a frame of a link type: often of a protocol that filters know, with
// options, fragments and extension headers, sometimes cut, sometimes noise.
func (d draws) frame(l link) []byte {
	var b []byte
	kind := choose(d, []uint16{etherIP, etherIP, etherIP6, etherIP6, etherARP, etherRARP, 0x8100, 0x88cc, 46})
	if l == ethernet {
		b = append(mac(choose(d, macs())), mac(choose(d, macs()))...)
		b = binary.BigEndian.AppendUint16(b, kind)
	}
	switch kind {
	case etherIP:
		b = append(b, d.ip4()...)
	case etherIP6:
		b = append(b, d.ip6()...)
	case etherARP, etherRARP:
		b = append(b, d.arp()...)
	default:
		b = append(b, d.bytes(d.IntN(60))...)
	}
	if d.IntN(4) == 0 {
		b = b[:d.IntN(len(b)+1)]
	}
	return b
}

func (d draws) protocol() byte {
	return choose(d, []byte{1, 2, 6, 6, 6, 17, 17, 44, 50, 51, 58, 103, 112, 132, byte(d.Uint32())})
}

func (d draws) transport(protocol byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, choose(d, ports()))
	b = binary.BigEndian.AppendUint16(b, choose(d, ports()))
	b = append(b, d.bytes(d.IntN(40))...)
	switch {
	case protocol == 1 || protocol == 58:
		b[0] = choose(d, []byte{0, 3, 8, 128})
	case len(b) > 13:
		b[13] = choose(d, []byte{2, 16, 18})
	}
	return b
}

func (d draws) ip4() []byte {
	b := d.bytes(20)
	words := choose(d, []byte{5, 5, 5, 6, 15, 0, byte(d.IntN(16))})
	b[0] = 0x40 | words
	binary.BigEndian.PutUint16(b[ipFragment:], choose(d, []uint16{0, 0, 0, 0x4000, 0x2000, 0x2001, 0x00ff, 0x1fff}))
	b[ipProtocol] = d.protocol()
	copy(b[ipSource:], address(choose(d, addresses4())))
	copy(b[ipTarget:], address(choose(d, addresses4())))
	b = append(b, d.bytes(max(int(words)*4-20, 0))...)
	return append(b, d.transport(b[ipProtocol])...)
}

func (d draws) ip6() []byte {
	b := d.bytes(40)
	b[0] = 0x60
	b[ip6Next] = d.protocol()
	copy(b[ip6Source:], address(choose(d, addresses6())))
	copy(b[ip6Target:], address(choose(d, addresses6())))
	if b[ip6Next] == fragmentHeader {
		b = append(append(b, d.protocol()), d.bytes(7)...)
	}
	return append(b, d.transport(b[ip6Next])...)
}

func (d draws) arp() []byte {
	b := d.bytes(28)
	copy(b, []byte{0, 1, 8, 0, 6, 4})
	copy(b[arpSource:], address(choose(d, addresses4())))
	copy(b[arpTarget:], address(choose(d, addresses4())))
	return b
}
