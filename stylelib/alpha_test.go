package stylelib

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/picture"
	"github.com/gouache-art/gouache/stylelib/progress"
	"github.com/gouache-art/gouache/stylelib/vgg"
)

// cutOut returns the picture with its right half transparent, above pixels of a grey level, and a soft edge between.
func cutOut(p *picture.Picture, hidden float32) *picture.Picture {
	out := &picture.Picture{Width: p.Width, Height: p.Height, Pix: slices.Clone(p.Pix), Alpha: make([]float32, p.Width*p.Height)}
	for i := range out.Alpha {
		out.Alpha[i] = min(max(float32(p.Width/2+5-i%p.Width)*25, 0), 255)
		if out.Alpha[i] == 0 {
			for c := range 3 {
				out.Pix[3*i+c] = hidden
			}
		}
	}
	return out
}

// TestHiddenColours: pictures that look the same are the same, wherever a job takes one.
func TestHiddenColours(t *testing.T) {
	chelsea := load(t, "sample:chelsea").Resize(64, 43)
	var painted [2]*picture.Picture
	var scores [2]float64
	for i, hidden := range []float32{0, 255} {
		job := tinyJob(t)
		job.Content, job.Start, job.Size, job.Iterations, job.Scales = cutOut(chelsea, hidden), cutOut(chelsea, hidden), 64, 3, 1
		job.Styles[0].Picture = cutOut(job.Styles[0].Picture.Resize(150, 100), hidden) // is made smaller
		result, err := tiny().Stylize(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		score, err := tiny().Score(job, job.Content)
		if err != nil {
			t.Fatal(err)
		}
		painted[i], scores[i] = result.Picture, score.Total
	}
	if !slices.Equal(painted[0].Pix, painted[1].Pix) || scores[0] != scores[1] {
		t.Errorf("what is hidden shows in the painting, or in the scores %v", scores)
	}
	if !slices.Equal(painted[0].Alpha, cutOut(chelsea, 0).Alpha) {
		t.Error("the result has not the content's alpha")
	}
	var features [2]*Features
	for i, hidden := range []float32{0, 255} {
		var err error
		if features[i], err = tiny().Features(cutOut(chelsea, hidden), "block2_conv1", vgg.MaxPooling); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(features[0].Data, features[1].Data) {
		t.Error("what is hidden shows in the features")
	}
}

// TestBackground: it shows through the content, and is recorded only where it can be seen.
func TestBackground(t *testing.T) {
	paint := func(change func(*Job)) (*picture.Picture, map[string]any) {
		job := tinyJob(t)
		job.Preset = loss.Gouache1() // the default maps colours, by those of what is opaque
		job.Preset.StyleLayers = []string{"block1_conv1"}
		job.Size, job.Iterations, job.Scales = 64, 3, 1
		change(&job)
		var r recorder
		result, err := tiny().Stylize(t.Context(), job, &r)
		if err != nil {
			t.Fatal(err)
		}
		return result.Picture, r.run.Settings
	}
	cut := cutOut(load(t, "sample:chelsea"), 77)
	white, recorded := paint(func(j *Job) { j.Content = cut })
	if recorded["background"] != "white" {
		t.Errorf("recorded: %v", recorded)
	}
	laid, recorded := paint(func(j *Job) { j.Content = cut.On(picture.White) })
	if !slices.Equal(white.Pix, laid.Pix) || recorded["background"] != nil {
		t.Errorf("white is not the default background, or it is recorded of opaque pictures: %v", recorded)
	}
	black, recorded := paint(func(j *Job) { j.Content, j.Background = cut, "#000000" })
	if slices.Equal(white.Pix, black.Pix) || recorded["background"] != "#000000" {
		t.Errorf("a black background changes nothing, or is not recorded: %v", recorded)
	}
	job := tinyJob(t)
	if job.Background = "blck"; job.Check() == nil || !strings.Contains(job.Check().Error(), `background: "blck" is no colour: did you mean "black"`) {
		t.Errorf("a background of blck: %v", job.Check())
	}
}

// TestTransparentStyle: the statistics are those of the opaque half, not of the page.
func TestTransparentStyle(t *testing.T) {
	swirl := load(t, "sample:swirl").Resize(256, 128)
	half := &picture.Picture{Width: 128, Height: 128}
	for y := range 128 {
		half.Pix = append(half.Pix, swirl.Pix[3*256*y:][:3*128]...)
	}
	cut := cutOut(swirl, 0)
	for i := range cut.Alpha { // a hard edge
		if cut.Alpha[i] = 255; i%256 >= 128 {
			cut.Alpha[i] = 0
		}
	}
	job := scoreJob(t)
	score := func(style *picture.Picture) map[string]float64 {
		job.Styles[0].Picture = style
		s, err := tiny().Score(job, job.Content)
		if err != nil {
			t.Fatal(err)
		}
		terms := map[string]float64{}
		for _, term := range s.Terms {
			terms[term.Name] = term.Loss
		}
		return terms
	}
	want, got, page := score(half), score(cut), score(cut.On(picture.White))
	for _, name := range []string{"style", "tv"} {
		// At the edge the layers see the page.
		if math.Abs(got[name]-want[name]) > 0.3*math.Abs(page[name]-want[name]) {
			t.Errorf("%s is %v of the half, %v of the cut-out and %v with a page", name, want[name], got[name], page[name])
		}
	}
	empty := *cut
	empty.Alpha = make([]float32, len(cut.Alpha))
	job.Styles[0].Picture = &empty
	if err := job.Check(); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "transparent everywhere") {
		t.Errorf("a style without anything: %v", err)
	}
	empty.Alpha[len(empty.Alpha)-1] = 255 // a pixel in the corner is enough
	if _, err := tiny().Score(job, job.Content); err != nil {
		t.Errorf("a style of one pixel: %v", err)
	}
}

// TestTransparentStyleInTiles: masks are the same in tiles.
func TestTransparentStyleInTiles(t *testing.T) {
	job := scoreJob(t)
	job.Styles[0].Picture = cutOut(job.Styles[0].Picture.Resize(400, 300), 99)
	whole, err := tiny().Score(job, job.Content)
	if err != nil {
		t.Fatal(err)
	}
	tiled, err := tiledStudio().Score(job, job.Content)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(tiled.Total-whole.Total) > 1e-5*whole.Total { // float32 sums in another order
		t.Errorf("%v in tiles, %v whole", tiled.Total, whole.Total)
	}
}

// TestResumeWithAlpha: a checkpoint belongs to the pictures as they look, and to the alpha.
func TestResumeWithAlpha(t *testing.T) {
	job := tinyJob(t)
	job.Scales, job.Iterations = 1, 4
	job.Content, job.Styles[0].Picture = cutOut(job.Content, 0), cutOut(job.Styles[0].Picture, 0)
	var file bytes.Buffer
	straight, err := tiny().Stylize(t.Context(), job, &recorder{each: func(i progress.Iteration) {
		if i.Iteration == 2 {
			if err := i.Checkpoint(&file); err != nil {
				t.Error(err)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	resume := func(change func(*Job)) (*progress.Result, error) {
		other := job
		other.Styles = slices.Clone(job.Styles)
		change(&other)
		return tiny().Resume(t.Context(), other, readBack(t, file.Bytes()), nil)
	}
	same, err := resume(func(j *Job) { j.Content = cutOut(load(t, "sample:chelsea"), 200) })
	if err != nil || !slices.Equal(same.Picture.Pix, straight.Picture.Pix) || !slices.Equal(same.Picture.Alpha, straight.Picture.Alpha) {
		t.Errorf("with other hidden pixels: %v, or another picture", err)
	}
	for name, change := range map[string]func(*Job){
		"background": func(j *Job) { j.Background = "black" },
		"content":    func(j *Job) { j.Content = j.Content.On(picture.White) },
		"style":      func(j *Job) { j.Styles[0].Picture = j.Styles[0].Picture.On(picture.White) },
	} {
		if _, err := resume(change); !errors.Is(err, ErrJob) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

// TestOverflowIsNamed: an objective that float32 cannot hold is an error that names the weight to lower.
func TestOverflowIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]any
		terms    func(loss.Scene) ([]loss.Term, error)
		says     string
	}{
		"style":   {settings: map[string]any{"preset": "article", "style_weight": 1e15}, says: "style-weight 1e+15: choose less"},
		"content": {settings: map[string]any{"preset": "article", "style_weight": 0, "content_weight": 1e15, "init": "noise"}, says: "content-weight 1e+15: choose less"},
		"one's own": {terms: func(s loss.Scene) ([]loss.Term, error) {
			terms, err := blue(1e15)(s)
			terms[0].Scale = 1e25
			return terms, err
		}, says: "the weight of term blue: choose less"},
	} {
		job := tinyJob(t)
		job.Iterations, job.Scales = 2, 1
		if err := job.Set(c.settings); err != nil {
			t.Fatal(err)
		}
		if job.Terms = c.terms; job.Terms == nil { // so that the losses are large
			job.Content, job.Styles[0].Picture = amplified(job.Content.Resize(128, 85), 1e4), amplified(job.Styles[0].Picture, 1e4)
		}
		var r recorder
		_, err := tiny().Stylize(t.Context(), job, &r)
		if !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), c.says) || r.result == nil || r.result.Status != progress.Failed {
			t.Errorf("%s: error %v does not mention %q", name, err, c.says)
		}
	}
	job := tinyJob(t)
	job.Content = job.Content.Resize(128, 85)
	if _, err := tiny().Score(job, amplified(job.Content, 1e12)); !errors.Is(err, ErrJob) || !strings.Contains(err.Error(), "whatever its weight") {
		t.Errorf("the score of a picture that is too bright: %v", err)
	}
	for _, name := range []string{"style_weight", "content_weight", "tv_weight"} {
		for _, weight := range []float64{1.001e15, 1e30, 1e308} {
			var job Job
			if err := job.Set(map[string]any{name: weight}); err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(name, "_", "-")) {
				t.Errorf("%s = %v: %v", name, weight, err)
			}
		}
	}
}

func amplified(p *picture.Picture, factor float32) *picture.Picture {
	out := p.Resize(p.Width, p.Height)
	for i := range out.Pix {
		out.Pix[i] *= factor
	}
	return out
}

// TestLargeWeightsWork: the largest weights that a setting takes are painted with the default preset.
func TestLargeWeightsWork(t *testing.T) {
	for _, name := range []string{"style_weight", "content_weight", "tv_weight"} {
		job := tinyJob(t)
		job.Iterations, job.Scales = 2, 1
		if err := job.Set(map[string]any{name: loss.MaxWeight, "init": "noise"}); err != nil {
			t.Fatal(err)
		}
		if result, err := tiny().Stylize(t.Context(), job, nil); err != nil || result.Iterations == 0 {
			t.Errorf("%s: %+v, %v", name, result, err)
		}
	}
	// The shares of styles do not depend on the size of their weights.
	job := tinyJob(t)
	job.Content = job.Content.Resize(128, 85)
	job.Styles = append(job.Styles, Style{Picture: load(t, "sample:glass")})
	seen := map[float64]bool{}
	for _, weight := range []float64{1, 1e-300, 1e308, 0} {
		job.Styles[0].Weight, job.Styles[1].Weight = weight, weight
		score, err := tiny().Score(job, job.Content)
		if err != nil {
			t.Fatal(err)
		}
		seen[score.Total] = true
	}
	if len(seen) != 1 {
		t.Errorf("equal weights give the scores %v", slices.Sorted(maps.Keys(seen)))
	}
}
