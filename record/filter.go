package record

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/bpf"

	"github.com/pcapwho/pcapwho/record/filter"
)

// maxFilterText bounds what ParseFilter reads, in bytes: a program of the greatest
// length takes less.
const maxFilterText = 1 << 20

// ParseFilter reads a capture filter: an expression in tcpdump's language (package
// filter), or the program that `tcpdump -ddd` makes of one.
func ParseFilter(r io.Reader) ([]bpf.RawInstruction, error) {
	bad := func(err error) error {
		return &Error{Message: "filter: " + err.Error(), Status: statusUsage, Hint: filterHint}
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFilterText))
	if err != nil {
		return nil, bad(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	var program []bpf.RawInstruction
	if strings.Trim(first, "0123456789 \t\r") == "" {
		program, err = filter.Parse(strings.NewReader(string(text)))
	} else {
		program, err = filter.Compile(string(text))
	}
	if err != nil {
		return nil, bad(err)
	}
	return program, nil
}

const filterHint = `what is not supported can be given as the output of: tcpdump -ddd -y EN10MB "tcp port 80"`

// Parts of a classic BPF opcode (linux/filter.h).
const (
	classJump = 0x05
	classRet  = 0x06
	opJA      = 0x00
	retA      = 0x10
)

// Numbers of linux/if_packet.h and linux/if_arp.h that filters compare with.
const (
	packetOutgoing = 4
	arphrdEther    = 1
	arphrdLoopback = 772
)

// buildFilter joins the program that the capture socket runs: only the given
// interfaces (none = all), loopback packets once (what goes out over loopback
// comes in again at once), then the user's program; of an accepted frame at
// most snaplen bytes (0 = all).
//
//	ld #ifindex; jeq i1..in → next; ret 0
//	ld #hatype; jne loopback → user; ld #type; jeq outgoing → ret 0
//	ld #0                     the user's program starts with A = 0
//	the user's program        `ret #k` is cut to snaplen, `ret a` jumps to the end
//	jgt #snaplen; ret #snaplen; ret a
func buildFilter(indexes []int, user []bpf.RawInstruction, snaplen int) ([]bpf.RawInstruction, error) {
	if err := filter.Check(user); err != nil {
		return nil, &Error{Message: "filter: " + err.Error(), Status: statusUsage, Hint: filterHint}
	}
	limit := uint32(0x40000) // frames are at most 256 KiB, Wireshark's limit and the ring's
	if snaplen > 0 {
		limit = min(limit, uint32(min(snaplen, 0x40000)))
	}
	var list []bpf.Instruction
	if len(indexes) > 0 {
		list = append(list, bpf.LoadExtension{Num: bpf.ExtInterfaceIndex})
		for _, index := range indexes { // a jump a piece: any number of interfaces
			list = append(list, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(index), SkipTrue: 1}, bpf.Jump{})
		}
		list = append(list, bpf.RetConstant{})
		for i := range indexes {
			list[2+2*i] = bpf.Jump{Skip: uint32(len(list) - (2 + 2*i) - 1)}
		}
	}
	list = append(list,
		bpf.LoadExtension{Num: bpf.ExtLinkLayerType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arphrdLoopback, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.LoadConstant{Dst: bpf.RegA},
	)
	program, err := bpf.Assemble(list)
	if err != nil {
		return nil, err
	}
	if len(user) == 0 {
		user = []bpf.RawInstruction{{Op: classRet, K: limit}}
	}
	for i, in := range user {
		switch in.Op { // another return is none: the kernel shall see it
		case classRet | retA:
			in = bpf.RawInstruction{Op: classJump | opJA, K: uint32(len(user) - i - 1)}
		case classRet:
			in.K = min(in.K, limit)
		}
		program = append(program, in)
	}
	end, err := bpf.Assemble([]bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpGreaterThan, Val: limit, SkipFalse: 1},
		bpf.RetConstant{Val: limit},
		bpf.RetA{},
	})
	if program = append(program, end...); len(program) > 4096 {
		return nil, &Error{Message: "the filter and the list of interfaces are too long together", Hint: "record all interfaces", Status: statusUsage}
	}
	return program, err
}

// cut shortens s to n bytes at most, between two runes where s is UTF-8.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for back := range min(n+1, utf8.UTFMax) {
		if utf8.RuneStart(s[n-back]) {
			return s[:n-back]
		}
	}
	return s[:n]
}
