package painting

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gouache-art/gouache/stylelib"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/tracker"
	"github.com/gouache-art/gouache/tracker/sweep"
	"github.com/gouache-art/gouache/tracker/trackertest"
	"github.com/gouache-art/gouache/weights"
	_ "github.com/gouache-art/gouache/weights/h5"
)

// TestPaint: a sweep over pictures, settings and their conditions paints each trial as its
// parameters say, and each can be painted again from what the store keeps, to the byte.
func TestPaint(t *testing.T) {
	studio := tinyStudio()
	dir := t.TempDir()
	writePicture(t, filepath.Join(dir, "mine.png"))
	f, err := Parse([]byte(light+`
name: pictures
content: mine.png
sampler: grid
size: 64
iterations: 4
scales: 1
tv-weight: 0.5
minimise: relative(style) + 0.5*content
search:
  style: [sample:swirl, mine.png]
  preset: [gouache, article]
  style_falloff: {values: [0.5, 2], when: {preset: gouache}}
`), filepath.Join(dir, "pictures.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, filepath.Join(dir, "store"))
	painter := &Painter{Studio: studio, File: f, Provenance: tracker.Provenance{Version: "of the test"}}
	if err := painter.Check(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if s := runSweep(t, store, painter); s.Finished != 6 || s.Planned != 6 {
		t.Fatalf("%+v", s)
	}
	for _, run := range trackertest.Trials(t, store) {
		falloff, has := run.Params["style_falloff"]
		if has != (run.Params["preset"] == "gouache") || run.Params["tv_weight"] != 0.5 || run.Provenance.Version != "of the test" ||
			run.Params["content_picture"] != "mine.png" || run.Final[sweep.ObjectiveMetric] == 0 {
			t.Errorf("trial %d: falloff %v, %+v", run.Trial, falloff, run)
		}
		for name := range run.Final {
			if term, ok := strings.CutPrefix(name, "loss."); ok && !slices.Contains(Schema().Terms, term) {
				t.Errorf("the term %s cannot be minimised", term)
			}
		}
		job, err := Again(t.Context(), store, run)
		if err != nil {
			t.Fatal(err)
		}
		if job.Content.Width != 80 || (job.Styles[0].Picture.Width == 80) != (run.Params["style_picture"] == "mine.png") {
			t.Errorf("trial %d: other pictures", run.Trial)
		}
		result, err := studio.Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		kept := resultOf(t, store, run.ID)
		if again := result.Picture.Image(); !slices.Equal(again.Pix, kept.Pix) {
			t.Errorf("trial %d: painted again it is another picture", run.Trial)
		}
	}
	run := trackertest.Trials(t, store)[0]
	delete(run.Params, "tone_weight")
	if job, err := Again(t.Context(), store, run); err != nil || job.Preset.Name != "gouache-1" {
		t.Errorf("a run of the first version is painted again with the preset %s, %v", job.Preset.Name, err)
	}
	delete(run.Params, "size")
	if _, err := Again(t.Context(), store, run); err == nil || !strings.Contains(err.Error(), "does not say its size") {
		t.Errorf("a run without its size: %v", err)
	}
}

// TestTilesAreObserved: an observer of a trial receives the progress of each tile, and the trial's
// result.
func TestTilesAreObserved(t *testing.T) {
	f := parse(t, light+"size: 300\niterations: 1\nscales: 1\nsampler: grid\nminimise: content\nsearch: {style_weight: [3]}\n")
	var events []string
	painter := &Painter{
		Studio: stylelib.NewStudio(device, tinyStudio().Weights(), stylelib.Options{Tile: stylelib.MinTile}), File: f,
		Watch: func(*sweep.Trial) progress.Observer {
			return progress.Func(func(e progress.Event) { events = append(events, fmt.Sprintf("%T", e)) })
		},
	}
	if s := runSweep(t, openStore(t, t.TempDir()), painter); s.Finished != 1 {
		t.Fatalf("%+v", s)
	}
	n := len(events)
	if n < 6 || events[0] != "progress.Run" || events[1] != "progress.Tiles" || events[n-1] != "progress.Result" || events[n-2] != "progress.Iteration" {
		t.Errorf("the observer received %v", events)
	}
}

func writePicture(t *testing.T, path string) {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 80, 64))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i / 97)
		if i%4 == 3 {
			m.Pix[i] = 255
		}
	}
	var file bytes.Buffer
	if err := png.Encode(&file, m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func resultOf(t *testing.T, store tracker.Reader, id string) *image.NRGBA {
	t.Helper()
	pictures, err := store.Pictures(t.Context(), id, tracker.PictureQuery{Roles: []string{tracker.RoleResult}})
	if err != nil || len(pictures) != 1 {
		t.Fatalf("%d results, %v", len(pictures), err)
	}
	file, err := store.OpenPicture(t.Context(), pictures[0].Hash)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(m.Bounds())
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			out.Set(x, y, m.At(x, y))
		}
	}
	return out
}

