package stylelib

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/gouache-art/gouache/stylelib/loss"
	"github.com/gouache-art/gouache/stylelib/progress"
)

// strokesJob paints 64 and 128 pixels in two rounds each, and the latter in one more, layer by layer.
func strokesJob(t *testing.T) Job {
	job := tinyJob(t)
	job.Scales, job.Iterations = 0, 10
	job.Preset = loss.CopyStrokes()
	job.Preset.LayerRounds = 1
	job.Preset.StyleLayers = []string{"block1_conv1"}
	job.Preset.StrokesLayers = []string{"block1_conv1", "block3_conv1", "block4_conv2"}
	return job
}

// TestStrokesRounds: each scale is painted in rounds, and each round draws the picture nearer to its own matches.
func TestStrokesRounds(t *testing.T) {
	job := strokesJob(t)
	var r recorder
	result, err := tiny().Stylize(t.Context(), job, &r)
	if err != nil {
		t.Fatal(err)
	}
	small, large := progress.Scale{Width: 64, Height: 43}, progress.Scale{Width: 128, Height: 85}
	var stages []progress.Scale
	for i, n := range []int{2, 3, 1, 2, 2} {
		s := small
		if i >= 2 {
			s = large
		}
		s.Iterations = n
		stages = append(stages, s)
	}
	if !slices.Equal(r.run.Scales, stages) || r.run.Settings["scales"] != int64(2) {
		t.Errorf("painted in %v and %v scales, want %v", r.run.Scales, r.run.Settings["scales"], stages)
	}
	if plan, err := job.Plan(); err != nil || !slices.Equal(plan, stages) {
		t.Errorf("planned are %v, %v", plan, err)
	}
	if len(r.iterations) != 10 || result.Iterations != 10 {
		t.Errorf("%d iterations, %d observed", result.Iterations, len(r.iterations))
	}
	for i, now := range r.iterations[1:] {
		if before := r.iterations[i]; now.Scale == before.Scale && now.Total >= before.Total {
			t.Errorf("round %d: iteration %d is at %v, the one before at %v", now.Scale, now.Iteration, now.Total, before.Total)
		}
	}
}

// TestStrokesResume: a checkpoint keeps what its round was matched to, so that the run continues as it would have, to the
// byte, from any iteration.
func TestStrokesResume(t *testing.T) {
	job := strokesJob(t)
	whole, files := checkpoints(t, job)
	for at, file := range files {
		if at%3 != 0 { // of the first, second and later rounds, and the last
			continue
		}
		result, err := tiny().Resume(t.Context(), job, readBack(t, file), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(result.Picture.Pix, whole.Picture.Pix) || result.Total != whole.Total {
			t.Errorf("resumed after iteration %d: another picture, with a total of %v, want %v", at+1, result.Total, whole.Total)
		}
	}
	last := files[len(files)-1]
	for _, cut := range []int{1, 100, 4 * 3 * (128 + 32) * (85 + 32)} { // of the picture at the end
		if _, err := ReadCheckpoint(bytes.NewReader(last[:len(last)-cut])); err == nil {
			t.Errorf("a checkpoint without its last %d bytes was read", cut)
		}
	}
	damaged := slices.Clone(last)
	damaged[len(damaged)-1000] ^= 1
	if _, err := ReadCheckpoint(bytes.NewReader(damaged)); err == nil {
		t.Error("a damaged checkpoint was read")
	}
	plain := job
	plain.Preset = loss.Gouache()
	if _, err := tiny().Resume(t.Context(), plain, readBack(t, last), nil); err == nil {
		t.Error("a job without strokes continued a checkpoint with them")
	}
}

// TestStrokesStages: what each round is matched to.
func TestStrokesStages(t *testing.T) {
	job, err := strokesJob(t).withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	r := &run{studio: tiny(), job: job, colours: job.colours(), scales: job.stages()}
	for i, want := range []struct {
		share   float64
		byLayer bool
	}{{1, false}, {0.6, false}, {0.6, false}, {0.6, false}, {0, true}} {
		s := &stage{run: r, scale: i, width: r.scales[i].Width + 32, height: r.scales[i].Height + 32}
		m := s.matching()
		if m.share != want.share || m.byLayer != want.byLayer || (m.guide != nil) != (want.share > 0) {
			t.Errorf("round %d is matched with a share of %v, by layer %v, want %v", i, m.share, m.byLayer, want)
		}
	}
}

// TestStrokesOfRegions: each region is drawn to its own style, and another style of the other changes nothing there.
func TestStrokesOfRegions(t *testing.T) {
	const width, height = 96, 64
	gradient := func(right string) []float32 {
		job := strokesJob(t)
		job.Content = job.Content.Resize(width, height)
		job.Styles = []Style{
			{Picture: load(t, "sample:swirl"), Region: half(width, height, true, 0)},
			{Picture: load(t, right), Region: half(width, height, false, 0)},
		}
		job.Preset.StyleWeight = 0                          // whose deep features see both halves
		job.Preset.TVWeight, job.Preset.ChromaWeight = 0, 0 // which are relative to both
		score, err := tiny().Score(job, job.Content)
		if err != nil {
			t.Fatal(err)
		}
		return score.Gradient
	}
	a, b := gradient("sample:glass"), gradient("sample:woodcut")
	var left, leftAway, rightAway float64
	for i := range a {
		away := math.Abs(float64(a[i] - b[i]))
		switch column := i / 3 % width; {
		case column < width/4: // farther from the other half than a feature sees
			left, leftAway = left+math.Abs(float64(a[i])), leftAway+away
		case column >= width*3/4:
			rightAway += away
		}
	}
	if !(left > 0) || leftAway > 1e-5*left || !(rightAway > 0.1*left) {
		t.Errorf("the gradient of the left, %v in sum, changes by %v, that of the right by %v", left, leftAway, rightAway)
	}
}
