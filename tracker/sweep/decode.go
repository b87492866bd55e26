package sweep

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
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
	Style      styles  `yaml:"style"`
	Protect    scalar  `yaml:"protect"`
	StrokesOf  scalar  `yaml:"strokes_of"`
	Weights    scalar  `yaml:"weights"`
	Device     scalar  `yaml:"device"`
	Priority   scalar  `yaml:"priority"`
	Search     mapping `yaml:"search"`
	Sampler    choice  `yaml:"sampler"`
	Trials     scalar  `yaml:"trials"`
	Parallel   scalar  `yaml:"parallel"`
	Retries    scalar  `yaml:"retries"`
	Checkpoint scalar  `yaml:"checkpoint"`
	Minimise   scalar  `yaml:"minimise"`
	Prune      choice  `yaml:"prune"`
	Ratings    scalar  `yaml:"ratings"`
}

// searched is a dimension. Its short form is the list of its values.
type searched struct {
	Values list    `yaml:"values"`
	Linear list    `yaml:"linear"`
	Log    list    `yaml:"log"`
	Steps  scalar  `yaml:"steps"`
	When   mapping `yaml:"when"`
}

// The bounds of a file. The YAML parser follows nesting without end until its stack is full. Its time grows with the
// square of the lines: 1,000 take up to 0.1 s, and 32 KiB of line breaks 20 s.
const (
	maxFile    = 32 << 10 // bytes
	maxLines   = 1000
	maxNesting = 16
)

// mistakes collects what is wrong with a file.
type mistakes struct {
	path string
	list []mistake
}

type mistake struct {
	*token.Position
	text string
}

// beginning is where mistakes are that have no other place.
var beginning = &token.Token{Position: &token.Position{Line: 1, Column: 1}}

func (m *mistakes) add(at *token.Token, format string, args ...any) {
	m.list = append(m.list, mistake{at.Position, fmt.Sprintf(format, args...)})
}

