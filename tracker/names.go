package tracker

import (
	"maps"
	"slices"
	"strings"

	"github.com/gouache-art/gouache/internal/suggest"
)

// Names are what a store's filters, sort orders and columns can name, each sorted.
type Names struct {
	Params      []string `json:"params"`
	Metrics     []string `json:"metrics"`
	Tags        []string `json:"tags"`
	Experiments []string `json:"experiments"`
	Sweeps      []string `json:"sweeps"`
}

// Operand is what a name means.
type Operand struct {
	Kind OperandKind
	Name string // of the field, parameter or metric
}

// OperandKind is a kind of operand.
type OperandKind int

// The kinds of operands.
const (
	OperandField OperandKind = iota
	OperandParam
	OperandMetric
)

// Type is the type of a field.
type Type int

// The types of operands. A parameter may be of any type.
const (
	TypeText Type = iota
	TypeNumber
	TypeTime
	TypeAny
)

// field is something that every run has.
type field struct {
	kind  Type
	value func(*Run) any // nil if the run has none
}

var fields = map[string]field{
	"id":         {TypeText, func(r *Run) any { return r.ID }},
	"name":       {TypeText, func(r *Run) any { return r.Name }},
	"experiment": {TypeText, func(r *Run) any { return r.Experiment }},
	"sweep":      {TypeText, func(r *Run) any { return r.Sweep }},
	"trial":      {TypeNumber, func(r *Run) any { return int64(r.Trial) }},
	"status":     {TypeText, func(r *Run) any { return string(r.Status) }},
	"reason":     {TypeText, func(r *Run) any { return r.Reason }},
	"tag":        {TypeText, nil}, // a run has several
	"note":       {TypeText, func(r *Run) any { return r.Note }},
	"rating":     {TypeNumber, func(r *Run) any { return int64(r.Rating) }},
	"host":       {TypeText, func(r *Run) any { return r.Process.Host }},
	"needs":      {TypeText, func(r *Run) any { return r.Needs }},
	"priority":   {TypeNumber, func(r *Run) any { return int64(r.Priority) }},
	"started":    {TypeTime, func(r *Run) any { return r.StartedAt }},
	"ended": {TypeTime, func(r *Run) any {
		if r.EndedAt.IsZero() {
			return nil
		}
		return r.EndedAt
	}},
	"duration": {TypeNumber, func(r *Run) any { return float64(r.Duration().Microseconds()) / 1e6 }}, // seconds
}

// Fields returns the names of fields, sorted: id, name, status and so on.
func Fields() []string { return slices.Sorted(maps.Keys(fields)) }

// Type returns the type of an operand's values.
func (o Operand) Type() Type {
	switch o.Kind {
	case OperandField:
		return fields[o.Name].kind
	case OperandMetric:
		return TypeNumber
	}
	return TypeAny
}

// Values returns what a run has for an operand: strings, bools, int64s, float64s or times. There
// are several for tags and none for what the run does not have.
func (o Operand) Values(r *Run) []any {
	var value any
	switch {
	case o.Kind == OperandParam:
		value = orNil(r.Params, o.Name)
	case o.Kind == OperandMetric:
		value = orNil(r.Final, o.Name)
	case o.Name == "tag":
		var tags []any
		for _, t := range r.Tags {
			tags = append(tags, t)
		}
		return tags
	case fields[o.Name].value != nil:
		value = fields[o.Name].value(r)
	}
	if value == nil {
		return nil
	}
	return []any{value}
}

// Operand returns what a name means: a field, else a parameter or a metric. An error has CodeInvalid.
func (n *Names) Operand(name string) (Operand, error) {
	if p, ok := strings.CutPrefix(name, "param."); ok {
		return n.known(Operand{OperandParam, p}, "parameter", n.Params)
	}
	if m, ok := strings.CutPrefix(name, "metric."); ok {
		return n.known(Operand{OperandMetric, m}, "metric", n.Metrics)
	}
	if _, ok := fields[name]; ok {
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

// known returns the operand if it is listed. In a store that has no runs yet it returns any operand.
func (n *Names) known(o Operand, kind string, lists ...[]string) (Operand, error) {
	all := slices.Concat(lists...)
	if slices.Contains(all, o.Name) || len(n.Params)+len(n.Metrics) == 0 {
		return o, nil
	}
	return o, Errorf(CodeInvalid, "%w", suggest.Unknown(kind, o.Name, all))
}

// Sort is an order of runs: by the first key, then by the next. Runs that agree in all keys come
// latest first. A run without a key's value, or with NaN for it, comes last in either direction. In
// ascending order numbers come before strings.
type Sort []SortKey

// String returns the text that ParseSort reads as the same order.
func (s Sort) String() string {
	names := make([]string, len(s))
	for i, key := range s {
		if names[i] = key.Name; key.Descending {
			names[i] = "-" + key.Name
		}
	}
	return strings.Join(names, ",")
}

// SortKey is one key of an order.
type SortKey struct {
	Name       string
	Descending bool
	Operand    Operand // what the name means, once resolved
}

// ParseSort reads an order such as "-rating,total": names as in a filter, with - for descending. ""
// means the latest first.
func ParseSort(text string) (Sort, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var s Sort
	for _, name := range strings.Split(text, ",") {
		name, descending := strings.CutPrefix(strings.TrimSpace(name), "-")
		if name == "" {
			return nil, Errorf(CodeInvalid, "sort %q: write names with commas between them and - before those to sort descending", text)
		}
		s = append(s, SortKey{Name: name, Descending: descending})
	}
	const most = 8
	if len(s) > most {
		return nil, Errorf(CodeInvalid, "sort %q: at most %d names", text, most)
	}
	return s, nil
}

// Resolve returns the order with each name bound to what it means, or an error of CodeInvalid.
func (s Sort) Resolve(names *Names) (Sort, error) {
	resolved := make(Sort, len(s))
	for i, key := range s {
		var err error
		if key.Operand, err = names.Operand(key.Name); err != nil {
			return nil, Errorf(CodeInvalid, "sort: %w", err)
		}
		if key.Operand == (Operand{OperandField, "tag"}) {
			return nil, Errorf(CodeInvalid, "sort: a run has several tags; sort by something that it has once")
		}
		resolved[i] = key
	}
	return resolved, nil
}
