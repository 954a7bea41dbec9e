package record

import (
	"encoding/binary"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/pcapwho/pcapwho/ingest/flow"
)

// beginnings is a program that keeps SYNs and, where they are wanted, datagrams, of
// loopback those that go out. It is run from the IP header on.
func beginnings(datagrams bool) []bpf.Instruction {
	const (
		ip4, ip6, tcp, udp = 0x0800, 0x86dd, 6, 17
		syn, ack           = 0x02, 0x10
		fragment           = 0x1fff
		keep, drop         = 22, 23 // indexes
	)
	to := func(at, target int) uint8 { return uint8(target - at - 1) }
	whole := uint32(0)
	if datagrams {
		whole = 128
	}
	return []bpf.Instruction{
		0: bpf.LoadExtension{Num: bpf.ExtLinkLayerType},
		1: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arphrdLoopback, SkipTrue: to(1, 4)},
		2: bpf.LoadExtension{Num: bpf.ExtType},
		3: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: to(3, drop)},
		4: bpf.LoadExtension{Num: bpf.ExtProto},
		5: bpf.JumpIf{Cond: bpf.JumpEqual, Val: ip6, SkipTrue: to(5, 15)},
		6: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: ip4, SkipTrue: to(6, drop)},

		7:  bpf.LoadAbsolute{Off: 6, Size: 2},
		8:  bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: fragment, SkipTrue: to(8, drop)},
		9:  bpf.LoadAbsolute{Off: 9, Size: 1},
		10: bpf.JumpIf{Cond: bpf.JumpEqual, Val: udp, SkipTrue: to(10, 21)},
		11: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: tcp, SkipTrue: to(11, drop)},
		12: bpf.LoadMemShift{Off: 0},
		13: bpf.LoadIndirect{Off: 13, Size: 1},
		14: bpf.Jump{Skip: uint32(to(14, 19))},

		15: bpf.LoadAbsolute{Off: 6, Size: 1},
		16: bpf.JumpIf{Cond: bpf.JumpEqual, Val: udp, SkipTrue: to(16, 21)},
		17: bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: tcp, SkipTrue: to(17, drop)},
		18: bpf.LoadAbsolute{Off: 40 + 13, Size: 1},

		19:   bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: syn | ack},
		20:   bpf.JumpIf{Cond: bpf.JumpEqual, Val: syn, SkipTrue: to(20, keep), SkipFalse: to(20, drop)},
		21:   bpf.RetConstant{Val: whole},
		keep: bpf.RetConstant{Val: 128},
		drop: bpf.RetConstant{Val: 0},
	}
}

// parseBeginning reads the five-tuple of a packet from its IP header on.
func parseBeginning(b []byte) (t flow.FiveTuple, ok bool) {
	if len(b) < 20 {
		return t, false
	}
	wire, transport := binary.BigEndian, 40
	switch b[0] >> 4 {
	case 4:
		transport = int(b[0]&15) * 4
		t.Protocol, t.Source, t.Destination = flow.Protocol(b[9]), flow.AddrFrom4(wire.Uint32(b[12:])), flow.AddrFrom4(wire.Uint32(b[16:]))
	case 6:
		if len(b) < 40 {
			return t, false
		}
		t.Protocol, t.Source, t.Destination = flow.Protocol(b[6]), flow.AddrFrom16(b[8:24]), flow.AddrFrom16(b[24:40])
	default:
		return t, false
	}
	if len(b) < transport+4 {
		return t, false
	}
	t.SourcePort, t.DestinationPort = wire.Uint16(b[transport:]), wire.Uint16(b[transport+2:])
	return t, t.Protocol == flow.TCP || t.Protocol == flow.UDP
}

// timestamp reads when a packet passed, from SCM_TIMESTAMPNS.
func timestamp(control []byte) int64 {
	list, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range list {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
				host := binary.NativeEndian
				return int64(host.Uint64(m.Data))*1e9 + int64(host.Uint64(m.Data[8:]))
			}
		}
	}
	return time.Now().UnixNano()
}
