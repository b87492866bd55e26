package sweep

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/gouache-art/gouache/internal/suggest"
	"github.com/gouache-art/gouache/tracker"
)

// value reads a setting's value, or adds what is wrong with it.
func (m *mistakes) value(s *Setting, n ast.Node, key *token.Token) (any, bool) {
	v, ok := convert(s.Kind, n)
	if !ok {
		m.add(place(n, key), "%s is %s, not %s", s.Name, s.Kind, written(n))
		return nil, false
	}
	if err := s.check(v); err != nil {
		m.add(place(n, key), "%v", err)
		return nil, false
	}
	return v, true
}

// check says what is wrong with a value of the setting's kind.
func (s *Setting) check(v any) error {
	if x, ok := number(v); ok && (s.Min != 0 || s.Max != 0) && (x < s.Min || x > s.Max) {
		switch {
		case math.IsInf(s.Max, 1):
			return tracker.Errorf(tracker.CodeInvalid, "%s is %v: it must be %v or more", s.Name, v, s.Min)
		case math.IsInf(s.Min, -1):
			return tracker.Errorf(tracker.CodeInvalid, "%s is %v: it must be %v or less", s.Name, v, s.Max)
		}
		return tracker.Errorf(tracker.CodeInvalid, "%s is %v: it must lie from %v to %v", s.Name, v, s.Min, s.Max)
	}
	if text, ok := v.(string); ok && s.Choices != nil && !slices.Contains(s.Choices, text) {
		return suggest.Unknown(s.Name, text, s.Choices)
	}
	if s.Check == nil {
		return nil
	}
	return s.Check(v)
}

// convert makes a scalar a value of a kind.
func convert(kind Kind, n ast.Node) (any, bool) {
	switch kind {
	case Truth:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			return nil, false
		}
		return b.Value, true
	case Int:
		i, ok := wholeNumber(n)
		return i, ok
	case Float:
		x, ok := numberNode(n)
		return x, ok
	}
	return textNode(n)
}

// textNode returns any scalar but null as it is written: a sweep may be called 2024.
func textNode(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.StringNode, *ast.LiteralNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return scalarText(n.(ast.ScalarNode)), true
	case *ast.MappingNode:
		return compound(n)
	}
	return "", false
}

// compound returns the text that a mapping of one pair without a space between is: sample:swirl, in a list in braces,
// which YAML takes for a text and the parser (v1.19.2) for a mapping.
func compound(n *ast.MappingNode) (string, bool) {
	if n.IsFlowStyle || len(n.Values) != 1 {
		return "", false
	}
	key, plain := n.Values[0].Key.(*ast.StringNode)
	value, scalar := n.Values[0].Value.(ast.ScalarNode)
	if !plain || !scalar || key.Token.Type != token.StringType {
		return "", false
	}
	at, next := key.Token.Position, value.GetToken().Position
	if next.Line != at.Line || next.Column != at.Column+utf8.RuneCountInString(key.Value)+1 {
		return "", false
	}
	return key.Value + ":" + scalarText(value), true
}

// numberNode returns a finite number.
func numberNode(n ast.Node) (float64, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			return float64(v), true
		case uint64:
			return float64(v), true
		}
	case *ast.FloatNode:
		return n.Value, !math.IsInf(n.Value, 0) && !math.IsNaN(n.Value)
	case *ast.StringNode: // 1e3, which the parser takes for a text
		if n.Token.Type == token.StringType && !strings.ContainsFunc(n.Value, notInNumber) {
			x, err := strconv.ParseFloat(n.Value, 64)
			return x, err == nil
		}
	}
	return 0, false
}

func notInNumber(r rune) bool { return !strings.ContainsRune("0123456789+-.eE", r) }

// maxWhole is the largest whole number that is read, so that all are exact as floats too.
const maxWhole = 1 << 53

func wholeNumber(n ast.Node) (int64, bool) {
	x, ok := numberNode(n)
	return int64(x), ok && x == math.Trunc(x) && math.Abs(x) <= maxWhole
}

// written says in a message what somebody wrote.
func written(n ast.Node) string {
	switch n := n.(type) {
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case ast.ScalarNode:
		return strconv.Quote(scalarText(n))
	}
	return "this"
}

// values reads a list of a setting's values, or one value as a list of one.
func (m *mistakes) values(s *Setting, n ast.Node, key *token.Token) []any {
	nodes := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		nodes = seq.Values
		if len(nodes) == 0 {
			m.add(seq.Start, "%s has an empty list", s.Name)
		}
	}
	var list []any
	for _, n := range nodes {
		v, ok := m.value(s, n, key)
		if !ok {
			continue
		}
		if slices.ContainsFunc(list, func(other any) bool { return sameValue(v, other) }) {
			m.add(place(n, key), "%v is here twice", v)
			continue
		}
		list = append(list, v)
	}
	return list
}

// text reads one line of text.
func (m *mistakes) text(e entry) string {
	v, ok := textNode(e.value)
	if !ok {
		m.add(e.at(), "%s is a text, not %s", e.name, written(e.value))
		return ""
	}
	text := v.(string)
	const most = 200 // bytes, as the tracker has it
	if strings.TrimSpace(text) == "" || len(text) > most || strings.ContainsFunc(text, unicode.IsControl) {
		m.add(e.at(), "%s is one line of at most %d bytes", e.name, most)
	}
	return text
}

// count reads a whole number from least to most.
func (m *mistakes) count(e entry, least, most int) int {
	n, ok := wholeNumber(e.value)
	if !ok || n < int64(least) || n > int64(most) {
		m.add(e.at(), "%s is a whole number from %d to %d, not %s", e.name, least, most, written(e.value))
		return least
	}
	return int(n)
}

// duration reads a time such as 30s, or a number of seconds: at least a second, or 0.
func (m *mistakes) duration(e entry) time.Duration {
	v, _ := textNode(e.value)
	text, _ := v.(string)
	d, err := time.ParseDuration(text)
	if x, ok := numberNode(e.value); ok {
		d, err = time.Duration(x*float64(time.Second)), nil
	}
	if err != nil || d < 0 || d > 24*time.Hour || (d > 0 && d < time.Second) {
		m.add(e.at(), "%s is a time from 1s to 24h such as 30s, or 0 for never, not %s", e.name, written(e.value))
	}
	return d
}

// option reads what is either a name, or a mapping of one name to options: tpe, or {tpe: {seed: 7}}.
func (m *mistakes) option(e entry, known []string) (name string, options []entry) {
	at := e.at()
	if v, ok := textNode(e.value); ok {
		name = v.(string)
	} else {
		want := e.name + " is one of " + strings.Join(known, ", ") + ", or one of them with options, such as {" + known[0] + ": {…}}"
		inner := m.entries(e.value, e.key, want)
		switch {
		case len(inner) > 1:
			m.add(inner[1].key, "%s", want)
			return "", nil
		case len(inner) == 0:
			return "", nil
		}
		name, at = inner[0].name, inner[0].key
		options = m.entries(inner[0].value, inner[0].key, "options of "+name+" are a mapping")
	}
	if !slices.Contains(known, name) {
		m.add(at, "%v", suggest.Unknown(e.name, name, known))
		return "", nil
	}
	return name, options
}
