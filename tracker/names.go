package tracker

import (
	"slices"
	"strings"
)

// Names are what a store's filters, sort orders and columns can name, each sorted.
type Names struct {
	Params      []string `json:"params"`
	Metrics     []string `json:"metrics"`
	Tags        []string `json:"tags"`
	Experiments []string `json:"experiments"`
	Sweeps      []string `json:"sweeps"`
}

// Operand is what a name stands for.
type Operand struct {
	Kind OperandKind
	Name string // of the field, parameter or metric
}

// OperandKind says of what kind an operand is.
type OperandKind int

// The kinds of operands.
const (
	OperandField OperandKind = iota
	OperandParam
	OperandMetric
)

// Type is the type of a field.
type Type int

// The types of operands. A parameter is of any type.
const (
	TypeText Type = iota
	TypeNumber
	TypeTime
	TypeAny
)

// fieldTypes are the fields of a run. duration is in seconds.
var fieldTypes = map[string]Type{
	"id": TypeText, "name": TypeText, "experiment": TypeText, "sweep": TypeText, "trial": TypeNumber,
	"status": TypeText, "reason": TypeText, "tag": TypeText, "note": TypeText, "rating": TypeNumber, "host": TypeText,
	"started": TypeTime, "ended": TypeTime, "duration": TypeNumber,
}

// Fields returns the names that every run has, sorted: id, name, status and so on.
func Fields() []string {
	var list []string
	for f := range fieldTypes {
		list = append(list, f)
	}
	slices.Sort(list)
	return list
}

// Type returns what an operand's values are.
func (o Operand) Type() Type {
	switch o.Kind {
	case OperandField:
		return fieldTypes[o.Name]
	case OperandMetric:
		return TypeNumber
	}
	return TypeAny
}

// Operand returns what a name stands for: a field, else a parameter or a metric. An error has CodeInvalid.
func (n *Names) Operand(name string) (Operand, error) {
	if p, ok := strings.CutPrefix(name, "param."); ok {
		return n.known(Operand{OperandParam, p}, "parameter", n.Params)
	}
	if m, ok := strings.CutPrefix(name, "metric."); ok {
		return n.known(Operand{OperandMetric, m}, "metric", n.Metrics)
	}
	if _, ok := fieldTypes[name]; ok {
		return Operand{OperandField, name}, nil
	}
	_, param := slices.BinarySearch(n.Params, name)
	_, metric := slices.BinarySearch(n.Metrics, name)
	switch {
	case param && metric:
		return Operand{}, Errorf(CodeInvalid, "%s is a parameter and a metric: write param.%s or metric.%s", name, name, name)
	case metric:
		return Operand{OperandMetric, name}, nil
	}
	return n.known(Operand{OperandParam, name}, "name", n.Params, n.Metrics, Fields())
}

// known returns the operand if it is listed, and anything at all in a store that has no runs yet.
func (n *Names) known(o Operand, kind string, lists ...[]string) (Operand, error) {
	all := slices.Concat(lists...)
	if slices.Contains(all, o.Name) || len(n.Params)+len(n.Metrics) == 0 {
		return o, nil
	}
	return o, unknown(kind, o.Name, all)
}
