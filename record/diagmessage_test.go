package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// netlink makes one message, padded.
func netlink(kind uint16, sequence uint32, payload []byte) []byte {
	host := binary.NativeEndian
	b := make([]byte, netlinkHeader, netlinkHeader+len(payload)+3)
	host.PutUint32(b, uint32(netlinkHeader+len(payload)))
	host.PutUint16(b[4:], kind)
	host.PutUint32(b[8:], sequence)
	b = append(b, payload...)
	return append(b, "\x00\x00\x00"[:-len(b)&3]...)
}

// answer makes a struct inet_diag_msg with attributes.
func answer(family, state uint8, local, remote string, inode uint32, attributes ...[]byte) []byte {
	host := binary.NativeEndian
	b := make([]byte, diagMessage)
	b[0], b[1] = family, state
	for i, s := range []string{local, remote} {
		if s == "" {
			continue
		}
		e := netip.MustParseAddrPort(s)
		binary.BigEndian.PutUint16(b[4+2*i:], e.Port())
		copy(b[8+16*i:], e.Addr().AsSlice())
	}
	host.PutUint32(b[40:], 3)
	host.PutUint32(b[44:], 0xaabbccdd)
	host.PutUint32(b[48:], 0x11223344)
	host.PutUint32(b[68:], inode)
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, "\x00\x00\x00"[:-len(b)&3]...)
}

// tcpInfo makes a struct tcp_info of a size.
func tcpInfo(size int) []byte {
	host := binary.NativeEndian
	b := make([]byte, 256)
	host.PutUint32(b[68:], 1500)   // tcpi_rtt, µs
	host.PutUint32(b[100:], 9)     // tcpi_total_retrans
	host.PutUint64(b[128:], 7_000) // tcpi_bytes_received
	host.PutUint64(b[200:], 1_100) // tcpi_bytes_sent
	host.PutUint64(b[208:], 100)   // tcpi_bytes_retrans
	return b[:size]
}

