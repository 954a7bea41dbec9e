package record

import (
	"encoding/binary"
	"fmt"
)

// eachAttribute calls f with every attribute of a netlink message (linux/netlink.h,
// struct nlattr): its type, and what it holds. One that does not lie within b ends
// the walk with an error that names the protocol.
func eachAttribute(protocol string, b []byte, f func(kind uint16, value []byte)) error {
	const header, flags = 4, 0xc000 // NLA_F_NESTED, NLA_F_NET_BYTEORDER
	host := binary.NativeEndian
	for len(b) >= header {
		length := int(host.Uint16(b))
		if length < header || length > len(b) {
			return fmt.Errorf("%s: attribute of %d bytes, %d left", protocol, length, len(b))
		}
		f(host.Uint16(b[2:])&^flags, b[header:length])
		b = b[min((length+3)&^3, len(b)):]
	}
	return nil
}

// appendAttribute appends an attribute with a 32-bit value.
func appendAttribute(b []byte, kind uint16, value uint32) []byte {
	host := binary.NativeEndian
	b = host.AppendUint16(b, 8)
	b = host.AppendUint16(b, kind)
	return host.AppendUint32(b, value)
}
