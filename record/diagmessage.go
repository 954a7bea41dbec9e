package record

import (
	"encoding/binary"
	"fmt"

	"github.com/pcapwho/pcapwho/ingest/connlog"
	"github.com/pcapwho/pcapwho/ingest/flow"
)

// Numbers of linux/netlink.h, linux/sock_diag.h and linux/inet_diag.h.
const (
	netlinkHeader = 16
	netlinkError  = 2
	netlinkDone   = 3

	sockDiagByFamily = 20
	diagRequest      = 56 // struct inet_diag_req_v2
	diagMessage      = 72 // struct inet_diag_msg
	diagInfo         = 2  // INET_DIAG_INFO: struct tcp_info
	diagV6Only       = 11 // INET_DIAG_SKV6ONLY

	familyINET  = 2
	familyINET6 = 10
)

// diagQuery asks for all sockets of a family and protocol (sock_diag(7)).
func diagQuery(family uint8, protocol flow.Protocol, sequence uint32) []byte {
	const request, dump = 0x1, 0x300 // NLM_F_REQUEST, NLM_F_DUMP
	host := binary.NativeEndian
	b := make([]byte, netlinkHeader, netlinkHeader+diagRequest)
	host.PutUint32(b, netlinkHeader+diagRequest)
	host.PutUint16(b[4:], sockDiagByFamily)
	host.PutUint16(b[6:], request|dump)
	host.PutUint32(b[8:], sequence)
	body := diagBody(family, protocol)
	host.PutUint32(body[4:], 0xffffffff&^(1<<stateTimeWait|1<<stateSynReceived|1<<stateNewSynReceived))
	return append(b, body...)
}

// diagBody begins struct inet_diag_req_v2, for all states of a socket.
//
//	0 family 1 protocol 2 extensions 4 states
//	8 sport(be16) 10 dport(be16) 12 src[16] 28 dst[16] 44 if 48 cookie[2]
func diagBody(family uint8, protocol flow.Protocol) []byte {
	b := make([]byte, diagRequest)
	b[0], b[1] = family, uint8(protocol)
	if protocol == flow.TCP {
		b[2] = 1 << (diagInfo - 1)
	}
	binary.NativeEndian.PutUint32(b[4:], 0xffffffff)
	return b
}

// diagQuestion asks for the socket that sends the packets of a five-tuple. Of UDP the
// kernel wants the two ends of a packet that the socket receives.
func diagQuestion(t *flow.FiveTuple) []byte {
	family := uint8(familyINET6)
	if t.Source.Is4() {
		family = familyINET
	}
	b := diagBody(family, t.Protocol)
	from, to := t.From(), t.To()
	if t.Protocol == flow.UDP {
		from, to = to, from
	}
	binary.BigEndian.PutUint16(b[8:], from.Port)
	binary.BigEndian.PutUint16(b[10:], to.Port)
	putAddress(b[12:28], from.Addr)
	putAddress(b[28:44], to.Addr)
	for i := 48; i < diagRequest; i++ {
		b[i] = 0xff // INET_DIAG_NOCOOKIE
	}
	return b
}

func putAddress(b []byte, a flow.Addr) {
	if a.Is4() {
		four := a.Netip().As4()
		copy(b, four[:])
		return
	}
	sixteen := a.Netip().As16()
	copy(b, sixteen[:])
}

// eachMessage calls f for every netlink message of a datagram. A message that
// does not lie within the datagram is an error and ends the walk.
func eachMessage(datagram []byte, f func(kind uint16, sequence uint32, payload []byte) error) error {
	host := binary.NativeEndian
	for len(datagram) > 0 {
		if len(datagram) < netlinkHeader {
			return fmt.Errorf("netlink: %d bytes left over, need a header of %d", len(datagram), netlinkHeader)
		}
		length := int(min(host.Uint32(datagram), 1<<30))
		if length < netlinkHeader || length > len(datagram) {
			return fmt.Errorf("netlink: message length %d of %d bytes", length, len(datagram))
		}
		if err := f(host.Uint16(datagram[4:]), host.Uint32(datagram[8:]), datagram[netlinkHeader:length]); err != nil {
			return err
		}
		datagram = datagram[min((length+3)&^3, len(datagram)):]
	}
	return nil
}

