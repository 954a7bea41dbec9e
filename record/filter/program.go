package filter

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/bpf"
)

// MaxProgram is the longest program the kernel takes (BPF_MAXINSNS in
// linux/bpf_common.h), less what goes before and after the user's own.
const MaxProgram = 4096 - 64

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
)

// Parse reads a filter program as `tcpdump -ddd` prints it: the number
// of instructions on the first line, then one instruction a line as four
// decimal numbers: opcode, jump if true, jump if false, operand.
func Parse(r io.Reader) ([]bpf.RawInstruction, error) {
	lines := bufio.NewScanner(r)
	bad := func(line int, format string, args ...any) error {
		return fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...))
	}
	if !lines.Scan() {
		if err := lines.Err(); err != nil {
			return nil, bad(1, "%v", err)
		}
		return nil, bad(1, "empty, want the number of instructions")
	}
	n, err := strconv.Atoi(strings.TrimSpace(lines.Text()))
	if err != nil || n < 1 || n > MaxProgram {
		return nil, bad(1, "%.40q is no number of instructions from 1 to %d", lines.Text(), MaxProgram)
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
			return nil, bad(number, "%.40q has %d numbers, want 4", lines.Text(), len(fields))
		}
		var value [4]uint64
		for i, limit := range [4]int{16, 8, 8, 32} {
			if value[i], err = strconv.ParseUint(fields[i], 10, limit); err != nil {
				return nil, bad(number, "%.40q is no number of %d bits", fields[i], limit)
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
	return program, Check(program)
}

// Check refuses programs that do not end, as the kernel would.
func Check(program []bpf.RawInstruction) error {
	bad := func(i int, what string) error { return fmt.Errorf("instruction %d: %s", i, what) }
	if len(program) > MaxProgram {
		return bad(len(program), fmt.Sprintf("the program is longer than %d instructions", MaxProgram))
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
