// Package filtersql writes filters and sort orders as SQL, for the stores on databases. A store has tables runs, params,
// metrics, tags and pictures, and reads runs as r. What people typed only becomes arguments, never text.
package filtersql

import (
	"strconv"
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// Dialect is what databases write differently.
type Dialect struct {
	// Argument returns how an argument is written, by its number, which begins with 1, and what is passed to the driver.
	// It is a string, a number, a time, or strings, which are written as what follows IN.
	Argument func(n int, value any) (text string, driver any)
	// Contains, Begins and Ends look for a part of a text. The case of ASCII letters does not matter.
	Contains, Begins, Ends func(text, part string) string
	Fields                 map[string]string // the columns of a run's fields
	Words                  []string          // expressions of what people call a run
	// ParamIsText tells whether the parameter p is a string; ParamText and ParamNumber are its value then, and else.
	ParamIsText, ParamText, ParamNumber string
	// ParamOrder are what runs are sorted by for the value of a parameter p: numbers before strings.
	ParamOrder []string
}

// Statement builds a query.
type Statement struct {
	Dialect *Dialect
	Args    []any
	text    strings.Builder
}

// String returns the query.
func (s *Statement) String() string { return s.text.String() }

// Add adds text that has no arguments.
func (s *Statement) Add(text ...string) {
	for _, t := range text {
		s.text.WriteString(t)
	}
}

// Argument adds an argument and returns how it is written.
func (s *Statement) Argument(value any) string {
	text, driver := s.Dialect.Argument(len(s.Args)+1, value)
	s.Args = append(s.Args, driver)
	return text
}

// Never and Always are conditions.
const (
	Never  = `1 = 0`
	Always = `1 = 1`
)

// From writes what follows FROM for a resolved sort order: the runs, and what Order needs beside them. It is joined, since
// PostgreSQL would look up a subquery for each run, which took twice as long.
func (s *Statement) From(sort tracker.Sort) {
	s.Add(`r`)
	for i, key := range sort {
		var table, values string
		switch key.Operand.Kind {
		case tracker.OperandParam:
			table = `params`
			for n, value := range s.Dialect.ParamOrder {
				values += `, ` + value + ` AS v` + strconv.Itoa(n)
			}
		case tracker.OperandMetric:
			table, values = `metrics`, `, p.last AS v0`
		default:
			continue
		}
		as := joined(i)
		s.Add(` LEFT JOIN (SELECT p.run`, values, ` FROM `, table, ` AS p WHERE p.name = `, s.Argument(key.Operand.Name), `) AS `, as, ` ON `, as, `.run = r.key`)
	}
}

// joined is the name of what is joined for a key of a sort order.
func joined(key int) string { return `by` + strconv.Itoa(key) }

// Order writes what follows ORDER BY for the sort order of From. Missing values come last in both directions.
func (s *Statement) Order(sort tracker.Sort) {
	for i, key := range sort {
		for _, value := range s.values(i, key.Operand) {
			s.Add(value)
			if key.Descending {
				s.Add(` DESC`)
			}
			s.Add(` NULLS LAST, `)
		}
	}
	s.Add(`r.started_at DESC, r.id DESC`)
}

// values returns what runs are sorted by for the operand of a key, each NULL for a run without it.
func (s *Statement) values(key int, o tracker.Operand) (all []string) {
	switch o.Kind {
	case tracker.OperandParam:
		for n := range s.Dialect.ParamOrder {
			all = append(all, joined(key)+`.v`+strconv.Itoa(n))
		}
		return all
	case tracker.OperandMetric:
		return []string{joined(key) + `.v0`}
	}
	return []string{s.Dialect.Fields[o.Name]}
}

// Condition writes a resolved filter.
func (s *Statement) Condition(e tracker.Expr) {
	switch e := e.(type) {
	case nil:
		s.Add(Always)
	case tracker.And:
		s.list(e, ` AND `)
	case tracker.Or:
		s.list(e, ` OR `)
	case tracker.Not:
		s.Add(`NOT (`)
		s.Condition(e.X)
		s.Add(`)`)
	case *tracker.Word:
		s.word(e.Text)
	case *tracker.Comparison:
		op, negated := e.Op.Negated()
		if negated {
			s.Add(`NOT `)
		}
		s.Add(`(`)
		s.comparison(e.Operand, op, e.Literal)
		s.Add(`)`)
	}
}

func (s *Statement) list(list []tracker.Expr, between string) {
	open := `(`
	for _, e := range list {
		s.Add(open)
		s.Condition(e)
		open = between
	}
	s.Add(`)`)
}

// word writes the search for a word. Tags and pictures are looked through once, by their indexes, and not anew for each run.
func (s *Statement) word(text string) {
	part := s.Argument(text)
	s.Add(`(`)
	for _, of := range s.Dialect.Words {
		s.Add(s.Dialect.Contains(of, part), ` OR `)
	}
	s.Add(`r.key IN (SELECT t.run FROM tags AS t WHERE `, s.Dialect.Contains(`t.tag`, part), `)`)
	s.Add(` OR r.key IN (SELECT p.run FROM pictures AS p WHERE p.name <> '' AND `, s.Dialect.Contains(`p.name`, part),
		` AND p.role IN `, s.Argument(tracker.InputRoles), `))`)
}

// comparison writes a comparison that is never NULL, so that NOT inverts it.
func (s *Statement) comparison(o tracker.Operand, op tracker.Op, l tracker.Literal) {
	d := s.Dialect
	switch {
	case o.Kind == tracker.OperandParam:
		s.Add(`EXISTS (SELECT 1 FROM params AS p WHERE p.run = r.key AND p.name = `, s.Argument(o.Name), ` AND CASE WHEN `, d.ParamIsText, ` THEN `)
		s.compareText(d.ParamText, op, l)
		s.Add(` ELSE `)
		s.compareNumber(d.ParamNumber, op, l)
		s.Add(` END)`)
	case o.Kind == tracker.OperandMetric:
		s.Add(`EXISTS (SELECT 1 FROM metrics AS m WHERE m.run = r.key AND m.name = `, s.Argument(o.Name), ` AND `)
		s.compareNumber(`m.last`, op, l)
		s.Add(`)`)
	case o.Name == "tag":
		s.Add(`EXISTS (SELECT 1 FROM tags AS t WHERE t.run = r.key AND `)
		s.compareText(`t.tag`, op, l)
		s.Add(`)`)
	case o.Type() == tracker.TypeNumber:
		s.compareNumber(d.Fields[o.Name], op, l)
	case o.Type() == tracker.TypeTime:
		s.compareTime(d.Fields[o.Name], op, l)
	default:
		s.compareText(d.Fields[o.Name], op, l)
	}
}

// operators are those that SQL has as well.
var operators = map[tracker.Op]string{
	tracker.Equal: " = ", tracker.Less: " < ", tracker.LessEqual: " <= ", tracker.Greater: " > ", tracker.GreaterEqual: " >= ",
}

// compareText writes a comparison of strings.
func (s *Statement) compareText(column string, op tracker.Op, l tracker.Literal) {
	switch {
	case op.OnText() && l.Text == "":
		s.Add(Always)
	case op.OnOrder() && l.Number != nil:
		s.Add(Never)
	case op == tracker.Contains:
		s.Add(s.Dialect.Contains(column, s.Argument(l.Text)))
	case op == tracker.Begins:
		s.Add(s.Dialect.Begins(column, s.Argument(l.Text)))
	case op == tracker.Ends:
		s.Add(s.Dialect.Ends(column, s.Argument(l.Text)))
	default:
		s.Add(column, operators[op], s.Argument(l.Text))
	}
}

func (s *Statement) compareNumber(column string, op tracker.Op, l tracker.Literal) {
	if l.Number == nil || op.OnText() {
		s.Add(Never)
		return
	}
	s.Add(column, operators[op], s.Argument(l.Number))
}

// compareTime writes a comparison with the interval that a date means.
func (s *Statement) compareTime(column string, op tracker.Op, l tracker.Literal) {
	s.Add(column, ` IS NOT NULL AND `)
	switch op {
	case tracker.Equal:
		s.Add(column, ` >= `, s.Argument(l.From), ` AND `, column, ` < `, s.Argument(l.Until))
	case tracker.Less:
		s.Add(column, ` < `, s.Argument(l.From))
	case tracker.LessEqual:
		s.Add(column, ` < `, s.Argument(l.Until))
	case tracker.Greater:
		s.Add(column, ` >= `, s.Argument(l.Until))
	default:
		s.Add(column, ` >= `, s.Argument(l.From))
	}
}
