package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
)

// document is a sweep's file as it is written, before its values are checked. Its other keys are
// settings.
type document struct {
	Name       scalar  `yaml:"name"`
	Content    scalar  `yaml:"content"`
	Style      scalars `yaml:"style"`
	Weights    scalar  `yaml:"weights"`
	Device     scalar  `yaml:"device"`
	Search     mapping `yaml:"search"`
	Sampler    option  `yaml:"sampler"`
	Trials     scalar  `yaml:"trials"`
	Parallel   scalar  `yaml:"parallel"`
	Retries    scalar  `yaml:"retries"`
	Checkpoint scalar  `yaml:"checkpoint"`
	Minimise   scalar  `yaml:"minimise"`
	Prune      option  `yaml:"prune"`
	Ratings    scalar  `yaml:"ratings"`
}

// searched is a dimension in its long form.
type searched struct {
	Values scalars `yaml:"values"`
	Linear scalars `yaml:"linear"`
	Log    scalars `yaml:"log"`
	Steps  scalar  `yaml:"steps"`
	When   mapping `yaml:"when"`
}

// The bounds of a file. The YAML parser follows nesting without end until its stack is full.
const (
	maxFile    = 256 << 10 // bytes
	maxNesting = 16
)

// mistake is something wrong with a file, at a token.
type mistake struct {
	at   *token.Token
	text string
	bare bool // the text is to follow the name of a key
}

func (m mistake) Error() string { return m.text }

// beginning is where mistakes are that have no other place.
var beginning = &token.Token{Position: &token.Position{Line: 1, Column: 1}}

// mistakes collects what is wrong with a file.
type mistakes struct {
	path string
	list []mistake
}

func (m *mistakes) add(at *token.Token, format string, args ...any) {
	m.list = append(m.list, mistake{at: at, text: fmt.Sprintf(format, args...)})
}

// addError adds an error of decoding the value of a key: a mistake, several that are joined, or an
// error of the parser.
func (m *mistakes) addError(name string, err error) {
	var own mistake
	var parse yaml.Error
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			m.addError(name, err)
		}
	} else if errors.As(err, &own) {
		if own.bare {
			own.text = name + " " + own.text
		}
		m.list = append(m.list, own)
	} else if errors.As(err, &parse) {
		m.add(parse.GetToken(), "this is not YAML: %s", parse.GetMessage())
	} else if err != nil {
		m.add(beginning, "this is not YAML: %v", err)
	}
}

// err returns all mistakes as one error of CodeInvalid, a line each, in the order of the file. It
// is nil if there are none.
func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	slices.SortStableFunc(m.list, func(a, b mistake) int {
		p, q := a.at.Position, b.at.Position
		return cmp.Or(cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
	})
	const most = 20
	var lines []string
	for i, x := range m.list {
		if i == most {
			lines = append(lines, fmt.Sprintf("%s: %d more mistakes", m.path, len(m.list)-most))
			break
		}
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", m.path, x.at.Position.Line, x.at.Position.Column, x.text))
	}
	return tracker.Errorf(tracker.CodeInvalid, "%s", strings.Join(lines, "\n"))
}

// parse returns the mapping that the file is, or false after adding what is wrong with it.
func (m *mistakes) parse(text []byte) (body mapping, ok bool) {
	switch {
	case len(text) > maxFile:
		m.add(beginning, "the file has %d bytes: at most %d are read", len(text), maxFile)
		return body, false
	case !utf8.Valid(text):
		m.add(beginning, "the file is not UTF-8")
		return body, false
	}
	tokens := lexer.Tokenize(string(text))
	if !m.checkTokens(tokens) {
		return body, false
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // mapping finds duplicates, and all of them
	switch {
	case err != nil:
		m.addError("", err)
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		m.add(beginning, "the file is empty: a sweep needs at least name, content, style, sampler and search")
	case len(file.Docs) > 1:
		m.add(file.Docs[1].Start, "a second document begins here: a file describes one sweep")
	case !isMapping(file.Docs[0].Body):
		m.add(start(file.Docs[0].Body), "a sweep's file is a mapping: it begins with a line such as name: night")
	default:
		m.decode("", file.Docs[0].Body, &body)
		return body, true
	}
	return body, false
}

// checkTokens refuses what could do harm and has no use in a sweep's file.
func (m *mistakes) checkTokens(tokens token.Tokens) bool {
	nesting, line, entries := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			m.add(t, "anchors, aliases and merged keys are not read here: write the value where it is needed")
			return false
		case token.TagType, token.DirectiveType:
			m.add(t, "tags and directives are not read here: leave them out")
			return false
		case token.SequenceStartType, token.MappingStartType:
			nesting++
		case token.SequenceEndType, token.MappingEndType:
			nesting--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if nesting > maxNesting || entries > maxNesting || t.Position.IndentLevel > maxNesting {
			m.add(t, "this is nested too deep: at most %d levels are read", maxNesting)
			return false
		}
	}
	return true
}