// TestMistakes: errors that would make trials fail are reported before any runs.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sampler: grid\nsearch: {style_wieght: [1, 2]}", `night.yaml:6:10: unknown setting "style_wieght": did you mean "style_weight"?`},
		{"sampler: grid\nsize: 5\nsearch: {pooling: [max]}", "night.yaml:6:7: "},
		{"sampler: grid\nsearch: {pooling: [max, mean]}", "night.yaml:6:25: "},
		{"sampler: grid\nsearch: {content_layer: [block4_conv1, block4_conv9]}", "block4_conv1"},
		{"sampler: grid\nminimise: stile\nsearch: {pooling: [max]}", `did you mean "style"?`},
	} {
		_, err := Parse([]byte("name: night\ncontent: sample:chelsea\nstyle: sample:swirl\nweights: random\n"+c.text), "night.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) || tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: %v\nwant %s", c.text, err, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"sampler: grid\nsearch: {style: [sample:swirl, sample:swril]}", `night.yaml:4:32: `},
		{"sampler: grid\nsearch: {style: [sample:swirl, sample:swril]}", `did you mean "swirl"?`},
		{"sampler: grid\nsearch: {style: [nowhere.png]}", "night.yaml:4:18: nowhere.png"},
		{"sampler: grid\niterations: 3\nscales: 4\nsearch: {pooling: [max]}", "night.yaml:6:9: 4 scales are out of range"},
		{"sampler: grid\npreset: article\nsearch: {style_falloff: [0.5]}", "the preset article has none"},
		// Each value of a list is tried with each other, whichever is the last.
		{"sampler: grid\nsearch:\n  preset: [article, gouache]\n  style_falloff: [0.25, 1]", "night.yaml:7:19: style-falloff: the preset article has none"},
		{"sampler: grid\nsearch:\n  style_falloff: [0.25, 1]\n  preset: [gouache, article]", "night.yaml:7:21: style-falloff: the preset article has none"},
		{"sampler: random\ntrials: 1\niterations: 3\nsearch: {scales: {linear: [1, 4]}}", "night.yaml:7:31: 4 scales are out of range"},
		{"sampler: random\ntrials: 1\nscales: 4\nsearch: {iterations: {log: [3, 30]}}", "night.yaml:7:29: 4 scales are out of range"},
	} {
		text := strings.Replace("name: night\ncontent: sample:chelsea\nstyle: sample:swirl\n"+c.text, "style: sample:swirl\n", styleLine(c.text), 1)
		f, err := Parse([]byte(text), "night.yaml")
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if err := (&Painter{File: f}).Check(t.Context(), false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.text, err, c.want)
		}
	}
}

