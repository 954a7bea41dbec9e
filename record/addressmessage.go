package record

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// Numbers of linux/rtnetlink.h and linux/if_addr.h.
const (
	addressCame    = 20 // RTM_NEWADDR
	addressWent    = 21 // RTM_DELADDR
	addressMessage = 8  // struct ifaddrmsg
	addressAny     = 1  // IFA_ADDRESS: the peer's, where there is one
	addressLocal   = 2  // IFA_LOCAL
)

// parseAddress reads struct ifaddrmsg and its attributes. ok is false for other
// messages and other families.
//
//	0 family 1 prefix length 2 flags 3 scope 4 ifindex(u32) 8 attributes
func parseAddress(kind uint16, m []byte) (a connlog.Address, ok bool, err error) {
	switch kind {
	case addressCame:
		a.Change = connlog.AddressAdd
	case addressWent:
		a.Change = connlog.AddressRemove
	default:
		return a, false, nil
	}
	if len(m) < addressMessage {
		return a, false, fmt.Errorf("rtnetlink: address of %d bytes, need %d", len(m), addressMessage)
	}
	if m[0] != familyINET && m[0] != familyINET6 {
		return a, false, nil
	}
	host := binary.NativeEndian
	a.Interface = int(int32(host.Uint32(m[4:])))
	var any, local netip.Addr
	err = eachAttribute("rtnetlink", m[addressMessage:], func(kind uint16, value []byte) {
		switch address, _ := netip.AddrFromSlice(value); kind {
		case addressAny:
			any = address
		case addressLocal:
			local = address
		}
	})
	if err != nil {
		return a, false, err
	}
	if !local.IsValid() {
		local = any
	}
	p := netip.PrefixFrom(local, int(m[1]))
	if local.Is4() != (m[0] == familyINET) || !p.IsValid() {
		return a, false, fmt.Errorf("rtnetlink: no address of family %d with %d bits", m[0], m[1])
	}
	a.Address = p.String()
	return a, true, nil
}
