package expression

// Fields tells which fields there are, by name.
type Fields map[string]Kind

// Row gives the values of one row.
type Row interface {
	// Value returns the named field, one of Fields.
	Value(name string) Value
}

// Program is a compiled expression. It may be used by several goroutines.
type Program struct {
	root node
	uses map[string]bool
}

// Compile reads a text. Its errors are *Error.
func Compile(text string, fields Fields) (*Program, error) {
	list, err := tokens(text)
	if err != nil {
		return nil, err
	}
	p := &parser{text: text, tokens: list, fields: fields, uses: map[string]bool{}}
	root, err := p.either()
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.failf(t, "join comparisons with && or ||", "%v is one too many", t)
	}
	return &Program{root, p.uses}, nil
}

// Uses tells whether the expression is about a field.
func (p *Program) Uses(name string) bool { return p.uses[name] }

// Fields calls yield with the name of every field that the expression is about.
func (p *Program) Fields(yield func(string) bool) {
	for name := range p.uses {
		if !yield(name) {
			return
		}
	}
}

// Match tells whether the expression is true of a row.
func (p *Program) Match(r Row) bool { return p.root(r) == yes }

// answer is true, false, or neither, where it depends on a cell that is NULL.
type answer uint8

const (
	no answer = iota
	unknown
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// node answers for a part of an expression.
type node func(Row) answer

func or(a, b node) node {
	return func(r Row) answer {
		x := a(r)
		if x == yes {
			return yes
		}
		return max(x, b(r))
	}
}

func and(a, b node) node {
	return func(r Row) answer {
		x := a(r)
		if x == no {
			return no
		}
		return min(x, b(r))
	}
}

func not(a node) node { return func(r Row) answer { return yes - a(r) } }

// test is a question about a field, which NULL leaves open.
func test(name string, ask func(*Value) bool) node {
	return func(r Row) answer {
		v := r.Value(name)
		if v.Null {
			return unknown
		}
		return answerOf(ask(&v))
	}
}

// compare is a question about two fields.
func compare(a, b string, ask func(a, b *Value) bool) node {
	return func(r Row) answer {
		x, y := r.Value(a), r.Value(b)
		if x.Null || y.Null {
			return unknown
		}
		return answerOf(ask(&x, &y))
	}
}

// isNull asks whether a field is NULL.
func isNull(name string) node {
	return func(r Row) answer { return answerOf(r.Value(name).Null) }
}