// addYAML adds an error of the YAML library, if there is one.
func (m *mistakes) addYAML(err error) {
	var placed yaml.Error
	if errors.As(err, &placed) {
		m.add(placed.GetToken(), "this is not YAML: %s", placed.GetMessage())
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
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	const most = 20
	var lines []error
	for _, x := range m.list[:min(len(m.list), most)] {
		lines = append(lines, fmt.Errorf("%s:%d:%d: %s", m.path, x.Line, x.Column, x.text))
	}
	if more := len(m.list) - most; more > 0 {
		lines = append(lines, fmt.Errorf("%s: %d more mistakes", m.path, more))
	}
	return tracker.Errorf(tracker.CodeInvalid, "%w", errors.Join(lines...))
}

// parse returns the file's only document, or nil after adding what is wrong with it.
func (m *mistakes) parse(text []byte) ast.Node {
	text = bytes.TrimPrefix(text, []byte("\ufeff")) // which Windows' editors write
	lines := bytes.Count(text, []byte("\n"))
	switch {
	case len(text) > maxFile:
		m.add(beginning, "the file has %d bytes: at most %d are read", len(text), maxFile)
		return nil
	case lines > maxLines:
		m.add(beginning, "the file has %d lines: at most %d are read", lines, maxLines)
		return nil
	case !utf8.Valid(text):
		m.add(beginning, "the file is not UTF-8: save it as UTF-8")
		return nil
	case bytes.Count(text, []byte("\r")) != bytes.Count(text, []byte("\r\n")):
		m.add(beginning, "lines end with a carriage return alone, as before Mac OS X: save the file with Unix or Windows line ends")
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if !m.checkTokens(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // mapping finds all duplicates
	switch {
	case err != nil:
		m.addYAML(err)
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		m.add(beginning, "the file is empty: a sweep needs at least name, content, style, sampler and search")
	case len(file.Docs) > 1:
		m.add(file.Docs[1].Start, "a second document begins here: a file describes one sweep")
	default:
		return file.Docs[0].Body
	}
	return nil
}

// checkTokens refuses what could do harm and has no use in a sweep's file.
func (m *mistakes) checkTokens(tokens token.Tokens) bool {
	nesting, line, entries := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			m.add(t, "anchors, aliases, merged keys, tags and directives are not read here: write the value alone")
			return false
		case token.SequenceStartType, token.MappingStartType:
			nesting++
		case token.SequenceEndType, token.MappingEndType:
			nesting--
		case token.SequenceEntryType, token.MappingKeyType:
			entries++
		}
		if max(nesting, entries, t.Position.IndentLevel) > maxNesting {
			m.add(t, "this is nested too deep: at most %d levels are read", maxNesting)
			return false
		}
	}
	return true
}

// mistakesKey is the key under which a decoder's context has the *mistakes that the types below add
// to. They return no errors, so that the decoder does not end at the first.
type mistakesKey struct{}

func addTo(ctx context.Context) *mistakes { return ctx.Value(mistakesKey{}).(*mistakes) }

// decode decodes a value and adds what is wrong with it.
func (m *mistakes) decode(n ast.Node, into any) {
	ctx := context.WithValue(context.Background(), mistakesKey{}, m)
	m.addYAML(yaml.NewDecoder(&bytes.Buffer{}).DecodeFromNodeContext(ctx, n, into))
}

// decodeFields decodes the values of a mapping into the fields of a struct that have their keys as
// tags, and returns the other entries. yaml's decoder with the option Strict ends at the first.
func (m *mistakes) decodeFields(entries []entry, into any) (others []entry) {
	fields, keys := reflect.ValueOf(into).Elem(), keysOf(into)
	for _, e := range entries {
		if i := slices.Index(keys, e.name); i >= 0 {
			m.decode(e.value, fields.Field(i).Addr().Interface())
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
	at    *token.Token // nil if the file does not have it, or something else
	text  string       // as it is written, without quotes
	value any          // a float64, a bool or the text
	zeros bool         // the text is a whole number that begins with 0, which some take for octal: value is no number
}

// leadingZero matches 010, which is 8 in YAML 1.1 and 10 in YAML 1.2.
var leadingZero = regexp.MustCompile(`^[-+]?0[0-9_]+$`)

// IsOctal reports whether a number begins with a 0, so that some readers of YAML take it for octal.
func IsOctal(text string) bool { return leadingZero.MatchString(text) }

// UnmarshalYAML accepts every scalar but null: a sweep may have the name 2024.
func (s *scalar) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	at := n.GetToken()
	one, ok := n.(ast.ScalarNode)
	if text, is := compound(n); is {
		*s = scalar{at: n.(*ast.MappingNode).Values[0].Key.GetToken(), text: text, value: text}
		return nil
	} else if !ok || n.Type() == ast.NullType {
		addTo(ctx).add(at, "one value is needed here, not a list, a mapping or null")
		return nil
	}
	*s = scalar{at: at, text: scalarText(one), value: scalarText(one)}
	if quoted := at.Type == token.SingleQuoteType || at.Type == token.DoubleQuoteType; !quoted && IsOctal(s.text) {
		s.zeros = true
		return nil
	}
	switch v := one.GetValue().(type) {
	case int64:
		s.value = float64(v)
	case uint64:
		s.value = float64(v)
	case float64, bool:
		s.value = v
	case string: // the parser takes 1e3 for a string
		if x, err := strconv.ParseFloat(v, 64); err == nil && at.Type == token.StringType && strings.Trim(v, "0123456789+-.eE") == "" {
			s.value = x
		}
	}
	return nil
}

// compound returns the text of a mapping of one pair without a space after the colon: sample:swirl,
// within brackets. In YAML that is a string, and for the parser (v1.19.2) a mapping.
func compound(n ast.Node) (string, bool) {
	m, ok := n.(*ast.MappingNode)
	if !ok || m.IsFlowStyle || len(m.Values) != 1 {
		return "", false
	}
	key, plain := m.Values[0].Key.(*ast.StringNode)
	value, ok := m.Values[0].Value.(ast.ScalarNode)
	if !plain || !ok || key.Token.Type != token.StringType {
		return "", false
	}
	at, next := key.Token.Position, value.GetToken().Position
	adjacent := next.Line == at.Line && next.Column == at.Column+utf8.RuneCountInString(key.Value)+1
	return key.Value + ":" + scalarText(value), adjacent
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
	if set.Kind == setting.Text {
		return set.Value(s.text)
	}
	v, err := set.Value(s.value)
	if err != nil {
		err = fmt.Errorf("%w%s", err, s.hint())
	}
	return v, err
}

// hint explains why a number is none, as the end of a sentence.
func (s scalar) hint() string {
	if !s.zeros {
		return ""
	}
	return ", without a 0 before it: some take " + s.text + " for octal"
}

// list is a list of scalars. A single scalar is a list of one.
type list struct {
	at      *token.Token // nil if the file does not have it
	scalars []scalar
}

// UnmarshalYAML decodes all elements.
func (l *list) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	l.at = n.GetToken()
	for _, n := range elements(ctx, n) {
		var s scalar
		if s.UnmarshalYAML(ctx, n); s.at != nil {
			l.scalars = append(l.scalars, s)
		}
	}
	return nil
}

// elements returns the nodes of a list, which must have some. A single value is a list of one.
func elements(ctx context.Context, n ast.Node) []ast.Node {
	sequence, ok := n.(*ast.SequenceNode)
	if !ok {
		return []ast.Node{n}
	}
	if len(sequence.Values) == 0 {
		addTo(ctx).add(n.GetToken(), "the list is empty: it needs a value")
	}
	return sequence.Values
}

// styles is a list of styles. A single style is a list of one.
type styles struct {
	at     *token.Token // nil if the file does not have it
	styles []style
}

// style is a scalar, or a mapping of what a style is made of.
type style struct {
	text  scalar
	parts mapping // whose at is nil if the style is a scalar
}

func (s style) at() *token.Token { return cmp.Or(s.parts.at, s.text.at) }

// UnmarshalYAML decodes all elements.
func (l *styles) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	l.at = n.GetToken()
	for _, n := range elements(ctx, n) {
		var s style
		_, text := compound(n)
		if m, ok := n.(ast.MapNode); ok && !text {
			s.parts.UnmarshalYAML(ctx, n)
			if pairs := m.MapRange(); pairs.Next() {
				s.parts.at = pairs.Key().GetToken()
			}
		} else {
			s.text.UnmarshalYAML(ctx, n)
		}
		if s.at() != nil {
			l.styles = append(l.styles, s)
		}
	}
	return nil
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

// optional are the keys whose value may be none, ~ or null, all of which mean the same.
var optional = []string{"protect", "strokes_of", "weights", "device", "priority", "minimise", "prune", "trials", "retries", "checkpoint"}

const none = "none"

// UnmarshalYAML refuses keys that are no words, that are there twice, or have no value and need one.
func (m *mapping) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	m.at, m.keys = n.GetToken(), map[string]*token.Token{}
	node, ok := n.(ast.MapNode)
	if !ok {
		addTo(ctx).add(m.at, "a mapping of settings is needed here, such as {pooling: [max, avg]}")
		return nil
	}
	for pair := node.MapRange(); pair.Next(); {
		at := pair.Key().GetToken()
		key, ok := pair.Key().(ast.ScalarNode)
		if !ok {
			addTo(ctx).add(at, "this is no key: keys are words")
			continue
		}
		e := entry{setting.Name(scalarText(key)), at, pair.Value()}
		if first, twice := m.keys[e.name]; twice {
			addTo(ctx).add(at, "%s is here twice: it is in line %d already", e.name, first.Position.Line)
			continue
		}
		m.keys[e.name] = at
		if e.value == nil || e.value.Type() == ast.NullType {
			if !slices.Contains(optional, e.name) {
				addTo(ctx).add(at, "%s has no value", e.name)
			}
			continue
		}
		m.entries = append(m.entries, e)
	}
	return nil
}

// choice is a name, or a mapping of one name to options: tpe, or {tpe: {seed: 7}}.
type choice struct {
	at      *token.Token // nil if the file does not have it
	name    string       // "" if it is neither
	options mapping
}

// UnmarshalYAML accepts both forms.
func (c *choice) UnmarshalYAML(ctx context.Context, n ast.Node) error {
	c.at = n.GetToken()
	switch node := n.(type) {
	case ast.ScalarNode:
		c.name = scalarText(node)
	case ast.MapNode:
		var m mapping
		m.UnmarshalYAML(ctx, n)
		if len(m.keys) == 1 && len(m.entries) == 1 {
			c.at, c.name = m.entries[0].key, m.entries[0].name
			c.options.UnmarshalYAML(ctx, m.entries[0].value)
		}
	}
	return nil
}
