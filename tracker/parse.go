package tracker

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseFilter reads a filter. Text that is empty or blank lets every run through. Errors have CodeInvalid and say
// where the mistake is; whether the names exist is found out when a store is asked.
func ParseFilter(text string) (*Filter, error) {
	if len(text) > maxFilter {
		return nil, Errorf(CodeInvalid, "the filter has %d bytes: at most %d are read", len(text), maxFilter)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, Errorf(CodeInvalid, "the filter %q must be UTF-8 without zero bytes", text)
	}
	p := &parser{filter: &Filter{text: text}}
	p.next()
	if p.token.kind == tokenEnd {
		return p.filter, nil
	}
	root, err := p.or(0)
	if err == nil && p.token.kind != tokenEnd {
		err = p.unexpected("&& or ||")
	}
	if err != nil {
		return nil, err
	}
	p.filter.root = root
	return p.filter, nil
}

// parser reads
//
//	or         = and { "||" and }
//	and        = not { "&&" not }
//	not        = "!" not | "(" or ")" | comparison
//	comparison = word operator ( word | quoted )
type parser struct {
	filter      *Filter
	token       token // the current one
	rest        int   // where the next begins
	comparisons int
}

func (p *parser) next() { p.token, p.rest = lex(p.filter.text, p.rest) }

func (p *parser) combines(text string) bool {
	return p.token.kind == tokenCombine && p.token.text == text
}

func (p *parser) or(depth int) (Expr, error) {
	x, err := p.and(depth)
	for err == nil && p.combines("||") {
		p.next()
		var y Expr
		y, err = p.and(depth)
		x = Or{x, y}
	}
	return x, err
}

func (p *parser) and(depth int) (Expr, error) {
	x, err := p.not(depth)
	for err == nil && p.combines("&&") {
		p.next()
		var y Expr
		y, err = p.not(depth)
		x = And{x, y}
	}
	return x, err
}

func (p *parser) not(depth int) (Expr, error) {
	if depth > maxNesting {
		return nil, p.filter.errorAt(p.token.at, "more than %d nested parentheses and !", maxNesting)
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
				return nil, p.filter.errorAt(open, "nothing closes this parenthesis")
			}
			return nil, p.unexpected("&&, || or )")
		}
		p.next()
		return x, nil
	}
	return p.comparison()
}

func (p *parser) comparison() (Expr, error) {
	c := &Comparison{Name: p.token.text, at: p.token.at}
	if p.token.kind != tokenWord {
		return nil, p.unexpected("the name of a parameter, metric or field")
	}
	if p.comparisons++; p.comparisons > maxComparisons {
		return nil, p.filter.errorAt(c.at, "more than %d comparisons", maxComparisons)
	}
	p.next()
	if p.token.kind != tokenCompare {
		return nil, p.unexpected(fmt.Sprintf("one of == != < <= > >= ~ !~ ^= $= after %s", c.Name))
	}
	c.Op = Op(p.token.text)
	p.next()
	if p.token.kind != tokenWord && p.token.kind != tokenQuoted {
		return nil, p.unexpected(fmt.Sprintf("a word, a number or a text in quotes after %s", c.Op))
	}
	c.Literal = newLiteral(p.token.text)
	p.next()
	return c, nil
}

// unexpected is the error for a token in the place of another.
func (p *parser) unexpected(wanted string) error {
	switch p.token.kind {
	case tokenEnd:
		return p.filter.errorAt(p.token.at, "it ends where there should be %s", wanted)
	case tokenBadQuote:
		return p.filter.errorAt(p.token.at, "nothing closes this quote")
	}
	return p.filter.errorAt(p.token.at, "there is %q where there should be %s", p.token.text, wanted)
}

// errNoTime is the error for a literal that is compared with a time.
var errNoTime = errors.New("write it as 2026-11-24, 2026-11-24T18:30 or 2026-11-24T18:30:05Z")
