package tracker

import (
	"math"
	"reflect"
	"strconv"
)

// Params are a run's settings by name. A value is a string, a bool, an int64 or a float64; [Params.Normal] makes
// these of Go's other strings and numbers.
type Params map[string]any

// Normal returns the parameters with each value as one of the four types. It refuses, with CodeInvalid, names that a
// filter cannot say, numbers that are not finite, and values that are neither texts, numbers nor truths.
func (p Params) Normal() (Params, error) {
	if len(p) > maxParams {
		return nil, Errorf(CodeInvalid, "there are %d parameters: at most %d are kept", len(p), maxParams)
	}
	normal := make(Params, len(p))
	for name, value := range p {
		if err := checkName("parameter", name); err != nil {
			return nil, err
		}
		v, err := normalValue(name, value)
		if err != nil {
			return nil, err
		}
		normal[name] = v
	}
	return normal, nil
}

func normalValue(name string, value any) (any, error) {
	v := reflect.ValueOf(value)
	switch {
	case v.Kind() == reflect.String:
		return v.String(), checkText("parameter "+name, v.String(), maxText)
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.CanInt():
		return v.Int(), nil
	case v.CanUint():
		if v.Uint() > math.MaxInt64 {
			return float64(v.Uint()), nil
		}
		return int64(v.Uint()), nil
	case v.CanFloat():
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, Errorf(CodeInvalid, "parameter %s is %v: it must be finite", name, f)
		}
		return v.Float(), nil
	}
	return nil, Errorf(CodeInvalid, "parameter %s is a %T: it must be a text, a number or a truth", name, value)
}

// ParseValue reads the value of a parameter from text, as a command line gives it: a number or a truth where the
// text looks like one, else the text itself.
func ParseValue(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if f, ok := parseNumber(text); ok {
		return f
	}
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	return text
}

// parseNumber reads a finite decimal number. strconv alone would also take words such as inf and nan.
func parseNumber(text string) (float64, bool) {
	for _, r := range text {
		if (r < '0' || r > '9') && r != '+' && r != '-' && r != '.' && r != 'e' && r != 'E' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}