// TestCheckWithStudio: what only the network and the memory of the machine say is known before any trial runs, too.
func TestCheckWithStudio(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sampler: grid\nsearch: {content_layer: [block4_conv1, block4_conv4]}\n", "night.yaml:5:40: "}, // VGG19 has it
		{"sampler: grid\nsearch: {size: [64, 16384]}\n", "night.yaml:5:21: size 16384 does not fit into memory"},
	} {
		f, err := Parse([]byte("name: night\ncontent: sample:chelsea\nstyle: sample:swirl\n"+c.text), "night.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := (&Painter{File: f}).Check(t.Context(), false); err != nil {
			t.Errorf("without a studio: %v", err)
		}
		studio := stylelib.NewStudio(device, tinyStudio().Weights(), stylelib.Options{Tile: stylelib.Whole})
		if err := (&Painter{File: f, Studio: studio}).Check(t.Context(), false); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v\nwant %s", err, c.want)
		}
		var warned []string
		painter := &Painter{File: f, Studio: studio, Warn: func(err error) { warned = append(warned, err.Error()) }}
		if err := painter.Check(t.Context(), true); err != nil || len(warned) != 1 || !strings.HasPrefix(warned[0], c.want) {
			t.Errorf("in a sweep that has begun: %v, %v", err, warned)
		}
	}
}

