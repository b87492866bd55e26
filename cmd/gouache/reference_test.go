package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker/painting"
)

var update = flag.Bool("update", false, "write docs/reference.md, docs/sweep-file.md and testdata/stylize-help.txt as the program has them")

// TestReference: the reference in docs is what the program says of itself.
func TestReference(t *testing.T) {
	for path, text := range map[string]string{
		"../../docs/reference.md": reference(newRoot()), "../../docs/sweep-file.md": sweepPage(t), "testdata/stylize-help.txt": first(gouache(t.Context(), "stylize", "--help")),
	} {
		if *update {
			write(t, path, []byte(text))
		}
		if written := read(t, path); string(written) != text {
			t.Errorf("%s is not what the program says: go test ./cmd/gouache -run TestReference -update writes it; look at what changed", path)
		}
	}
}

// reference describes all commands in Markdown.
func reference(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Reference\n\nThe commands and their flags, as the program describes them. `gouache COMMAND --help` prints the same.\n" +
		"[The file of a sweep](sweep-file.md) has a page of its own.\n\n")
	var list func(cmd *cobra.Command)
	var commands []*cobra.Command
	list = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() && c.Name() != "completion" && c.Name() != "help" {
				commands = append(commands, c)
				list(c)
			}
		}
	}
	list(root)
	for _, c := range commands {
		name := c.CommandPath()
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", name, strings.ReplaceAll(name, " ", "-"), c.Short)
	}
	for _, c := range commands {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", c.CommandPath(), markdown(cmp.Or(c.Long, c.Short)))
		if c.Runnable() && !c.HasAvailableSubCommands() {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", strings.TrimSpace(c.UseLine()+"\n\n"+unindent(c.Example)))
			for _, g := range grouped(c) {
				fmt.Fprintf(&b, "\n| %s | | |\n| --- | --- | --- |\n", g.title)
				g.flags.VisitAll(func(f *pflag.Flag) {
					if !f.Hidden {
						b.WriteString(row(f))
					}
				})
			}
		}
	}
	return b.String()
}

// markdown makes paragraphs of a command's text. Indented lines are code.
func markdown(text string) string {
	text = strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(terminal.Wrap(text, 100))
	var lines []string
	code := false
	for line := range strings.SplitSeq(text, "\n") {
		if indented := strings.HasPrefix(line, " "); indented != code {
			code = indented
			lines = append(lines, "```")
			if code {
				lines = slices.Insert(lines, len(lines)-1, "")
			}
		}
		lines = append(lines, line)
	}
	if code {
		lines = append(lines, "```")
	}
	return strings.Join(lines, "\n")
}

func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}

// row describes a flag: its name, what it does, and its default and bounds.
func row(f *pflag.Flag) string {
	argument, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	var s setting.Setting
	if f.Value.Type() == "func" {
		s, _ = setting.Lookup(stylelib.Settings(), f.Name) // or none
	}
	value := f.DefValue
	if slices.Contains([]string{"false", "[]", "0"}, value) {
		value = ""
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", strings.TrimSpace(name+" "+argument), strings.ReplaceAll(usage, "|", `\|`), strings.Join(notes(value, s), "; "))
}

// sweepPage is what package sweep says of the file of a sweep, with the settings and terms that paintings have.
func sweepPage(t *testing.T) string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "../../tracker/sweep/doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := doc.NewFromFiles(files, []*ast.File{file}, "github.com/gouache-art/gouache/tracker/sweep")
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(regexp.MustCompile(`; see \[\w+\]`).ReplaceAllString(pkg.Doc, ""), "# The file\n")
	if !ok {
		t.Fatal("package sweep has no section about the file")
	}
	_, keys, _ := strings.Cut(string(read(t, "../../tracker/sweep/decode.go")), "type document struct")
	keys, _, _ = strings.Cut(keys, "\n}")
	for _, key := range regexp.MustCompile(`yaml:"(\w+)"`).FindAllStringSubmatch(keys, -1) {
		if !strings.Contains(text, "\n\t"+key[1]+" ") {
			t.Errorf("package sweep does not describe the key %s", key[1])
		}
	}
	printer := &comment.Printer{HeadingLevel: 2, HeadingID: func(*comment.Heading) string { return "" }}
	var b bytes.Buffer
	b.WriteString("# The file of a sweep\n\n")
	b.Write(printer.Markdown(new(comment.Parser).Parse(text)))
	schema := painting.Schema()
	b.WriteString("\nThe terms are " + strings.Join(schema.Terms, ", ") + ".\n\n## The settings\n\n| setting | what it is | default and range |\n| --- | --- | --- |\n")
	for _, s := range schema.Settings {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, strings.ReplaceAll(s.Usage, "`", ""), strings.Join(notes(s.Default, s), "; "))
	}
	return b.String()
}

// notes are the default of a setting, and its bounds.
func notes(value any, s setting.Setting) (notes []string) {
	if value != nil && value != "" {
		notes = append(notes, fmt.Sprint(value))
	}
	if s.Max > s.Min {
		notes = append(notes, fmt.Sprintf("%v to %v", s.Min, s.Max))
	}
	return notes
}
