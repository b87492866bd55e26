package main

import (
	"context"
	"io"
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

// TestBatch: several photographs are painted in one start. One that cannot be read costs its own picture only.
func TestBatch(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	a, b, bad := gray(t, in("a.png"), 80, 60), gray(t, in("b.png"), 80, 60), write(t, in("bad.png"), []byte("hello"))
	args := quick(in("painted"), "--content", bad, "--content", a, "--content", b, "--open", "--store", in("store"))
	t.Setenv("PATH", dir)
	stdout, stderr, code := gouache(t.Context(), args...)
	if want := in("painted/a-swirl.png") + "\n" + in("painted/b-swirl.png") + "\n"; code != exitFailed || stdout != want {
		t.Errorf("exit code %d, %q, want %q", code, stdout, want)
	}
	for _, says := range []string{"1 of 3: " + bad, "bad.png is in none of the formats", "1 of 3 pictures failed", "warning: --open: no viewer opened " + in("painted")} {
		if strings.Count(stderr, says) != 1 {
			t.Errorf("it does not say %q once:\n%s", says, stderr)
		}
	}
	if got := list(t, in("painted")); !slices.Equal(got, []string{"a-swirl.png", "b-swirl.png"}) {
		t.Errorf("there are %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out strings.Builder
	messages := &cancelling{cancel: cancel, at: "1/100000"}
	args = append(args, "--iterations", "100000")
	if code := run(ctx, args, &out, messages); code != exitInterrupted || out.String() != in("painted/a-swirl-2.png")+"\n" {
		t.Errorf("interrupted: exit code %d, %q, %s", code, out.String(), messages.String())
	}

	// Who stops them one by one, from elsewhere, has not interrupted the batch, and nothing has failed.
	messages = &cancelling{cancel: func() { gouache(t.Context(), "runs", "stop", "--status", "running", "--store", in("store")) }, at: "1/100000"}
	// Plain pictures would come to a minimum within the half second until a stop is seen.
	args = quick(in("stopped"), "--content", "sample:chelsea", "--content", "sample:coffee", "--store", in("store"), "--iterations", "100000")
	if code := run(t.Context(), args, io.Discard, messages); code != exitInterrupted || strings.Count(messages.String(), "stopped 2 of 2 pictures") != 1 {
		t.Errorf("stopped: exit code %d, %s", code, messages.String())
	}
}

// TestBackendOfGoMLX: $GOMLX_BACKEND is the default of --device. What it names and is not used is said.
func TestBackendOfGoMLX(t *testing.T) {
	for _, c := range []struct{ variable, device, says string }{
		{"xla:cuda", "cpu", "warning: --device cpu is used, and not cuda, which $GOMLX_BACKEND names\n"},
		{"xla:cpu", "cpu", ""},
		{"xla:cuda", "auto", ""},
		{"go", "cpu", ""},
		{"go", "auto", `gouache: $GOMLX_BACKEND is "go": only xla, xla:cpu and xla:cuda can paint; unset it, or give --device`},
	} {
		t.Setenv("GOMLX_BACKEND", c.variable)
		_, stderr, code := gouache(t.Context(), quick("-", "--content", "missing.jpg", "--device", c.device)...)
		first, _, _ := strings.Cut(stderr, "gouache: missing.jpg cannot be read") // which ends it before a device is opened
		if code == 0 || strings.TrimSpace(first) != strings.TrimSpace(c.says) {
			t.Errorf("%s with --device %s: %d, %q", c.variable, c.device, code, stderr)
		}
	}
}
