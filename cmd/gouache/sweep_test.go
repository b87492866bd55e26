package main

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gouache-art/gouache/internal/format"
	"github.com/gouache-art/gouache/internal/terminal"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// tinySweep has four trials, each as small a painting as possible.
const tinySweep = `
name: four
content: sample:chelsea
style: mine.png
weights: random
size: 64
iterations: 3
scales: 1
sampler: grid
minimise: content + style
search:
  style_weight: [1, 10]
  seed: [1, 2]
init: noise
style_layers: block1_conv1
content_layer: block1_conv2
`

// sweepFile writes a sweep's file, with the picture that it names, and returns its path.
func sweepFile(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	gray(t, filepath.Join(dir, "mine.png"), 80, 64)
	return write(t, filepath.Join(dir, "four.yaml"), []byte(text))
}

// stopAfter is a standard error that interrupts the program when certain words are written.
type stopAfter struct {
	bytes.Buffer
	words string
	stop  func()
}

func (s *stopAfter) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.words) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

// TestSweepRefuses: a dry run and a run refuse the same files with the same words, and the store has nothing of them.
func TestSweepRefuses(t *testing.T) {
	const head = "name: n\ncontent: sample:chelsea\nstyle: sample:swirl\nsampler: grid\n"
	for text, want := range map[string]string{
		head + "search:\n  preset: [article, gouache]\n  style_falloff: [0.25, 1]\n": "four.yaml:7:19: style-falloff: the preset article has none",
		head + "weights: vgg99\nsearch: {pooling: [max]}\n":                          "four.yaml:5:10: --weights",
		head + "device: tpu\nsearch: {pooling: [max]}\n":                             "four.yaml:5:9: --device",
		head + "search: {iterations: [010]}\n":                                       "four.yaml:5:23: iterations is 010",
	} {
		file, store := sweepFile(t, text), filepath.Join(t.TempDir(), "store")
		_, first, code := gouache(t.Context(), "sweep", "run", file, "--store", store, "--dry-run")
		if code != exitUsage || !strings.Contains(first, want) {
			t.Errorf("dry run: exit %d: %s\nwant %s", code, first, want)
		}
		if _, second, code := gouache(t.Context(), "sweep", "run", file, "--store", store); code != exitUsage || second != first {
			t.Errorf("run: exit %d: %s\ndry run: %s", code, second, first)
		}
		if _, err := os.Stat(store); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the store was made: %v", err)
		}
	}
}