// decode decodes the value of a key. It returns false after adding what is wrong with it.
func (m *mistakes) decode(name string, n ast.Node, into any) bool {
	err := yaml.NodeToValue(n, into, yaml.Strict())
	m.addError(name, err)
	return err == nil
}

// decodeFields decodes the values of a mapping into the fields of a struct that have their keys as
// tags, and returns the other entries. Unlike yaml's decoder it finds all mistakes, not the first.
func (m *mistakes) decodeFields(entries []entry, into any) (others []entry) {
	fields := reflect.ValueOf(into).Elem()
	keys := keysOf(into)
	for _, e := range entries {
		if i := slices.Index(keys, e.name); i >= 0 {
			m.decode(e.name, e.value, fields.Field(i).Addr().Interface())
		} else {
			others = append(others, e)
		}
	}
	return others
}

// keysOf returns the keys of a struct's fields.
func keysOf(v any) (keys []string) {
	t := reflect.TypeOf(v).Elem()
	for i := range t.NumField() {
		keys = append(keys, t.Field(i).Tag.Get("yaml"))
	}
	return keys
}

// scalar is a word, a number, true or false.
type scalar struct {
	at    *token.Token // nil if the file does not have it
	text  string       // as it is written, without quotes
	value any          // a finite float64, a bool or, for other text, nil
}

// UnmarshalYAML accepts every scalar but null: a sweep may have the name 2024.
func (s *scalar) UnmarshalYAML(n ast.Node) error {
	s.at = start(n)
	switch n := n.(type) {
	case *ast.IntegerNode:
		switch v := n.Value.(type) {
		case int64:
			s.value = float64(v)
		case uint64:
			s.value = float64(v)
		}
	case *ast.FloatNode:
		if !math.IsInf(n.Value, 0) && !math.IsNaN(n.Value) {
			s.value = n.Value
		}
	case *ast.BoolNode:
		s.value = n.Value
	case *ast.StringNode: // the parser takes 1e3 for a string
		if x, err := strconv.ParseFloat(n.Value, 64); err == nil && n.Token.Type == token.StringType &&
			strings.Trim(n.Value, "0123456789+-.eE") == "" {
			s.value = x
		}
	case *ast.LiteralNode, *ast.InfinityNode, *ast.NanNode:
	case *ast.MappingNode:
		var ok bool
		if s.text, ok = compound(n); ok {
			return nil
		}
		return mistake{s.at, "is a single value, not a mapping", true}
	case *ast.MappingValueNode:
		return mistake{s.at, "is a single value, not a mapping", true}
	case *ast.SequenceNode:
		return mistake{s.at, "is a single value, not a list", true}
	default:
		return mistake{s.at, "has no value", true}
	}
	s.text = scalarText(n.(ast.ScalarNode))
	return nil
}

// compound returns the text of a mapping of one pair without a space after the colon: sample:swirl,
// within brackets. In YAML that is a string, and for the parser (v1.19.2) a mapping.
func compound(n *ast.MappingNode) (string, bool) {
	if n.IsFlowStyle || len(n.Values) != 1 {
		return "", false
	}
	key, plain := n.Values[0].Key.(*ast.StringNode)
	value, ok := n.Values[0].Value.(ast.ScalarNode)
	if !plain || !ok || key.Token.Type != token.StringType {
		return "", false
	}
	at, next := key.Token.Position, value.GetToken().Position
	if next.Line != at.Line || next.Column != at.Column+utf8.RuneCountInString(key.Value)+1 {
		return "", false
	}
	return key.Value + ":" + scalarText(value), true
}