func TestParseSocket(t *testing.T) {
	at := func(s string) flow.Endpoint { return flow.EndpointFrom(netip.MustParseAddrPort(s)) }
	const cookie = 0x11223344_aabbccdd
	for name, c := range map[string]struct {
		message  []byte
		protocol flow.Protocol
		want     connlog.Socket
		alive    bool
	}{
		"listening": {answer(familyINET, stateListen, "127.0.0.1:80", "", 7), flow.TCP,
			connlog.Socket{Local: at("127.0.0.1:80"), Inode: 7, State: "listen"}, true},
		"established": {answer(familyINET, stateEstablished, "192.0.2.1:5000", "192.0.2.2:80", 7, attribute(diagInfo, tcpInfo(232))), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:5000"), Remote: at("192.0.2.2:80"), HasRemote: true, Inode: 7, State: "established",
				Counters: &connlog.Counters{BytesSent: 1000, BytesReceived: 7000, Retransmits: 9, RTT: 1_500_000}}, true},
		"information of an old kernel": {answer(familyINET, stateEstablished, "192.0.2.1:5000", "192.0.2.2:80", 7, attribute(diagInfo, tcpInfo(192))), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:5000"), Remote: at("192.0.2.2:80"), HasRemote: true, Inode: 7, State: "established"}, true},
		"waits to be accepted": {answer(familyINET, stateEstablished, "192.0.2.1:80", "192.0.2.2:5000", 0), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:80"), Remote: at("192.0.2.2:5000"), HasRemote: true, State: "established"}, true},
		"waits and its peer is gone": {answer(familyINET, stateCloseWait, "192.0.2.1:80", "192.0.2.2:5000", 0), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:80"), Remote: at("192.0.2.2:5000"), HasRemote: true, State: "close_wait"}, true},
		"closed by its process": {answer(familyINET, 4, "192.0.2.1:80", "192.0.2.2:5000", 0), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:80"), Remote: at("192.0.2.2:5000"), HasRemote: true, State: "fin_wait1"}, false},
		"IPv6 only": {answer(familyINET6, stateListen, "[::]:80", "", 7, attribute(diagV6Only, []byte{1})), flow.TCP,
			connlog.Socket{Local: at("[::]:80"), V6: true, V6Only: true, Inode: 7, State: "listen"}, true},
		"IPv6 and IPv4": {answer(familyINET6, stateListen, "[::]:80", "", 7, attribute(diagV6Only, []byte{0}), attribute(999, nil)), flow.TCP,
			connlog.Socket{Local: at("[::]:80"), V6: true, Inode: 7, State: "listen"}, true},
		"mapped": {answer(familyINET6, stateEstablished, "[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.2]:81", 7), flow.TCP,
			connlog.Socket{Local: at("192.0.2.1:80"), Remote: at("192.0.2.2:81"), HasRemote: true, V6: true, Inode: 7, State: "established"}, true},
		"udp": {answer(familyINET, stateClose, "0.0.0.0:53", "", 7), flow.UDP,
			connlog.Socket{Local: at("0.0.0.0:53"), Inode: 7, State: "unconnected"}, true},
		"udp connected": {answer(familyINET, stateEstablished, "127.0.0.1:53", "127.0.0.1:54", 7), flow.UDP,
			connlog.Socket{Local: at("127.0.0.1:53"), Remote: at("127.0.0.1:54"), HasRemote: true, Inode: 7, State: "established"}, true},
		"a state to come": {answer(familyINET, 99, "127.0.0.1:53", "", 7), flow.TCP,
			connlog.Socket{Local: at("127.0.0.1:53"), Inode: 7}, true},
	} {
		c.want.Protocol, c.want.ID, c.want.Interface = c.protocol, cookie, 3
		got, alive, err := parseSocket(c.message, c.protocol)
		if err != nil || alive != c.alive || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, alive %v, %v\nwant %+v, alive %v", name, got, alive, err, c.want, c.alive)
		}
	}
}

func TestParseSocketDamaged(t *testing.T) {
	good := answer(familyINET, stateListen, "127.0.0.1:80", "", 7)
	for name, c := range map[string]struct {
		message []byte
		want    string
	}{
		"empty":                  {nil, "socket of 0 bytes, need 72"},
		"cut":                    {good[:71], "socket of 71 bytes, need 72"},
		"family":                 {answer(99, 1, "", "", 0), "address family 99, want 2 or 10"},
		"attribute too long":     {append(good[:72:72], 9, 9, 0, 0), "attribute of 2313 bytes, 4 left"},
		"attribute of no length": {append(good[:72:72], 0, 0, 0, 0), "attribute of 0 bytes, 4 left"},
	} {
		if _, alive, err := parseSocket(c.message, flow.TCP); alive || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: alive %v, %v, want %q", name, alive, err, c.want)
		}
	}
}

func TestEachMessage(t *testing.T) {
	one, two := netlink(20, 5, []byte("payload")), netlink(3, 6, nil)
	stop := errors.New("stop")
	for name, c := range map[string]struct {
		datagram []byte
		result   error
		calls    string
		err      string
	}{
		"two":            {append(one[:len(one):len(one)], two...), nil, "20/5/payload 3/6/ ", ""},
		"none":           {nil, nil, "", ""},
		"last unpadded":  {append(two[:len(two):len(two)], one[:len(one)-1]...), nil, "3/6/ 20/5/payload ", ""},
		"stopped":        {append(one[:len(one):len(one)], two...), stop, "20/5/payload ", "stop"},
		"half a header":  {append(one[:len(one):len(one)], 1, 2, 3), nil, "20/5/payload ", "3 bytes left over, need a header of 16"},
		"half a message": {one[:20], nil, "", "message length 23 of 20 bytes"},
		"length 0":       {make([]byte, 32), nil, "", "message length 0 of 32 bytes"},
	} {
		calls := ""
		err := eachMessage(c.datagram, func(kind uint16, sequence uint32, payload []byte) error {
			calls += fmt.Sprintf("%d/%d/%s ", kind, sequence, payload)
			return c.result
		})
		text := ""
		if err != nil {
			text = err.Error()
		}
		if calls != c.calls || !strings.HasSuffix(text, c.err) || c.err == "" && err != nil {
			t.Errorf("%s: %q, %v, want %q, %q", name, calls, err, c.calls, c.err)
		}
	}
}

// FuzzNetlink: messages lie one behind the other in the datagram, and a socket
// that is accepted has a family, a protocol and consistent ends.
func FuzzNetlink(f *testing.F) {
	f.Add(netlink(sockDiagByFamily, 1, answer(familyINET6, stateEstablished, "[::1]:1", "[::1]:2", 7, attribute(diagInfo, tcpInfo(232)), attribute(diagV6Only, []byte{1}))))
	f.Add(append(netlink(sockDiagByFamily, 1, answer(familyINET, stateListen, "127.0.0.1:1", "", 7)), netlink(netlinkDone, 1, make([]byte, 4))...))
	f.Add(netlink(netlinkError, 1, []byte{0xff, 0xff, 0xff, 0xff}))
	f.Add(netlink(sockDiagByFamily, 1, append(answer(familyINET, stateListen, "127.0.0.1:1", "", 7), 4, 0, 2, 0)))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		used := 0
		err := eachMessage(datagram, func(kind uint16, _ uint32, payload []byte) error {
			if used += netlinkHeader + len(payload); used > len(datagram) || !liesIn(payload[:len(payload):len(payload)], datagram) {
				t.Fatalf("message of %d bytes is not in the datagram of %d", len(payload), len(datagram))
			}
			used = min((used+3)&^3, len(datagram))
			errorCode(payload)
			s, alive, err := parseSocket(payload, flow.TCP)
			switch {
			case err != nil && alive:
				t.Fatal("a malformed socket is alive")
			case err != nil:
			case s.HasRemote != (s.Remote.Port != 0) || !s.HasRemote && s.Remote != (flow.Endpoint{}):
				t.Fatalf("remote end %v, there is one: %v", s.Remote, s.HasRemote)
			case s.V6 != (payload[0] == familyINET6) || !s.V6 && !s.Local.Addr.Is4():
				t.Fatalf("family %d: %+v", payload[0], s)
			case s.Inode != 0 && !alive:
				t.Fatalf("dead with an inode: %+v", s)
			}
			return nil
		})
		if err == nil && used != len(datagram) {
			t.Fatalf("%d of %d bytes used", used, len(datagram))
		}
	})
}

