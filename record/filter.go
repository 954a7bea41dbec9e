package record

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/bpf"
)

// MaxFilter is the longest program the kernel takes (BPF_MAXINSNS in
// linux/bpf_common.h), less what goes before and after the user's own.
const MaxFilter = 4096 - 64

// Parts of a classic BPF opcode (linux/filter.h).
const (
	classMask = 0x07
	classALU  = 0x04
	classJump = 0x05
	classRet  = 0x06
	opMask    = 0xf0
	opDiv     = 0x30
	opMod     = 0x90
	opJA      = 0x00
	srcX      = 0x08
	retA      = 0x10
)

// ParseFilter reads a filter program as `tcpdump -ddd` prints it: the number
// of instructions on the first line, then one instruction a line as four
// decimal numbers: opcode, jump if true, jump if false, operand.
func ParseFilter(r io.Reader) ([]bpf.RawInstruction, error) {
	lines := bufio.NewScanner(r)
	bad := func(line int, format string, args ...any) error {
		return &Error{
			Message: fmt.Sprintf("filter: line %d: %s", line, fmt.Sprintf(format, args...)),
			Hint:    `give the output of: tcpdump -ddd -y EN10MB "tcp port 80"`,
			Status:  statusUsage,
		}
	}
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return nil, bad(1, "%v", err)
		}
		return nil, bad(1, "empty, want the number of instructions")
	}
	n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
	if err != nil || n < 1 || n > MaxFilter {
		return nil, bad(1, "%q is no number of instructions from 1 to %d", cut(lines.Text(), 40), MaxFilter)
	}
	program := make([]bpf.RawInstruction, 0, n)
	for number := 2; lines.Scan(); number++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(program) == n {
			return nil, bad(number, "more than the %d instructions of line 1", n)
		}
		if len(fields) != 4 {
			return nil, bad(number, "%q has %d numbers, want 4", cut(lines.Text(), 40), len(fields))
		}
		var value [4]uint64
		for i, limit := range [4]int{16, 8, 8, 32} {
			if value[i], err = strconv.ParseUint(fields[i], 10, limit); err != nil {
				return nil, bad(number, "%q is no number of %d bits", cut(fields[i], 40), limit)
			}
		}
		program = append(program, bpf.RawInstruction{Op: uint16(value[0]), Jt: uint8(value[1]), Jf: uint8(value[2]), K: uint32(value[3])})
	}
	if err := lines.Err(); err != nil {
		return nil, bad(len(program)+2, "%v", err)
	}
	if len(program) < n {
		return nil, bad(len(program)+2, "the program ends after %d of %d instructions", len(program), n)
	}
	return program, checkFilter(program)
}

// checkFilter refuses programs that do not end, as the kernel would.
func checkFilter(program []bpf.RawInstruction) error {
	bad := func(i int, what string) error {
		return &Error{Message: fmt.Sprintf("filter: instruction %d: %s", i, what), Status: statusUsage,
			Hint: `give the output of: tcpdump -ddd -y EN10MB "tcp port 80"`}
	}
	if len(program) > MaxFilter {
		return bad(len(program), fmt.Sprintf("the program is longer than %d instructions", MaxFilter))
	}
	for i, in := range program {
		left := uint64(len(program) - i - 1)
		switch in.Op & classMask {
		case classJump:
			if in.Op&opMask == opJA && uint64(in.K) >= left ||
				in.Op&opMask != opJA && (uint64(in.Jt) >= left || uint64(in.Jf) >= left) {
				return bad(i, "jumps behind the end of the program")
			}
		case classALU:
			if op := in.Op & opMask; (op == opDiv || op == opMod) && in.Op&srcX == 0 && in.K == 0 {
				return bad(i, "divides by zero")
			}
		}
		if left == 0 && in.Op&classMask != classRet {
			return bad(i, "the last instruction is no return")
		}
	}
	return nil
}

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
	if err := checkFilter(user); err != nil {
		return nil, err
	}
	limit := uint32(0x40000) // frames are at most 256 KiB (FACTS: Wireshark's limit, and the ring's)
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