func scalarText(n ast.ScalarNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}

// as returns the scalar as a setting's value.
func (s scalar) as(set setting.Setting) (any, error) {
	_, isBool := s.value.(bool)
	if s.value == nil || set.Kind == setting.Text || isBool != (set.Kind == setting.Bool) {
		return set.Value(s.text)
	}
	return set.Value(s.value)
}

// scalars is a list of scalars. A single scalar is a list of one.
type scalars struct {
	at   *token.Token // nil if the file does not have it
	list []scalar
}

// UnmarshalYAML decodes all elements, and returns all mistakes.
func (s *scalars) UnmarshalYAML(n ast.Node) error {
	s.at = start(n)
	nodes := []ast.Node{n}
	if list, ok := n.(*ast.SequenceNode); ok {
		if nodes = list.Values; len(nodes) == 0 {
			return mistake{s.at, "has an empty list", true}
		}
	}
	var errs []error
	for _, n := range nodes {
		var one scalar
		if err := one.UnmarshalYAML(n); err != nil {
			errs = append(errs, err)
			continue
		}
		s.list = append(s.list, one)
	}
	return errors.Join(errs...)
}

// mapping is a mapping with the order of its keys.
type mapping struct {
	at      *token.Token            // nil if the file does not have it
	keys    map[string]*token.Token // all of them, by the names of settings: with underscores
	entries []entry                 // those that have a value, each key once
}

type entry struct {
	name  string
	key   *token.Token
	value ast.Node
}

// UnmarshalYAML refuses keys that are no words, that are there twice or have no value, and returns
// all mistakes.
func (m *mapping) UnmarshalYAML(n ast.Node) error {
	m.at, m.keys = start(n), map[string]*token.Token{}
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return mistake{m.at, "is a mapping of settings, such as {pooling: [max, avg]}", true}
	}
	var errs []error
	for _, v := range values {
		key, ok := v.Key.(ast.ScalarNode)
		if !ok {
			errs = append(errs, mistake{v.Key.GetToken(), "this is no key: keys are words", false})
			continue
		}
		e := entry{name: setting.Name(scalarText(key)), key: v.Key.GetToken(), value: v.Value}
		if first, twice := m.keys[e.name]; twice {
			errs = append(errs, mistake{e.key, fmt.Sprintf("%s is here twice: it is in line %d already", e.name, first.Position.Line), false})
			continue
		}
		m.keys[e.name] = e.key
		if _, null := e.value.(*ast.NullNode); null || e.value == nil {
			errs = append(errs, mistake{e.key, e.name + " has no value", false})
			continue
		}
		m.entries = append(m.entries, e)
	}
	return errors.Join(errs...)
}

func isMapping(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

// option is a name, or a mapping of one name to options: tpe, or {tpe: {seed: 7}}.
type option struct {
	at      *token.Token // nil if the file does not have it
	name    string       // "" if it is neither
	options mapping
}

// UnmarshalYAML accepts both forms.
func (o *option) UnmarshalYAML(n ast.Node) error {
	o.at = start(n)
	var name scalar
	if err := name.UnmarshalYAML(n); err == nil {
		o.name = name.text
		return nil
	}
	var m mapping
	if !isMapping(n) {
		return nil
	}
	if err := m.UnmarshalYAML(n); err != nil {
		return err
	}
	switch len(m.entries) {
	case 0:
		return nil
	case 1:
		o.name, o.at = m.entries[0].name, m.entries[0].key
		return o.options.UnmarshalYAML(m.entries[0].value)
	}
	o.at = m.entries[1].key
	return nil
}

// start returns the token at which a value begins.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 { // its own token is the first colon
			return n.Values[0].Key.GetToken()
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken()
	case *ast.SequenceNode:
		return n.Start
	}
	return n.GetToken()
}
