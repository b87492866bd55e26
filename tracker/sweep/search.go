package sweep

import (
	"math"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/gouache-art/gouache/internal/suggest"
)

// maxDimensions is how many settings a sweep may search.
const maxDimensions = 100

// readSearch reads the search space.
func (p *fileParser) readSearch() {
	e, ok := p.keys["search"]
	if !ok {
		return
	}
	entries := p.entries(e.value, e.key, "search is a mapping of settings to what is tried, such as pooling: [max, avg]")
	if len(entries) == 0 || len(entries) > maxDimensions {
		p.add(e.key, "search names %d settings: 1 to %d can be searched", len(entries), maxDimensions)
		return
	}
	p.search = make(map[string]entry, len(entries))
	for _, e := range entries {
		p.search[e.name] = e
	}
	for _, e := range entries {
		p.readDimension(e)
	}
}

// readDimension reads a setting that is searched and adds it to the space.
func (p *fileParser) readDimension(e entry) {
	s := p.setting(e.name)
	if s == nil {
		p.add(e.key, "%v", suggest.Unknown("setting", e.name, p.settingNames()))
		return
	}
	if fixed, ok := p.keys[e.name]; ok {
		p.add(e.key, "%s is searched here and fixed in line %d: it can be one of the two", e.name, fixed.key.Position.Line)
	}
	d := Dimension{Name: s.parameter(), Kind: s.Kind}
	before := len(p.list)
	switch e.value.(type) {
	case *ast.SequenceNode:
		d.Values = p.values(s, e.value, e.key)
	case *ast.MappingNode, *ast.MappingValueNode:
		p.readOptions(&d, s, e)
	default:
		p.add(e.at(), "%s is searched over a list, such as [%s, …], or a range; what is fixed stands outside of search",
			e.name, written(e.value))
	}
	p.file.Search = append(p.file.Search, d)
	if len(p.list) > before {
		p.broken = append(p.broken, d.Name)
	}
}

// readOptions reads a dimension in its long form: {values: …}, {linear: …} or {log: …}, with steps and when.
func (p *fileParser) readOptions(d *Dimension, s *Setting, e entry) {
	options := make(map[string]entry)
	known := []string{"values", "linear", "log", "steps", "when"}
	for _, o := range p.entries(e.value, e.key, "") {
		if !slices.Contains(known, o.name) {
			p.add(o.key, "%v", suggest.Unknown("key", o.name, known))
		}
		options[o.name] = o
	}
	values, isList := options["values"]
	linear, isLinear := options["linear"]
	log, isLog := options["log"]
	steps, hasSteps := options["steps"]
	switch {
	case isList && !isLinear && !isLog:
		d.Values = p.values(s, values.value, values.key)
		if hasSteps {
			p.add(steps.key, "steps divide a range, and %s is a list", d.Name)
		}
	case isLinear && !isLog && !isList:
		p.readRange(d, s, linear)
	case isLog && !isLinear && !isList:
		d.Log = true
		p.readRange(d, s, log)
	default:
		p.add(e.key, "%s needs one of values, linear and log, such as {linear: [1, 10]}", d.Name)
		return
	}
	if hasSteps && !isList {
		p.readSteps(d, steps)
	}
	if when, ok := options["when"]; ok {
		p.readConditions(d, when)
	}
}

// readRange reads the ends of a range.
func (p *fileParser) readRange(d *Dimension, s *Setting, e entry) {
	if d.Kind != Int && d.Kind != Float {
		p.add(e.key, "%s is %s and has no ranges: list its values", d.Name, d.Kind)
		return
	}
	seq, ok := e.value.(*ast.SequenceNode)
	if !ok || len(seq.Values) != 2 {
		p.add(e.at(), "%s is a range of two numbers, such as [1, 10]", e.name)
		return
	}
	var ends [2]float64
	for i, n := range seq.Values {
		v, ok := p.value(s, n, e.key)
		if !ok {
			return
		}
		ends[i], _ = number(v)
	}
	switch {
	case !(ends[0] < ends[1]):
		p.add(e.at(), "the range of %s is empty: its second end must be more than its first", d.Name)
		return
	case d.Log && ends[0] <= 0:
		p.add(e.at(), "a logarithmic range begins above 0, and that of %s at %v", d.Name, ends[0])
		return
	case math.IsInf(ends[1]-ends[0], 0):
		p.add(e.at(), "the range of %s is too wide", d.Name)
		return
	}
	d.Low, d.High = ends[0], ends[1]
}

