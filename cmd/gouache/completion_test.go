package main

import (
	"slices"
	"strings"
	"testing"
)

// TestCompletion: a shell is offered values, and a store's names.
func TestCompletion(t *testing.T) {
	store, ids := someRuns(t)
	for _, c := range []struct {
		args string
		want []string // some of what is offered
		rest string   // the directive
	}{
		{"stylize --preset |", []string{"gouache", "neural-style"}, ":4"},
		{"stylize --preset art|", []string{"article"}, ":4"},
		{"stylize --strength |", []string{"subtle", "medium", "strong"}, ":4"},
		{"stylize --colour |", []string{"keep", "match"}, ":4"},
		{"stylize --background be|", []string{"beige"}, ":4"},
		{"stylize --style-layers block1_conv1,block2|", []string{"block1_conv1,block2_conv1"}, ":6"},
		{"stylize --weights |", []string{"vgg19", "random", "auto"}, ":0"},
		{"stylize --weights ./|", []string{"safetensors"}, ":8"},
		{"stylize --device c|", []string{"cpu", "cuda"}, ":4"},
		{"stylize |", nil, ":0"},
		{"stylize sample:ch|", []string{"sample:chelsea\tChelsea the cat"}, ":4"},
		{"mask photo.jpg --colour sky|", []string{"skyblue"}, ":4"},
		{"samples |", []string{"chelsea"}, ":4"},
		{"weights fetch |", []string{"vgg16"}, ":4"},
		{"runs show --store " + store + " " + ids[0][:8] + "|", []string{ids[0]}, ":4"},
		{"runs again --store none |", nil, ":4"},
		{"runs list --status f|", []string{"finished", "failed"}, ":4"},
		{"runs list --store " + store + " --columns name,style_w|", []string{"name,style_weight"}, ":4"},
		{"runs export --format |", []string{"html"}, ":4"},
	} {
		before, _ := strings.CutSuffix(c.args, "|")
		args := strings.Split(before, " ")
		stdout, _, code := gouache(t.Context(), append([]string{"__complete"}, args...)...)
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		offered := lines[:len(lines)-1]
		for _, want := range c.want {
			if !slices.ContainsFunc(offered, func(line string) bool { return line == want || strings.HasPrefix(line, want+"\t") }) {
				t.Errorf("%s: %q is not among %.300q", c.args, want, offered)
			}
		}
		if code != 0 || lines[len(lines)-1] != c.rest || len(c.want) == 0 && len(offered) > 0 {
			t.Errorf("%s: exit code %d, %.300q", c.args, code, lines)
		}
	}
}
