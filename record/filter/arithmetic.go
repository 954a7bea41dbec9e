package filter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// operand is a number that is computed from a frame, into A.
type operand struct {
	code     []bpf.Instruction
	guard    *condition // that the frame has it; nil = always
	constant bool       // it is value for every frame
	value    uint32
}

const (
	maxSlots  = 16    // words of scratch memory (BPF_MEMWORDS, linux/bpf_common.h)
	maxOffset = 65535 // of an accessor, in bytes: the kernel means other things by the largest
)

// operator is what joins two numbers, and its rank: the higher binds first.
type operator struct {
	op   bpf.ALUOp
	rank int
}

func operators() map[string]operator {
	return map[string]operator{
		"|": {bpf.ALUOpOr, 1}, "^": {bpf.ALUOpXor, 2}, "&": {bpf.ALUOpAnd, 3},
		"<<": {bpf.ALUOpShiftLeft, 4}, ">>": {bpf.ALUOpShiftRight, 4},
		"+": {bpf.ALUOpAdd, 5}, "-": {bpf.ALUOpSub, 5},
		"*": {bpf.ALUOpMul, 6}, "/": {bpf.ALUOpDiv, 6}, "%": {bpf.ALUOpMod, 6},
	}
}

// frameLength compares the length of the frame.
func frameLength(test uint16, n uint32) *condition {
	return &condition{loads: []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtLen}}, test: test, value: n}
}

// relation reads a comparison of two numbers, if there is one. What may begin
// another condition too is then left to that, which has the better error.
func (p *parser) relation() (*condition, bool, error) {
	start, t := p.at, p.peek()
	certain := t.is("-", "len") || t.kind == word && (p.behind().is("[") || p.isConstant(t)) ||
		t.kind == number && p.behind().is("+", "*", "%", "&", "|", "^", "<<", ">>") // "-" goes on with a range, "/" with a network
	if !certain && t.kind != number && !t.is("(") {
		return nil, false, nil
	}
	depth, slots := p.depth, p.slots
	left, err := p.arithmetic(0)
	if err == nil && !isRelation(p.peek()) {
		err = p.unexpected(p.peek(), "a relation such as = or >")
	}
	if err != nil {
		if certain {
			return nil, false, err
		}
		p.at, p.depth, p.slots = start, depth, slots
		return nil, false, nil
	}
	sign := p.take().text
	right, slot, err := p.second(0)
	if err != nil {
		return nil, false, err
	}
	return compare(sign, left, right, slot), true, nil
}

func (p *parser) isConstant(t token) bool { _, ok := p.names[t.text]; return ok && !t.quoted }

func isRelation(t token) bool { return t.is("=", "==", "!=", ">", ">=", "<", "<=") }

// compare is false, whatever the sign, for a frame that has not both numbers.
func compare(sign string, left, right operand, slot int) *condition {
	c := &condition{test: jumpEqual}
	switch sign {
	case ">", "<=":
		c.test = jumpGreater
	case ">=", "<":
		c.test = jumpGreaterOrEqual
	}
	if right.constant {
		c.loads, c.value = left.code, right.value
	} else {
		c.test |= withX
		c.loads = pair(left, right, slot)
	}
	if sign == "<=" || sign == "<" || sign == "!=" {
		c = not(c)
	}
	return and(and(left.guard, right.guard), c)
}

// second reads the number behind an operator, with a slot for the one before it.
func (p *parser) second(rank int) (operand, int, error) {
	slot := p.slots
	if p.slots++; p.slots > maxSlots {
		return operand{}, 0, p.wrong(p.peek(), "more than %d numbers have to be kept at once", maxSlots)
	}
	right, err := p.arithmetic(rank)
	p.slots--
	return right, slot, err
}

// pair computes two numbers: left into A, right into X.
func pair(left, right operand, slot int) []bpf.Instruction {
	return slices.Concat(left.code, []bpf.Instruction{bpf.StoreScratch{Src: bpf.RegA, N: slot}}, right.code,
		[]bpf.Instruction{bpf.TAX{}, bpf.LoadScratch{Dst: bpf.RegA, N: slot}})
}

