package record

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Numbers of linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h and
// linux/net_namespace.h.
const (
	askLinks     = 18 // RTM_GETLINK
	askAddresses = 22 // RTM_GETADDR
	askNumber    = 90 // RTM_GETNSID

	linkMessage         = 16 // struct ifinfomsg
	linkName            = 3  // IFLA_IFNAME
	linkOther           = 5  // IFLA_LINK: index of the other end, or of the parent device
	linkOtherNamespace  = 37 // IFLA_LINK_NETNSID: and its namespace, where that is another
	linkOfNamespace     = 46 // IFLA_TARGET_NETNSID: whose links are asked for
	addressOfNamespace  = 10 // IFA_TARGET_NETNSID
	namespaceMessage    = 4  // struct rtgenmsg, padded
	namespaceNumber     = 1  // NETNSA_NSID
	namespaceDescriptor = 3  // NETNSA_FD
)

// link is an interface of some network namespace.
type link struct {
	index, other int
	namespace    int32 // number of the other's namespace; -1 = the same, or there is no other
	name         string
}

// parseLink reads struct ifinfomsg and its attributes.
//
//	0 family 2 type(u16) 4 index(i32) 8 flags 12 change 16 attributes
func parseLink(m []byte) (l link, err error) {
	if len(m) < linkMessage {
		return l, fmt.Errorf("rtnetlink: link of %d bytes, need %d", len(m), linkMessage)
	}
	host := binary.NativeEndian
	l = link{index: int(int32(host.Uint32(m[4:]))), namespace: -1}
	err = eachAttribute("rtnetlink", m[linkMessage:], func(kind uint16, value []byte) {
		switch {
		case kind == linkName:
			l.name = string(bytes.TrimRight(value, "\x00"))
		case kind == linkOther && len(value) == 4:
			l.other = int(int32(host.Uint32(value)))
		case kind == linkOtherNamespace && len(value) == 4:
			l.namespace = int32(host.Uint32(value))
		}
	})
	return l, err
}

// parseNumber reads the number that a namespace has here, -1 where it has none.
func parseNumber(m []byte) (number int32, err error) {
	if len(m) < namespaceMessage {
		return -1, fmt.Errorf("rtnetlink: namespace of %d bytes, need %d", len(m), namespaceMessage)
	}
	number = -1
	err = eachAttribute("rtnetlink", m[namespaceMessage:], func(kind uint16, value []byte) {
		if kind == namespaceNumber && len(value) == 4 {
			number = int32(binary.NativeEndian.Uint32(value))
		}
	})
	return number, err
}
