package filter

import (
	"slices"
	"strings"
)

// maxDepth bounds how deep parentheses, "not" and accessors are nested.
const maxDepth = 100

// parser makes conditions of tokens, for one link type.
type parser struct {
	text   string
	tokens []token
	at     int // next token
	link   link
	known  map[string]protocol
	names  map[string]uint32
	depth  int
	slots  int // of scratch memory that hold a value
}

// qualifiers are the words in front of a value.
type qualifiers struct {
	given     bool
	protocol  string // "" = any
	direction string // "", "src", "dst", "src or dst", "src and dst"
	kind      string // "" and "host", "net", "port", "portrange", "proto"
}

// parse makes the condition of a whole expression.
func parse(text string, l link) (*condition, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: tokens, link: l, known: protocols(), names: constants()}
	c, _, err := p.expression(qualifiers{})
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, p.unexpected(t, `"and", "or" or the end`)
	}
	return c, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// behind returns the token after the next.
func (p *parser) behind() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) take() token {
	t := p.peek()
	if t.kind != end {
		p.at++
	}
	return t
}

// is tells whether a token is one of some words or symbols.
func (t token) is(texts ...string) bool {
	return (t.kind == word || t.kind == symbol) && !t.quoted && slices.Contains(texts, t.text)
}

func (p *parser) accept(texts ...string) bool {
	ok := p.peek().is(texts...)
	if ok {
		p.take()
	}
	return ok
}

func (p *parser) expect(text string) error {
	if t := p.peek(); !p.accept(text) {
		return p.unexpected(t, `"`+text+`"`)
	}
	return nil
}

func (p *parser) wrong(t token, format string, args ...any) error {
	return wrong(p.text, t.at, format, args...)
}

func (p *parser) unexpected(t token, want string) error {
	switch {
	case t.kind == end:
		return p.wrong(t, "the expression ends, want %s", want)
	case t.kind == word && slices.Contains(unsupported(), t.text):
		return p.wrong(t, "%q is not supported", t.text)
	}
	return p.wrong(t, "%q is not %s", t.text, want)
}

// enter goes a level deeper; leave comes back.
func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.wrong(p.peek(), "nested deeper than %d levels", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }

// expression joins terms: "and" and "or" have the same rank. It returns the
// qualifiers that a value behind it takes.
func (p *parser) expression(q qualifiers) (*condition, qualifiers, error) {
	c, q, err := p.term(q)
	for err == nil {
		join := and
		switch {
		case p.accept("and", "&&"):
		case p.accept("or", "||"):
			join = or
		default:
			return c, q, nil
		}
		var right *condition
		if right, q, err = p.term(q); err == nil {
			c = join(c, right)
		}
	}
	return nil, q, err
}

func (p *parser) term(q qualifiers) (*condition, qualifiers, error) {
	if err := p.enter(); err != nil {
		return nil, q, err
	}
	defer p.leave()
	t := p.peek()
	if p.accept("not", "!") {
		c, q, err := p.term(q)
		if err != nil {
			return nil, q, err
		}
		return not(c), q, nil
	}
	if c, ok, err := p.relation(); ok || err != nil {
		return c, qualifiers{}, err
	}
	switch {
	case t.is("("):
		p.take()
		c, _, err := p.expression(q)
		if err != nil {
			return nil, q, err
		}
		return c, q, p.expect(")")
	case t.is("less", "greater"):
		c, err := p.length()
		return c, qualifiers{}, err
	case t.kind == word && !t.quoted:
		return p.qualified()
	case t.kind != word && t.kind != symbol && t.kind != end && q.given:
		c, err := p.value(q)
		return c, q, err
	case t.kind != word && t.kind != symbol && t.kind != end:
		return nil, q, p.wrong(t, "%q stands alone: host, net or port in front of it says what it is", t.text)
	}
	return nil, q, p.unexpected(t, "the beginning of a condition")
}

// length reads "less 100" and "greater 100".
func (p *parser) length() (*condition, error) {
	greater := p.take().text == "greater"
	t := p.take()
	if t.kind != number {
		return nil, p.unexpected(t, "a number of bytes")
	}
	c := frameLength(jumpGreater, t.value)
	if greater {
		c.test = jumpGreaterOrEqual
		return c, nil
	}
	return not(c), nil
}

