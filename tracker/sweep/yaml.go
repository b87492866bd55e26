package sweep

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gouache-art/gouache/tracker"
)

// Bounds of a file: the YAML parser takes one nested without end to the end of its stack.
const (
	maxFile    = 256 << 10 // bytes
	maxNesting = 16
)

// mistakes are what is wrong with a file, each with its place.
type mistakes struct {
	path string
	list []mistake
}

type mistake struct {
	line, column int
	text         string
}

// add adds a mistake at a token.
func (m *mistakes) add(at *token.Token, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if at == nil || at.Position == nil {
		m.list = append(m.list, mistake{1, 1, text})
		return
	}
	m.list = append(m.list, mistake{at.Position.Line, at.Position.Column, text})
}

// err returns all mistakes as one error, a line each, in the file's order, or nil if there are none.
func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	slices.SortStableFunc(m.list, func(a, b mistake) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	const most = 20
	var lines []string
	for i, x := range m.list {
		if i == most {
			lines = append(lines, fmt.Sprintf("%s: %d more mistakes", m.path, len(m.list)-most))
			break
		}
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", m.path, x.line, x.column, x.text))
	}
	return tracker.Errorf(tracker.CodeInvalid, "%s", strings.Join(lines, "\n"))
}

// parseYAML returns the one document of a file, or nil after adding what is wrong with it.
func (m *mistakes) parseYAML(text []byte) ast.Node {
	if len(text) > maxFile {
		m.add(nil, "the file has %d bytes: at most %d are read", len(text), maxFile)
		return nil
	}
	if !utf8.Valid(text) {
		m.add(nil, "the file is not UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if !m.checkTokens(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			m.add(syntax.GetToken(), "this is not YAML: %s", syntax.GetMessage())
		} else {
			m.add(nil, "this is not YAML: %v", err)
		}
		return nil
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		m.add(nil, "the file is empty: a sweep needs at least name, content, style, sampler and search")
		return nil
	}
	if len(file.Docs) > 1 {
		m.add(file.Docs[1].Start, "a second document begins here: a file describes one sweep")
		return nil
	}
	return file.Docs[0].Body
}

// checkTokens refuses what a sweep's file has no use for and could do harm by.
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

// entry is a key of a mapping, and its value.
type entry struct {
	name  string // of the key, in the form that names of settings have
	key   *token.Token
	value ast.Node // nil if nothing follows the key
}

// at is where mistakes of the value are: its beginning, or the key if there is none.
func (e entry) at() *token.Token { return place(e.value, e.key) }

// place is where a value begins.
func place(n ast.Node, otherwise *token.Token) *token.Token {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return otherwise
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 { // its own token is the first colon
			return n.Values[0].Key.GetToken()
		}
	case *ast.SequenceNode:
		return n.Start
	}
	return n.GetToken()
}

// entries returns a mapping's entries. What is not a mapping, and keys that are twice there, are mistakes.
func (m *mistakes) entries(n ast.Node, at *token.Token, want string) []entry {
	var list []entry
	values, ok := mapping(n)
	if !ok {
		m.add(place(n, at), "%s", want)
		return nil
	}
	for _, v := range values {
		key, ok := v.Key.(ast.ScalarNode)
		if !ok {
			m.add(v.Key.GetToken(), "this is no key: keys are words")
			continue
		}
		e := entry{name: canonical(scalarText(key)), key: v.Key.GetToken(), value: v.Value}
		if first := slices.IndexFunc(list, func(other entry) bool { return other.name == e.name }); first >= 0 {
			m.add(e.key, "%s is here twice: it is in line %d already", e.name, list[first].key.Position.Line)
			continue
		}
		if _, null := e.value.(*ast.NullNode); null || e.value == nil {
			m.add(e.key, "%s has no value", e.name)
			continue
		}
		list = append(list, e)
	}
	return list
}

// mapping returns the pairs of a mapping.
func mapping(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// canonical brings a name into the form that settings and runs have: with underscores.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// scalarText returns a scalar as it is written, without quotes.
func scalarText(n ast.ScalarNode) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value
	case *ast.LiteralNode:
		return n.Value.Value
	}
	return n.GetToken().Value
}
