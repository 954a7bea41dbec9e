package record

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
)

// ifaddr makes the message of an address.
func ifaddr(family, bits uint8, index uint32, attributes ...[]byte) []byte {
	b := binary.NativeEndian.AppendUint32([]byte{family, bits, 0, 0}, index)
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

func bytesOf(address string) []byte { return netip.MustParseAddr(address).AsSlice() }

func TestParseAddress(t *testing.T) {
	v4, v6 := attribute(addressAny, bytesOf("192.0.2.1")), attribute(addressAny, bytesOf("2001:db8::1"))
	for name, c := range map[string]struct {
		kind    uint16
		message []byte
		want    connlog.Address // empty = it is none
		err     string
	}{
		"came":                {addressCame, ifaddr(familyINET, 24, 2, v4), connlog.Address{Change: connlog.AddressAdd, Address: "192.0.2.1/24", Interface: 2}, ""},
		"went":                {addressWent, ifaddr(familyINET6, 64, 3, v6, attribute(99, []byte{1})), connlog.Address{Change: connlog.AddressRemove, Address: "2001:db8::1/64", Interface: 3}, ""},
		"with a peer":         {addressCame, ifaddr(familyINET, 32, 2, attribute(addressAny, bytesOf("192.0.2.9")), attribute(addressLocal, bytesOf("192.0.2.1"))), connlog.Address{Change: connlog.AddressAdd, Address: "192.0.2.1/32", Interface: 2}, ""},
		"another message":     {16, ifaddr(familyINET, 24, 2, v4), connlog.Address{}, ""},
		"another family":      {addressCame, ifaddr(99, 24, 2, v4), connlog.Address{}, ""},
		"empty":               {addressCame, nil, connlog.Address{}, "address of 0 bytes, need 8"},
		"cut":                 {addressWent, ifaddr(familyINET, 24, 2)[:7], connlog.Address{}, "address of 7 bytes, need 8"},
		"no address":          {addressCame, ifaddr(familyINET, 24, 2), connlog.Address{}, "no address of family 2 with 24 bits"},
		"of another family":   {addressCame, ifaddr(familyINET, 24, 2, v6), connlog.Address{}, "no address of family 2 with 24 bits"},
		"too many bits":       {addressCame, ifaddr(familyINET, 33, 2, v4), connlog.Address{}, "no address of family 2 with 33 bits"},
		"three bytes":         {addressCame, ifaddr(familyINET, 24, 2, attribute(addressAny, []byte{1, 2, 3})), connlog.Address{}, "no address"},
		"attribute too long":  {addressCame, append(ifaddr(familyINET, 24, 2), 9, 9, 0, 0), connlog.Address{}, "attribute of 2313 bytes, 4 left"},
		"attribute too short": {addressCame, append(ifaddr(familyINET, 24, 2), 3, 0, 0, 0), connlog.Address{}, "attribute of 3 bytes, 4 left"},
	} {
		got, ok, err := parseAddress(c.kind, c.message)
		if ok != (c.want.Address != "") || ok && got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v, %v, want %+v, %q", name, got, ok, err, c.want, c.err)
		}
	}
}

// FuzzAddress: what is accepted is an address in CIDR notation, of its family.
func FuzzAddress(f *testing.F) {
	f.Add(uint16(addressCame), ifaddr(familyINET, 24, 2, attribute(addressAny, bytesOf("192.0.2.9")), attribute(addressLocal, bytesOf("192.0.2.1"))))
	f.Add(uint16(addressWent), ifaddr(familyINET6, 64, 3, attribute(addressAny, bytesOf("2001:db8::1"))))
	f.Add(uint16(addressWent), append(ifaddr(familyINET6, 64, 3), 4, 0, 1, 0))
	f.Fuzz(func(t *testing.T, kind uint16, m []byte) {
		a, ok, err := parseAddress(kind, m)
		if ok && err != nil {
			t.Fatal("an address and an error")
		}
		if !ok {
			return
		}
		p, err := netip.ParsePrefix(a.Address)
		if err != nil || p.Addr().Is4() != (m[0] == familyINET) || p.Bits() != int(m[1]) || a.Change == connlog.AddressAdd != (kind == addressCame) {
			t.Fatalf("message %d %x: %+v, %v", kind, m, a, err)
		}
	})
}
