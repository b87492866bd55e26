package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
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
			commands += checkScript(t, page, string(block.Lines().Value(source)))
		})
	}
	if commands < 40 {
		t.Errorf("%d commands were found", commands)
	}
}

// unrun expands the words of a script without running anything: what another command would print is left out.
var unrun = expand.Config{CmdSubst: func(io.Writer, *syntax.CmdSubst) error { return nil }}

// checkScript checks the commands of a script, and returns how many there are.
func checkScript(t *testing.T, name, text string) (commands int) {
	script, err := syntax.NewParser().Parse(strings.NewReader(text), name)
	if err != nil {
		t.Error(err)
		return 0
	}
	syntax.Walk(script, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		words, err := expand.Fields(&unrun, call.Args...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return true
		}
		if words[0] == "exec" || words[0] == "/usr/bin/env" {
			words = words[1:]
		}
		if len(words) > 0 && filepath.Base(words[0]) == "gouache" {
			commands++
			checkCommand(t, name, words[1:])
		}
		return true
	})
	return commands
}

// TestRecipes: the files that start workers can be read, and their commands exist, with their flags.
func TestRecipes(t *testing.T) {
	for name, want := range map[string]int{"worker.sbatch": 1, "gouache-worker.service": 1, "gouache-worker@.service": 1, "compose.yaml": 1,
		"compose.workers.yaml": 2, "worker.kubernetes.yaml": 1} {
		text, commands := string(read(t, "../../docker/"+name)), 0
		switch filepath.Ext(name) {
		case ".sbatch":
			commands = checkScript(t, name, text)
		case ".service":
			_, start, _ := strings.Cut(text, "\nExecStart=")
			start, _, _ = strings.Cut(start, "\n")
			commands = checkScript(t, name, start)
		case ".yaml":
			for documents := yaml.NewDecoder(strings.NewReader(text)); ; {
				var document any
				if err := documents.Decode(&document); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				commands += checkLists(t, name, document)
			}
		}
		if commands != want {
			t.Errorf("%s has %d commands of gouache, want %d", name, commands, want)
		}
	}
}

// checkLists checks the lists of a document that are commands, and returns how many there are.
func checkLists(t *testing.T, name string, in any) (commands int) {
	switch in := in.(type) {
	case map[string]any:
		for _, value := range in {
			commands += checkLists(t, name, value)
		}
	case []any:
		var words []string
		for _, value := range in {
			commands += checkLists(t, name, value)
			words = append(words, fmt.Sprint(value))
		}
		if len(words) > 0 && words[0] == "gouache" {
			commands++
			checkCommand(t, name, words[1:])
		}
	}
	return commands
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
