package trackertest

import (
	"cmp"
	"math"
	"strings"
	"time"

	"github.com/gouache-art/gouache/tracker"
)

// Match reports whether a run meets a condition that Filter.Resolve returned: what every store must
// answer.
func Match(e tracker.Expr, r *tracker.Run) bool {
	switch e := e.(type) {
	case nil:
		return true
	case tracker.And:
		for _, x := range e {
			if !Match(x, r) {
				return false
			}
		}
		return true
	case tracker.Or:
		for _, x := range e {
			if Match(x, r) {
				return true
			}
		}
		return false
	case tracker.Not:
		return !Match(e.X, r)
	}
	c := e.(*tracker.Comparison)
	op, negated := c.Op.Negated()
	for _, v := range c.Operand.Values(r) {
		if compare(v, op, c.Literal) {
			return !negated
		}
	}
	return negated
}

// compare reports whether a value passes a comparison whose operator is not a negated one.
func compare(value any, op tracker.Op, l tracker.Literal) bool {
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
	return l.Number != nil && !op.OnText() && ordered(tracker.CompareValues(value, l.Number), op)
}

func compareText(v string, op tracker.Op, l tracker.Literal) bool {
	switch {
	case op == tracker.Contains:
		return strings.Contains(tracker.LowerASCII(v), tracker.LowerASCII(l.Text))
	case op == tracker.Begins:
		return strings.HasPrefix(tracker.LowerASCII(v), tracker.LowerASCII(l.Text))
	case op == tracker.Ends:
		return strings.HasSuffix(tracker.LowerASCII(v), tracker.LowerASCII(l.Text))
	case op.OnOrder() && l.Number != nil:
		return false
	}
	return ordered(cmp.Compare(v, l.Text), op)
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
func compareRuns(s tracker.Sort, a, b *tracker.Run) int {
	for _, key := range s {
		x, y := sortValue(key, a), sortValue(key, b)
		if (x == nil) != (y == nil) {
			if x == nil {
				return 1
			}
			return -1
		}
		if x == nil {
			continue
		}
		c := tracker.CompareValues(x, y)
		if key.Descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(b.StartedAt.Compare(a.StartedAt), cmp.Compare(b.ID, a.ID))
}

// sortValue returns what a run is sorted by: a number, a string, a bool, a time in microseconds, or
// nil.
func sortValue(key tracker.SortKey, r *tracker.Run) any {
	list := key.Operand.Values(r)
	if len(list) == 0 {
		return nil
	}
	switch v := list[0].(type) {
	case float64:
		if math.IsNaN(v) {
			return nil
		}
	case time.Time:
		return v.UnixMicro()
	}
	return list[0]
}
