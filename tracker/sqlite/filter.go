package sqlite

import (
	"strings"

	"github.com/gouache-art/gouache/tracker"
)

// statement builds a query. What people typed only becomes arguments, never text.
type statement struct {
	text strings.Builder
	args []any
}

func (s *statement) add(text string, args ...any) {
	s.text.WriteString(text)
	s.args = append(s.args, args...)
}

// fieldColumns are the columns of a run's fields; see runsCTE for r.
var fieldColumns = map[string]string{
	"id": "r.shown_id", "name": "r.name", "experiment": "r.experiment", "sweep": "r.sweep", "trial": "r.trial",
	"status": "r.shown", "reason": "r.why", "note": "r.note", "rating": "r.rating", "host": "r.host",
	"started": "r.started_at", "ended": "r.ended", "duration": "(max(0, coalesce(r.ended, r.seen_at) - r.started_at - r.idle) / 1e6)",
}

// operand writes the value that runs are sorted by, or NULL.
func (s *statement) operand(o tracker.Operand) {
	switch o.Kind {
	case tracker.OperandParam:
		s.add(`(SELECT value FROM params WHERE run = r.key AND name = ?)`, o.Name)
	case tracker.OperandMetric:
		s.add(`(SELECT last FROM metrics WHERE run = r.key AND name = ?)`, o.Name)
	default:
		s.add(fieldColumns[o.Name])
	}
}

// condition writes a resolved filter.
func (s *statement) condition(e tracker.Expr) {
	switch e := e.(type) {
	case nil:
		s.add(`1`)
	case tracker.And:
		s.list(e, ` AND `)
	case tracker.Or:
		s.list(e, ` OR `)
	case tracker.Not:
		s.add(`NOT (`)
		s.condition(e.X)
		s.add(`)`)
	case *tracker.Word:
		s.word(e.Text)
	case *tracker.Comparison:
		op, negated := e.Op.Negated()
		if negated {
			s.add(`NOT `)
		}
		s.add(`(`)
		s.comparison(e.Operand, op, e.Literal)
		s.add(`)`)
	}
}

func (s *statement) list(list []tracker.Expr, between string) {
	open := `(`
	for _, e := range list {
		s.add(open)
		s.condition(e)
		open = between
	}
	s.add(`)`)
}

// word writes the search for a word. Strings cannot hold the character between the fields, so that no word is found across
// two of them. Tags and pictures are looked through once, by their indexes, and not anew for each run.
func (s *statement) word(text string) {
	contains := func(column string) { s.compareText(column, tracker.Contains, tracker.Literal{Text: text}) }
	s.add(`(`)
	contains(`r.name || char(0) || r.note || char(0) || r.experiment || char(0) || r.sweep`)
	s.add(` OR r.key IN (SELECT run FROM tags AS t WHERE `)
	contains(`t.tag`)
	s.add(`) OR r.key IN (SELECT run FROM pictures AS p WHERE p.name <> '' AND `)
	contains(`p.name`)
	s.add(` AND p.role IN (SELECT value FROM json_each(?))))`, toJSON(tracker.InputRoles))
}

// comparison writes a comparison that is never NULL, so that NOT inverts it.
func (s *statement) comparison(o tracker.Operand, op tracker.Op, l tracker.Literal) {
	switch {
	case o.Kind == tracker.OperandParam:
		s.add(`EXISTS (SELECT 1 FROM params AS p WHERE p.run = r.key AND p.name = ? AND (typeof(p.value) = 'text' AND `, o.Name)
		s.compareText(`p.value`, op, l)
		s.add(` OR typeof(p.value) <> 'text' AND `)
		s.compareNumber(`p.value`, op, l)
		s.add(`))`)
	case o.Kind == tracker.OperandMetric:
		s.add(`EXISTS (SELECT 1 FROM metrics AS m WHERE m.run = r.key AND m.name = ? AND `, o.Name)
		s.compareNumber(`m.last`, op, l)
		s.add(`)`)
	case o.Name == "tag":
		s.add(`EXISTS (SELECT 1 FROM tags AS t WHERE t.run = r.key AND `)
		s.compareText(`t.tag`, op, l)
		s.add(`)`)
	case o.Type() == tracker.TypeNumber:
		s.compareNumber(fieldColumns[o.Name], op, l)
	case o.Type() == tracker.TypeTime:
		s.compareTime(fieldColumns[o.Name], op, l)
	default:
		s.compareText(fieldColumns[o.Name], op, l)
	}
}

// sqlOps are the operators that SQL has as well.
var sqlOps = map[tracker.Op]string{
	tracker.Equal: "=", tracker.Less: "<", tracker.LessEqual: "<=", tracker.Greater: ">", tracker.GreaterEqual: ">=",
}

// compareText writes a comparison of strings. lower changes ASCII's letters only.
func (s *statement) compareText(column string, op tracker.Op, l tracker.Literal) {
	switch {
	case op.OnText() && l.Text == "":
		s.add(`1`)
	case op.OnOrder() && l.Number != nil:
		s.add(`0`)
	case op == tracker.Contains:
		s.add(`instr(lower(`+column+`), lower(?)) > 0`, l.Text)
	case op == tracker.Begins:
		s.add(`instr(lower(`+column+`), lower(?)) = 1`, l.Text)
	case op == tracker.Ends:
		s.add(`substr(lower(`+column+`), -length(?)) = lower(?)`, l.Text, l.Text)
	default:
		s.add(column+` `+sqlOps[op]+` ?`, l.Text)
	}
}

func (s *statement) compareNumber(column string, op tracker.Op, l tracker.Literal) {
	if l.Number == nil || op.OnText() {
		s.add(`0`)
		return
	}
	s.add(column+` `+sqlOps[op]+` ?`, l.Number)
}

// compareTime writes a comparison with the interval that a date means.
func (s *statement) compareTime(column string, op tracker.Op, l tracker.Literal) {
	from, until := l.From.UnixMicro(), l.Until.UnixMicro()
	s.add(`coalesce(`)
	switch op {
	case tracker.Equal:
		s.add(column+` >= ? AND `+column+` < ?`, from, until)
	case tracker.Less:
		s.add(column+` < ?`, from)
	case tracker.LessEqual:
		s.add(column+` < ?`, until)
	case tracker.Greater:
		s.add(column+` >= ?`, until)
	default:
		s.add(column+` >= ?`, from)
	}
	s.add(`, 0)`)
}
