package expression

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// maxDepth is how deep brackets and negations may be nested.
const maxDepth = 100

// parser reads tokens by recursive descent.
type parser struct {
	text   string
	tokens []token
	at     int
	depth  int
	fields Fields
	uses   map[string]bool
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) take() token {
	t := p.tokens[p.at]
	if t.kind != tokenEnd {
		p.at++
	}
	return t
}

// accept takes the next token if it is one of these words or signs.
func (p *parser) accept(texts ...string) bool {
	t := p.peek()
	if (t.kind == tokenWord || t.kind == tokenSign) && slices.Contains(texts, t.text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) failf(t token, hint, format string, args ...any) error {
	return &Error{p.text, t.column, fmt.Sprintf(format, args...), hint}
}

func (p *parser) either() (node, error) { return p.joined(p.both, or, "||", "or") }

func (p *parser) both() (node, error) { return p.joined(p.one, and, "&&", "and") }

// joined reads one part or more, joined by one of two signs.
func (p *parser) joined(part func() (node, error), join func(a, b node) node, sign, word string) (node, error) {
	a, err := part()
	for err == nil && p.accept(sign, word) {
		var b node
		if b, err = part(); err == nil {
			a = join(a, b)
		}
	}
	return a, err
}

// one reads a negation, what stands in brackets, or a comparison.
func (p *parser) one() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.failf(p.peek(), "", "it is nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	if p.accept("!", "not") {
		a, err := p.one()
		if err != nil {
			return nil, err
		}
		return not(a), nil
	}
	if p.accept("(") {
		a, err := p.either()
		if err != nil {
			return nil, err
		}
		if t := p.peek(); !p.accept(")") {
			return nil, p.failf(t, "", "a bracket is not closed before %v", t)
		}
		return a, nil
	}
	return p.comparison()
}

func (p *parser) comparison() (node, error) {
	t := p.take()
	if t.kind != tokenWord {
		return nil, p.failf(t, "a comparison begins with a field: bytes > 1e6", "%v is no field", t)
	}
	kind, ok := p.fields[t.text]
	if !ok {
		return nil, p.failf(t, p.similar(t.text), "there is no field %q", t.text)
	}
	p.uses[t.text] = true
	name, op := t.text, p.peek()
	switch {
	case p.accept("==", "!="):
		return p.equal(name, kind, op.text == "!=")
	case p.accept("<", "<=", ">", ">="):
		return p.order(name, kind, op)
	case p.accept("~"):
		return p.matches(name, kind, op)
	case p.accept("contains"):
		part, err := p.literal(name, kind, op, Text)
		return test(name, func(v *Value) bool { return strings.Contains(v.Text, part.Text) }), err
	case p.accept("in"):
		return p.among(name, kind)
	case kind == Truth:
		return test(name, func(v *Value) bool { return v.True }), nil
	}
	return nil, p.failf(op, "compare it: "+example(name, kind), "%s is %v, and not compared with anything", name, kind)
}

// example shows how a field is compared.
func example(name string, kind Kind) string {
	return name + [...]string{" > 1000", ` == "text"`, " == true", ` == "10.0.0.0/8"`}[kind]
}

// similar names fields that may have been meant.
func (p *parser) similar(name string) string {
	var best []string
	least := max(len(name)/3, 2) + 1
	for _, f := range slices.Sorted(maps.Keys(p.fields)) {
		d := distance(name, f)
		if _, last, ok := strings.Cut(f, "."); ok && last == name {
			d = 0
		}
		if d < least {
			best, least = nil, d
		}
		if d == least && len(best) < 4 && d <= max(len(name)/3, 2) {
			best = append(best, f)
		}
	}
	if len(best) == 0 {
		return "fields are the columns of connections, and process., local., remote., sent. and received.; `pcapwho schema connections` lists them"
	}
	return "did you mean " + strings.Join(best, ", ") + "?"
}

// distance is how many characters one text is from another (Levenshtein 1965).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := previous
			if a[i] != b[j] {
				d = 1 + min(previous, row[j], row[j+1])
			}
			previous, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

// literal reads a value for a field of a kind, which must be the one that op takes.
func (p *parser) literal(name string, kind Kind, op token, wants Kind) (Value, error) {
	if kind != wants && !(kind == Address && wants == Text) {
		return Value{}, p.failf(op, "compare it: "+example(name, kind), "%s is %v, and %s is for %v", name, kind, op.text, wants)
	}
	return p.value(name, kind)
}

