package tracker

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Filter is a condition on runs. ParseFilter reads one that a person typed:
//
//	style_weight > 50 && pooling == avg
//	status == running || (experiment ~ night && !(total > 1e6))
//	tag == "to show" && started >= 2026-11-01
//	woodcut "first snow" rating >= 4
//
// Programs build one from values, which are never parsed:
//
//	tracker.All(typed, tracker.Where("sweep", tracker.Equal, name), tracker.Where("trial", tracker.Greater, 0))
//
// A comparison has a name on its left: a parameter, a metric, whose last value is compared, or one
// of [Fields]. Where a parameter and a metric have the same name, param.NAME and metric.NAME tell
// them apart. On its right is a word, a number, a date or a quoted string.
//
// Numbers compare as numbers and strings byte by byte; no string is less or greater than a number.
// ~ means "contains", ^= "begins with" and $= "ends with"; all three ignore the case of ASCII
// letters. A run without the named value passes no comparison except != and !~, which are the exact
// opposites of == and ~. Of several tags, one must pass.
//
// A word or a quoted string that nothing is compared with is searched for; see [Word]. Conditions that stand side by side
// are joined as by &&.
//
// A nil Filter lets every run through.
type Filter struct {
	text string // as it was typed; "" if it was built
	root Expr   // nil lets every run through
}

// Bounds on a filter that is typed. SQLite refuses expressions that are nested more than 1000 deep.
const (
	maxFilter      = 4 << 10 // bytes
	maxComparisons = 100     // and words
	maxNesting     = 100
)

// Expr is a node of a filter: And, Or, Not, *Comparison or *Word.
type Expr interface{ expr() }

// And, Or and Not combine conditions. And and Or have two or more operands, none of their own kind.
type (
	And []Expr
	Or  []Expr
	Not struct{ X Expr }
)

// Comparison compares a value of a run with a literal.
type Comparison struct {
	Name    string  // as it was typed
	Operand Operand // what the name means, once resolved
	Op      Op
	Literal Literal

	source span
}

// Word is searched for in what people call a run: its name, note, experiment and sweep, each of its tags, and the names
// of the pictures that it began with. One of them must contain it. The case of ASCII letters is ignored.
type Word struct {
	Text string

	source span
}

// span is a part of the text of a filter that was typed. The text of one that was built is "".
type span struct {
	text    string
	at, end int // in bytes
}

func (And) expr()         {}
func (Or) expr()          {}
func (Not) expr()         {}
func (*Comparison) expr() {}
func (*Word) expr()       {}

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

// Negated returns the operator whose opposite o is, Equal for NotEqual and Contains for
// ContainsNot, and whether there is one.
func (o Op) Negated() (Op, bool) {
	switch o {
	case NotEqual:
		return Equal, true
	case ContainsNot:
		return Contains, true
	}
	return o, false
}

// OnText reports whether the operator looks inside strings.
func (o Op) OnText() bool { return o == Contains || o == ContainsNot || o == Begins || o == Ends }

// OnOrder reports whether the operator asks which of two values comes first.
func (o Op) OnOrder() bool {
	return o == Less || o == LessEqual || o == Greater || o == GreaterEqual
}

// Literal is the right side of a comparison.
type Literal struct {
	Text string
	// Number is an int64 or a float64 if the text is a number, else nil.
	Number any
	// From and Until bound the times that a date means, Until excluded: a whole day, minute or
	// second. They are set where the left side is a time.
	From, Until time.Time
}

func newLiteral(text string) Literal {
	l := Literal{Text: text}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		l.Number = n
	} else if f, ok := parseNumber(text); ok {
		l.Number = f
	}
	return l
}

// times are the forms of dates that a filter takes, and how long a time each means. Those without a zone are local.
var times = []struct {
	layout string
	long   time.Duration
}{
	{"2006-01-02T15:04", time.Minute},
	{"2006-01-02 15:04", time.Minute},
	{"2006-01-02T15:04:05", time.Second},
	{"2006-01-02 15:04:05", time.Second},
	{time.RFC3339Nano, time.Microsecond},
	{"2006-01-02T15:04:05Z07:00", time.Second},
}