// arithmetic reads numbers joined by operators above a rank.
func (p *parser) arithmetic(rank int) (operand, error) {
	left, err := p.operand()
	for err == nil {
		t := p.peek()
		o := operators()[t.text]
		if t.kind != symbol || o.rank <= rank {
			return left, nil
		}
		p.take()
		left, err = p.combine(left, t, o)
	}
	return left, err
}

// combine reads what is behind an operator, and computes.
func (p *parser) combine(left operand, sign token, o operator) (operand, error) {
	right, slot, err := p.second(o.rank)
	if err != nil {
		return right, err
	}
	out := operand{guard: and(left.guard, right.guard)}
	if !right.constant {
		out.code = append(pair(left, right, slot), bpf.ALUOpX{Op: o.op})
		return out, nil
	}
	switch {
	case right.value == 0 && (o.op == bpf.ALUOpDiv || o.op == bpf.ALUOpMod):
		return out, p.wrong(sign, "division by zero")
	case right.value > 31 && o.rank == 4:
		return out, p.wrong(sign, "shift by %d of 32 bits", right.value)
	}
	out.code = append(slices.Clone(left.code), bpf.ALUOpConstant{Op: o.op, Val: right.value})
	return out, nil
}

// operand reads one number.
func (p *parser) operand() (operand, error) {
	if err := p.enter(); err != nil {
		return operand{}, err
	}
	defer p.leave()
	t := p.take()
	switch {
	case t.kind == number:
		return constant(t.value), nil
	case p.isConstant(t):
		return constant(p.names[t.text]), nil
	case t.is("len"):
		return operand{code: []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtLen}}}, nil
	case t.is("-"):
		out, err := p.operand()
		out.constant, out.code = false, append(slices.Clone(out.code), bpf.ALUOpConstant{Op: bpf.ALUOpMul, Val: 1<<32 - 1})
		return out, err
	case t.is("("):
		out, err := p.arithmetic(0)
		if err != nil {
			return out, err
		}
		return out, p.expect(")")
	case t.kind == word && p.peek().is("["):
		return p.accessor(t)
	}
	return operand{}, p.unexpected(t, "a number")
}

func constant(n uint32) operand {
	return operand{code: []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: n}}, constant: true, value: n}
}

// accessor reads protocol[offset:size].
func (p *parser) accessor(name token) (operand, error) {
	protocol := p.known[synonym(name.text)]
	if !protocol.access {
		return operand{}, p.unexpected(name, "a protocol whose header can be read")
	}
	p.take() // [
	at := p.peek()
	index, err := p.arithmetic(0)
	if err != nil {
		return index, err
	}
	if index.constant && index.value > maxOffset {
		return index, p.wrong(at, "offset %d is above %d", index.value, maxOffset)
	}
	size := 1
	if p.accept(":") {
		t := p.take()
		if t.kind != number || t.value != 1 && t.value != 2 && t.value != 4 {
			return index, p.unexpected(t, "a size of 1, 2 or 4 bytes")
		}
		size = int(t.value)
	}
	if err := p.expect("]"); err != nil {
		return index, err
	}
	return protocol.at(p.link, synonym(name.text), index, size), nil
}

// at is a number of a protocol's header.
func (p protocol) at(l link, name string, index operand, size int) operand {
	base, guard := l.header(), index.guard
	switch {
	case name == "ether":
		base = 0
		if l != ethernet {
			guard = &condition{join: never}
		}
	case p.etherType != 0:
		guard = and(guard, l.carries(p.etherType))
	case p.versions == 2:
		base += ip6Length
		guard = and(and(guard, l.carries(etherIP6)), l.at(ip6Next, 1, p.number))
	default: // behind the options of IPv4
		guard = and(and(and(l.carries(etherIP), guard), p.abbreviation(l)), l.firstFragment())
		behind := bpf.LoadMemShift{Off: base}
		if index.constant {
			return operand{guard: guard, code: []bpf.Instruction{behind, bpf.LoadIndirect{Off: base + index.value, Size: size}}}
		}
		return operand{guard: guard, code: append(slices.Clone(index.code), behind, bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{}, bpf.LoadIndirect{Off: base, Size: size})}
	}
	if index.constant {
		return operand{guard: guard, code: load(base+index.value, size)}
	}
	return operand{guard: guard, code: append(slices.Clone(index.code), bpf.TAX{}, bpf.LoadIndirect{Off: base, Size: size})}
}