// qualified reads what begins with the name of a protocol or a qualifier.
func (p *parser) qualified() (*condition, qualifiers, error) {
	q := qualifiers{given: true}
	first := p.peek()
	if name := synonym(first.text); p.isProtocol(name) {
		q.protocol = name
		p.take()
	}
	if p.peek().is("broadcast", "multicast") {
		c, err := p.group(first, q.protocol)
		return c, qualifiers{}, err
	}
	q.direction = p.direction()
	if t := p.peek(); t.is("host", "net", "port", "portrange", "proto") {
		q.kind = p.take().text
	}
	if q.direction == "" && q.kind == "" {
		if q.protocol == "" {
			return nil, q, p.unexpected(first, "a word of an expression (names are not looked up)")
		}
		if q.protocol == "ether" {
			return nil, q, p.unexpected(p.peek(), "src, dst, host, proto, broadcast or multicast")
		}
		return p.known[q.protocol].abbreviation(p.link), qualifiers{}, nil
	}
	if err := p.sensible(first, q); err != nil {
		return nil, q, err
	}
	c, err := p.values(q)
	return c, q, err
}

func (p *parser) isProtocol(name string) bool { _, ok := p.known[name]; return ok }

func (p *parser) direction() string {
	if !p.peek().is("src", "dst") {
		return ""
	}
	first := p.take().text
	if join, second := p.peek(), p.behind(); join.is("or", "and", "||", "&&") && second.is("src", "dst") && second.text != first {
		p.take()
		p.take()
		if join.is("or", "||") {
			return "src or dst"
		}
		return "src and dst"
	}
	return first
}

// sensible refuses qualifiers that say nothing together.
func (p *parser) sensible(first token, q qualifiers) error {
	of := map[string][]string{
		"": {"", "ether", "ip", "ip6", "arp", "rarp"}, "host": {"", "ether", "ip", "ip6", "arp", "rarp"}, "net": {"", "ip", "ip6", "arp", "rarp"},
		"port": {"", "tcp", "udp", "sctp"}, "portrange": {"", "tcp", "udp", "sctp"}, "proto": {"", "ether", "ip", "ip6"},
	}[q.kind]
	what := q.kind
	if what == "" {
		what = q.direction
	}
	switch {
	case !slices.Contains(of, q.protocol):
		return p.wrong(first, "%q does not go with %q", q.protocol, what)
	case q.kind == "proto" && q.direction != "":
		return p.wrong(first, `"proto" does not go with %q`, q.direction)
	}
	return nil
}

// group reads what all or several hosts of a network receive.
func (p *parser) group(first token, protocol string) (*condition, error) {
	t := p.take()
	broadcast := t.text == "broadcast"
	switch {
	case protocol == "" || protocol == "ether":
		if broadcast {
			return p.link.ether([6]byte{255, 255, 255, 255, 255, 255}, "dst"), nil
		}
		if p.link != ethernet {
			return &condition{join: never}, nil
		}
		return &condition{loads: load(0, 1), test: jumpSet, value: 1}, nil
	case protocol == "ip" && !broadcast:
		c := p.link.at(ipTarget, 1, 224)
		c.test = jumpGreaterOrEqual
		return and(p.link.carries(etherIP), c), nil
	case protocol == "ip6" && !broadcast:
		return and(p.link.carries(etherIP6), p.link.at(ip6Target, 1, 255)), nil
	}
	return nil, p.wrong(first, "%q is not supported", strings.TrimSpace(protocol+" "+t.text))
}

// values reads one value, or several of the same qualifiers in parentheses.
func (p *parser) values(q qualifiers) (*condition, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	if p.accept("not", "!") {
		c, err := p.values(q)
		if err != nil {
			return nil, err
		}
		return not(c), nil
	}
	if !p.accept("(") {
		return p.value(q)
	}
	c, err := p.values(q)
	for err == nil {
		join := and
		switch {
		case p.accept("and", "&&"):
		case p.accept("or", "||"):
			join = or
		default:
			return c, p.expect(")")
		}
		var right *condition
		if right, err = p.values(q); err == nil {
			c = join(c, right)
		}
	}
	return nil, err
}
