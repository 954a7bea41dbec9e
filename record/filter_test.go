package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/pcapwho/pcapwho/record/filter"
)

// udpPort9 is what `tcpdump -ddd -y EN10MB "ip and udp dst port 9"` prints.
const udpPort9 = `11
40 0 0 12
21 0 8 2048
48 0 0 23
21 0 6 17
40 0 0 20
69 4 0 8191
177 0 0 14
72 0 0 16
21 0 1 9
6 0 0 262144
6 0 0 0
`

func TestParseFilter(t *testing.T) {
	long := func(n int) string {
		return fmt.Sprintf("%d\n%s6 0 0 1\n", n, strings.Repeat("0 0 0 0\n", max(n-1, 0)))
	}
	for name, c := range map[string]struct {
		text string
		want int    // instructions
		err  string // part of the error; "" = none
	}{
		"one":                   {"1\n6 0 0 262144\n", 1, ""},
		"no newline at the end": {"1\n6 0 0 262144", 1, ""},
		"blanks":                {" 1 \n\n  6\t0 0  262144 \r\n\n", 1, ""},
		"the longest":           {long(filter.MaxProgram), filter.MaxProgram, ""},
		"empty":                 {"", 0, "line 1: empty, want the number of instructions"},
		"one line too long":     {strings.Repeat("1", 1<<17), 0, "line 1: bufio.Scanner: token too long"},
		"later line too long":   {"2\n" + strings.Repeat("1", 1<<17), 0, "line 2: bufio.Scanner: token too long"},
		"an expression":         {"tcp port 80", 62, ""},
		"no expression":         {"tcp port http", 0, `column 10: "http" is no port`},
		"-d in place of -ddd":   {"(000) ldh      [12]\n", 0, "column 2: \"000\" stands alone"},
		"no instruction":        {"0\n", 0, `line 1: "0" is no number`},
		"minus one":             {"-1\n", 0, `column 3: the expression ends`},
		"too many":              {long(filter.MaxProgram + 1), 0, `line 1: "4033" is no number`},
		"fewer":                 {"2\n6 0 0 1\n", 0, "line 3: the program ends after 1 of 2 instructions"},
		"more":                  {"1\n6 0 0 1\n6 0 0 1\n", 0, "line 3: more than the 1 instructions of line 1"},
		"three numbers":         {"1\n6 0 0\n", 0, `line 2: "6 0 0" has 3 numbers, want 4`},
		"five numbers":          {"1\n6 0 0 1 1\n", 0, `has 5 numbers, want 4`},
		"hexadecimal":           {"1\n6 0 0 0x40000\n", 0, `line 2: "0x40000" is no number of 32 bits`},
		"opcode too long":       {"1\n65536 0 0 1\n", 0, `"65536" is no number of 16 bits`},
		"jump too long":         {"1\n6 256 0 1\n", 0, `"256" is no number of 8 bits`},
		"operand too long":      {"1\n6 0 0 4294967296\n", 0, `"4294967296" is no number of 32 bits`},
		"negative":              {"1\n6 0 0 -1\n", 0, `"-1" is no number of 32 bits`},
		"no return":             {"1\n40 0 0 12\n", 0, "instruction 0: the last instruction is no return"},
		"jump true outside":     {"3\n21 2 0 1\n6 0 0 0\n6 0 0 1\n", 0, "instruction 0: jumps behind the end"},
		"jump false outside":    {"3\n21 0 255 1\n6 0 0 0\n6 0 0 1\n", 0, "instruction 0: jumps behind the end"},
		"jump always outside":   {"2\n5 0 0 4294967295\n6 0 0 1\n", 0, "instruction 0: jumps behind the end"},
		"jump to the last":      {"3\n21 1 0 1\n6 0 0 0\n6 0 0 1\n", 3, ""},
		"division by zero":      {"2\n52 0 0 0\n6 0 0 1\n", 0, "instruction 0: divides by zero"},
		"remainder of zero":     {"2\n148 0 0 0\n6 0 0 1\n", 0, "instruction 0: divides by zero"},
		"division by X":         {"2\n60 0 0 0\n6 0 0 1\n", 2, ""},
	} {
		program, err := ParseFilter(strings.NewReader(c.text))
		if c.err == "" {
			if err != nil || len(program) != c.want {
				t.Errorf("%s: %d instructions, %v, want %d", name, len(program), err, c.want)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(e.Error(), "filter: ") || !strings.Contains(e.Error(), c.err) || e.ExitStatus() != 2 || !strings.Contains(e.Remedy(), "tcpdump -ddd") {
			t.Errorf("%s: %v, want %q and a remedy", name, err, c.err)
		}
	}
}

// about is what a program that buildFilter made can ask of a frame besides its
// bytes.
type about struct{ index, hardware, kind uint32 }

// accept runs a program over a frame in x/net's machine. That has no interface
// or hardware type: their loads become constants.
func accept(t *testing.T, program []bpf.RawInstruction, a about, frame []byte) int {
	t.Helper()
	const extension = 0xfffff000 // SKF_AD_OFF, linux/filter.h
	program = slices.Clone(program)
	for i, in := range program {
		if in.Op != 0x20 || in.K < extension {
			continue
		}
		value := map[uint32]uint32{4: a.kind, 8: a.index, 28: a.hardware}
		v, ok := value[in.K-extension]
		if !ok {
			t.Fatalf("instruction %d asks for %d", i, in.K-extension)
		}
		program[i] = bpf.RawInstruction{K: v}
	}
	list, ok := bpf.Disassemble(program)
	if !ok {
		t.Fatalf("cannot be disassembled: %v", program)
	}
	vm, err := bpf.NewVM(list)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// datagram is a frame of an IPv4 datagram to a port.
func datagram(port uint16) []byte {
	b := make([]byte, 60)
	b[12], b[14], b[23] = 8, 0x45, 17
	binary.BigEndian.PutUint16(b[36:], port)
	return b
}

func TestBuildFilter(t *testing.T) {
	port9, err := ParseFilter(strings.NewReader(udpPort9))
	if err != nil {
		t.Fatal(err)
	}
	// ld #len; ret a
	length := []bpf.RawInstruction{{Op: 0x80}, {Op: 0x16}}
	// The user's program must begin with A = 0: ret a
	zero := []bpf.RawInstruction{{Op: 0x16}}
	many := make([]int, 500)
	for i := range many {
		many[i] = i + 10
	}
	ether, in, out := about{5, 1, 0}, about{1, 772, 0}, about{1, 772, packetOutgoing}
	for name, c := range map[string]struct {
		indexes []int
		user    []bpf.RawInstruction
		snaplen int
		about   about
		frame   []byte
		want    int
	}{
		"everything":                      {nil, nil, 0, ether, datagram(1), 0x40000},
		"snaplen":                         {nil, nil, 96, ether, datagram(1), 96},
		"snaplen above the limit":         {nil, nil, 1 << 30, ether, datagram(1), 0x40000},
		"loopback in":                     {nil, nil, 0, in, datagram(1), 0x40000},
		"loopback out":                    {nil, nil, 0, out, datagram(1), 0},
		"out over Ethernet":               {nil, nil, 0, about{5, 1, packetOutgoing}, datagram(1), 0x40000},
		"one interface":                   {[]int{5}, nil, 0, ether, datagram(1), 0x40000},
		"another interface":               {[]int{6}, nil, 0, ether, datagram(1), 0},
		"first of three":                  {[]int{5, 6, 7}, nil, 0, ether, datagram(1), 0x40000},
		"last of three":                   {[]int{3, 4, 5}, nil, 0, ether, datagram(1), 0x40000},
		"none of three":                   {[]int{3, 4, 6}, nil, 0, ether, datagram(1), 0},
		"loopback out of two":             {[]int{1, 5}, nil, 0, out, datagram(1), 0},
		"first of many":                   {many, nil, 0, about{10, 1, 0}, datagram(1), 0x40000},
		"last of many":                    {many, nil, 0, about{509, 1, 0}, datagram(1), 0x40000},
		"none of many":                    {many, nil, 0, about{510, 1, 0}, datagram(1), 0},
		"user's yes":                      {nil, port9, 0, ether, datagram(9), 0x40000},
		"user's no":                       {nil, port9, 0, ether, datagram(10), 0},
		"user's yes, other interface":     {[]int{6}, port9, 0, ether, datagram(9), 0},
		"user's yes, cut":                 {nil, port9, 60, ether, datagram(9), 60},
		"computed length":                 {nil, length, 0, ether, datagram(9), 60},
		"computed length, cut":            {nil, length, 59, ether, datagram(9), 59},
		"computed length at the snaplen":  {nil, length, 60, ether, datagram(9), 60},
		"the program begins with A = 0":   {[]int{1}, zero, 0, in, datagram(9), 0},
		"A = 0 on other hardware as well": {nil, zero, 0, ether, datagram(9), 0},
	} {
		program, err := buildFilter(c.indexes, c.user, c.snaplen)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := accept(t, program, c.about, c.frame); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestBuildFilterRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		indexes int
		user    int
		want    string // "" = nothing is wrong
	}{
		"longest":                 {0, filter.MaxProgram, ""},
		"longest with interfaces": {25, filter.MaxProgram, ""},
		"too many interfaces":     {40, filter.MaxProgram, "too long together"},
		"too long":                {0, filter.MaxProgram + 1, "longer than 4032 instructions"},
	} {
		user := make([]bpf.RawInstruction, c.user)
		user[c.user-1] = bpf.RawInstruction{Op: 6, K: 1}
		program, err := buildFilter(make([]int, c.indexes), user, 0)
		switch {
		case c.want == "" && (err != nil || len(program) > 4096):
			t.Errorf("%s: %d instructions, %v", name, len(program), err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzFilter: a text that is taken is a program that ends, and means the same
// before and after buildFilter, but for its length.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("1\n6 0 0 262144\n"), 60, datagram(9))
	f.Add([]byte("2\n128 0 0 0\n22 0 0 0\n"), 0, datagram(9))
	f.Add([]byte("2\n182 0 0 0\n22 0 0 0"), 0, []byte("0")) // looks like a return, and is no instruction
	f.Add([]byte(udpPort9), 0, datagram(9))
	f.Add([]byte("3\n21 1 0 0\n6 0 0 0\n6 0 0 65535\n"), 10, []byte{})
	f.Fuzz(func(t *testing.T, text []byte, snaplen int, frame []byte) {
		user, err := ParseFilter(bytes.NewReader(text))
		if err != nil {
			return
		}
		program, err := buildFilter(nil, user, max(snaplen, 0))
		if err != nil {
			t.Fatal(err)
		}
		alone, okAlone := execute(user, frame)
		joined, ok := execute(withoutExtensions(program), frame)
		if okAlone != ok {
			t.Fatalf("the user's program runs: %v, the joined one: %v", okAlone, ok)
		}
		want := min(uint32(alone), 0x40000)
		if snaplen > 0 {
			want = min(want, uint32(min(snaplen, 0x40000)))
		}
		if ok && uint32(joined) != want {
			t.Fatalf("%d bytes, want %d", joined, want)
		}
	})
}

// execute runs a program where x/net's machine takes it.
func execute(program []bpf.RawInstruction, frame []byte) (int, bool) {
	list, _ := bpf.Disassemble(program)
	vm, err := bpf.NewVM(list)
	if err != nil {
		return 0, false
	}
	n, err := vm.Run(frame)
	return n, err == nil
}

// withoutExtensions makes the loads that buildFilter puts in front constants: a
// frame that came in over Ethernet.
func withoutExtensions(program []bpf.RawInstruction) []bpf.RawInstruction {
	program = slices.Clone(program)
	for i, in := range program[:4] {
		if in.Op == 0x20 && in.K >= 0xfffff000 {
			program[i] = bpf.RawInstruction{K: arphrdEther}
		}
	}
	return program
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""}, {"", 0, ""},
		{"aé", 2, "a"}, {"aé", 3, "aé"}, {"😀😀", 7, "😀"}, {"😀😀", 5, "😀"}, {"😀", 3, ""},
		{"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"}, {"\x80\x80", 1, "\x80"},
	} {
		if got := cut(c.s, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
