package tracker

import (
	"cmp"
	"math"
	"math/big"
	"strings"
	"time"
)

// Match tells whether a run meets a condition that Filter.Resolve returned. Stores that can, have their database
// do this; Match says what is right.
func Match(e Expr, r *Run) bool {
	switch e := e.(type) {
	case nil:
		return true
	case And:
		return Match(e.X, r) && Match(e.Y, r)
	case Or:
		return Match(e.X, r) || Match(e.Y, r)
	case Not:
		return !Match(e.X, r)
	}
	c := e.(*Comparison)
	op, negated := c.Op.Negated()
	for _, v := range c.Operand.Values(r) {
		if compare(v, op, c.Literal) {
			return !negated
		}
	}
	return negated
}

// Values returns what a run has for an operand: strings, bools, int64s, float64s or times. There are several for
// tags and none for what the run lacks.
func (o Operand) Values(r *Run) []any {
	switch o.Kind {
	case OperandParam:
		if v, ok := r.Params[o.Name]; ok {
			return []any{v}
		}
		return nil
	case OperandMetric:
		if v, ok := r.Final[o.Name]; ok {
			return []any{v}
		}
		return nil
	}
	return fieldValues(o.Name, r)
}

func fieldValues(name string, r *Run) []any {
	switch name {
	case "id":
		return []any{r.ID}
	case "name":
		return []any{r.Name}
	case "experiment":
		return []any{r.Experiment}
	case "sweep":
		return []any{r.Sweep}
	case "trial":
		return []any{int64(r.Trial)}
	case "status":
		return []any{string(r.Status)}
	case "reason":
		return []any{r.Reason}
	case "note":
		return []any{r.Note}
	case "rating":
		return []any{int64(r.Rating)}
	case "host":
		return []any{r.Process.Host}
	case "started":
		return []any{r.StartedAt}
	case "duration":
		return []any{float64(r.Duration().Microseconds()) / 1e6}
	case "ended":
		if !r.EndedAt.IsZero() {
			return []any{r.EndedAt}
		}
	case "tag":
		var tags []any
		for _, t := range r.Tags {
			tags = append(tags, t)
		}
		return tags
	}
	return nil
}

// compare tells whether a value passes a comparison whose operator is not a negated one.
func compare(value any, op Op, l Literal) bool {
	switch v := value.(type) {
	case string:
		return compareText(v, op, l)
	case bool:
		if v {
			return compareText("true", op, l)
		}
		return compareText("false", op, l)
	case time.Time:
		return compareTime(v, op, l)
	case float64:
		if math.IsNaN(v) {
			return false
		}
	}
	return l.Number != nil && !op.OnText() && ordered(compareNumbers(value, l.Number), op)
}

func compareText(v string, op Op, l Literal) bool {
	switch {
	case op == Contains:
		return strings.Contains(LowerASCII(v), LowerASCII(l.Text))
	case op == Begins:
		return strings.HasPrefix(LowerASCII(v), LowerASCII(l.Text))
	case op == Ends:
		return strings.HasSuffix(LowerASCII(v), LowerASCII(l.Text))
	case op.OnOrder() && l.Number != nil:
		return false
	}
	return ordered(cmp.Compare(v, l.Text), op)
}

// LowerASCII makes ASCII's letters small and leaves the others, as SQLite's lower does.
func LowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

func compareTime(v time.Time, op Op, l Literal) bool {
	switch op {
	case Equal:
		return !v.Before(l.From) && v.Before(l.Until)
	case Less:
		return v.Before(l.From)
	case LessEqual:
		return v.Before(l.Until)
	case Greater:
		return !v.Before(l.Until)
	}
	return !v.Before(l.From) // GreaterEqual
}

func ordered(c int, op Op) bool {
	switch op {
	case Equal:
		return c == 0
	case Less:
		return c < 0
	case LessEqual:
		return c <= 0
	case Greater:
		return c > 0
	case GreaterEqual:
		return c >= 0
	}
	return false
}

// compareNumbers compares int64s and float64s, of which none is NaN, by their exact values: a seed of 64 bits would
// lose its last digits in a float64.
func compareNumbers(a, b any) int {
	x, xIsInt := a.(int64)
	y, yIsInt := b.(int64)
	switch {
	case xIsInt && yIsInt:
		return cmp.Compare(x, y)
	case xIsInt:
		return exact(x).Cmp(big.NewFloat(b.(float64)))
	case yIsInt:
		return big.NewFloat(a.(float64)).Cmp(exact(y))
	}
	return cmp.Compare(a.(float64), b.(float64))
}

func exact(n int64) *big.Float { return new(big.Float).SetInt64(n) } // 64 bits of mantissa
