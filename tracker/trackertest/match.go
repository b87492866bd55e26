package trackertest

import (
	"cmp"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Match reports whether a run meets a condition that Filter.Resolve returned: what every store must answer. pictures are
// the names of the pictures that the run began with.
func Match(e tracker.Expr, r *tracker.Run, pictures ...string) bool {
	switch e := e.(type) {
	case nil:
		return true
	case tracker.And:
		return !slices.ContainsFunc(e, func(x tracker.Expr) bool { return !Match(x, r, pictures...) })
	case tracker.Or:
		return slices.ContainsFunc(e, func(x tracker.Expr) bool { return Match(x, r, pictures...) })
	case tracker.Not:
		return !Match(e.X, r, pictures...)
	case *tracker.Word:
		texts := slices.Concat([]string{r.Name, r.Note, r.Experiment, r.Sweep}, r.Tags, pictures)
		return slices.ContainsFunc(texts, func(text string) bool { return compareText(text, tracker.Contains, tracker.Literal{Text: e.Text}) })
	}
	c := e.(*tracker.Comparison)
	op, negated := c.Op.Negated()
	return negated != slices.ContainsFunc(c.Operand.Values(r), func(v any) bool { return compare(v, op, c.Literal) })
}

// compare reports whether a value passes a comparison whose operator is not a negated one.
func compare(value any, op tracker.Op, l tracker.Literal) bool {
	if at, ok := value.(time.Time); ok {
		return compareTime(at, op, l)
	}
	switch v := plain(value).(type) {
	case nil:
		return false
	case string:
		return compareText(v, op, l)
	default:
		return l.Number != nil && !op.OnText() && ordered(compareValues(v, l.Number), op)
	}
}

func compareText(v string, op tracker.Op, l tracker.Literal) bool {
	low, part := lowerASCII(v), lowerASCII(l.Text)
	switch {
	case op == tracker.Contains:
		return strings.Contains(low, part)
	case op == tracker.Begins:
		return strings.HasPrefix(low, part)
	case op == tracker.Ends:
		return strings.HasSuffix(low, part)
	case op.OnOrder() && l.Number != nil:
		return false
	}
	return ordered(cmp.Compare(v, l.Text), op)
}

// lowerASCII makes ASCII's letters lower case and leaves the others.
func lowerASCII(text string) string {
	return regexp.MustCompile(`[A-Z]+`).ReplaceAllStringFunc(text, strings.ToLower)
}

func compareTime(v time.Time, op tracker.Op, l tracker.Literal) bool {
	switch op {
	case tracker.Equal:
		return !v.Before(l.From) && v.Before(l.Until)
	case tracker.Less:
		return v.Before(l.From)
	case tracker.LessEqual:
		return v.Before(l.Until)
	case tracker.Greater:
		return !v.Before(l.Until)
	}
	return !v.Before(l.From) // GreaterEqual
}

func ordered(c int, op tracker.Op) bool {
	switch op {
	case tracker.Equal:
		return c == 0
	case tracker.Less:
		return c < 0
	case tracker.LessEqual:
		return c <= 0
	case tracker.Greater:
		return c > 0
	case tracker.GreaterEqual:
		return c >= 0
	}
	return false
}

// compareRuns orders two runs by an order that Sort.Resolve returned: what every store must answer.
// Runs without a value come last in either direction.
func compareRuns(s tracker.Sort, a, b *tracker.Run) int {
	for _, key := range s {
		x, y := sortValue(key, a), sortValue(key, b)
		switch {
		case x == nil && y == nil:
			continue
		case x == nil:
			return 1
		case y == nil:
			return -1
		}
		c := compareValues(x, y)
		if key.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(b.ID, a.ID))
}

// sortValue returns what a run is sorted by, or nil.
func sortValue(key tracker.SortKey, r *tracker.Run) any {
	if list := key.Operand.Values(r); len(list) > 0 {
		return plain(list[0])
	}
	return nil
}

// plain returns a value as a string, an int64 or a float64: a time in microseconds, and nil for NaN.
func plain(value any) any {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.UnixMicro()
	case float64:
		if math.IsNaN(v) {
			return nil
		}
	}
	return value
}

// compareValues orders numbers by their exact values, then strings byte by byte. A seed of 64 bits
// would lose its last digits in a float64.
func compareValues(x, y any) int {
	a, xIsText := x.(string)
	b, yIsText := y.(string)
	switch {
	case xIsText && yIsText:
		return cmp.Compare(a, b)
	case xIsText:
		return 1
	case yIsText:
		return -1
	}
	exact := func(v any) *big.Float {
		if n, ok := v.(int64); ok {
			return new(big.Float).SetInt64(n) // 64 bits of mantissa
		}
		return big.NewFloat(v.(float64))
	}
	return exact(x).Cmp(exact(y))
}
