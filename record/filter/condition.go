package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// condition is what a frame fulfils or not: a comparison behind some loads, or
// others joined.
type condition struct {
	join        join
	left, right *condition // both of and and or, left of not

	loads []bpf.Instruction // leave a value in A, and in X where test compares with it
	test  uint16            // opcode of the jump
	value uint32            // that A is compared with
}

type join uint8

const (
	leaf join = iota
	never
	both
	either
	negated
)

// Jumps (linux/filter.h): all compare as unsigned numbers of 32 bits.
const (
	jumpEqual          = 0x15
	jumpGreater        = 0x25
	jumpGreaterOrEqual = 0x35
	jumpSet            = 0x45 // any of the bits
	jumpAlways         = 0x05
	withX              = 0x08
)

// and joins two; one that is nil demands nothing.
func and(a, b *condition) *condition {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &condition{join: both, left: a, right: b}
}

func or(a, b *condition) *condition { return &condition{join: either, left: a, right: b} }
func not(a *condition) *condition   { return &condition{join: negated, left: a} }

// label is a place in a program that jumps lead to.
type label int

// line is an instruction whose jumps lead to labels.
type line struct {
	in        bpf.RawInstruction
	yes, no   label
	condition bool
}

// assembler writes conditions down, one after the other.
type assembler struct {
	lines  []line
	places []int // by label: the line that it is in front of
}

func (a *assembler) label() label {
	a.places = append(a.places, -1)
	return label(len(a.places) - 1)
}

func (a *assembler) place(l label) { a.places[l] = len(a.lines) }

// write appends what leads to yes or no.
func (a *assembler) write(c *condition, yes, no label) error {
	switch c.join {
	case never:
		a.lines = append(a.lines, line{condition: true, in: bpf.RawInstruction{Op: jumpAlways}, yes: no, no: no})
		return nil
	case negated:
		return a.write(c.left, no, yes)
	case both, either:
		middle := a.label()
		leftYes, leftNo := middle, no
		if c.join == either {
			leftYes, leftNo = yes, middle
		}
		if err := a.write(c.left, leftYes, leftNo); err != nil {
			return err
		}
		a.place(middle)
		return a.write(c.right, yes, no)
	}
	loads, err := bpf.Assemble(c.loads)
	if err != nil {
		return err
	}
	for _, in := range loads {
		a.lines = append(a.lines, line{in: in})
	}
	a.lines = append(a.lines, line{condition: true, in: bpf.RawInstruction{Op: c.test, K: c.value}, yes: yes, no: no})
	return nil
}

// assemble makes the program that accepts what fulfils c.
func assemble(c *condition) ([]bpf.RawInstruction, error) {
	var a assembler
	yes, no := a.label(), a.label()
	if err := a.write(c, yes, no); err != nil {
		return nil, err
	}
	a.place(yes)
	a.lines = append(a.lines, line{in: bpf.RawInstruction{Op: classRet, K: everything}})
	a.place(no)
	a.lines = append(a.lines, line{in: bpf.RawInstruction{Op: classRet}})
	return a.link()
}

// link gives the jumps their distances. A condition reaches 255 instructions
// ahead: one that has farther to go is followed by jumps that reach everywhere
// (three instructions), which may make others do the same.
func (a *assembler) link() ([]bpf.RawInstruction, error) {
	far := make([]bool, len(a.lines))
	starts := make([]int, len(a.lines)+1)
	for again := true; again; {
		again = false
		for i := range a.lines {
			starts[i+1] = starts[i] + 1
			if far[i] {
				starts[i+1] += 2
			}
		}
		for i, l := range a.lines {
			if !l.condition || l.in.Op == jumpAlways || far[i] {
				continue
			}
			next := starts[i] + 1
			if starts[a.places[l.yes]]-next > 255 || starts[a.places[l.no]]-next > 255 {
				far[i], again = true, true
			}
		}
	}
	var program []bpf.RawInstruction
	for i, l := range a.lines {
		yes, no := 0, 0 // distances from the next instruction
		if l.condition {
			yes, no = starts[a.places[l.yes]]-starts[i]-1, starts[a.places[l.no]]-starts[i]-1
		}
		switch {
		case !l.condition:
			program = append(program, l.in)
		case l.in.Op == jumpAlways:
			program = append(program, bpf.RawInstruction{Op: jumpAlways, K: uint32(yes)})
		case far[i]:
			program = append(program,
				bpf.RawInstruction{Op: l.in.Op, Jt: 0, Jf: 1, K: l.in.K},
				bpf.RawInstruction{Op: jumpAlways, K: uint32(yes - 1)},
				bpf.RawInstruction{Op: jumpAlways, K: uint32(no - 2)})
		default:
			program = append(program, bpf.RawInstruction{Op: l.in.Op, Jt: uint8(yes), Jf: uint8(no), K: l.in.K})
		}
	}
	if len(program) > MaxProgram {
		return nil, &Error{1, fmt.Sprintf("the expression becomes %d instructions, at most %d can be had", len(program), MaxProgram)}
	}
	return program, nil
}
