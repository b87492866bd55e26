package tracker

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Filter is a condition on runs, as a person types it:
//
//	style_weight > 50 && pooling == avg
//	status == running || (experiment ~ night && !(total > 1e6))
//	tag == "to show" && started >= 2026-11-01
//
// A comparison has a name on its left: a parameter, a metric, which stands for its last value, or one of [Fields].
// Where a parameter and a metric have one name, param.NAME and metric.NAME tell them apart. On its right stands a
// word, a number, a date or a text in quotes.
//
// Numbers compare as numbers and texts byte by byte; no text is more or less than a number. ~ is "contains", ^= "begins
// with" and $= "ends with", whatever the case of ASCII letters. A run that lacks what is named passes no comparison
// but != and !~, which are exactly what == and ~ are not. Of several tags one has to pass.
type Filter struct {
	text string
	root Expr
}

// Bounds of a filter. SQLite refuses expressions that are nested more than 1000 deep.
const (
	maxFilter      = 4 << 10 // bytes
	maxComparisons = 100
	maxNesting     = 100
)

// Expr is a node of a filter: And, Or, Not or *Comparison.
type Expr interface{ expr() }

// And, Or and Not combine conditions.
type (
	And struct{ X, Y Expr }
	Or  struct{ X, Y Expr }
	Not struct{ X Expr }
)

// Comparison compares what a run has with a literal.
type Comparison struct {
	Name    string  // as it was typed
	Operand Operand // what the name stands for, once resolved
	Op      Op
	Literal Literal
	at      int // the name's place, in bytes
}

func (And) expr()         {}
func (Or) expr()          {}
func (Not) expr()         {}
func (*Comparison) expr() {}

// Op is an operator of a comparison.
type Op string

// The operators.
const (
	Equal        Op = "=="
	NotEqual     Op = "!="
	Less         Op = "<"
	LessEqual    Op = "<="
	Greater      Op = ">"
	GreaterEqual Op = ">="
	Contains     Op = "~"
	ContainsNot  Op = "!~"
	Begins       Op = "^="
	Ends         Op = "$="
)

// Negated returns the operator that is this one's opposite by definition, if there is one among Equal and Contains.
func (o Op) Negated() (Op, bool) {
	switch o {
	case NotEqual:
		return Equal, true
	case ContainsNot:
		return Contains, true
	}
	return o, false
}

// OnText tells whether the operator looks inside texts.
func (o Op) OnText() bool { return o == Contains || o == ContainsNot || o == Begins || o == Ends }

// OnOrder tells whether the operator asks which of two values comes first.
func (o Op) OnOrder() bool {
	return o == Less || o == LessEqual || o == Greater || o == GreaterEqual
}

// String returns the text that was parsed.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	return f.text
}

// Resolve returns the filter's condition with each name bound to what it stands for in a store that has the given
// names, and each literal read as what the name asks for. It returns nil for a filter that is nil or empty, and an
// error of CodeInvalid, which gives the place and the nearest name, for names that there are not.
func (f *Filter) Resolve(names *Names) (Expr, error) {
	if f == nil || f.root == nil {
		return nil, nil
	}
	return f.resolve(f.root, names)
}

func (f *Filter) resolve(e Expr, names *Names) (Expr, error) {
	switch e := e.(type) {
	case And:
		x, y, err := f.resolveBoth(e.X, e.Y, names)
		return And{x, y}, err
	case Or:
		x, y, err := f.resolveBoth(e.X, e.Y, names)
		return Or{x, y}, err
	case Not:
		x, err := f.resolve(e.X, names)
		return Not{x}, err
	}
	c := *e.(*Comparison)
	var err error
	if c.Operand, err = names.Operand(c.Name); err != nil {
		return nil, f.errorAt(c.at, "%w", err)
	}
	if c.Operand.Type() == TypeTime {
		if c.Op.OnText() {
			return nil, f.errorAt(c.at, "%s is a time: it cannot be compared with %s", c.Name, c.Op)
		}
		if err := c.Literal.readTime(); err != nil {
			return nil, f.errorAt(c.at, "%s is a time: %w", c.Name, err)
		}
	}
	return &c, nil
}

func (f *Filter) resolveBoth(x, y Expr, names *Names) (Expr, Expr, error) {
	rx, err := f.resolve(x, names)
	if err != nil {
		return nil, nil, err
	}
	ry, err := f.resolve(y, names)
	return rx, ry, err
}

// errorAt is an error at a place in the filter, which it counts in letters from 1.
func (f *Filter) errorAt(at int, format string, args ...any) error {
	column := utf8.RuneCountInString(f.text[:at]) + 1
	return Errorf(CodeInvalid, "filter, at letter %d of %s: %w", column, quoteFilter(f.text), fmt.Errorf(format, args...))
}

func quoteFilter(text string) string {
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return "`" + text + "`"
}
