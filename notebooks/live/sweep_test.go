package live

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/setting"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sqlite"
	"github.com/gouache-art/gouache/tracker/sweep"
)

// paintings is a sweep of two trials that take a moment.
const paintings = `
name: "two & small"
content: sample:chelsea
style: sample:swirl
weights: random
size: 64
iterations: 2
scales: 1
margin: 0
sampler: grid
search:
  pooling: [max, avg]
minimise: content + style
`

func openStore(t *testing.T) tracker.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	use(t, store)
	return store
}

// use makes a store that of the cell, until the test ends.
func use(t *testing.T, store tracker.Store) {
	t.Helper()
	was := cell
	t.Cleanup(func() { cell = was })
	cell = &session{store: store, studio: was.studio}
}

// attempt calls functions that end the cell if they fail, and returns the error with which the first of them did.
func attempt(calls ...func()) (err error) {
	was := fail
	defer func() {
		fail = was
		if ended := recover(); ended != nil {
			err = ended.(error)
		}
	}()
	fail = func(err error) { panic(err) }
	for _, call := range calls {
		call()
	}
	return nil
}

// last is the latest state of an output that is renewed in place.
func last(t *testing.T, sent []*protocol.DisplayData) string {
	t.Helper()
	for _, d := range sent {
		if d.DisplayID == "" || d.DisplayID != sent[0].DisplayID {
			t.Errorf("an update goes to output %q, the first to %q", d.DisplayID, sent[0].DisplayID)
		}
	}
	return page(sent[len(sent)-1])
}

// TestSweep: trials appear in one output, what is kept of it needs no script, and a sweep that is done is shown again
// without being painted again.
func TestSweep(t *testing.T) {
	store := openStore(t)
	sent := notebook(t)
	summary, err := paintSweep(t.Context(), store, paintings)
	if err != nil || summary.Finished != 2 {
		t.Fatalf("%+v, %v", summary, err)
	}
	first := last(t, *sent)
	for what, want := range map[string]int{
		"data:image/jpeg;base64,": 2, "<b>2</b> pooling avg": 1, "2 of 2 trials finished; the numbers are content + style": 1,
		"<script": 0, "<progress": 0, `="http`: 0,
	} {
		if got := strings.Count(first, what); got != want {
			t.Errorf("%d × %q in the last state, want %d", got, what, want)
		}
	}
	record, err := store.Sweep(t.Context(), "two & small")
	if err != nil || record.Experiment != record.Name || record.Dir == "" {
		t.Errorf("the sweep is recorded as %+v, %v", record, err)
	}

	sent = notebook(t)
	if summary, err = paintSweep(t.Context(), store, paintings); err != nil || summary.Finished != 2 {
		t.Fatalf("%+v, %v", summary, err)
	}
	if again := last(t, *sent); again != first {
		t.Errorf("shown again it is\n%s\nand was\n%s", again, first)
	}
	for _, d := range *sent {
		if strings.Contains(page(d), "iteration") {
			t.Errorf("a trial was painted again: %s", page(d))
		}
	}

	file := OpenSweep("two & small")
	view, err := openSweepView(t.Context(), store, file)
	if err != nil || view.weights != "random" {
		t.Errorf("a sweep that goes on would do so with the weights %q (%v)", view.weights, err)
	}
}

// TestSweepRefused: what cannot work is told before anything is added to the store.
func TestSweepRefused(t *testing.T) {
	store := openStore(t)
	if _, err := sweep.Begin(t.Context(), store, parseSweep(t, "name: taken\ntrials: 1"), "", ""); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ old, new, want string }{
		{"pooling: [max, avg]", "poling: [max]", `sweep.yaml:12:3: unknown setting "poling": did you mean "pooling"?`},
		{"sample:swirl", "sample:swril", `unknown sample "swril": did you mean "swirl"?`},
		{"sample:swirl", "missing.jpg", "missing.jpg"},
		{"two & small", "taken", `the store has a sweep "taken" already, which is described otherwise`},
		{"weights: random", "weights: randon", `did you mean "random"?`},
		{"weights: random", "device: cdua", `unknown device "cdua"`},
	} {
		text := strings.Replace(paintings, test.old, test.new, 1)
		notebook(t)
		if _, err := paintSweep(t.Context(), store, text); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: the error is %v, not %q", test.new, err, test.want)
		}
	}
	if known, err := store.Sweeps(t.Context()); err != nil || len(known) != 1 {
		t.Errorf("%d sweeps were added, %v", len(known)-1, err)
	}
}

