package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// pages returns the files that a newcomer reads.
func pages(t *testing.T) []string {
	t.Helper()
	docs, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(docs) == 0 {
		t.Fatal("no pages in docs", err)
	}
	return append(docs, "../../README.md", "../../CONTRIBUTING.md", "../../bench/README.md", "../../bench/pictures/README.md")
}

// parsePage returns a page's tree, with GitHub's anchors as the headings' ids.
func parsePage(t *testing.T, name string) (root ast.Node, source []byte) {
	t.Helper()
	source = read(t, name)
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	return md.Parser().Parse(text.NewReader(source)), source
}

// each calls do for all nodes of a kind.
func each[T ast.Node](root ast.Node, do func(T)) {
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if node, ok := n.(T); ok && entering {
			do(node)
		}
		return ast.WalkContinue, nil
	})
}

// TestLinks: links and pictures of the pages lead to files and headings that are there.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		root, _ := parsePage(t, page)
		check := func(destination []byte) {
			link := string(destination)
			if strings.Contains(link, "://") {
				return
			}
			name, anchor, _ := strings.Cut(link, "#")
			file := page
			if name != "" {
				file = filepath.Join(filepath.Dir(page), name)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", page, link, err)
			} else if anchor != "" && !hasAnchor(t, file, anchor) {
				t.Errorf("%s links to %s, and there is no such heading", page, link)
			}
		}
		each(root, func(l *ast.Link) { check(l.Destination) })
		each(root, func(i *ast.Image) { check(i.Destination) })
	}
}

func hasAnchor(t *testing.T, file, anchor string) (found bool) {
	root, _ := parsePage(t, file)
	each(root, func(h *ast.Heading) {
		id, _ := h.AttributeString("id")
		name, ok := id.([]byte)
		found = found || ok && string(name) == anchor
	})
	return found
}

// TestCommands: the commands that the pages show exist, with their flags and the number of their arguments.
func TestCommands(t *testing.T) {
	commands := 0
	for _, page := range pages(t) {
		root, source := parsePage(t, page)
		each(root, func(block *ast.FencedCodeBlock) {
			if string(block.Language(source)) != "sh" {
				return
			}
			script, err := syntax.NewParser().Parse(strings.NewReader(string(block.Lines().Value(source))), page)
			if err != nil {
				t.Error(err)
				return
			}
			syntax.Walk(script, func(n syntax.Node) bool {
				call, ok := n.(*syntax.CallExpr)
				if !ok || len(call.Args) == 0 {
					return true
				}
				words, err := expand.Fields(nil, call.Args...)
				if err != nil {
					t.Errorf("%s: %v", page, err)
				} else if filepath.Base(words[0]) == "gouache" {
					commands++
					checkCommand(t, page, words[1:])
				}
				return true
			})
		})
	}
	if commands < 40 {
		t.Errorf("%d commands were found", commands)
	}
}

// checkCommand parses a command line and runs nothing.
func checkCommand(t *testing.T, page string, words []string) {
	line := strings.Join(words, " ")
	cmd, args, err := newRoot().Find(words)
	if err == nil && !cmd.Runnable() {
		t.Errorf("%s: gouache %s is no command", page, line)
		return
	}
	if err == nil {
		err = cmd.ParseFlags(args)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil {
		t.Errorf("%s: gouache %s: %v", page, line, err)
	}
}
