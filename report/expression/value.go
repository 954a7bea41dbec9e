package expression

import (
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Kind is what a field holds.
type Kind uint8

const (
	Integer Kind = iota
	Text
	Truth
	Address // text that is an address of RFC 5952
)

// String words the kind for messages.
func (k Kind) String() string {
	return [...]string{"a number", "text", "true or false", "an address"}[k]
}

// Value is what a field holds in one row; only the one that its kind uses counts.
type Value struct {
	Null bool
	Int  int64
	Text string
	True bool
}

// units are what integers may be followed by, in nanoseconds.
var units = []struct {
	name string
	ns   int64
}{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}

// decimal is a number without a unit; a longer exponent would take all memory.
var decimal = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?([eE][0-9]{1,3})?$`)

// parseInteger reads 443, 1e6, 0x1f, 1.5ms.
func parseInteger(text string) (v int64, ok bool) {
	if strings.HasPrefix(text, "0x") {
		v, err := strconv.ParseInt(text[2:], 16, 64)
		return v, err == nil
	}
	factor := int64(1)
	for _, u := range units {
		if number, found := strings.CutSuffix(text, u.name); found && decimal.MatchString(number) {
			text, factor = number, u.ns
			break
		}
	}
	if !decimal.MatchString(text) {
		return 0, false
	}
	r, _ := new(big.Rat).SetString(text)
	r.Mul(r, new(big.Rat).SetInt64(factor))
	return r.Num().Int64(), r.IsInt() && r.Num().IsInt64()
}

// parsePrefix reads an address, or a prefix. IPv4 in IPv6 is IPv4.
func parsePrefix(text string) (netip.Prefix, bool) {
	const mapped = 96 // bits in front of an IPv4 address in IPv6 (RFC 4291 section 2.5.5.2)
	p, err := netip.ParsePrefix(text)
	if a, e := netip.ParseAddr(text); e == nil && a.Zone() == "" {
		p, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	if a := p.Addr(); a.Is4In6() && p.Bits() >= mapped {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-mapped)
	}
	return p, err == nil
}
