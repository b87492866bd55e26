package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNames: which arguments are photographs and which are paintings, and where the results go.
func TestNames(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a-swirl.png", "a-swirl-2.png", "in/b-swirl.png"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		gray(t, name, 3, 3)
	}
	long := strings.Repeat("é", 100)
	for _, c := range []struct{ flags, args, contents, styles, outputs string }{
		{"", "a.jpg sample:swirl", "a.jpg", "sample:swirl", "a-swirl-3.png"},
		{"", "a.jpg p.jpg:2 q.tar.gz@m.png", "a.jpg", "p.jpg:2 q.tar.gz@m.png", "a-p-q.tar.png"},
		{"--content a.jpg", "p.jpg q.jpg", "a.jpg", "p.jpg q.jpg", "a-p-q.png"},
		{"--style p.jpg", "x/a.jpg y/a.jpg", "x/a.jpg y/a.jpg", "p.jpg", "a-p.png a-p-2.png"},
		{"--style p.jpg --content a.jpg", "", "a.jpg", "p.jpg", "a-p.png"},
		{"-o out.jpg", "a.jpg p.jpg", "a.jpg", "p.jpg", "out.jpg"},
		{"-o in", "b.jpg sample:swirl", "b.jpg", "sample:swirl", "in/b-swirl-2.png"},
		{"-o new/", "b.jpg sample:swirl", "b.jpg", "sample:swirl", "new/b-swirl.png"},
		{"-o more --style p.jpg", "a.jpg b.jpg", "a.jpg b.jpg", "p.jpg", "more/a-p.png more/b-p.png"},
		{"", long + ".jpg p.jpg", long + ".jpg", "p.jpg", strings.Repeat("é", 40) + "-p.png"},
	} {
		cmd := newStylize()
		var f stylizeFlags
		fields := strings.Fields(c.flags)
		for i := 0; i < len(fields); i += 2 {
			switch fields[i] {
			case "-o":
				f.out = fields[i+1]
			case "--content":
				f.contents = append(f.contents, fields[i+1])
			case "--style":
				f.styles = append(f.styles, fields[i+1])
			}
		}
		if err := f.name(cmd, strings.Fields(c.args)); err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		outputs, err := f.outputs()
		var paths []string
		for _, o := range outputs {
			paths = append(paths, o.path)
		}
		if err != nil || !slices.Equal(f.contents, strings.Fields(c.contents)) || !slices.Equal(f.styles, strings.Fields(c.styles)) || !slices.Equal(paths, strings.Fields(c.outputs)) {
			t.Errorf("%+v: %q in the style of %q to %q, %v", c, f.contents, f.styles, paths, err)
		}
	}
}
