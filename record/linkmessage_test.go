package record

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// wordOf makes the value of an attribute of 32 bits.
func wordOf(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

// interfaceInfo makes the message of a link.
func interfaceInfo(index uint32, attributes ...[]byte) []byte {
	b := slices.Concat(make([]byte, 4), wordOf(index), make([]byte, 8))
	return append(b, slices.Concat(attributes...)...)
}

func TestParseLink(t *testing.T) {
	name := attribute(linkName, []byte("eth0\x00"))
	for what, c := range map[string]struct {
		message []byte
		want    link
		err     string
	}{
		"end of a pair":  {interfaceInfo(2, name, attribute(linkOther, wordOf(9)), attribute(linkOtherNamespace, wordOf(0))), link{2, 9, 0, "eth0"}, ""},
		"in the same":    {interfaceInfo(3, name, attribute(linkOther, wordOf(4))), link{3, 4, -1, "eth0"}, ""},
		"by itself":      {interfaceInfo(1, attribute(99, nil)), link{1, 0, -1, ""}, ""},
		"cut":            {interfaceInfo(1)[:15], link{}, "link of 15 bytes, need 16"},
		"attribute long": {append(interfaceInfo(1), 9, 0, 0, 0), link{}, "attribute of 9 bytes, 4 left"},
	} {
		got, err := parseLink(c.message)
		if (err != nil) != (c.err != "") || err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v, want %+v, %q", what, got, err, c.want, c.err)
		}
	}
}

func TestParseNumber(t *testing.T) {
	for what, c := range map[string]struct {
		message []byte
		want    int32
		ok      bool
	}{
		"one":  {slices.Concat(make([]byte, 4), attribute(namespaceNumber, wordOf(7))), 7, true},
		"none": {slices.Concat(make([]byte, 4), attribute(namespaceNumber, wordOf(0xffffffff))), -1, true},
		"cut":  {make([]byte, 3), -1, false},
	} {
		if got, err := parseNumber(c.message); got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %d, %v, want %d", what, got, err, c.want)
		}
	}
}

// FuzzLink: no message makes it panic.
func FuzzLink(f *testing.F) {
	f.Add(interfaceInfo(2, attribute(linkName, []byte("eth0\x00")), attribute(linkOther, wordOf(9)), attribute(linkOtherNamespace, wordOf(0))))
	f.Fuzz(func(t *testing.T, m []byte) {
		if l, err := parseLink(m); err == nil && l.namespace < -1 && len(m) < linkMessage {
			t.Fatalf("%x: %+v", m, l)
		}
		_, _ = parseNumber(m)
	})
}