// TestSweep: a sweep is planned, run, interrupted, continued in its store, listed and shown.
func TestSweep(t *testing.T) {
	file, store := sweepFile(t, tinySweep), filepath.Join(t.TempDir(), "store")

	stdout, stderr, code := gouache(t.Context(), "sweep", "run", file, "--store", store, "--dry-run", "--json")
	if code != 0 {
		t.Fatalf("--dry-run: exit %d: %s", code, stderr)
	}
	if plan := decode[sweepPlan](t, stdout); plan.Planned != 4 || len(plan.Trials) != 4 || plan.Trials[3]["style_weight"] != 10.0 || plan.Bytes == 0 {
		t.Errorf("the plan: %+v", plan)
	}
	if _, stderr, code := gouache(t.Context(), "sweep", "list", "--store", store); code != 1 || !strings.Contains(stderr, "there is no store") {
		t.Errorf("after a dry run: exit %d: %s", code, stderr)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	said := &stopAfter{words: "trial 2 finished", stop: cancel}
	if code := run(ctx, []string{"sweep", "run", file, "--store", store, "--experiment", "night"}, &out, said); code != exitInterrupted {
		t.Fatalf("interrupted: exit %d: %s", code, said.String())
	}
	if !strings.Contains(said.String(), "gouache sweep resume four continues it") {
		t.Errorf("it does not say how to go on: %s", said.String())
	}
	for _, more := range [][]string{nil, {"--dry-run"}} {
		args := append([]string{"sweep", "run", file, "--store", store}, more...)
		if _, stderr, code := gouache(t.Context(), args...); code != exitUsage || !strings.Contains(stderr, "gouache sweep resume four") {
			t.Errorf("run once more, %v: exit %d: %s", more, code, stderr)
		}
	}
	if _, stderr, code := gouache(t.Context(), "sweep", "resume", "fourr", "--store", store); code != 1 || !strings.Contains(stderr, `did you mean "four"?`) {
		t.Errorf("a mistyped name: exit %d: %s", code, stderr)
	}

	// It is half done. It can be continued in another store, too, which then has other trials of the same numbers.
	other := filepath.Join(t.TempDir(), "other")
	if text := runs(t, other, "import", store); !strings.Contains(text, "with them came 1 sweep") {
		t.Errorf("imported: %s", text)
	}
	// Its picture may be on another machine.
	picture := filepath.Join(filepath.Dir(file), "mine.png")
	for _, dir := range []string{other, store} {
		if err := os.Rename(picture, picture+".away"); err != nil {
			t.Fatal(err)
		}
		stdout, stderr, code = gouache(t.Context(), "sweep", "resume", "four", "--store", dir, "--json")
		if code != 0 {
			t.Fatalf("resume: exit %d: %s", code, stderr)
		}
		if err := os.Rename(picture+".away", picture); err != nil {
			t.Fatal(err)
		}
	}
	if r := decode[sweepReport](t, stdout); r.Finished != 4 || r.Planned != 4 || r.Best == "" {
		t.Errorf("resumed: %s", stdout)
	}

	stdout, _, _ = gouache(t.Context(), "sweep", "show", "four", "--store", store, "--json")
	report := decode[sweepReport](t, stdout)
	if len(report.Trials) != 4 || report.Experiment != "night" || report.Trials[0].Status != tracker.StatusFinished {
		t.Errorf("show: %s", stdout)
	}
	stdout, _, code = gouache(t.Context(), "sweep", "show", "four", "--store", store)
	if rows := strings.Split(strings.TrimSpace(stdout), "\n"); code != 0 || len(rows) != 5 || !strings.Contains(rows[1], report.Best) {
		t.Errorf("show: %s", stdout)
	}
	stdout, _, _ = gouache(t.Context(), "sweep", "list", "--store", store, "--json")
	if list := decode[[]sweepReport](t, stdout); len(list) != 1 || list[0].Finished != 4 || list[0].Trials != nil {
		t.Errorf("list: %s", stdout)
	}
	if run := shown(t, store, report.Best); run.Name != "four "+format.Value(int64(run.Trial)) || run.Params["style_picture"] != "mine.png" {
		t.Errorf("the best: %+v", run.Run)
	}
	_, stderr, code = gouache(t.Context(), "runs", "import", other, "--store", store)
	if code != 0 || !strings.Contains(stderr, "no trial of sweep \"four\" here") {
		t.Errorf("imported back: exit %d: %s", code, stderr)
	}
	if _, stderr, code = gouache(t.Context(), "sweep", "resume", "four", "--store", store); code != 0 {
		t.Errorf("after that: exit %d: %s", code, stderr)
	}
	runs(t, store, "verify")
	if _, stderr, code := gouache(t.Context(), "sweep", "delete", "four", "--store", store); code != 0 {
		t.Errorf("delete: exit %d: %s", code, stderr)
	}
	if _, stderr, code := gouache(t.Context(), "sweep", "resume", "four", "--store", store); code != 1 || !strings.Contains(stderr, "four") {
		t.Errorf("resume what was deleted: exit %d: %s", code, stderr)
	}
}

// TestSweepPicturesElsewhere: a sweep's pictures may lie anywhere. Names are relative to the file,
// absolute ones stay as they are, and neither depends on the working directory of the run or of the
// resumed run.
func TestSweepPicturesElsewhere(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for i, name := range []string{
		"elsewhere/photo.png", "sweeps/pictures/night sky.png", "other/über.png", "sweeps/a/x.png", "abs/x.png", "sweeps/x.png",
	} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		m := image.NewGray(image.Rect(0, 0, 80, 64))
		for k := range m.Pix {
			m.Pix[k] = byte(k * (i + 1))
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		write(t, at(name), b.Bytes())
	}
	const settings = "weights: random\nsize: 64\niterations: 2\nscales: 1\nsampler: grid\nminimise: content + style\nstyle_layers: block1_conv1\ncontent_layer: block1_conv2\n"
	fixed := write(t, at("sweeps/fixed.yaml"), []byte("name: fixed\ncontent: "+at("elsewhere/photo.png")+
		"\nstyle: [pictures/night sky.png, ../other/über.png:2, x.png, "+at("abs/x.png")+"]\n"+settings+"search: {seed: [1, 2, 3]}\ninit: noise\n"))
	searched := write(t, at("sweeps/searched.yaml"), []byte("name: searched\n"+settings+"search:\n  content: [../elsewhere/photo.png, a/x.png]\n  style: [a/x.png, "+
		at("abs/x.png")+", x.png, sample:swirl]\n"))
	store := at("store")
	for _, c := range []struct {
		name, file string
		trials     int
		params     tracker.Params // of the first trial
	}{
		{"fixed", fixed, 3, tracker.Params{"content_picture": "photo.png", "style_picture": "night sky.png + über.png + x.png + x.png"}},
		{"searched", searched, 8, tracker.Params{"content_picture": "../elsewhere/photo.png", "style_picture": "a/x.png"}},
	} {
		t.Chdir(at("other"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		said := &stopAfter{words: "trial 2 finished", stop: cancel}
		relative, err := filepath.Rel(at("other"), c.file)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if code := run(ctx, []string{"sweep", "run", relative, "--store", store}, &out, said); code != exitInterrupted {
			t.Fatalf("%s, interrupted: exit %d: %s", c.name, code, said.String())
		}
		t.Chdir(at("abs"))
		stdout, stderr, code := gouache(t.Context(), "sweep", "resume", c.name, "--store", store, "--json")
		if code != 0 {
			t.Fatalf("%s, resumed: exit %d: %s", c.name, code, stderr)
		}
		if r := decode[sweepReport](t, stdout); r.Finished != c.trials {
			t.Errorf("%s: %s", c.name, stdout)
		}
		stdout, _, _ = gouache(t.Context(), "sweep", "show", c.name, "--store", store, "--json")
		trials := decode[sweepReport](t, stdout).Trials
		for name, want := range c.params {
			if got := trials[0].Params[name]; got != want {
				t.Errorf("%s: %s is recorded as %v, want %v", c.name, name, got, want)
			}
		}
		pictures := map[any]bool{}
		for _, trial := range trials {
			pictures[[2]any{trial.Params["content_picture"], trial.Picture}] = true
		}
		if len(pictures) != c.trials {
			t.Errorf("%s: %d different results, want %d", c.name, len(pictures), c.trials)
		}
	}
}

// TestSweepVanishedPicture: in a sweep that has begun, trials whose picture is gone, from the store, too, fail, and the
// others continue.
func TestSweepVanishedPicture(t *testing.T) {
	file, store := sweepFile(t, strings.Replace(tinySweep, "style: mine.png\n", "", 1)+"retries: 0\n"), filepath.Join(t.TempDir(), "store")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, []byte(strings.Replace(string(text), "  seed: [1, 2]", "  style: [sample:swirl, mine.png]", 1)))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	said := &stopAfter{words: "trial 1 finished", stop: cancel}
	if code := run(ctx, []string{"sweep", "run", file, "--store", store}, &out, said); code != exitInterrupted {
		t.Fatalf("interrupted: exit %d: %s", code, said.String())
	}
	if err := os.Remove(filepath.Join(filepath.Dir(file), "mine.png")); err != nil {
		t.Fatal(err)
	}
	runs(t, store, "delete", "--sweep", "four", "--yes")
	stdout, stderr, code := gouache(t.Context(), "sweep", "resume", "four", "--store", store, "--json")
	if r := decode[sweepReport](t, stdout); code != 1 || r.Finished != 2 || r.Failed != 2 ||
		!strings.Contains(stderr, "warning: ") || !strings.Contains(stderr, "2 trials failed of 4") {
		t.Errorf("exit %d: %s\n%s", code, stdout, stderr)
	}
}

// TestSweepBoardRace: trials that run at once renew the board's lines at once. It finds what it is
// for with -race.
func TestSweepBoardRace(t *testing.T) {
	board := newSweepBoard(io.Discard, &sweep.File{Parallel: 2})
	board.line.terminal = terminal.NewWriter(io.Discard)
	var trials sync.WaitGroup
	for number := range 2 {
		trial := &sweep.Trial{Number: number + 1}
		board.Began(trial)
		line := board.observer(trial)
		trials.Go(func() {
			for i := range 100 {
				line.Observe(progress.Run{})
				line.Observe(progress.Iteration{Iteration: i + 1})
			}
		})
	}
	trials.Wait()
}

// TestSweepCount: a trial that fails and is tried again counts once.
func TestSweepCount(t *testing.T) {
	file := &sweep.File{Name: "n", Parallel: 1}
	var said bytes.Buffer
	board := newSweepBoard(&said, file)
	board.planned = 2
	for _, number := range []int{1, 1, 2, 2} {
		trial := &sweep.Trial{Number: number}
		board.Began(trial)
		board.Ended(trial, tracker.Outcome{Status: tracker.StatusFailed, Reason: "it is broken"})
	}
	board.show(true)
	if got := board.overall(); !strings.Contains(got, "2/2  2 failed") {
		t.Errorf("%s", got)
	}
}

// TestSweepMistakes: they are reported before anything runs, with the line and the nearest name.
func TestSweepMistakes(t *testing.T) {
	store := filepath.Join(t.TempDir(), "store")
	for _, c := range []struct {
		from, to, want string
	}{
		{"style_weight:", "style_wieght:", `four.yaml:12:3: unknown setting "style_wieght": did you mean "style_weight"?`},
		{"sampler: grid", "sampler: grd", `four.yaml:9:10: unknown sampler "grd": did you mean "grid"?`},
		{"size: 64", "size: 5", "four.yaml:6:7: "},
		{"style: mine.png", "style: yours.png", "yours.png"},
		{"weights: random", "weights: vgg91", `did you mean "vgg19"`},
		{"minimise: content", "minimise: kontent", `did you mean "content"?`},
	} {
		file := sweepFile(t, strings.Replace(tinySweep, c.from, c.to, 1))
		_, stderr, code := gouache(t.Context(), "sweep", "run", file, "--store", store)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit %d: %s\nwant %s", c.to, code, stderr, c.want)
		}
	}
	for _, args := range [][]string{{"run"}, {"run", "nowhere.yaml"}, {"resume"}, {"run", sweepFile(t, tinySweep), "--parallel", "-1"}} {
		if _, stderr, code := gouache(t.Context(), append([]string{"sweep"}, args...)...); code != exitUsage {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}

// TestForeignSweep: a sweep of a program's own function, with terms that are unknown here, is
// listed and shown among the others.
func TestForeignSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	store, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	file, err := sweep.Parse([]byte("{name: rough, sampler: grid, search: {x: [1, 2]}, minimise: roughness}"), "rough.yaml",
		sweep.Schema{Settings: []setting.Setting{{Name: "x", Kind: setting.Int}}, Terms: []string{"roughness"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sweep.Begin(t.Context(), store, file, "", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := sweep.Run(t.Context(), store, file, sweep.Options{Trial: func(_ context.Context, trial *sweep.Trial) error {
		return trial.Log(1, tracker.Metrics{"loss.roughness": float64(trial.Number)})
	}}); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := gouache(t.Context(), "sweep", "list", "--store", dir, "--json")
	if code != 0 {
		t.Fatalf("list: exit %d: %s", code, stderr)
	}
	if list := decode[[]sweepReport](t, stdout); len(list) != 1 || list[0].Finished != 2 || list[0].Planned != 2 || list[0].Best == "" || list[0].Problem == "" {
		t.Errorf("list: %s", stdout)
	}
	stdout, stderr, code = gouache(t.Context(), "sweep", "show", "rough", "--store", dir)
	if rows := strings.Split(strings.TrimSpace(stdout), "\n"); code != 0 || len(rows) != 3 || !strings.HasPrefix(rows[1], "1 ") || !strings.Contains(stderr, "roughness") {
		t.Errorf("show: exit %d: %s\n%s", code, stdout, stderr)
	}
}