// readSteps reads how many values of a range to try. All of them must differ.
func (p *fileParser) readSteps(d *Dimension, e entry) {
	const most = 10_000
	d.Steps = p.count(e, 2, most)
	for i := 1; i < d.Steps && d.Low < d.High; i++ {
		if sameValue(d.value(i-1), d.value(i)) {
			p.add(e.at(), "%d steps are too many for %s: two of them are %v", d.Steps, d.Name, d.value(i))
			return
		}
	}
}

// readConditions reads when a dimension is there: a mapping of other settings to a value or a list of values.
func (p *fileParser) readConditions(d *Dimension, e entry) {
	const want = "when is a mapping of settings to the values they must have, such as {preset: gouache}"
	for _, c := range p.entries(e.value, e.key, want) {
		s := p.setting(c.name)
		if s == nil {
			p.add(c.key, "%v", suggest.Unknown("setting", c.name, p.settingNames()))
			continue
		}
		values := p.values(s, c.value, c.key)
		if len(values) == 0 {
			continue
		}
		if fixed, ok := p.fixed(c.name); ok {
			if !slices.ContainsFunc(values, func(v any) bool { return sameValue(v, fixed) }) {
				p.add(c.key, "%s would never be searched: %s is fixed, and is %v", d.Name, c.name, fixed)
			}
			continue
		}
		p.addCondition(d, c, Condition{s.parameter(), values})
	}
}

// fixed returns the value of a setting that is fixed.
func (p *fileParser) fixed(name string) (any, bool) {
	if e, ok := p.keys[name]; ok && slices.Contains(fileKeys, name) {
		return textNode(e.value)
	}
	v, ok := p.file.Fixed[name]
	return v, ok
}

// addCondition adds a condition on another dimension, if that comes earlier and can have the values.
func (p *fileParser) addCondition(d *Dimension, e entry, c Condition) {
	i := slices.IndexFunc(p.file.Search, func(other Dimension) bool { return other.Name == c.Name })
	_, searched := p.search[e.name]
	switch {
	case c.Name == d.Name:
		p.add(e.key, "%s cannot depend on itself", d.Name)
	case i < 0 && searched:
		p.add(e.key, "%s depends on %s, which comes later: write it below", d.Name, c.Name)
	case i < 0:
		p.add(e.key, "%s depends on %s, which is neither fixed nor searched: write a line such as %s: %v",
			d.Name, c.Name, c.Name, c.Values[0])
	case slices.Contains(p.broken, c.Name): // what is wrong with it is told
	case p.file.Search[i].size() == 0:
		p.add(e.key, "%s is searched over a range without steps: no single value of it can be asked for", c.Name)
	default:
		for _, v := range c.Values {
			if _, _, ok := p.file.Search[i].cell(v); !ok {
				p.add(e.key, "%s never is %v: it is not among what is searched", c.Name, v)
				return
			}
		}
		d.When = append(d.When, c)
		if name, never := p.contradiction(*d); never {
			p.add(e.key, "%s would never be searched: what it depends on needs another %s", d.Name, name)
		}
	}
}

// contradiction finds a setting that a dimension's conditions, and those of what they name, leave no value for.
func (p *fileParser) contradiction(d Dimension) (name string, found bool) {
	left := make(map[string][]any)
	pending := slices.Clone(d.When)
	for len(pending) > 0 {
		c := pending[0]
		pending = pending[1:]
		values, seen := left[c.Name]
		if !seen {
			values = c.Values
			i := slices.IndexFunc(p.file.Search, func(other Dimension) bool { return other.Name == c.Name })
			pending = append(pending, p.file.Search[i].When...)
		}
		values = slices.DeleteFunc(slices.Clone(values), func(v any) bool {
			return !slices.ContainsFunc(c.Values, func(w any) bool { return sameValue(v, w) })
		})
		if left[c.Name] = values; len(values) == 0 {
			return c.Name, true
		}
	}
	return "", false
}