func TestErrorCode(t *testing.T) {
	minusTwo := binary.NativeEndian.AppendUint32(nil, 0xfffffffe)
	if code, ok := errorCode(minusTwo); code != 2 || !ok {
		t.Errorf("%d %v", code, ok)
	}
	if _, ok := errorCode(minusTwo[:3]); ok {
		t.Error("an error of 3 bytes")
	}
}

func TestStateName(t *testing.T) {
	for state, want := range map[uint8]string{0: "", 1: "established", 2: "syn_sent", 4: "fin_wait1", 5: "fin_wait2", 7: "close", 8: "close_wait", 9: "last_ack", 10: "listen", 11: "closing", 13: "bound", 14: "", 255: ""} {
		if got := stateName(flow.TCP, state); got != want {
			t.Errorf("TCP state %d: %q, want %q", state, got, want)
		}
	}
	if got := stateName(flow.UDP, stateClose); got != "unconnected" {
		t.Errorf("UDP close: %q", got)
	}
}

// TestDiagQuery asks as sock_diag(7) says.
func TestDiagQuery(t *testing.T) {
	host := binary.NativeEndian
	for _, c := range []struct {
		family   uint8
		protocol flow.Protocol
		want     uint8 // extensions
	}{{familyINET, flow.TCP, 2}, {familyINET6, flow.UDP, 0}} {
		calls := 0
		err := eachMessage(diagQuery(c.family, c.protocol, 77), func(kind uint16, sequence uint32, payload []byte) error {
			if calls++; kind != sockDiagByFamily || sequence != 77 || len(payload) != diagRequest {
				t.Errorf("message %d, sequence %d, %d bytes", kind, sequence, len(payload))
			}
			if states := host.Uint32(payload[4:]); payload[0] != c.family || payload[1] != uint8(c.protocol) || payload[2] != c.want ||
				states&(1<<stateTimeWait) != 0 || states&(1<<stateListen|1<<stateEstablished|1<<stateClose) != 1<<stateListen|1<<stateEstablished|1<<stateClose {
				t.Errorf("request %x", payload)
			}
			return nil
		})
		if err != nil || calls != 1 {
			t.Errorf("%d messages, %v", calls, err)
		}
	}
}