// TestCheckMissing: in a sweep that has begun, a picture that is gone is an error if all trials need it.
func TestCheckMissing(t *testing.T) {
	for text, fails := range map[string]bool{
		"content: gone.png\nsearch: {style: [sample:swirl]}\n":                      true,
		"content: sample:chelsea\nsearch: {style: [sample:swirl, gone.png]}\n":      false,
		"content: gone.png\nsearch: {style: [sample:swirl, gone.png]}\n":            true,
		"style: [sample:swirl, gone.png]\nsearch: {content: [sample:chelsea]}\n":    true,
		"style: sample:swirl\nsearch: {content: [gone.png, sample:chelsea]}\n":      false,
		"style: sample:swirl\nsearch: {content: [gone.png, gone2.png]}\nsize: 64\n": false,
	} {
		f, err := Parse([]byte("name: night\nsampler: grid\n"+text), filepath.Join(t.TempDir(), "night.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var warned []error
		painter := &Painter{File: f, Warn: func(err error) { warned = append(warned, err) }}
		if err := painter.Check(t.Context(), false); tracker.ErrorCode(err) != tracker.CodeInvalid {
			t.Errorf("%s: before it begins: %v", text, err)
		}
		warned = nil
		if err := painter.Check(t.Context(), true); (err != nil) != fails || (len(warned) == 0) != fails {
			t.Errorf("%s: %v, warned of %v", text, err, warned)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Painter{File: parse(t, "sampler: grid\nsearch: {pooling: [max]}\n")}).Check(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("after Ctrl-C: %v", err)
	}
}

// styleLine returns the file's line on the style, or "" if that is searched.
func styleLine(text string) string {
	if strings.Contains(text, "style: [") {
		return ""
	}
	return "style: sample:swirl\n"
}

// TestPrune: a trial that is pruned in the middle of a painting is finished, tagged, and has a
// result.
func TestPrune(t *testing.T) {
	store := openStore(t, t.TempDir())
	f := parse(t, light+"size: 64\niterations: 12\nscales: 1\nsampler: grid\nminimise: content\nprune: {median: {after: 3, trials: 1}}\nsearch: {style_weight: [0.0, 1000.0]}\n")
	if s := runSweep(t, store, &Painter{Studio: tinyStudio(), File: f}); s.Finished != 1 || s.Pruned != 1 {
		t.Fatalf("%+v", s)
	}
	pruned := trackertest.Trials(t, store)[1]
	if pruned.Status != tracker.StatusFinished || !strings.HasPrefix(pruned.Reason, "pruned at step 4: ") || !slices.Equal(pruned.Tags, []string{sweep.PrunedTag}) || pruned.Picture == "" {
		t.Errorf("%+v", pruned)
	}
}

// TestDescribe: a searched picture is recorded by its name in the file, which the sampler knows.
func TestDescribe(t *testing.T) {
	p := &Painter{File: parse(t, "sampler: grid\nsearch: {pooling: [max]}\n")}
	n := tracker.NewRun{Params: tracker.Params{"pooling": "max", "style_picture": "sample:glass"}}
	if err := p.Describe(t.Context(), sweep.Assignment{Content: "sample:chelsea", Styles: []sweep.Style{{File: "sample:glass", Weight: 1}}}, &n); err != nil {
		t.Fatal(err)
	}
	want := tracker.Params{"pooling": "max", "style_picture": "sample:glass", "content_picture": "sample:chelsea"}
	if !maps.Equal(n.Params, want) || len(n.Inputs) != 2 {
		t.Errorf("%v, %d inputs", n.Params, len(n.Inputs))
	}
}

func TestEstimate(t *testing.T) {
	f := parse(t, light+"size: 128\niterations: 30\nscales: 1\nsampler: grid\nsearch: {style_weight: [1, 2], tv_weight: [0.1, 1]}\n")
	p := &Painter{Studio: tinyStudio(), File: f}
	known, planned, err := sweep.Preview(f)
	if err != nil || planned != 4 || len(known) != 4 {
		t.Fatalf("%d of %d trials, %v", len(known), planned, err)
	}
	one, err := p.Estimate(t.Context(), known[:1])
	if err != nil {
		t.Fatal(err)
	}
	four, err := p.Estimate(t.Context(), known)
	if err != nil {
		t.Fatal(err)
	}
	store := openStore(t, t.TempDir())
	runSweep(t, store, p)
	report, err := store.Verify(t.Context(), tracker.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A factor of four either way: what is estimated from a picture of 128 pixels after eight
	// iterations.
	if four.Bytes != 4*one.Bytes || four.Bytes < report.Bytes/4 || four.Bytes > report.Bytes*4 {
		t.Errorf("estimated %d bytes, and %d for one; the store has %d", four.Bytes, one.Bytes, report.Bytes)
	}
	if one.Time <= 0 || four.Time <= 0 {
		t.Errorf("estimated %v for one and %v for four", one.Time, four.Time)
	}
}

// BenchmarkBetweenTrials reports the seconds from the end of one trial to the end of the next one's
// first iteration, of a network as large as people use, at a size at which sweeps are run: of 0.19
// s, 0.18 were the two evaluations that a first iteration takes.
func BenchmarkBetweenTrials(b *testing.B) {
	studio := fullStudio(b)
	for b.Loop() {
		f := parse(b, "size: 128\niterations: 6\nsampler: grid\nminimise: content\nsearch: {style_weight: [1, 2, 3, 4]}\n")
		w := &gaps{}
		painter := &Painter{Studio: studio, File: f, Watch: func(*sweep.Trial) progress.Observer { return watch(w.iterated) }}
		store := openStore(b, b.TempDir())
		if _, err := sweep.Begin(b.Context(), store, f, "", ""); err != nil {
			b.Fatal(err)
		}
		if _, err := sweep.Run(b.Context(), store, f, sweep.Options{Trial: painter.Trial, Describe: painter.Describe, Watcher: w}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(slices.Min(w.gaps).Seconds(), "s/gap")
		b.ReportMetric(slices.Min(w.iteration).Seconds(), "s/iteration")
	}
}

// gaps measures the time between trials.
type gaps struct {
	ended           time.Time
	last            time.Time
	gaps, iteration []time.Duration
}

func (g *gaps) Began(*sweep.Trial) {}
func (g *gaps) Waiting(string)     {}
func (g *gaps) Ended(*sweep.Trial, tracker.Outcome) {
	g.ended = time.Now()
}

func (g *gaps) iterated(i progress.Iteration) {
	now := time.Now()
	if i.Iteration == 1 && !g.ended.IsZero() {
		g.gaps = append(g.gaps, now.Sub(g.ended))
	}
	if i.Iteration > 1 {
		g.iteration = append(g.iteration, now.Sub(g.last))
	}
	g.last = now
}

// fullStudio has the weights that come through pip.
func fullStudio(b *testing.B) *stylelib.Studio {
	b.Helper()
	set, err := weights.Load(b.Context(), "vgg16-hed", weights.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return stylelib.NewStudio(device, set, stylelib.Options{})
}

// TestContinueWithDefaults: a trial whose file leaves settings to their defaults continues from its
// checkpoint, although its record names them all.
func TestContinueWithDefaults(t *testing.T) {
	const text = light + "size: 64\niterations: 20\nsampler: grid\nminimise: content\nsearch: {style_weight: [3], style: [sample:glass]}\n"
	f, err := Parse([]byte("name: night\ncontent: sample:chelsea\n"+text), "night.yaml")
	if err != nil {
		t.Fatal(err)
	}
	straight, store := openStore(t, t.TempDir()), openStore(t, t.TempDir())
	painter := &Painter{Studio: tinyStudio(), File: f}
	runSweep(t, straight, painter)
	if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first := 0
	for range 2 {
		resumed := 0
		painter.Watch = func(*sweep.Trial) progress.Observer {
			return watch(func(i progress.Iteration) {
				if resumed == 0 {
					resumed = i.Iteration
				}
				if i.Iteration == 7 {
					stop()
				}
			})
		}
		if _, err := sweep.Run(ctx, store, f, sweep.Options{Trial: painter.Trial, Describe: painter.Describe}); err != nil {
			t.Fatal(err)
		}
		ctx = t.Context()
		if first == 0 {
			first = resumed
		} else if resumed != 8 {
			t.Errorf("interrupted after iteration 7, it went on with %d", resumed)
		}
	}
	run := trackertest.Trials(t, store)[0]
	if run.Status != tracker.StatusFinished || !slices.Equal(resultOf(t, store, run.ID).Pix, resultOf(t, straight, trackertest.Trials(t, straight)[0].ID).Pix) {
		t.Errorf("continued it is another: %s, %s", run.Status, run.Reason)
	}
}

// TestAsBegun: a sweep that the first version began continues with that version's default. Other sweeps do not change.
func TestAsBegun(t *testing.T) {
	for _, c := range []struct {
		name, text string
		params     tracker.Params
		want       any
	}{
		{"first version", "search: {size: [64, 80]}", tracker.Params{"preset": "gouache"}, "gouache-1"},
		{"now", "search: {size: [64, 80]}", tracker.Params{"preset": "gouache", "tone_weight": 2.5}, nil},
		{"another", "search: {size: [64, 80]}", tracker.Params{"preset": "article"}, nil},
		{"named", "preset: article\nsearch: {size: [64, 80]}", tracker.Params{"preset": "gouache"}, "article"},
		{"searched", "search: {preset: [gouache, article]}", tracker.Params{"preset": "gouache"}, nil},
	} {
		store, f := openStore(t, t.TempDir()), parse(t, "sampler: grid\n"+c.text)
		f.Weights = ""
		if _, err := sweep.Begin(t.Context(), store, f, "", ""); err != nil {
			t.Fatal(err)
		}
		run, err := tracker.Start(t.Context(), store, tracker.NewRun{
			Sweep: f.Name, Trial: 1, Params: c.params, Provenance: tracker.Provenance{Weights: "vgg16-hed"},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Finish(t.Context(), tracker.Outcome{Status: tracker.StatusFinished}); err != nil {
			t.Fatal(err)
		}
		if err := AsBegun(t.Context(), store, f); err != nil || f.Fixed["preset"] != c.want || f.Weights != "vgg16-hed" {
			t.Errorf("%s: preset %v, weights %s, %v", c.name, f.Fixed["preset"], f.Weights, err)
		}
	}
}