// States of a socket (include/net/tcp_states.h); UDP uses established and close.
const (
	stateEstablished    = 1
	stateSynReceived    = 3
	stateTimeWait       = 6
	stateClose          = 7
	stateCloseWait      = 8
	stateListen         = 10
	stateNewSynReceived = 12
)

func stateName(protocol flow.Protocol, state uint8) string {
	if protocol == flow.UDP && state == stateClose {
		return "unconnected"
	}
	names := [...]string{"", "established", "syn_sent", "syn_received", "fin_wait1", "fin_wait2", "time_wait",
		"close", "close_wait", "last_ack", "listen", "closing", "syn_received", "bound"}
	if int(state) < len(names) {
		return names[state]
	}
	return ""
}

// parseSocket reads struct inet_diag_msg and its attributes. alive tells
// whether the socket belongs, or may still come to belong, to a process: it has
// an inode, or waits to be accepted.
//
//	0 family 1 state 2 timer 3 retrans
//	4 sport(be16) 6 dport(be16) 8 src[16] 24 dst[16] 40 if 44 cookie[2]
//	52 expires 56 rqueue 60 wqueue 64 uid 68 inode 72 attributes
func parseSocket(m []byte, protocol flow.Protocol) (s connlog.Socket, alive bool, err error) {
	if len(m) < diagMessage {
		return s, false, fmt.Errorf("sock_diag: socket of %d bytes, need %d", len(m), diagMessage)
	}
	host, wire := binary.NativeEndian, binary.BigEndian
	family, state := m[0], m[1]
	s.Protocol = protocol
	s.Local.Port, s.Remote.Port = wire.Uint16(m[4:]), wire.Uint16(m[6:])
	switch family {
	case familyINET:
		s.Local.Addr, s.Remote.Addr = flow.AddrFrom4(wire.Uint32(m[8:])), flow.AddrFrom4(wire.Uint32(m[24:]))
	case familyINET6:
		s.V6 = true
		s.Local.Addr, s.Remote.Addr = flow.AddrFrom16(m[8:24]), flow.AddrFrom16(m[24:40])
	default:
		return s, false, fmt.Errorf("sock_diag: address family %d, want %d or %d", family, familyINET, familyINET6)
	}
	if s.HasRemote = s.Remote.Port != 0; !s.HasRemote {
		s.Remote = flow.Endpoint{}
	}
	s.Interface = int(int32(host.Uint32(m[40:])))
	s.ID = uint64(host.Uint32(m[44:])) | uint64(host.Uint32(m[48:]))<<32
	s.Inode = uint64(host.Uint32(m[68:]))
	s.State = stateName(protocol, state)
	for a := m[diagMessage:]; len(a) >= 4; {
		length := int(host.Uint16(a))
		if length < 4 || length > len(a) {
			return s, false, fmt.Errorf("sock_diag: attribute of %d bytes, %d left", length, len(a))
		}
		switch value := a[4:length]; host.Uint16(a[2:]) & 0x3fff {
		case diagInfo:
			s.Counters = parseCounters(value)
		case diagV6Only:
			s.V6Only = len(value) > 0 && value[0] != 0
		}
		a = a[min((length+3)&^3, len(a)):]
	}
	return s, s.Inode != 0 || state == stateEstablished || state == stateCloseWait, nil
}

// parseCounters reads struct tcp_info (linux/tcp.h); kernels before 4.19 have
// no byte counts of what was sent, and the result is nil.
func parseCounters(info []byte) *connlog.Counters {
	const rtt, totalRetransmits, received, sent, sentAgain, size = 68, 100, 128, 200, 208, 216
	if len(info) < size {
		return nil
	}
	host := binary.NativeEndian
	return &connlog.Counters{
		BytesSent:     int64(host.Uint64(info[sent:]) - host.Uint64(info[sentAgain:])),
		BytesReceived: int64(host.Uint64(info[received:])),
		Retransmits:   int64(host.Uint32(info[totalRetransmits:])),
		RTT:           int64(host.Uint32(info[rtt:])) * 1000,
	}
}

// errorCode reads the errno of struct nlmsgerr, whose sign is turned.
func errorCode(payload []byte) (int32, bool) {
	if len(payload) < 4 {
		return 0, false
	}
	return -int32(binary.NativeEndian.Uint32(payload)), true
}