func (l *Literal) readTime() error {
	if day, err := time.ParseInLocation(time.DateOnly, l.Text, time.Local); err == nil {
		l.From, l.Until = day, day.AddDate(0, 0, 1) // not always 24 hours
		return nil
	}
	for _, form := range times {
		at, err := time.ParseInLocation(form.layout, l.Text, time.Local)
		if err == nil {
			l.From = at.Truncate(time.Microsecond)
			l.Until = l.From.Add(form.long)
			return nil
		}
	}
	return errors.New("write it as 2026-11-24, 2026-11-24T18:30 or 2026-11-24T18:30:05Z")
}

// Where returns a filter with one comparison. value is a string, a bool, an integer, a float or a time.Time.
func Where(name string, op Op, value any) *Filter {
	return &Filter{root: &Comparison{Name: name, Op: op, Literal: newLiteral(literalText(value))}}
}

func literalText(value any) string {
	if at, ok := value.(time.Time); ok {
		return at.UTC().Format(time.RFC3339Nano)
	}
	if v := reflect.ValueOf(value); v.CanFloat() {
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return fmt.Sprint(value)
}

// All returns a filter that lets through the runs that pass all the given ones. Filters that let
// every run through change nothing.
func All(filters ...*Filter) *Filter { return combine[And](filters) }

// Any returns a filter that lets through the runs that pass at least one of the given ones. Without
// any it lets every run through.
func Any(filters ...*Filter) *Filter {
	if slices.ContainsFunc(filters, func(f *Filter) bool { return f == nil || f.root == nil }) {
		return nil
	}
	return combine[Or](filters)
}

// operands is And or Or.
type operands interface {
	~[]Expr
	Expr
}

func combine[T operands](filters []*Filter) *Filter {
	filters = slices.DeleteFunc(slices.Clone(filters), func(f *Filter) bool { return f == nil || f.root == nil })
	switch len(filters) {
	case 0:
		return nil
	case 1:
		return filters[0]
	}
	var list []Expr
	for _, f := range filters {
		list = append(list, f.root)
	}
	return &Filter{root: join[T](list)}
}

// join returns one expression of several. Operands of the same kind become part of it.
func join[T operands](list []Expr) Expr {
	if len(list) == 1 {
		return list[0]
	}
	var joined T
	for _, e := range list {
		if same, ok := e.(T); ok {
			joined = append(joined, same...)
		} else {
			joined = append(joined, e)
		}
	}
	return joined
}

// Terms returns the conditions that && joins at the top of a filter: none for a filter that lets
// every run through. All of them together are the filter again.
func (f *Filter) Terms() []*Filter {
	if f == nil || f.root == nil {
		return nil
	}
	and, ok := f.root.(And)
	if !ok {
		return []*Filter{f}
	}
	terms := make([]*Filter, len(and))
	for i, e := range and {
		terms[i] = &Filter{root: e}
	}
	return terms
}

// Comparison returns a filter's comparison if it is nothing but one.
func (f *Filter) Comparison() (c Comparison, ok bool) {
	if f == nil {
		return c, false
	}
	p, ok := f.root.(*Comparison)
	if ok {
		c = *p
	}
	return c, ok
}

// String returns the text that was parsed, or for a filter that was built a text that ReadFilter
// reads as the same filter, unless it is too long.
func (f *Filter) String() string {
	if f == nil {
		return ""
	}
	if f.text != "" || f.root == nil {
		return f.text
	}
	return text(f.root)
}

// text writes an expression. Comparisons that were typed stay as they were.
func text(e Expr) string {
	group := func(e Expr, parentheses bool) string {
		if parentheses {
			return "(" + text(e) + ")"
		}
		return text(e)
	}
	list := func(list []Expr, between string) string {
		var parts []string
		for _, e := range list {
			_, inner := e.(Or) // && binds more tightly than ||
			parts = append(parts, group(e, inner))
		}
		return strings.Join(parts, between)
	}
	switch e := e.(type) {
	case And:
		return list(e, " && ")
	case Or:
		return list(e, " || ")
	case Not:
		_, not := e.X.(Not)
		return "!" + group(e.X, !not)
	}
	if w, ok := e.(*Word); ok {
		return w.source.text[w.source.at:w.source.end] // words are typed only
	}
	c := e.(*Comparison)
	if c.source.text != "" {
		return c.source.text[c.source.at:c.source.end]
	}
	return fmt.Sprintf("%s %s %s", c.Name, c.Op, quote(c.Literal.Text))
}

var plain = regexp.MustCompile(`^[-+.\w]+$`)

// quote writes a string so that a filter reads it as that string: unchanged if it is a plain word, else in quotes.
func quote(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// Resolve returns the filter's condition with each name bound to what it means in a store that has the given names,
// and each literal read as the name's type asks. It returns nil for a filter that lets every run through. Unknown
// names and strings that no run can have are CodeInvalid; the error gives the place and the nearest name.
func (f *Filter) Resolve(names *Names) (Expr, error) {
	if f == nil || f.root == nil {
		return nil, nil
	}
	return resolve(f.root, names)
}

func resolve(e Expr, names *Names) (Expr, error) {
	all := func(list []Expr) ([]Expr, error) {
		resolved := make([]Expr, len(list))
		for i, e := range list {
			var err error
			if resolved[i], err = resolve(e, names); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	}
	switch e := e.(type) {
	case And:
		list, err := all(e)
		return And(list), err
	case Or:
		list, err := all(e)
		return Or(list), err
	case Not:
		x, err := resolve(e.X, names)
		return Not{x}, err
	case *Word:
		if err := checkText("a word", e.Text, maxFilter); err != nil {
			return nil, e.source.errorf("%w", err)
		}
		return e, nil
	}
	c := *e.(*Comparison)
	var err error
	if c.Operand, err = names.Operand(c.Name); err != nil {
		return nil, c.source.errorf("%w", err)
	}
	if err := checkText(c.Name, c.Literal.Text, maxFilter); err != nil {
		return nil, c.source.errorf("%w", err)
	}
	if c.Operand.Type() == TypeTime {
		if c.Op.OnText() {
			return nil, c.source.errorf("%s is a time: it cannot be compared with %s", c.Name, c.Op)
		}
		if err := c.Literal.readTime(); err != nil {
			return nil, c.source.errorf("%s is a time: %w", c.Name, err)
		}
	}
	return &c, nil
}

func (s span) errorf(format string, args ...any) error { return errorAt(s.text, s.at, format, args...) }

// errorAt is an error at a place in a filter's text, counted in letters from 1. A filter that was built has no text.
func errorAt(text string, at int, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if text == "" {
		return Errorf(CodeInvalid, "filter: %w", err)
	}
	column := utf8.RuneCountInString(text[:at]) + 1
	const most = 200
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return Errorf(CodeInvalid, "filter, at letter %d of `%s`: %w", column, text, err)
}

// ParseFilter reads a filter. Blank text lets every run through. Errors have CodeInvalid and give
// the place of the mistake; whether the names exist is found out when a store is asked.
func ParseFilter(text string) (*Filter, error) { return parseFilter(text, maxFilter, maxComparisons) }

// ReadFilter reads the text of a filter that a program built; see [Filter.String]. It may be longer than one that is typed.
func ReadFilter(text string) (*Filter, error) {
	const longer = 10
	return parseFilter(text, longer*maxFilter, longer*maxComparisons)
}

// parseFilter reads a filter with bounded numbers of bytes and comparisons.
func parseFilter(text string, most, comparisons int) (*Filter, error) {
	if err := checkText("the filter", text, most); err != nil {
		return nil, err
	}
	p := &parser{text: text, most: comparisons}
	p.next()
	if p.token.kind == tokenEnd {
		return &Filter{text: text}, nil
	}
	root, err := p.or(0)
	if err == nil && p.token.kind != tokenEnd {
		err = p.unexpected("&& or ||")
	}
	if err != nil {
		return nil, err
	}
	return &Filter{text: text, root: root}, nil
}

// parser reads
//
//	or         = and { "||" and }
//	and        = not { [ "&&" ] not }
//	not        = "!" not | "(" or ")" | comparison | word | quoted
//	comparison = word operator ( word | quoted )
type parser struct {
	text        string
	token       token // the current one
	rest        int   // where the next begins
	comparisons int   // and words
	most        int   // of them
}

// next reads the next token.
func (p *parser) next() {
	place := tokens.FindStringSubmatchIndex(p.text[p.rest:])
	end := p.rest + place[1]
	p.token = token{tokenEnd, "", end}
	for kind := tokenCompare; kind <= tokenBad; kind++ {
		if at := place[2*kind]; at >= 0 {
			p.token = token{kind, p.text[p.rest+at : end], p.rest + at}
		}
	}
	p.rest = end
}

func (p *parser) combines(text string) bool {
	return p.token.kind == tokenCombine && p.token.text == text
}

func (p *parser) or(depth int) (Expr, error) {
	x, err := p.and(depth)
	list := []Expr{x}
	for err == nil && p.combines("||") {
		p.next()
		x, err = p.and(depth)
		list = append(list, x)
	}
	return join[Or](list), err
}

func (p *parser) and(depth int) (Expr, error) {
	x, err := p.not(depth)
	list := []Expr{x}
	for err == nil && (p.combines("&&") || p.begins()) {
		if p.combines("&&") {
			p.next()
		}
		x, err = p.not(depth)
		list = append(list, x)
	}
	return join[And](list), err
}

// begins reports whether a condition begins here.
func (p *parser) begins() bool {
	return p.token.kind == tokenWord || p.token.kind == tokenQuoted || p.combines("!") || p.combines("(")
}

func (p *parser) not(depth int) (Expr, error) {
	if depth > maxNesting {
		return nil, errorAt(p.text, p.token.at, "more than %d nested parentheses and !", maxNesting)
	}
	switch {
	case p.combines("!"):
		p.next()
		x, err := p.not(depth + 1)
		return Not{x}, err
	case p.combines("("):
		open := p.token.at
		p.next()
		x, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.combines(")") {
			if p.token.kind == tokenEnd {
				return nil, errorAt(p.text, open, "nothing closes this parenthesis")
			}
			return nil, p.unexpected("&&, || or )")
		}
		p.next()
		return x, nil
	}
	return p.comparison()
}

// comparison reads a comparison or a word.
func (p *parser) comparison() (Expr, error) {
	if p.token.kind != tokenWord && p.token.kind != tokenQuoted {
		return nil, p.unexpected("a word, or the name of a parameter, metric or field")
	}
	if p.comparisons++; p.comparisons > p.most {
		return nil, errorAt(p.text, p.token.at, "more than %d comparisons and words", p.most)
	}
	left, source := p.token, span{p.text, p.token.at, p.rest}
	p.next()
	if p.token.kind != tokenCompare {
		return &Word{left.literal(), source}, nil
	}
	if left.kind == tokenQuoted {
		return nil, source.errorf("%s is in quotes: the name of a parameter, metric or field stands before %s without them", left.text, p.token.text)
	}
	c := &Comparison{Name: left.text, Op: Op(p.token.text)}
	if c.Op == "=" {
		c.Op = Equal
	}
	p.next()
	if p.token.kind != tokenWord && p.token.kind != tokenQuoted {
		return nil, p.unexpected(fmt.Sprintf("a word, a number or a text in quotes after %s", c.Op))
	}
	c.Literal = newLiteral(p.token.literal())
	source.end = p.rest
	c.source = source
	p.next()
	return c, nil
}

// unexpected is the error for a token where another should be.
func (p *parser) unexpected(wanted string) error {
	switch p.token.kind {
	case tokenEnd:
		return errorAt(p.text, p.token.at, "it ends where there should be %s", wanted)
	case tokenBadQuote:
		return errorAt(p.text, p.token.at, "nothing closes this quote")
	}
	return errorAt(p.text, p.token.at, "there is %q where there should be %s", p.token.literal(), wanted)
}

// token is a piece of a filter.
type token struct {
	kind tokenKind
	text string // as it was typed
	at   int    // in bytes
}

// literal returns the string that a word or a quoted string means.
func (t token) literal() string {
	if t.kind == tokenQuoted {
		return escaped.ReplaceAllString(t.text[1:len(t.text)-1], "$1")
	}
	return t.text
}

type tokenKind int

// The kinds of tokens are numbered as the groups of tokens.
const (
	tokenEnd      tokenKind = iota
	tokenCompare            // an Op; a single = means ==
	tokenCombine            // && || ! ( )
	tokenWord               // a name, number, date or other word, which may have an apostrophe inside
	tokenQuoted             // a string in quotes, in which a backslash keeps the next character as it is
	tokenBadQuote           // a quote that nothing closes
	tokenBad                // a character that begins nothing
)

// tokens matches a token after spaces. Where one operator begins another, the longer comes first.
var tokens = regexp.MustCompile(`(?s)^[\s\v\x{85}\pZ]*(?:` +
	`(==|!=|<=|>=|!~|\^=|\$=|[<>=~])|` +
	`(&&|\|\||[!()])|` +
	`([^\s\v\x{85}\pZ()!&|=<>~^$"']+(?:'[^\s\v\x{85}\pZ()!&|=<>~^$"']+)*)|` +
	`("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|` +
	`(["'].*)|` +
	`(.)|$)`)

var escaped = regexp.MustCompile(`(?s)\\(.)`)
