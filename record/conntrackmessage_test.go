package record

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// tupleOf makes CTA_TUPLE_ORIG or CTA_TUPLE_REPLY.
func tupleOf(kind uint16, protocol uint8, source, destination string, ports ...uint16) []byte {
	first := uint16(tupleSource4)
	if strings.Contains(source, ":") {
		first = tupleSource6
	}
	ip := slices.Concat(attribute(first, bytesOf(source)), attribute(first+1, bytesOf(destination)))
	proto := attribute(tupleProtocol, []byte{protocol})
	for i, p := range ports {
		proto = append(proto, attribute(tupleSourcePort+uint16(i), binary.BigEndian.AppendUint16(nil, p))...)
	}
	const nested = 0x8000
	return attribute(kind|nested, slices.Concat(attribute(tupleIP|nested, ip), attribute(tuplePorts|nested, proto)))
}

// trackedMessage makes the message of a connection.
func trackedMessage(tuples ...[]byte) []byte {
	return slices.Concat(append([][]byte{{familyINET, 0, 0, 0}}, tuples...)...)
}

func TestParseTranslation(t *testing.T) {
	ep := func(a string, port uint16) flow.Endpoint {
		b := bytesOf(a)
		if len(b) == 4 {
			return flow.Endpoint{Addr: flow.AddrFrom4(binary.BigEndian.Uint32(b)), Port: port}
		}
		return flow.Endpoint{Addr: flow.AddrFrom16(b), Port: port}
	}
	masqueraded := trackedMessage(tupleOf(tupleOriginal, 6, "172.17.0.2", "198.51.100.7", 40000, 443), tupleOf(tupleReply, 6, "198.51.100.7", "192.0.2.8", 443, 61000))
	published := trackedMessage(tupleOf(tupleOriginal, 17, "2001:db8::9", "2001:db8::1", 5000, 8080), tupleOf(tupleReply, 17, "2001:db8:1::2", "2001:db8::9", 80, 5000))
	for name, c := range map[string]struct {
		kind    uint16
		message []byte
		want    connlog.NAT // Change 0: none
		err     string
	}{
		"masqueraded": {conntrackNew, masqueraded, connlog.NAT{Change: connlog.TranslationOpen, Protocol: flow.TCP,
			Source: ep("172.17.0.2", 40000), Destination: ep("198.51.100.7", 443), NewSource: ep("192.0.2.8", 61000), NewDestination: ep("198.51.100.7", 443)}, ""},
		"published": {conntrackDelete, published, connlog.NAT{Change: connlog.TranslationClose, Protocol: flow.UDP,
			Source: ep("2001:db8::9", 5000), Destination: ep("2001:db8::1", 8080), NewSource: ep("2001:db8::9", 5000), NewDestination: ep("2001:db8:1::2", 80)}, ""},
		"untouched": {conntrackNew, trackedMessage(tupleOf(tupleOriginal, 6, "192.0.2.1", "192.0.2.2", 1, 2), tupleOf(tupleReply, 6, "192.0.2.2", "192.0.2.1", 2, 1)), connlog.NAT{}, ""},
		"no ports":  {conntrackNew, trackedMessage(tupleOf(tupleOriginal, 1, "192.0.2.1", "192.0.2.2"), tupleOf(tupleReply, 1, "192.0.2.2", "192.0.2.3")), connlog.NAT{}, ""},
		"another":   {conntrackNew + 7, masqueraded, connlog.NAT{}, ""},
		"empty":     {conntrackNew, nil, connlog.NAT{}, "message of 0 bytes, need 4"},
		"cut":       {conntrackNew, masqueraded[:20], connlog.NAT{}, "attribute of 52 bytes, 16 left"},
		"cut inside": {conntrackNew, trackedMessage(attribute(tupleOriginal, append(attribute(tupleIP, append(attribute(1, []byte{1, 2, 3, 4}), 99, 0, 0, 0)), 0))), connlog.NAT{},
			"attribute of 99 bytes, 4 left"},
	} {
		got, ok, err := parseTranslation(c.kind, c.message)
		if ok != (c.want.Change != 0) || ok && got != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v, %v, want %+v, %q", name, got, ok, err, c.want, c.err)
		}
	}
}

// FuzzTranslation: what is accepted does translate, and both sides are of ports.
func FuzzTranslation(f *testing.F) {
	f.Add(uint16(conntrackNew), trackedMessage(tupleOf(tupleOriginal, 6, "172.17.0.2", "198.51.100.7", 40000, 443), tupleOf(tupleReply, 6, "198.51.100.7", "192.0.2.8", 443, 61000)))
	f.Fuzz(func(t *testing.T, kind uint16, m []byte) {
		n, ok, err := parseTranslation(kind, m)
		if ok && (err != nil || n.Source == n.NewSource && n.Destination == n.NewDestination) {
			t.Fatalf("%x: %+v, %v", m, n, err)
		}
	})
}

// The news about translations is that which is new: what was listed, or told twice,
// is told once, and after a loss the difference.
func TestTranslations(t *testing.T) {
	at := func(port uint16) connlog.NAT {
		return connlog.NAT{Protocol: flow.TCP, Source: flow.Endpoint{Port: port}}
	}
	told := func(change connlog.TranslationChange, port uint16) translated {
		n := at(port)
		n.Change = change
		return translated{NAT: n, at: 7}
	}
	listed := []connlog.NAT{at(1), at(2)}
	x := &translations{known: map[connlog.NAT]bool{}, list: func() ([]connlog.NAT, error) { return listed, nil }}
	var log []string
	note := func(list []connlog.NAT, _ int64) {
		for _, n := range list {
			log = append(log, n.Change.String()+" "+string('0'+rune(n.Source.Port)))
		}
	}
	note(x.snapshot(), 0)
	note(x.take(told(connlog.TranslationOpen, 2)))
	note(x.take(told(connlog.TranslationOpen, 3)))
	note(x.take(told(connlog.TranslationClose, 1)))
	note(x.take(told(connlog.TranslationClose, 1)))
	listed = []connlog.NAT{at(3), at(4)}
	note(x.take(translated{lost: true}))
	if want := []string{"snapshot 1", "snapshot 2", "open 3", "close 1", "close 2", "open 4"}; !slices.Equal(log, want) {
		t.Errorf("told %q, want %q", log, want)
	}
}