// value reads one of a kind.
func (p *parser) value(name string, kind Kind) (v Value, err error) {
	t := p.take()
	ok := false
	switch kind {
	case Integer:
		if v.Int, ok = parseInteger(t.text); t.kind == tokenNumber && !ok {
			return v, p.failf(t, "443, 1e6, 0x1f or 1.5ms", "%s is no whole number", t.text)
		}
		ok = ok && t.kind == tokenNumber
	case Truth:
		v.True = t.text == "true"
		ok = t.kind == tokenWord && (v.True || t.text == "false")
	default:
		v.Text, ok = t.text, t.kind == tokenText
	}
	if !ok {
		hint := ""
		if t.kind == tokenWord && (kind == Text || kind == Address) || t.kind == tokenNumber && kind == Address {
			hint = "text stands in quotes: " + example(name, kind)
		}
		return v, p.failf(t, hint, "%s is %v, and %v is not", name, kind, t)
	}
	return v, nil
}

// equal reads what a field is compared with by == or !=.
func (p *parser) equal(name string, kind Kind, negated bool) (node, error) {
	var n node
	if p.accept("null", "NULL") {
		n = isNull(name)
	} else if other, ok := p.field(kind); ok {
		n = compare(name, other, func(a, b *Value) bool { return a.Int == b.Int && a.Text == b.Text && a.True == b.True })
	} else {
		ask, err := p.equals(name, kind)
		if err != nil {
			return nil, err
		}
		n = test(name, ask)
	}
	if negated {
		n = not(n)
	}
	return n, nil
}

// equals reads a value, and asks whether a field has it.
func (p *parser) equals(name string, kind Kind) (func(*Value) bool, error) {
	t := p.peek()
	want, err := p.value(name, kind)
	if err != nil {
		return nil, err
	}
	switch kind {
	case Integer:
		return func(v *Value) bool { return v.Int == want.Int }, nil
	case Truth:
		return func(v *Value) bool { return v.True == want.True }, nil
	case Address:
		prefix, ok := parsePrefix(want.Text)
		if !ok {
			return nil, p.failf(t, `"10.1.2.3", "10.0.0.0/8" or "2001:db8::/32"`, "%q is no address", want.Text)
		}
		return func(v *Value) bool {
			a, err := netip.ParseAddr(v.Text)
			return err == nil && prefix.Contains(a)
		}, nil
	}
	return func(v *Value) bool { return v.Text == want.Text }, nil
}

func (p *parser) order(name string, kind Kind, op token) (node, error) {
	ask := map[string]func(a, b *Value) bool{
		"<":  func(a, b *Value) bool { return a.Int < b.Int },
		"<=": func(a, b *Value) bool { return a.Int <= b.Int },
		">":  func(a, b *Value) bool { return a.Int > b.Int },
		">=": func(a, b *Value) bool { return a.Int >= b.Int },
	}[op.text]
	if other, ok := p.field(kind); ok && kind == Integer {
		return compare(name, other, ask), nil
	}
	than, err := p.literal(name, kind, op, Integer)
	return test(name, func(v *Value) bool { return ask(v, &than) }), err
}

// field takes the next token if it is a field of a kind.
func (p *parser) field(kind Kind) (name string, ok bool) {
	t := p.peek()
	if t.kind != tokenWord {
		return "", false
	}
	if k, there := p.fields[t.text]; !there || k != kind {
		return "", false
	}
	p.uses[t.text] = true
	return p.take().text, true
}

func (p *parser) matches(name string, kind Kind, op token) (node, error) {
	t := p.peek()
	pattern, err := p.literal(name, kind, op, Text)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(pattern.Text)
	if err != nil {
		return nil, p.failf(t, "the syntax is RE2's", "no regular expression: %v", err)
	}
	return test(name, func(v *Value) bool { return re.MatchString(v.Text) }), nil
}

// among reads a list of values.
func (p *parser) among(name string, kind Kind) (node, error) {
	if t := p.peek(); !p.accept("(") {
		return nil, p.failf(t, name+" in (80, 443)", "a list stands in brackets, and %v is none", t)
	}
	var asks []func(*Value) bool
	for {
		ask, err := p.equals(name, kind)
		if err != nil {
			return nil, err
		}
		asks = append(asks, ask)
		if t := p.peek(); p.accept(")") {
			break
		} else if !p.accept(",") {
			return nil, p.failf(t, "", "the list does not end before %v", t)
		}
	}
	return test(name, func(v *Value) bool {
		return slices.ContainsFunc(asks, func(ask func(*Value) bool) bool { return ask(v) })
	}), nil
}