// parseSweep reads a sweep over functions: of a number x, of a letter, and of a truth.
func parseSweep(t *testing.T, text string) *sweep.File {
	t.Helper()
	schema := sweep.Schema{
		Settings: []setting.Setting{
			{Name: "x", Kind: setting.Float, Min: -10, Max: 10},
			{Name: "letter", Kind: setting.Text},
			{Name: "sure", Kind: setting.Bool},
		},
		Terms: []string{"height"},
	}
	if !strings.Contains(text, "search:") {
		text += "\nsearch:\n  x: [1, 2, 3]"
	}
	text += "\ncontent: none\nstyle: none\nsampler: grid\nminimise: height\n"
	file, err := sweep.Parse([]byte(text), "functions.yaml", schema)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// logHeight is a trial that logs a falling height which ends at x, and keeps a picture.
func logHeight(ctx context.Context, t *sweep.Trial) error {
	x := t.Params["x"].(float64)
	for step := int64(1); step <= 3; step++ {
		if err := t.Log(step, tracker.Metrics{"loss.height": x + 3 - float64(step)}); err != nil {
			return err
		}
	}
	return t.Run.LogPicture(ctx, tracker.RoleResult, 3, picture.Noise(24, 16, int64(t.Number)).Image())
}

// TestSearch: a function of one's own is interrupted in its second trial and fails once in its third. Run again, the
// cell goes on from there, and shows the pictures that the trials kept.
func TestSearch(t *testing.T) {
	store := openStore(t)
	file := parseSweep(t, "name: hills")
	sent := notebook(t)
	ctx, interrupt := context.WithCancel(t.Context())
	summary, err := search(ctx, store, file, func(ctx context.Context, t *sweep.Trial) error {
		if t.Number == 2 {
			interrupt()
			return ctx.Err()
		}
		return logHeight(ctx, t)
	})
	if err != nil || summary.Finished != 1 || summary.Interrupted != 1 {
		t.Fatalf("%+v, %v", summary, err)
	}
	page := last(t, *sent)
	for _, want := range []string{"<b>1</b> x 1<br>1<", "<b>2</b> x 2<br>interrupted<", "1 of 3 trials finished, 1 interrupted: run the cell again to continue; the numbers are height"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}

	sent = notebook(t)
	var began []string
	summary, err = search(t.Context(), store, file, func(ctx context.Context, t *sweep.Trial) error {
		began = append(began, fmt.Sprint(t.Number, t.Continued))
		if t.Number == 3 && !t.Continued {
			return errors.New("a <landslide>")
		}
		return logHeight(ctx, t)
	})
	if err != nil || summary.Finished != 3 {
		t.Fatalf("%+v, %v", summary, err)
	}
	if got := strings.Join(began, ", "); got != "2 true, 3 false, 3 true" {
		t.Errorf("the trials began as %s", got)
	}
	if page := last(t, *sent); strings.Count(page, "<img") != 3 || !strings.Contains(page, "<b>3</b> x 3<br>3<") {
		t.Errorf("in the end it shows %s", page)
	}
}

// TestSearchFailed: a trial that fails for good says why, as text, and is counted once.
func TestSearchFailed(t *testing.T) {
	sent := notebook(t)
	summary, err := search(t.Context(), openStore(t), parseSweep(t, "name: rocks"), func(ctx context.Context, t *sweep.Trial) error {
		if t.Number == 2 {
			return errors.New("a <landslide>")
		}
		return logHeight(ctx, t)
	})
	if err != nil || summary.Failed != 1 {
		t.Fatalf("%+v, %v", summary, err)
	}
	page := last(t, *sent)
	for _, want := range []string{"failed: a &lt;landslide&gt;<", "2 of 3 trials finished, 1 failed;"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
}

// TestSearchNumber: a number of the caller's own has any name, and is logged with the picture.
func TestSearchNumber(t *testing.T) {
	store := openStore(t)
	notebook(t)
	text := strings.Replace(strings.Replace(paintings, "minimise: content + style", "minimise: ugliness", 1), "two & small", "own", 1)
	n := 0.0
	summary := Search(text, func(job stylelib.Job) (*picture.Picture, float64) {
		n++
		return job.Content, 3 - n
	})
	best := Trials(Must(parseSearch(text)))
	if summary.Finished != 2 || len(best) != 2 || best[0].Value != 1 || best[0].Run.Trial != 2 || best[0].Run.Picture == "" {
		t.Errorf("%+v: the trials are %+v", summary, best)
	}
	if _, err := store.Sweep(t.Context(), "own"); err != nil {
		t.Error(err)
	}
	if err := attempt(func() { Search("name: none", nil) }); err == nil || !strings.Contains(err.Error(), "sweep.yaml") {
		t.Errorf("a text without pictures: %v", err)
	}
}
