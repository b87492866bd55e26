package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/internal/filename"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/tracker"
)

// oddNames are names that file systems take and that nobody would type.
var oddNames = []string{
	strings.Repeat("長い写真", 20) + "abcdefgh.png", "latin\xe9.png", "new\nline.png", "esc\x1b[31mred.png", "turned\u202egnp.png", "tab\t.png", " .png", "-q.png",
}

// TestOddNames: names of files cost no recording, and none reaches the terminal as it is.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	store := filepath.Join(dir, "store")
	var more []string
	for i, name := range oddNames {
		flag := "--style"
		if i == 0 {
			flag = "--content"
		}
		more = append(more, flag, gray(t, filepath.Join(dir, name), 70+i, 64))
	}
	for range 20 { // the names of all styles together are long, too
		more = append(more, "--style", filepath.Join(dir, oddNames[0]))
	}
	out := filepath.Join(dir, "out\xff\n\x1b[2J"+strings.Repeat("é", 110)+".png")
	stdout, stderr, code := gouache(t.Context(), quick(out, append(more, "--iterations", "1", "--store", store)...)...)
	if code != 0 || strings.Contains(stderr, "cannot be recorded") {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if _, err := os.Stat(out); err != nil {
		t.Error(err)
	}
	list, _, _ := gouache(t.Context(), "runs", "list", "--store", store, "--columns", "content_picture,style_picture,name")
	if strings.Count(list, "\n") != 2 {
		t.Errorf("a name makes a line of its own:\n%s", list)
	}
	show, _, _ := gouache(t.Context(), "runs", "show", strings.Fields(list)[10], "--store", store)
	export, _, _ := gouache(t.Context(), "runs", "export", "--status", "finished", "--store", store, "--format", "json")
	for what, text := range map[string]string{"stylize": stdout + stderr, "list": list, "show": show, "export": export} {
		if text != terminal.Text(text) {
			t.Errorf("%s prints %q", what, text)
		}
	}
	runs := decode[[]tracker.Run](t, first(gouache(t.Context(), "runs", "list", "--store", store, "--json")))
	if len(runs) != 1 || runs[0].Status != tracker.StatusFinished || runs[0].Picture == "" || len(runs[0].Final) == 0 || !strings.HasPrefix(runs[0].Name, `out\xff\n\x1b[2Jé`) {
		t.Fatalf("recorded %+v", runs)
	}
	if pictures := shown(t, store, runs[0].ID).Pictures; len(pictures) != len(oddNames)+1+20+2 {
		t.Errorf("%d pictures are recorded", len(pictures))
	}
}

func first(stdout, _ string, _ int) string { return stdout }

// TestOddMistakes: a mistake in a name that breaks lines is still one line.
func TestOddMistakes(t *testing.T) {
	dir := t.TempDir()
	sweep := write(t, filepath.Join(dir, "s.yaml"), []byte("name: s\ncontent: sample:chelsea\nstyle: sample:swirl\nsampler: grid\nsearch: {tv_weight: [1, 2]}\n"))
	for _, name := range oddNames[1:] {
		in, out := filepath.Join(dir, name), filepath.Join(dir, "none", name)
		for _, args := range [][]string{
			quick(filepath.Join(dir, "out.png"), "--content", in), quick(filepath.Join(dir, "out.png"), "--style", in), quick(filepath.Join(dir, "out.png"), "--init", in), quick(out),
			quick(filepath.Join(dir, "out.png"), "--preset", name), {"runs", "list", "--store", in}, {"runs", "list", "--filter", name + "=="}, {"runs", "list", "--sort", name + ","},
			{"runs", "show", name}, {"runs", "import", in}, {"weights", "inspect", in}, {"sweep", "run", in}, {"sweep", "show", name}, {"kernel", "install", "--module", in},
			{"mask", in, "--luminance", "0..1", "--out", "m.png"}, {"mask", "sample:chelsea", "--colour", name, "--out", "m.png"}, {"mask", "sample:chelsea", "--mask", in, "--out", "m.png"},
			{name}, {"runs", "export", "1", "--out", out}, quick(filepath.Join(dir, "out.png"), "--weights", name), quick(filepath.Join(dir, "out.png"), "--name", name+"\x1b"),
			{"runs", "list", "--status", name}, {"runs", "tag", "1", "\n" + name},
			{"sweep", "run", sweep, "--experiment", name + "\n"},
		} {
			stdout, stderr, code := gouache(t.Context(), args...)
			if code == 0 || stdout != "" || strings.Count(stderr, "\n") != 1 || terminal.Text(stderr) != stderr {
				t.Errorf("%q: exit code %d, %q, %q", args, code, stdout, stderr)
			}
		}
	}
}

// TestSameMeaning: none, the empty text and ~ mean the same in a flag and in a variable.
func TestSameMeaning(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Chdir(t.TempDir())
	store, ids := someRuns(t)
	if err := os.Rename(store, filepath.Join(home, "store")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		variable, flag string
		code           int
		says           string
	}{
		{"none", "", exitFailed, "the store is none"},
		{"", "--store=none", exitFailed, "the store is none"},
		{"none", "--store=~/store", exitDone, ""},
		{"~/store", "", exitDone, ""},
		{"~/store", "--store=", exitDone, ""},
		{"~/none", "--store=~/store", exitDone, ""},
		{"-", "", exitUsage, "which is no folder"},
		{"", "--store=-", exitUsage, "which is no folder"},
	} {
		t.Setenv("GOUACHE_STORE", c.variable)
		for _, args := range [][]string{{"runs", "list", "--json"}, {"runs", "tag", ids[0], "seen"}, {"sweep", "list"}, {"runs", "verify"}} {
			if c.flag != "" {
				args = append(args, c.flag)
			}
			stdout, stderr, code := gouache(t.Context(), args...)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("GOUACHE_STORE=%s, %q: exit code %d, %s%s", c.variable, args, code, stdout, stderr)
			}
		}
	}
	t.Setenv("GOUACHE_STORE", "none")
	if id := painted(t, filepath.Join(home, "out.png"), "--store", "", "--iterations", "1"); id != "" {
		t.Errorf("GOUACHE_STORE=none records run %s", id)
	}
	if left := list(t, "."); len(left) > 0 {
		t.Errorf("it leaves %v in the current folder", left)
	}
	gray(t, filepath.Join(home, "in.png"), 64, 64)
	for _, args := range [][]string{{"--content=~/in.png", "--out=~/none/out.png"}, {"--content=sample:chelsea", "--style=~/in.png:0.5", "--out=~/none/out.png"}} {
		_, stderr, code := gouache(t.Context(), append([]string{"stylize", "--style=sample:swirl"}, args...)...)
		if code != exitFailed || !strings.Contains(stderr, filename.Expand("~/none/out.png")) {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
}
